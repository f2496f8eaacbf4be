package policy

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// idForm is the form of every id: of data, purposes, recipients, brands, systems, topics.
var idForm = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

const idHint = "an id is a small letter, then small letters, digits, _ or -, at most 64"

// presets are keys by which forms tick a box beforehand. Nothing here can (B1).
var presets = []string{"default", "preset", "preselected", "pre_selected", "preticked", "prechecked", "checked", "ticked", "selected", "enabled", "opt_out", "optout", "opted_in", "on"}

func (r *reader) object(n *yaml.Node, s *shape, path string, dst reflect.Value) (any, bool) {
	keys := make([]string, len(s.fields))
	for i, f := range s.fields {
		keys[i] = f.key
	}
	tree := map[string]any{}
	ok := r.pairs(n, path, "keys "+strings.Join(keys, ", "), func(key string, at pos, v *yaml.Node) {
		f, known := s.field(key)
		if !known {
			r.unknown(s, path, key, at, keys)
			return
		}
		if val, ok := r.value(v, f.shape, join(path, key), dst.Field(f.index)); ok {
			tree[key] = val
		}
	})
	if ok {
		r.missing(s, path)
	}
	return tree, ok
}

func (r *reader) unknown(s *shape, path, key string, at pos, keys []string) {
	if r.full() {
		return
	}
	answers := s.name == "Purpose" || s.name == "Topic" || s.name == "Stored" || s.name == "Recipient"
	if answers && slices.Contains(presets, strings.ToLower(strings.ReplaceAll(key, "-", "_"))) {
		r.add(at, join(path, key), RulePreset, fmt.Sprintf("%s: nothing can be answered beforehand; the answer of a customer who was not asked is no", key), "leave the key out")
		return
	}
	guess := nearest(key, keys)
	if guess != "" {
		r.excused[join(path, guess)] = true
	}
	r.add(at, join(path, key), RuleKey, "unknown key "+quoted(key), unseen(key, didYouMean(guess, "known here are "+strings.Join(keys, ", "))))
}

// missing finds required keys that do not stand, unless a misspelt one was
// found that was meant. What the whole lacks is kept for lint.
func (r *reader) missing(s *shape, path string) {
	for _, f := range s.fields {
		here := join(path, f.key)
		if _, stands := r.places[here]; stands || !f.required || r.excused[here] || r.full() {
			continue
		}
		at := r.places[path].value
		finding := Finding{File: r.file, Line: at.line, Col: at.col, Path: here, Rule: ruleOf(here), Message: lacks(path, f), Hint: strings.TrimSuffix(f.doc, ".")}
		if path == "" && f.key != "amana" && f.key != "languages" {
			r.absent = append(r.absent, finding)
			continue
		}
		r.found = append(r.found, finding)
		r.excused[here] = true
	}
}

func lacks(path string, f field) string {
	if path == "" {
		return fmt.Sprintf("the policy says nothing of %s: the key is missing", f.key)
	}
	return fmt.Sprintf("%s lacks %s", path, f.key)
}

func (r *reader) dictionary(n *yaml.Node, s *shape, path string, dst reflect.Value) (any, bool) {
	dst.Set(reflect.MakeMap(dst.Type()))
	tree := map[string]any{}
	ok := r.pairs(n, path, "keys of your own choice", func(key string, at pos, v *yaml.Node) {
		if s.keys != nil && !slices.Contains(s.keys, key) {
			r.add(at, join(path, key), RuleKey, "unknown key "+quoted(key), didYouMean(nearest(key, s.keys), "known here are "+strings.Join(s.keys, ", ")))
			return
		}
		if s.keys == nil && !idForm.MatchString(key) {
			r.add(at, join(path, key), RuleKey, quoted(key)+" cannot be an id", idHint)
		}
		elem := reflect.New(dst.Type().Elem()).Elem()
		if val, ok := r.value(v, s.elem, join(path, key), elem); ok {
			tree[key] = val
		}
		dst.SetMapIndex(reflect.ValueOf(key), elem)
	})
	return tree, ok
}

// pairs walks the keys of a mapping, each once.
func (r *reader) pairs(n *yaml.Node, path, expected string, each func(key string, at pos, v *yaml.Node)) bool {
	if n.Kind != yaml.MappingNode {
		r.add(pos{n.Line, n.Column}, path, RuleType, fmt.Sprintf("%s is %s, but should be a map", last(path), kindName(n)), "expected are "+expected)
		return false
	}
	seen := map[string]pos{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		at := pos{k.Line, k.Column}
		if !r.key(k, path) {
			continue
		}
		if first, double := seen[k.Value]; double {
			r.add(at, join(path, k.Value), RuleKey, fmt.Sprintf("%s stands twice", quoted(k.Value)), fmt.Sprintf("first in line %d", first.line))
			continue
		}
		seen[k.Value] = at
		r.places[join(path, k.Value)] = place{key: at, value: at}
		each(k.Value, at, n.Content[i+1])
	}
	return true
}

func (r *reader) key(k *yaml.Node, path string) bool {
	at := pos{k.Line, k.Column}
	switch {
	case k.Kind == yaml.ScalarNode && k.Tag == "!!merge":
		r.add(at, path, RuleYAML, "a policy has no merge keys: <<", "write the keys out")
	case k.Kind == yaml.MappingNode || k.Kind == yaml.SequenceNode:
		r.add(at, path, RuleYAML, "a key must be one word", "")
	case strings.ContainsFunc(k.Value, func(c rune) bool { return forbidden(c) || c == '\n' || c == '\t' }):
		r.add(at, path, RuleCharacter, "the key "+quoted(k.Value)+" carries a character that no key may carry", "")
	default:
		return r.simple(k, path)
	}
	return false
}

func (r *reader) list(n *yaml.Node, s *shape, path string, dst reflect.Value) (any, bool) {
	if n.Kind != yaml.SequenceNode {
		r.add(pos{n.Line, n.Column}, path, RuleType, fmt.Sprintf("%s is %s, but should be a list", last(path), kindName(n)), "write [a, b], or one - a line")
		return nil, false
	}
	dst.Set(reflect.MakeSlice(dst.Type(), 0, len(n.Content)))
	tree, seen := []any{}, map[any]bool{}
	for i, c := range n.Content {
		elem, here := reflect.New(dst.Type().Elem()).Elem(), fmt.Sprintf("%s[%d]", path, i)
		val, ok := r.value(c, s.elem, here, elem)
		if word, scalar := val.(string); ok && scalar && seen[word] {
			r.add(pos{c.Line, c.Column}, here, RuleKey, quoted(word)+" stands twice in the list", "")
		} else if scalar {
			seen[word] = true
		}
		tree = append(tree, val)
		dst.Set(reflect.Append(dst, elem))
	}
	if s.set && s.elem.kind == kindString {
		slices.SortFunc(tree, func(a, b any) int { x, _ := a.(string); y, _ := b.(string); return cmp.Compare(x, y) })
		sortStrings(dst)
	}
	return tree, true
}

func sortStrings(list reflect.Value) {
	words := make([]string, list.Len())
	for i := range words {
		words[i] = list.Index(i).String()
	}
	slices.Sort(words)
	for i, w := range words {
		list.Index(i).SetString(w)
	}
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	return "one word or text"
}
