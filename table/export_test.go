package table

import "time"

// Quick reports whether a question at a time is answered without looking at times.
func (t *Table) Quick(now time.Time) bool {
	r := t.root.Load()
	return nanos(now) >= r.from && nanos(now) < r.until
}

// Cramp leaves room for few sets, few ends that are waited for, and no entry more.
func (t *Table) Cramp(sets, ends int) {
	t.writer.mostSets, t.writer.mostEnds = sets, ends
	t.writer.root.sets = t.writer.root.sets[:sets]
	t.writer.changed = true
	for i := range uint32(256) {
		t.writer.place(1<<15 | i<<5 | 7)
	}
}

// Exceptions gives how many identifiers are kept apart.
func (t *Table) Exceptions() int { return len(t.root.Load().byTag) + len(t.root.Load().byNumber) }
