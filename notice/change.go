package notice

import (
	"maps"
	"reflect"
	"slices"

	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
)

// Change is what a version changed of one purpose, or of the rest of the
// policy (no title), in sentences.
type Change struct {
	Title string
	Words []string
}

// Changes tells in words what next changed of prev, purpose by purpose in the
// order of their ids, then the rest. By what was compared: the texts of every
// language, data, recipients, keeping time, legal basis, and any other promise.
func Changes(prev, next *policy.Version, w *lang.Words) []Change {
	old, now := maker{w, prev, prev.Policy}, maker{w, next, next.Policy}
	ids := slices.Sorted(maps.Keys(next.Policy.Purposes))
	for id := range prev.Policy.Purposes {
		if _, both := next.Policy.Purposes[id]; !both {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var list []Change
	for _, id := range ids {
		if c := diff(old, now, id); len(c.Words) > 0 {
			list = append(list, c)
		}
	}
	if elsewhere(prev.Policy, next.Policy) {
		list = append(list, Change{Words: []string{w.T("change.elsewhere")}})
	}
	return list
}

func diff(old, now maker, id string) Change {
	a, before := old.p.Purposes[id]
	b, after := now.p.Purposes[id]
	switch {
	case !before:
		return Change{now.say(b.Title), []string{now.w.T("change.new")}}
	case !after:
		return Change{old.say(a.Title), []string{now.w.T("change.gone")}}
	}
	c := Change{Title: now.say(b.Title)}
	c.lists(old, now, a, b)
	c.terms(old, now, a, b)
	c.texts(now, a, b, now.v.Declared[id])
	if len(c.Words) == 0 && !reflect.DeepEqual(a, b) {
		c.Words = []string{now.w.T("change.details")}
	}
	return c
}

func (c *Change) say(s string) { c.Words = append(c.Words, s) }

// lists tells of data and recipients that came and went.
func (c *Change) lists(old, now maker, a, b policy.Purpose) {
	w := now.w
	if l := now.labels(minus(b.Data, a.Data)); l != nil {
		c.say(w.T("change.data.added", "list", w.List(l)))
	}
	if l := old.labels(minus(a.Data, b.Data)); l != nil {
		c.say(w.T("change.data.removed", "list", w.List(l)))
	}
	if l := now.names(minus(b.Recipients, a.Recipients)); l != nil {
		c.say(w.T("change.recipients.added", "list", w.List(l)))
	}
	if l := old.names(minus(a.Recipients, b.Recipients)); l != nil {
		c.say(w.T("change.recipients.removed", "list", w.List(l)))
	}
}

// terms tells of the keeping time and the legal basis.
func (c *Change) terms(old, now maker, a, b policy.Purpose) {
	if x, y := old.keep(a), now.keep(b); x != y {
		c.say(now.w.T("change.keep", "old", x, "new", y))
	}
	if a.Basis != b.Basis {
		c.say(now.w.T("change.basis", "old", old.tag(a.Basis), "new", now.tag(b.Basis)))
	}
}

// texts tells of words that changed, and of who answers for their meaning.
func (c *Change) texts(now maker, a, b policy.Purpose, declaredBy string) {
	if maps.Equal(a.Title, b.Title) && maps.Equal(a.Text, b.Text) && maps.Equal(a.Benefit, b.Benefit) {
		return
	}
	if declaredBy != "" {
		c.say(now.w.T("change.same", "name", declaredBy))
		return
	}
	c.say(now.w.T("change.texts"))
}

func (m maker) names(ids []string) []string {
	var list []string
	for _, id := range ids {
		list = append(list, m.party(id).Name)
	}
	return list
}

// minus gives what is in a and not in b, in the order of a.
func minus(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// elsewhere reports whether anything but the purposes differs.
func elsewhere(a, b *policy.Policy) bool {
	x, y := *a, *b
	x.Purposes, y.Purposes = nil, nil
	return !reflect.DeepEqual(x, y)
}
