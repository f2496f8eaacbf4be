package table

import "time"

// Quick reports whether a question at a time is answered without looking at times.
func (t *Table) Quick(now time.Time) bool {
	r := t.root.Load()
	return nanos(now) >= r.from && nanos(now) < r.until
}

// Cramp leaves room for few sets and few ends that are waited for.
func (t *Table) Cramp(sets, ends int) {
	t.writer.mostSets, t.writer.mostEnds = sets, ends
	t.writer.root.sets = t.writer.root.sets[:sets]
	t.writer.changed = true
}

// Exceptions gives how many identifiers are kept apart.
func (t *Table) Exceptions() int { return len(t.root.Load().byTag) + len(t.root.Load().byNumber) }
