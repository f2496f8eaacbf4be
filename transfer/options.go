package transfer

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/sheet"
)

// Options say how a list is read. The zero value reads the plain form.
type Options struct {
	// Preset is one of Presets; "" is csv.
	Preset string

	// Columns maps names of columns to what they hold, beside and before those
	// of the preset. One that says who a row is about takes the place of the
	// preset's.
	Columns map[string]Field

	// Words maps words for answers to given, refused, withdrawn, or "" for those that
	// are no answer, beside and before those of the preset.
	Words map[string]string

	// Status is the word that holds for all rows of the file that have none.
	Status string

	// Purpose is what all rows are about that name none; Purposes maps names that
	// the list has for purposes to those of the policy, or to "" for those that are
	// left. A name without a translation is taken as it is.
	Purpose  string
	Purposes map[string]string

	// Evidence are the sets that rows may name; a yes that names none rests on
	// the only one there is.
	Evidence []*EvidenceSet

	// Dates is one of DateOrders; "": a day that can be read two ways ends the list.
	Dates string

	// Encoding is one of sheet.Encodings; "": UTF-8, or what the list names by its mark.
	Encoding string

	Region string         // ISO 3166, for phone numbers without a country code
	Comma  byte           // delimiter of CSV; 0: found out
	Zone   *time.Location // of times without one; nil: UTC
	Now    time.Time      // a yes is not said after it; required
}

// plan is options with their preset, made ready.
type plan struct {
	Options
	preset
}

func (o Options) plan() (*plan, error) {
	if o.Preset == "" {
		o.Preset = "csv"
	}
	p, ok := presets[o.Preset]
	if !ok {
		return nil, fault.New(fault.Invalid, "no preset is called so; there are %s", strings.Join(Presets(), ", "))
	}
	if o.Dates != "" && !slices.Contains(DateOrders, o.Dates) {
		return nil, fault.New(fault.Invalid, "the order of dates is one of %s", strings.Join(DateOrders, ", "))
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	p.columns, p.words = maps.Clone(p.columns), maps.Clone(p.words)
	if err := o.addColumns(p); err != nil {
		return nil, err
	}
	for _, f := range o.Columns {
		p.ofYes = p.ofYes && f != Time // who names a column means it
	}
	for word, meaning := range o.Words {
		a, ok := map[string]answer{"given": yes, "refused": refused, "withdrawn": withdrawn, "": not(Unwanted)}[meaning]
		if !ok {
			return nil, fault.New(fault.Invalid, "a word for an answer means given, refused or withdrawn, or nothing")
		}
		p.words[lower(word)] = a
	}
	if _, known := p.words[lower(o.Status)]; o.Status != "" && !known {
		return nil, fault.New(fault.Invalid, "the status of a file of this kind is one of %s", strings.Join(p.status, ", "))
	}
	purposes := map[string]string{}
	for name, meant := range o.Purposes {
		purposes[seen(name)] = meant
	}
	o.Purposes = purposes
	return &plan{o, p}, nil
}

// addColumns puts the columns that were named in the place of the preset's.
func (o Options) addColumns(p preset) error {
	for name, f := range o.Columns {
		if !slices.Contains(fields, f) {
			return fault.New(fault.Invalid, "a column holds one of %s", names(fields))
		}
		maps.DeleteFunc(p.columns, func(_ string, had Field) bool {
			return had == f || slices.Contains(identifiers, f) && slices.Contains(identifiers, had)
		})
		p.columns[fold(name)] = f
	}
	return nil
}

func names(list []Field) string {
	words := make([]string, len(list))
	for i, f := range list {
		words[i] = string(f)
	}
	return strings.Join(words, ", ")
}

// fold makes names of columns alike that differ in case, spaces, underscores and
// hyphens.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, sheet.Plain(name))
}

func lower(word string) string { return strings.ToLower(seen(word)) }

// seen gives a cell without the white space and the invisible marks around it: a
// spreadsheet in Arabic puts marks of direction there, and they are no part of a word.
func seen(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}
