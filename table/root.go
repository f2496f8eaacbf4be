package table

import "slices"

// root is everything that a read follows. A published root is never changed,
// but for three things that a read can tell of: words of the table's lines,
// rows and sets of numbers that no word had before, and what is guarded by
// Table.cold.
type root struct {
	plan     *plan
	rows     []uint8      // of each set, for each column the place of its entry
	stride   int          // how many columns there are
	entries  *[256]uint32 // the last of them stands for all that had no place
	sets     []set        // by number
	covers   [][]cover
	versions []uint16 // by symbol: the place of a version in covers

	grid
	*apart

	// From from until before until, in Unix nanoseconds, no yes ends: there the
	// masks of the sets say which have.
	from, until int64
}

// set is a content of which some terms have ended.
type set struct {
	content content
	mask    uint64 // bit i: term i has
}

// Sets with a meaning of their own. No word has the number 0.
const (
	setNobody    = 1 // nothing is known
	setElsewhere = 2 // kept apart
)

// An entry, from the lowest bit: a code (5), its form (2), whether a
// signal in the question speaks against it, whether it covers all data; and in
// the upper half the place of its version.
const (
	formFixed = 0 << 5 // the code is the answer
	formGiven = 1 << 5 // a yes that stands, of one voice
	formMixed = 2 << 5 // else: judged from the content
	formMask  = 3 << 5

	entrySignal = 1 << 7
	entryAll    = 1 << 8
	entryPlace  = 16
)

// life says which terms have ended: by the times themselves, or by a mask.
type life struct {
	mask  uint64
	exact bool
	times []int64
	now   int64
}

func (l *life) ended(f *facts, term int) bool {
	if l.exact {
		return l.now >= f.end(term, l.times)
	}
	return l.mask&(1<<uint(term)) != 0
}

// verdict answers a question by the row of a set: steps 3 to 10.
func (r *root) verdict(a *ask, number uint32) code {
	entry := r.entry(number, a.at)
	c := code(entry & 31)
	if entry&formMask != formFixed {
		c = r.settle(a, number, entry, a.at)
	}
	if a.to.way == wayNone || !c.allowed() {
		return c
	}
	permitted := a.to.way == wayOpen
	if a.to.way == wayOwn {
		permitted = r.settle(a, number, r.entry(number, a.to.own), a.to.own) == codeGiven
	}
	return a.handOver(c, permitted)
}

func (r *root) entry(number uint32, at int) uint32 { return r.entries[r.rows[int(number)*r.stride+at]] }

// handOver is step 9.
func (a *ask) handOver(c code, permitted bool) code {
	switch {
	case !permitted:
		return codeRecipientNotPermitted
	case a.to.halted:
		return codeRecipientSuspended
	}
	return c
}

// settle turns an entry of a column into a code.
func (r *root) settle(a *ask, number uint32, entry uint32, at int) code {
	permission := at != a.at
	switch entry & formMask {
	case formFixed:
		return code(entry & 31)
	case formMixed:
		s := &r.sets[number]
		f := s.content.open(a.symbol)
		return r.column(a, &f, &r.plan.columns[at], &life{mask: s.mask})
	}
	switch {
	case a.gpc && entry&entrySignal != 0:
		return codeSignal
	case entry&entryAll != 0 && len(a.names) == 0 && (permission || a.to.inside < 0):
		return codeGiven
	case a.covered(&r.covers[entry>>entryPlace][a.number], permission):
		return codeGiven
	}
	return codeOutsideScope
}

// judge answers a question by a content and the times that go with it.
func (r *root) judge(a *ask, c content, l *life) code {
	f := c.open(a.symbol)
	got := r.column(a, &f, &r.plan.columns[a.at], l)
	if a.to.way == wayNone || !got.allowed() {
		return got
	}
	permitted := a.to.way == wayOpen
	if a.to.way == wayOwn {
		permitted = r.column(a, &f, &r.plan.columns[a.to.own], l) == codeGiven
	}
	return a.handOver(got, permitted)
}

// column gives what a content comes to for a column.
func (r *root) column(a *ask, f *facts, col *column, l *life) code {
	if c := col.settled(f); c != codeNone {
		return c
	}
	return r.hear(a, f, col, l)
}

// settled is what a column is whatever was answered; codeNone where the answers
// count. A child's permission does not.
func (c *column) settled(f *facts) code {
	if c.recipient == 0 {
		return c.before(f)
	}
	if f.has(flagChild) {
		return codeRecipientNotPermitted
	}
	return codeNone
}

// before is steps 3 to 6: what is so whatever was answered; codeNone where the
// answers count.
func (u *purpose) before(f *facts) code {
	spared := u.law || u.contract && f.named
	switch {
	case f.has(flagErased) && !spared:
		return codeErased
	case f.has(flagRestricted) && !spared:
		return codeRestricted
	case u.forbidden:
		return codeForbiddenByLaw
	case u.basis && f.objected && (u.marketing || !u.law && !f.overruled):
		return codeObjected
	case u.basis:
		return codeBasis
	case !f.has(flagKnown):
		return codeUnknownSubject
	case f.has(flagChild):
		return codeChild
	}
	return codeNone
}

// speaker says whose voices count for a key: c is at them, where there are any.
func (u *purpose) speaker(f *facts, c cursor, any bool) Role {
	if f.has(flagKnown) && slices.Contains(u.acts, f.kind) {
		return Asked
	}
	for more := any; more; {
		var v voice
		if v, more = c.voice(); v.role == Linked && slices.Contains(u.acts, v.kind) {
			return Linked
		}
	}
	return Nobody
}

// speaks reports whether a voice counts.
func (u *purpose) speaks(v voice, who Role) bool {
	return v.role == who && (who != Linked || slices.Contains(u.acts, v.kind))
}

// hear gives what the voices come to for a column: the reason that is looked
// for first among them.
func (r *root) hear(a *ask, f *facts, col *column, l *life) code {
	c, more := f.voices(col.symbol, col.recipient)
	who := col.speaker(f, c, more)
	least := codeNone
	for more {
		var v voice
		if v, more = c.voice(); col.speaks(v, who) {
			least = min(least, r.told(a, f, v, col, l))
		}
	}
	if least == codeNone {
		return codeNotAsked
	}
	return least
}

// told is steps 7 and 8 for one voice.
func (r *root) told(a *ask, f *facts, v voice, col *column, l *life) code {
	switch {
	case v.status != wordGiven:
		return codeOf(v.status)
	case l.ended(f, v.term):
		return codeExpired
	case (a.gpc || f.has(flagGPC)) && col.heeds && !v.gpc:
		return codeSignal
	case !a.covered(&r.covers[r.versions[v.policy]][col.number], col.recipient != 0):
		return codeOutsideScope
	}
	return codeGiven
}

// voiced makes the entry of a column from the voices at c, and has c read past them.
func (r *root) voiced(f *facts, c *cursor, col *column, mask uint64) uint32 {
	who := col.speaker(f, *c, true)
	voices, given, least := 0, uint32(0), codeNone
	for more := true; more; {
		var v voice
		if v, more = c.voice(); !col.speaks(v, who) {
			continue
		}
		voices++
		if e := r.heard(f, v, col, mask); e&formMask == formFixed {
			least = min(least, code(e))
		} else {
			given = e
		}
	}
	switch {
	case voices == 0:
		return uint32(codeNotAsked)
	case given == 0:
		return uint32(least)
	case voices == 1:
		return given
	}
	return formMixed
}

// heard is the entry of one voice.
func (r *root) heard(f *facts, v voice, col *column, mask uint64) uint32 {
	switch {
	case v.status != wordGiven:
		return uint32(codeOf(v.status))
	case mask&(1<<uint(v.term)) != 0:
		return uint32(codeExpired)
	case f.has(flagGPC) && col.heeds && !v.gpc:
		return uint32(codeSignal)
	}
	place := r.versions[v.policy]
	e := uint32(formGiven) | uint32(codeGiven) | uint32(place)<<entryPlace
	if col.heeds && !v.gpc {
		e |= entrySignal
	}
	if r.covers[place][col.number].all {
		e |= entryAll
	}
	return e
}
