package policy

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// number is a whole number as a person writes it: digits, with _ between them.
var number = regexp.MustCompile(`^[0-9]+(_[0-9]+)*$`)

// curly is a text in the quotes that word processors make of straight ones.
var curly = regexp.MustCompile(`^[“”„‘][^“”„]*[“”’]$`)

// scalar reads one word or text. A string is exactly what the author wrote,
// whatever YAML would make of it: 012 stays 012, no stays no, a date a text.
func (r *reader) scalar(n *yaml.Node, s *shape, path string, dst reflect.Value) (any, bool) {
	if n.Kind != yaml.ScalarNode {
		r.add(pos{n.Line, n.Column}, path, RuleType, fmt.Sprintf("%s is %s, but should be %s", last(path), kindName(n), s.expected()), "")
		return nil, false
	}
	switch s.kind {
	case kindDuration:
		return r.duration(n, path, dst)
	case kindInt:
		return r.integer(n, s, path, dst)
	case kindBool:
		return r.truth(n, path, dst)
	}
	v, ok := r.characters(n, path)
	if !ok {
		return nil, false
	}
	if strings.Contains(v, "\n") {
		r.add(pos{n.Line, n.Column}, path, RuleType, last(path)+" must stand on one line", "")
		return nil, false
	}
	return v, r.word(n, s, path, v, dst)
}

// word checks a string against what its place allows.
func (r *reader) word(n *yaml.Node, s *shape, path, v string, dst reflect.Value) bool {
	at := pos{n.Line, n.Column}
	if one := s.enum != nil || s.ref != "" || s.form == "id"; one && strings.Contains(v, "،") {
		r.arabicComma(s, path, v, at)
		return false
	}
	if s.enum != nil && !slices.Contains(s.enum, v) {
		r.add(at, path, RuleWord, fmt.Sprintf("%s cannot stand for %s", quoted(v), last(path)), unseen(v, didYouMean(nearest(v, s.enum), "one of "+strings.Join(s.enum, ", "))))
		return false
	}
	if s.form == "id" && !idForm.MatchString(v) {
		r.add(at, path, RuleKey, quoted(v)+" cannot be an id", idHint)
		return false
	}
	if s.ref != "" {
		r.refs = append(r.refs, reference{s.ref, v, path, at})
	}
	r.leaves = append(r.leaves, leaf{path: path, at: at, value: v, form: s.form})
	dst.SetString(v)
	return true
}

// arabicComma tells of words that a person separated and YAML did not. What
// they name is not unused.
func (r *reader) arabicComma(s *shape, path, v string, at pos) {
	for id := range strings.SplitSeq(v, "،") {
		r.excused[s.ref+"."+strings.TrimSpace(id)] = true
	}
	r.add(at, path, RuleType, path+": the Arabic comma ، does not separate items", "write , in its place, as in [name, email]")
}

// characters gives a scalar's text without the white space around it, which
// is formatting; false if it is empty, carries a forbidden character, or
// stands in quotes that are none to YAML and would be shown.
func (r *reader) characters(n *yaml.Node, path string) (string, bool) {
	v, at := strings.TrimSpace(n.Value), pos{n.Line, n.Column}
	if v == "" {
		r.add(at, path, RuleType, last(path)+" is empty", "")
		return "", false
	}
	if i := strings.IndexFunc(v, forbidden); i >= 0 {
		f := characterAt(at, named([]rune(v[i:])[0]), "")
		r.add(at, path, RuleCharacter, f.Message, f.Hint)
		return "", false
	}
	if plainScalar(n) && curly.MatchString(v) {
		r.add(at, path, RuleCharacter, last(path)+": the quotes “ ” would be shown as part of the text", `write " in their place, or no quotes`)
		return "", false
	}
	return v, true
}

func (r *reader) duration(n *yaml.Node, path string, dst reflect.Value) (any, bool) {
	d, err := ParseDuration(foldDigits(strings.TrimSpace(n.Value)))
	if err != nil {
		hint := "P2Y is two years, P6M six months, P30D thirty days, PT48H 48 hours"
		if up, err := ParseDuration(strings.ToUpper(n.Value)); err == nil {
			hint = didYouMean(up.String(), "")
		}
		hint = unseen(n.Value, hint)
		r.add(pos{n.Line, n.Column}, path, RuleType, fmt.Sprintf("%s: %s is not a duration as ISO 8601 writes it", last(path), quoted(n.Value)), hint)
		return nil, false
	}
	dst.Set(reflect.ValueOf(d))
	return d.String(), true
}

func (r *reader) integer(n *yaml.Node, s *shape, path string, dst reflect.Value) (any, bool) {
	v, at := foldDigits(n.Value), pos{n.Line, n.Column}
	if !plainScalar(n) || !number.MatchString(v) {
		r.add(at, path, RuleType, fmt.Sprintf("%s: %s is not a whole number", last(path), quoted(n.Value)), "digits without quotes, such as 16")
		return nil, false
	}
	v = strings.TrimLeft(strings.ReplaceAll(v, "_", ""), "0")
	i, _ := strconv.Atoi("0" + v[:min(len(v), 10)])
	if len(v) > 9 || s.max > 0 && i > s.max {
		r.add(at, path, RuleWord, fmt.Sprintf("%s: %s is too large", last(path), quoted(n.Value)), atMost(s.max))
		return nil, false
	}
	if path == "amana" && i != 1 {
		r.add(at, path, RuleWord, fmt.Sprintf("this program reads version 1 of the policy language, not %d", i), "write amana: 1")
		return nil, false
	}
	dst.SetInt(int64(i))
	return i, true
}

func (r *reader) truth(n *yaml.Node, path string, dst reflect.Value) (any, bool) {
	if !plainScalar(n) || n.Value != "true" && n.Value != "false" {
		r.add(pos{n.Line, n.Column}, path, RuleType, fmt.Sprintf("%s: %s is neither true nor false", last(path), quoted(n.Value)), "write true or false, in small letters and without quotes")
		return nil, false
	}
	dst.SetBool(n.Value == "true")
	return n.Value == "true", true
}

func plainScalar(n *yaml.Node) bool {
	return n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

func atMost(n int) string {
	if n == 0 {
		n = 999999999
	}
	return "at most " + strconv.Itoa(n)
}

// foldDigits turns Arabic-Indic and Persian digits into 0 to 9.
func foldDigits(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= '٠' && c <= '٩':
			return c - '٠' + '0'
		case c >= '۰' && c <= '۹':
			return c - '۰' + '0'
		}
		return c
	}, s)
}

func (s *shape) expected() string {
	switch s.kind {
	case kindDuration:
		return "a duration such as P2Y"
	case kindInt:
		return "a whole number"
	case kindBool:
		return "true or false"
	}
	return "one word or text"
}
