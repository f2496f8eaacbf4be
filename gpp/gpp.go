// Package gpp writes and reads strings of the IAB Global Privacy Platform
// (version 1) with the sections of the United States: the country's (usnat,
// version 2) and its states', each saying which of the opt-outs of sale, sharing
// and targeted advertising a visitor has made.
package gpp

import (
	"slices"
	"strings"

	"github.com/amana-privacy/amana/fault"
)

// Value of a field: whether it applies, and what it says.
type Value uint8

// The values of an opt-out; of a notice, Yes says that it was given.
const (
	NotApplicable Value = 0
	Yes           Value = 1 // opted out; notice given
	No            Value = 2 // not opted out; not given
)

// Content is what a section says. Fields without a value do not apply, save
// MspaCoveredTransaction, which has to be Yes or No.
type Content struct {
	Section
	Values map[string][]Value // by field, a single value as a list of one
	Gpc    bool               // where the section has a part for it
}

// Encode writes the whole string. The contents come in the order of their
// sections, each at most once.
func Encode(list ...Content) string {
	var ids []int
	var parts []string
	for _, c := range list {
		ids = append(ids, c.ID)
		parts = append(parts, c.encode())
	}
	var h bits
	h.putHeader(ids)
	return strings.Join(append([]string{h.String()}, parts...), "~")
}

func (c Content) encode() string {
	var b bits
	b.put(c.number, 6)
	b.putFields(c.core, c.Values)
	text := b.String()
	if c.further != nil {
		var f bits
		f.putFields(c.further, c.Values)
		text += "." + f.String()
	}
	if c.signal {
		var g bits
		g.put(1, 2) // the type of the part
		g.put(map[bool]uint{true: 1}[c.Gpc], 1)
		text += "." + g.String()
	}
	return text
}

func (b *bits) putFields(fields []field, values map[string][]Value) {
	for _, f := range fields {
		for i := range max(f.n, 1) {
			v := Value(0)
			if i < len(values[f.name]) {
				v = values[f.name][i]
			}
			b.put(uint(v), 2)
		}
	}
}

var errString = fault.New(fault.Malformed, "this is no GPP string with sections of the United States alone")

// Decode reads what Encode, or another, wrote. A part for Global Privacy Control
// may be missing. Anything but sections of the United States in their versions of
// today is fault.Malformed.
func Decode(text string) ([]Content, error) {
	parts := strings.Split(text, "~")
	h, err := parse(parts[0])
	if err != nil {
		return nil, err
	}
	ids := h.takeHeader()
	if len(ids) == 0 || len(ids) != len(parts)-1 {
		return nil, errString
	}
	var list []Content
	for i, id := range ids {
		s, known := numbered(id)
		if !known {
			return nil, errString
		}
		c, err := s.decode(parts[i+1])
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if head, _, _ := strings.Cut(Encode(list...), "~"); head != parts[0] {
		return nil, errString
	}
	return list, nil
}

func (s Section) decode(text string) (Content, error) {
	c := Content{Section: s, Values: map[string][]Value{}}
	part := strings.Split(text, ".")
	b, err := parse(part[0])
	if err != nil || b.take(6) != s.number || !b.takeFields(s.core, c.Values) {
		return c, errString
	}
	if covered := c.Values["MspaCoveredTransaction"][0]; covered == NotApplicable {
		return c, errString
	}
	if s.further != nil {
		c.Values["SensitiveDataProcessing"] = make([]Value, 8)
	}
	if len(part) == 2 {
		if b, err = parse(part[1]); err != nil {
			return c, errString
		}
		if s.further != nil {
			if !b.takeFields(s.further, c.Values) {
				return c, errString
			}
		} else {
			b.take(2)
			c.Gpc = b.take(1) == 1
		}
	}
	if again := c.encode(); again != text && !(len(part) == 1 && strings.HasPrefix(again, text+".")) {
		return c, errString
	}
	return c, nil
}

func (b *bits) takeFields(fields []field, values map[string][]Value) bool {
	for _, f := range fields {
		list := make([]Value, max(f.n, 1))
		for i := range list {
			list[i] = Value(b.take(2))
		}
		if slices.Max(list) > No {
			return false
		}
		values[f.name] = list
	}
	return !b.short
}

// Members gives the content as the platform's API shows it.
func (c Content) Members() map[string]any {
	m := map[string]any{c.version: c.number}
	for _, f := range append(slices.Clip(c.core), c.further...) {
		list := make([]int, max(f.n, 1))
		for i := range list {
			if i < len(c.Values[f.name]) {
				list[i] = int(c.Values[f.name][i])
			}
		}
		m[f.name] = list
		if f.n == 0 {
			m[f.name] = list[0]
		}
	}
	if c.signal {
		m["GpcSegmentType"], m["Gpc"] = 1, c.Gpc
	}
	return m
}
