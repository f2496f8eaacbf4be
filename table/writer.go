package table

import (
	"slices"

	"github.com/amana-privacy/amana/policy"
)

// writer is what only the one who writes knows. It is guarded by Table.writing.
type writer struct {
	root    root // the next one
	changed bool // whether it differs from the one published

	rules   Rules
	symbols *symbols
	clocks  map[string]*clock // by what contents say of times
	numbers map[content]uint32
	shapes  []shape          // by those numbers
	gone    []uint32         // numbers of shapes that no set is made of any more
	sets    []made           // by number of a set
	free    []uint32         // numbers of sets that the published root has no word for
	pinned  uint32           // a shape that is about to get a set
	counts  []int            // words of each segment
	places  map[uint32]uint8 // of entries

	homeless map[numbered]bool // kept apart, without a word that says so: their lines are full

	ends    ends
	horizon int64 // Unix nanoseconds: what ends before it stands in ends
	sweep   sweep
	window  int64 // how far a horizon is set ahead

	mostSets, mostEnds int

	table *Table // whose readers must not be disturbed; nil while nobody reads yet
}

// made is what the writer knows of a set.
type made struct {
	shape uint32
	next  uint32 // another set of the same shape; 0: none
	uses  uint32 // how many words have it
	taken bool
}

const firstSets = 1 << 10

func newWriter(rules Rules, count int, now int64) *writer {
	w := &writer{
		rules: rules, symbols: newSymbols(), clocks: map[string]*clock{}, numbers: map[content]uint32{}, homeless: map[numbered]bool{},
		mostSets: setLimit, mostEnds: mostEnds, window: firstWindow, horizon: now + firstWindow,
		sets: make([]made, setElsewhere+1, firstSets),
	}
	w.root = root{grid: newGrid(count), apart: newApart(), from: now, until: w.horizon}
	w.counts = make([]int, len(w.root.segments))
	w.root.plan = newPlan(rules, w.symbols)
	w.noEntries()
	w.room(firstSets)
	w.sets[setNobody] = made{shape: w.shape(Profile{}), uses: 1, taken: true}
	w.shapes[0].first = setNobody
	w.make(setNobody, 0)
	return w
}

// change does what reads can see, after publishing what it may rest on.
func (w *writer) change(do func()) {
	if w.table == nil {
		do()
		return
	}
	w.table.cold.Lock()
	defer w.table.cold.Unlock()
	w.publish()
	do()
}

// publish gives reads a new root where it differs. cold is held.
func (w *writer) publish() {
	if w.changed {
		r := w.root
		w.table.root.Store(&r)
		w.changed = false
	}
}

// room makes new rows and sets for size numbers, with those that are in use.
func (w *writer) room(size int) {
	rows, sets := make([]uint8, size*len(w.root.plan.columns)), make([]set, size)
	copy(rows, w.root.rows)
	copy(sets, w.root.sets)
	w.root.rows, w.root.stride, w.root.sets, w.changed = rows, len(w.root.plan.columns), sets, true
}

// make writes the set of a number and its row.
func (w *writer) make(number uint32, mask uint64) {
	r, c := &w.root, w.shapes[w.sets[number].shape].content
	r.sets[number] = set{c, mask}
	row := r.rows[int(number)*r.stride : int(number+1)*r.stride]
	all := c.open(0)
	for i := range row {
		col, f := &r.plan.columns[i], all
		if all.listed {
			f = c.open(col.symbol)
		}
		row[i] = byte(col.settled(&f))
	}
	for answers := all.answers; answers.rest != ""; {
		i, ok := r.plan.at[answers.key()]
		switch {
		case ok && row[i] == byte(codeNone):
			row[i] = w.place(r.voiced(&all, &answers, &r.plan.columns[i], mask))
		default:
			for more := true; more; {
				_, more = answers.voice()
			}
		}
	}
	for i := range row {
		if row[i] == byte(codeNone) {
			row[i] = byte(codeNotAsked)
		}
	}
}

// place gives the place of an entry. A fixed one has the place of its code.
func (w *writer) place(entry uint32) uint8 {
	if entry <= uint32(codeNone) {
		return uint8(entry)
	}
	n, ok := w.places[entry]
	if !ok && len(w.places)+int(codeNone)+1 < len(w.root.entries)-1 {
		n, ok = uint8(len(w.places)+int(codeNone)+1), true
		w.root.entries[n], w.places[entry] = entry, n
	}
	if !ok {
		return uint8(len(w.root.entries) - 1)
	}
	return n
}

// noEntries begins anew with none. Reads of the old root keep theirs.
func (w *writer) noEntries() {
	w.places, w.root.entries = map[uint32]uint8{}, new([256]uint32)
	for c := range codeNone {
		w.root.entries[c] = uint32(c)
	}
	w.root.entries[len(w.root.entries)-1] = formMixed
}

// shape gives the number of a profile's shape.
func (w *writer) shape(p Profile) uint32 {
	c := w.symbols.content(p)
	if n, ok := w.numbers[c]; ok {
		return n
	}
	for _, a := range p.Answers {
		for _, v := range a.Voices {
			if v.Policy != "" {
				w.version(v.Policy)
			}
		}
	}
	s, n := shape{content: c, clock: w.clock(p)}, uint32(len(w.shapes))
	if last := len(w.gone) - 1; last >= 0 {
		n, w.gone = w.gone[last], w.gone[:last]
		w.shapes[n] = s
	} else {
		w.shapes = append(w.shapes, s)
	}
	w.numbers[c] = n
	return n
}

func (w *writer) clock(p Profile) *clock {
	key := string(p.clock(nil))
	c := w.clocks[key]
	if c == nil {
		c = &clock{p.Anchors, slices.Clone(p.Terms)}
		for i := range c.terms {
			c.terms[i].Keep.Said = false // of no meaning here
		}
		w.clocks[key] = c
	}
	return c
}

// version sees to it that yeses to a version can be judged.
func (w *writer) version(id policy.VersionID) {
	symbol := int(w.symbols.of(string(id)))
	if symbol < len(w.root.versions) && w.root.versions[symbol] != 0 {
		return
	}
	versions := make([]uint16, max(symbol+1, len(w.root.versions)))
	copy(versions, w.root.versions)
	covers := slices.Clone(w.root.covers)
	if len(covers) == 0 {
		covers = append(covers, nil) // no version has the place 0
	}
	versions[symbol] = uint16(len(covers))
	w.root.covers = append(covers, w.coversOf(id))
	w.root.versions, w.changed = versions, true
}

// coversOf gives what a version covers of each purpose of the plan.
func (w *writer) coversOf(id policy.VersionID) []cover {
	var v *policy.Version
	if w.rules.Version != nil {
		v = w.rules.Version(id)
	}
	list := make([]cover, len(w.root.plan.purposes))
	for _, u := range w.root.plan.purposes {
		list[u.number] = u.covers(v)
	}
	return list
}

// set gives the number of a shape's set with a mask; setElsewhere where all
// numbers are taken.
func (w *writer) set(shape uint32, mask uint64) uint32 {
	for n := w.shapes[shape].first; n != 0; n = w.sets[n].next {
		if w.root.sets[n].mask == mask {
			return n
		}
	}
	w.pinned = shape
	number, ok := w.number()
	if !ok {
		return setElsewhere
	}
	w.sets[number] = made{shape: shape, next: w.shapes[shape].first, taken: true}
	w.shapes[shape].first = number
	w.make(number, mask)
	return number
}

// number gives one that no set has.
func (w *writer) number() (uint32, bool) {
	if len(w.free) == 0 && len(w.sets) == len(w.root.sets) {
		w.reclaim()
	}
	if n := len(w.free); n > 0 {
		number := w.free[n-1]
		w.free = w.free[:n-1]
		return number, true
	}
	if len(w.sets) == len(w.root.sets) {
		if len(w.sets) >= w.mostSets {
			return 0, false
		}
		w.room(min(max(firstSets, len(w.sets)*3/2), w.mostSets))
	}
	w.sets = append(w.sets, made{})
	return uint32(len(w.sets) - 1), true
}

// reclaim frees the numbers that no word has, where they are many. Rows are
// copied, so that a read that still follows the old root finds what it knew.
// While nobody reads a Loader may come back to any shape.
func (w *writer) reclaim() {
	if w.table == nil {
		return
	}
	idle := 0
	for _, s := range w.sets[setElsewhere+1:] {
		if s.uses == 0 {
			idle++
		}
	}
	if idle < len(w.sets)/4 {
		return
	}
	w.room(len(w.root.sets))
	for n := setElsewhere + 1; n < len(w.sets); n++ {
		if w.sets[n].taken && w.sets[n].uses == 0 {
			w.drop(uint32(n))
		}
	}
}

// drop unmakes a set, and its shape where that was the last.
func (w *writer) drop(number uint32) {
	s := &w.shapes[w.sets[number].shape]
	if s.first == number {
		s.first = w.sets[number].next
	} else {
		before := s.first
		for w.sets[before].next != number {
			before = w.sets[before].next
		}
		w.sets[before].next = w.sets[number].next
	}
	if s.first == 0 && w.sets[number].shape != w.pinned {
		delete(w.numbers, s.content)
		w.gone = append(w.gone, w.sets[number].shape)
		*s = shape{}
	}
	w.sets[number] = made{}
	w.free = append(w.free, number)
}

// plan judges everything by other rules.
func (w *writer) plan(rules Rules) {
	w.rules = rules
	w.root.plan = newPlan(rules, w.symbols)
	covers := make([][]cover, len(w.root.covers))
	for symbol, place := range w.root.versions {
		if place != 0 {
			covers[place] = w.coversOf(policy.VersionID(w.symbols.names[symbol]))
		}
	}
	w.root.covers, w.root.rows = covers, nil
	w.noEntries()
	w.room(len(w.root.sets))
	for number, s := range w.sets {
		if s.taken {
			w.make(uint32(number), w.root.sets[number].mask)
		}
	}
}

// Sets gives how many sets of permissions the identifiers share.
func (t *Table) Sets() int {
	t.writing.Lock()
	defer t.writing.Unlock()
	return len(t.writer.sets) - len(t.writer.free) - setElsewhere
}
