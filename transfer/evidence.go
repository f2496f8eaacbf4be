package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gowebpki/jcs"
	"go.yaml.in/yaml/v4"

	"github.com/amana-privacy/amana/fault"
)

// EvidenceSet is what imported yeses rest on: the text that people were shown,
// when and where. It claims that who said yes to it said yes to a purpose of the
// policy; a named person answers for that claim, in public.
type EvidenceSet struct {
	Name      string            `json:"evidence"`
	Purpose   string            `json:"purpose"`
	Recipient string            `json:"recipient,omitempty"` // where it is that recipient's own permission
	Policy    string            `json:"policy,omitempty"`    // version whose words it equals; "": the one in force when it is registered
	Text      map[string]string `json:"text"`                // what was shown, by language
	From      string            `json:"from"`                // first day it was shown, YYYY-MM-DD
	Until     string            `json:"until"`               // last day
	Source    string            `json:"source"`              // where it was shown, and where proof of that lies
	Confirmed bool              `json:"confirmed,omitempty"` // every yes was confirmed from the address itself
	By        string            `json:"by"`                  // who declares it
}

// ID names a set by all it says: "sha256:" and the hex SHA-256 of its RFC 8785
// form.
func (e EvidenceSet) ID() string {
	sum := sha256.Sum256(append([]byte("amana/evidence/v1\n"), e.Canonical()...))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Canonical gives the RFC 8785 form.
func (e EvidenceSet) Canonical() []byte {
	raw, err := json.Marshal(e)
	if err == nil {
		raw, err = jcs.Transform(raw)
	}
	if err != nil {
		panic("transfer: a plain value does not marshal: " + err.Error())
	}
	return raw
}

// FirstDay is the first day on which the text was shown: a yes that does not
// say when it was given is as old as it can be.
func (e EvidenceSet) FirstDay() time.Time {
	t, _ := time.Parse(time.DateOnly, e.From)
	return t
}

// In gives the language of the text that was shown to somebody of whom a list
// says a language, or nothing: that language, or for en-US that of en, or the
// one that is asked for instead, or the first by its tag.
func (e EvidenceSet) In(language, instead string) string {
	if l := e.closest(language); l != "" {
		return l
	}
	if l := e.closest(instead); l != "" {
		return l
	}
	return slices.Min(slices.Collect(maps.Keys(e.Text)))
}

// closest gives the language of the text a speaker of a language was shown, ""
// where there is none.
func (e EvidenceSet) closest(language string) string {
	main, _, _ := strings.Cut(language, "-")
	for _, l := range []string{language, main} {
		if e.Text[l] != "" {
			return l
		}
	}
	return ""
}

// shownAt says that the text was shown at a time, as far as a list knows it:
// its days may be those of any place on earth.
func (e EvidenceSet) shownAt(t time.Time) bool {
	until, _ := time.Parse(time.DateOnly, e.Until)
	return t.IsZero() || !t.Before(e.FirstDay().AddDate(0, 0, -1)) && t.Before(until.AddDate(0, 0, 2))
}

// ReadEvidence reads a set from YAML or JSON. Unknown keys and missing ones are
// fault.Invalid with their place. by, where not "", is who declares it.
func ReadEvidence(name string, src []byte, by string) (*EvidenceSet, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return nil, &fault.Error{Kind: fault.Malformed, Words: name + " cannot be read", Err: err}
	}
	if doc.Kind == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fault.New(fault.Invalid, "%s: an evidence set is keys and values", name)
	}
	e := &EvidenceSet{}
	seen := map[string]bool{}
	top := doc.Content[0]
	for i := 0; i < len(top.Content); i += 2 {
		key, v := top.Content[i], top.Content[i+1]
		if seen[key.Value] {
			return nil, fault.New(fault.Invalid, "%s:%d:%d: %s stands twice", name, key.Line, key.Column, key.Value)
		}
		seen[key.Value] = true
		if err := e.set(key.Value, v); err != nil {
			return nil, fault.New(fault.Invalid, "%s:%d:%d: %s: %s", name, v.Line, v.Column, key.Value, err)
		}
	}
	if by != "" {
		e.By = by
	}
	if err := e.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return e, nil
}

func (e *EvidenceSet) set(key string, v *yaml.Node) error {
	texts := map[string]*string{"evidence": &e.Name, "purpose": &e.Purpose, "recipient": &e.Recipient, "policy": &e.Policy,
		"from": &e.From, "until": &e.Until, "source": &e.Source, "by": &e.By}
	switch into, ok := texts[key]; {
	case ok && v.Kind == yaml.ScalarNode:
		*into = strings.TrimSpace(v.Value)
	case ok:
		return fmt.Errorf("must be a text")
	case key == "confirmed":
		if v.Kind != yaml.ScalarNode || v.Tag != "!!bool" {
			return fmt.Errorf("must be true or false")
		}
		e.Confirmed = v.Value == "true"
	case key == "text":
		return e.setText(v)
	default:
		return fmt.Errorf("no such key; there are %s, confirmed and text", strings.Join(slices.Sorted(maps.Keys(texts)), ", "))
	}
	return nil
}

func (e *EvidenceSet) setText(v *yaml.Node) error {
	if v.Kind != yaml.MappingNode {
		return fmt.Errorf("must be a text for each language, such as {en: …, ar: …}")
	}
	e.Text = map[string]string{}
	for i := 0; i < len(v.Content); i += 2 {
		language, text := v.Content[i].Value, v.Content[i+1]
		if e.Text[language] != "" || text.Kind != yaml.ScalarNode {
			return fmt.Errorf("one text a language")
		}
		e.Text[language] = strings.TrimSpace(text.Value)
	}
	return nil
}

// maxText bounds what was shown, in bytes: it goes into every receipt.
const maxText = 8 << 10

// Check says what a set lacks: fault.Invalid at the first field.
func (e EvidenceSet) Check() error {
	lacks := func(field, format string, args ...any) error { return fault.At(fault.Invalid, field, format, args...) }
	switch {
	case !isID(e.Name):
		return lacks("evidence", "a set has a name of small letters, digits, _ and -")
	case !isID(e.Purpose):
		return lacks("purpose", "say to which purpose of the policy people said yes")
	case e.Recipient != "" && !isID(e.Recipient):
		return lacks("recipient", "is not the id of a recipient")
	case e.Source == "" || len(e.Source) > maxText || !utf8.ValidString(e.Source):
		return lacks("source", "say where the text was shown, and where the proof lies")
	case e.By == "":
		return lacks("by", "a named person declares what was shown")
	case len(e.Text) == 0:
		return lacks("text", "give the text people said yes to, in each language it was shown in")
	}
	for language, text := range e.Text {
		if !isLanguage(language) {
			return lacks("text", "is not by language")
		}
		if text == "" || len(text) > maxText || !utf8.ValidString(text) {
			return lacks("text."+language, "must not be empty, and have at most %d bytes", maxText)
		}
	}
	from, err1 := time.Parse(time.DateOnly, e.From)
	until, err2 := time.Parse(time.DateOnly, e.Until)
	if err1 != nil || err2 != nil || until.Before(from) || from.Before(earliest) {
		return lacks("from", "from and until are the first and the last day on which the text was shown, as 2019-05-01 in the Gregorian calendar")
	}
	return nil
}
