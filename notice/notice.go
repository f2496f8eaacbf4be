// Package notice is a version of the policy as a person reads it: in one
// language, in words alone, first one screen for each purpose, then the full
// text with every item a notice has to say (N01-N32).
//
// Everything is a pure function of the version and the words. What the policy
// does not declare is left out or said to be absent, never made up.
package notice

import (
	"html/template"
	"maps"
	"slices"

	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
)

// Notice is a version in one language.
type Notice struct {
	Version  policy.VersionID
	Language string
	Company  string
	Asked    []Purpose // only with a yes
	Stated   []Purpose // on another legal basis
	Sections []Section // the full text
}

// Purpose is one reason to use data, in words.
type Purpose struct {
	ID, Title, Text, Benefit string

	Company    string
	Basis      policy.Basis
	Tag        string // whose choice it is, in a few words
	How        string // the same in a sentence: how it is asked, how it ends (N08, N10)
	Interest   string
	Keep       string // how long, from when
	IfRefused  string
	Automated  string
	AskAgain   string // when a no may be asked about again
	Topics     []string
	Often      []string // how often, where that is offered
	Acts       []string // kinds of identifier
	Double     bool
	Data       []Item
	Recipients []Party
}

// Item is a category of data.
type Item struct {
	ID, Label string
	Sensitive bool
}

// Party is somebody else who gets data.
type Party struct {
	ID, Name, Does, Country string
	Own                     bool // needs a permission of its own
}

// Section is one part of the full text.
type Section struct {
	ID, Title string
	Parts     []Part
}

// Part is what a section is made of; empty members are not shown. They are
// shown in the order in which they stand here.
type Part struct {
	Head  string
	Paras []template.HTML
	Items []string
	Facts []Fact
	Table *Table
	Links []Run
}

// Fact is a key with its value.
type Fact struct {
	Key string
	Run
}

// Run is a piece of text that may be foreign to the text around it, or a list
// of such pieces.
type Run struct {
	Text string
	List []string
	Href string // a link, where there is one
	Tel  string // a phone number to call, as a tel: link takes it
	LTR  bool   // an address, a number, a name of a file
	Code bool   // to be read letter by letter
}

// Table has rows as wide as its head; the first cell names the row.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]Run
}

// maker writes one notice.
type maker struct {
	w *lang.Words
	v *policy.Version
	p *policy.Policy
}

// Of writes the notice of a version. A text that the version lacks in the
// language is given in the version's master language.
func Of(v *policy.Version, w *lang.Words) *Notice {
	m := maker{w, v, v.Policy}
	n := &Notice{Version: v.ID, Language: w.Tag, Company: m.say(m.p.Organization.Name)}
	for _, id := range slices.Sorted(maps.Keys(m.p.Purposes)) {
		if p := m.purpose(id); p.Basis == policy.Consent {
			n.Asked = append(n.Asked, p)
		} else {
			n.Stated = append(n.Stated, p)
		}
	}
	slices.SortStableFunc(n.Stated, byBasis)
	n.Sections = m.sections(n)
	return n
}

// say gives a text in the language of the notice, else in the master's.
func (m maker) say(t policy.Text) string {
	if s := t.In(m.w.Tag); s != "" {
		return s
	}
	return t.In(m.p.Master())
}

// path gives the address of a page of the notice's own site and language.
func (m maker) path(page string) string { return "/" + m.w.Tag + "/" + page }

func (m maker) last(d policy.Duration) string { return m.w.Duration(d.Months, d.Seconds) }

// para makes a paragraph of a text of the policy.
func para(s string) template.HTML { return template.HTML(template.HTMLEscapeString(s)) }

// paras leaves out what is empty.
func paras(list ...template.HTML) []template.HTML {
	return slices.DeleteFunc(list, func(h template.HTML) bool { return h == "" })
}

// facts leaves out what is empty.
func facts(list ...Fact) []Fact {
	return slices.DeleteFunc(list, func(f Fact) bool { return f.Text == "" })
}
