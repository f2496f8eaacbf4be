// Package known says what a company knows of one person, by the policy in force
// and the person's own answers: each category of data, where it comes from, what
// it is used for now and why, who else has it, and until when. Everything is a
// pure function in the words of one language.
package known

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/notice"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// Voice is one identifier of the person, with what is decided of each purpose.
type Voice struct {
	ID      subject.ID
	Answers map[string]decision.Answer // by purpose
}

// Use is one purpose as it stands for the person.
type Use struct {
	notice.Purpose
	Concerns bool      // it acts on an identifier the person has shown
	Active   bool      // data may be used for it now
	Until    time.Time // an active one ends then by itself; zero: see Keep
	Reason   decision.Reason
}

// Category is one kind of data.
type Category struct {
	notice.Item
	From        string // where it comes from, in words
	Source      string
	Correctable bool
	Uses        []Use // those that are active now
	Dormant     []Use // those that would use it, but may not now
	Maybe       []Use // those that act on identifiers the person has not shown here
}

// Picture is everything, in the order of the policy.
type Picture struct {
	Categories []Category
	Uses       []Use  // all that concern the person, the active ones first
	Systems    []Kept // where data is kept
}

// Kept is one of the company's own systems.
type Kept struct{ Name, Country string }

// Of draws the picture of a person who has shown some identifiers.
func Of(n *notice.Notice, v *policy.Version, w *lang.Words, voices []Voice) Picture {
	var pic Picture
	var uses []Use
	for _, p := range append(slices.Clone(n.Stated), n.Asked...) {
		uses = append(uses, useOf(p, v.Policy.Purposes[p.ID], voices))
	}
	for _, id := range slices.Sorted(maps.Keys(v.Policy.Data)) {
		d := v.Policy.Data[id]
		c := Category{Item: notice.Item{ID: id, Label: say(d.Label, v, w), Sensitive: d.Sensitive}, From: w.Of("origin", d.From), Source: say(d.Source, v, w), Correctable: d.Correctable}
		for _, u := range uses {
			if !slices.ContainsFunc(u.Data, func(i notice.Item) bool { return i.ID == id }) {
				continue
			}
			switch {
			case u.Active:
				c.Uses = append(c.Uses, u)
			case u.Concerns:
				c.Dormant = append(c.Dormant, u)
			default:
				c.Maybe = append(c.Maybe, u)
			}
		}
		pic.Categories = append(pic.Categories, c)
	}
	slices.SortStableFunc(pic.Categories, func(a, b Category) int { return cmp.Compare(a.rank(), b.rank()) })
	pic.Uses = slices.DeleteFunc(uses, func(u Use) bool { return !u.Concerns })
	slices.SortStableFunc(pic.Uses, func(a, b Use) int {
		switch {
		case a.Active == b.Active:
			return 0
		case a.Active:
			return -1
		}
		return 1
	})
	for _, id := range slices.Sorted(maps.Keys(v.Policy.Systems)) {
		s := v.Policy.Systems[id]
		pic.Systems = append(pic.Systems, Kept{cmp.Or(say(s.Name, v, w), id), w.Country(s.Country)})
	}
	return pic
}

// rank puts what is used before what would be, and that before what may be.
func (c Category) rank() int {
	switch {
	case len(c.Uses) > 0:
		return 0
	case len(c.Dormant) > 0:
		return 1
	}
	return 2
}

func useOf(p notice.Purpose, u policy.Purpose, voices []Voice) Use {
	out := Use{Purpose: p}
	for _, voice := range voices {
		if !slices.Contains(u.Acts(), voice.ID.Kind()) {
			continue
		}
		a := voice.Answers[p.ID]
		out.Concerns = true
		if end := a.Ends(); a.Allowed && (!out.Active || end.After(out.Until)) {
			out.Until = end
		}
		if a.Allowed || out.Reason == "" {
			out.Reason = a.Reason
		}
		out.Active = out.Active || a.Allowed
	}
	return out
}

// Parties gives who else has what is in use, each once.
func (c Category) Parties() []notice.Party {
	var list []notice.Party
	for _, u := range c.Uses {
		for _, p := range u.Recipients {
			if !p.Own && !slices.ContainsFunc(list, func(q notice.Party) bool { return q.ID == p.ID }) {
				list = append(list, p)
			}
		}
	}
	return list
}

// say gives a text in a language, else in the master's.
func say(t policy.Text, v *policy.Version, w *lang.Words) string {
	return cmp.Or(t.In(w.Tag), t.In(v.Policy.Master()))
}
