package policy

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/regime"
	"go.yaml.in/yaml/v4"
)

// reader walks the nodes of one file by the shapes of the language.
type reader struct {
	file      string
	policy    Policy
	tree      any      // the file's own keys, for the canonical form
	languages []string // declared, as far as they can be read
	found     []Finding
	absent    []Finding
	places    map[string]place
	leaves    []leaf
	excused   map[string]bool
	refs      []reference
	tongues   map[string]*tally // findings about a whole language
}

// reference is a word that names something declared elsewhere.
type reference struct {
	to, id, path string
	at           pos
}

func newReader(file string, node *yaml.Node) *reader {
	return &reader{file: file, languages: declared(node), places: map[string]place{}, excused: map[string]bool{}, tongues: map[string]*tally{}}
}

// all gives the findings, named and sorted.
func (r *reader) all() []Finding {
	for i := range r.found {
		r.found[i].File = r.file
	}
	return sorted(r.found)
}

func (r *reader) add(at pos, path, rule, message, hint string) {
	r.excused[path] = true
	if r.full() {
		return
	}
	r.found = append(r.found, Finding{Line: at.line, Col: at.col, Path: path, Rule: rule, Message: message, Hint: hint})
}

// full reports that no more findings are listed; guesses are then spared.
func (r *reader) full() bool { return len(r.found) >= maxFindings }

// value reads a node of a shape into dst and gives its form in the tree;
// false if it could not be read, which is then a finding.
func (r *reader) value(n *yaml.Node, s *shape, path string, dst reflect.Value) (any, bool) {
	at := pos{n.Line, n.Column}
	r.places[path] = place{r.places[path].key, at}
	if !r.simple(n, path) {
		return nil, false
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		r.add(at, path, RuleType, fmt.Sprintf("%s has no value", last(path)), emptyHint(s))
		return nil, false
	}
	if dst.Kind() == reflect.Pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		dst = dst.Elem()
	}
	switch s.kind {
	case kindObject:
		return r.object(n, s, path, dst)
	case kindMap:
		return r.dictionary(n, s, path, dst)
	case kindList:
		return r.list(n, s, path, dst)
	case kindText:
		return r.text(n, s, path, dst)
	}
	return r.scalar(n, s, path, dst)
}

// simple refuses what the language does without: anchors, aliases and tags.
func (r *reader) simple(n *yaml.Node, path string) bool {
	at := pos{n.Line, n.Column}
	switch {
	case n.Kind == yaml.AliasNode:
		r.add(at, path, RuleYAML, "a policy has no aliases: *"+n.Value, "write the value out, or put a text that begins with * in quotes")
	case n.Anchor != "":
		r.add(at, path, RuleYAML, "a policy has no anchors: &"+n.Anchor, "leave it out, or put a text that begins with & in quotes")
	case n.Style&yaml.TaggedStyle != 0:
		r.add(at, path, RuleYAML, "a policy has no tags: "+n.Tag, "leave it out, or put a text that begins with ! in quotes")
	default:
		return true
	}
	return false
}

// references checks, once everything is declared, what names something.
func (r *reader) references() {
	stands := map[string]func(id string) bool{
		"data":       func(id string) bool { _, ok := r.policy.Data[id]; return ok },
		"recipients": func(id string) bool { _, ok := r.policy.Recipients[id]; return ok },
		"purposes":   func(id string) bool { _, ok := r.policy.Purposes[id]; return ok },
		"regime":     regime.Known,
	}
	if at, ok := r.places["languages"]; ok && len(r.policy.Languages) == 0 && !r.excused["languages"] {
		r.add(at.value, "languages", RuleLanguage, "languages names none", "one of "+strings.Join(programLanguages(), ", "))
	}
	for _, ref := range r.refs {
		if !r.excused[ref.to] && !stands[ref.to](ref.id) && !r.full() {
			r.undeclared(ref)
		}
	}
}

func (r *reader) undeclared(ref reference) {
	if ref.to == "regime" {
		r.add(ref.at, ref.path, RuleReference, quoted(ref.id)+" is not a regime this program knows", unseen(ref.id, didYouMean(nearest(ref.id, regime.IDs()), "known are "+strings.Join(regime.IDs(), ", "))))
		return
	}
	known := map[string][]string{
		"data":       slices.Sorted(maps.Keys(r.policy.Data)),
		"recipients": slices.Sorted(maps.Keys(r.policy.Recipients)),
		"purposes":   slices.Sorted(maps.Keys(r.policy.Purposes)),
	}[ref.to]
	guess := nearest(ref.id, known)
	if guess != "" { // what was meant is not unused
		r.excused[ref.to+"."+guess] = true
	}
	r.add(ref.at, ref.path, RuleReference, fmt.Sprintf("%s is not declared under %s", quoted(ref.id), ref.to), unseen(ref.id, didYouMean(guess, "declare it there")))
}

// declared looks ahead for the languages, which every text needs to know.
func declared(node *yaml.Node) []string {
	var list []string
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value != "languages" || node.Content[i+1].Kind != yaml.SequenceNode {
			continue
		}
		for _, n := range node.Content[i+1].Content {
			if slices.Contains(programLanguages(), n.Value) && !slices.Contains(list, n.Value) {
				list = append(list, n.Value)
			}
		}
		return list
	}
	return list
}

// programLanguages are the languages the pages can speak.
func programLanguages() []string {
	f, _ := root().field("languages")
	return f.elem.enum
}

func last(path string) string {
	if path == "" {
		return "the file"
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}

func emptyHint(s *shape) string {
	switch s.kind {
	case kindList:
		return "write [] to say that there is none"
	case kindMap:
		return "write {} to say that there is none"
	case kindString, kindText:
		return "leave the key out, or put null or ~ in quotes if the word itself is meant"
	}
	return "give it one, or leave the key out"
}
