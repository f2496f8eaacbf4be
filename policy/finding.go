package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Finding is one thing wrong with a policy file, at its place.
type Finding struct {
	File    string `json:"-"`
	Line    int    `json:"line"` // from 1
	Col     int    `json:"col"`  // in characters, from 1
	Path    string `json:"path"` // "purposes.newsletter.title.ar", "storage[0].why"; "" is the file
	Rule    string `json:"rule"` // requirement (A8, B4), or the rule of the reader that is broken
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do about it
}

// Rules of the reader; the rules of lint are ids of requirements.
const (
	RuleYAML      = "yaml"      // not readable, or a part of YAML the language does without
	RuleCharacter = "character" // a character no text may carry
	RuleKey       = "key"       // unknown, double or missing key
	RuleType      = "type"      // one kind of value where another belongs
	RuleWord      = "word"      // not among the words a place allows
	RuleReference = "reference" // names what is not declared
	RuleLanguage  = "language"  // a text missing in a language, or in one not declared
	RulePreset    = "B1"        // an answer given beforehand
)

// String gives "file:line:col: message (hint)".
func (f Finding) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Col, f.Message)
	if f.Hint != "" {
		s += " (" + f.Hint + ")"
	}
	return s
}

// maxFindings bounds what one run lists.
const maxFindings = 500

// sorted gives findings by position, each once, and at most maxFindings.
func sorted(list []Finding) []Finding {
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(a.Line-b.Line, a.Col-b.Col, strings.Compare(a.Path, b.Path), strings.Compare(a.Message, b.Message))
	})
	list = slices.Compact(list)
	return list[:min(len(list), maxFindings)]
}

// pos is a place in the file.
type pos struct{ line, col int }

// place is where a value of the file stands, and the key that leads to it.
type place struct{ key, value pos }
