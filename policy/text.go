package policy

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// text reads a text in every declared language, or a proper name written once.
func (r *reader) text(n *yaml.Node, s *shape, path string, dst reflect.Value) (any, bool) {
	if n.Kind == yaml.ScalarNode && s.plain {
		v, ok := r.characters(n, path)
		dst.Set(reflect.ValueOf(Text{"": v}))
		r.leaves = append(r.leaves, leaf{path: path, at: pos{n.Line, n.Column}, value: v})
		return v, ok
	}
	if n.Kind != yaml.MappingNode {
		r.add(pos{n.Line, n.Column}, path, RuleType, fmt.Sprintf("%s is %s, but should be a text in each language", last(path), kindName(n)), "write "+r.sample())
		return nil, false
	}
	t, tree := Text{}, map[string]any{}
	r.pairs(n, path, "languages", func(key string, at pos, v *yaml.Node) {
		if val, ok := r.translation(v, s, path, key, at); ok {
			t[key], tree[key] = val, val
		}
	})
	dst.Set(reflect.ValueOf(t))
	for _, l := range r.languages {
		if here := join(path, l); !r.stands(here) && !r.excused[here] {
			r.ofLanguage(pos{n.Line, n.Column}, here, fmt.Sprintf("%s is missing in %s", path, languageName(l)), "languages declares it, so every text needs it",
				"; %d texts lack it: write them, or take "+l+" out of languages")
		}
	}
	return tree, true
}

func (r *reader) translation(v *yaml.Node, s *shape, path, language string, at pos) (string, bool) {
	here := join(path, language)
	if v.Tag == "!!null" && v.Value == "" && !slices.Contains(programLanguages(), language) {
		r.add(at, path, RuleLanguage, quoted(language)+" stands where a language should", "inside { } a text with a comma needs quotes")
		return "", false
	}
	if len(r.languages) > 0 && !slices.Contains(r.languages, language) {
		r.ofLanguage(at, here, fmt.Sprintf("%s is not among the declared languages", quoted(language)), "declared are "+strings.Join(r.languages, ", "),
			"; %d texts stand in "+strings.ReplaceAll(languageName(language), "%", "%%")+": delete them together, or declare it")
		return "", false
	}
	r.places[here] = place{at, pos{v.Line, v.Column}}
	if !r.simple(v, here) {
		return "", false
	}
	if v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
		r.add(pos{v.Line, v.Column}, here, RuleType, fmt.Sprintf("%s is not a text", here), "a text that is null or ~ needs quotes")
		return "", false
	}
	val, ok := r.characters(v, here)
	if ok {
		r.leaves = append(r.leaves, leaf{path: here, at: pos{v.Line, v.Column}, value: val, prose: !s.plain})
	}
	return val, ok
}

// tally counts findings that have one cause.
type tally struct {
	first int // index of the finding that tells of all
	count int
	many  string // to add to its hint, with the count
}

// ofLanguage adds a finding of which every text of a language may have one;
// many is a format that takes their count.
func (r *reader) ofLanguage(at pos, path, message, hint, many string) {
	t := r.tongues[many]
	if t == nil {
		t = &tally{first: len(r.found), many: many}
		r.tongues[many] = t
	}
	t.count++
	r.add(at, path, RuleLanguage, message, hint)
}

// few is up to how many findings of one cause speak for themselves.
const few = 3

// tallied lets the first of many findings of one cause say how to end them all.
func (r *reader) tallied() {
	for _, t := range r.tongues {
		if t.count > few && t.first < len(r.found) {
			r.found[t.first].Hint += fmt.Sprintf(t.many, t.count)
		}
	}
}

func (r *reader) stands(path string) bool {
	_, ok := r.places[path]
	return ok
}

// sample shows how a text is written in the declared languages.
func (r *reader) sample() string {
	list := r.languages
	if len(list) == 0 {
		list = programLanguages()
	}
	return "{" + strings.Join(list, ": …, ") + ": …}"
}

func languageName(tag string) string {
	switch tag {
	case "ar":
		return "Arabic"
	case "en":
		return "English"
	}
	return quoted(tag)
}
