// Package table answers "may this data of this subject be used for this
// purpose, or shared with this recipient, now?" from memory, in nanoseconds and
// without an allocation, exactly as decision.Decide does.
//
// An identifier is found by a keyed tag of its normal form. What is known of it
// is a Profile, which says nothing of when a yes ends, so that many identifiers
// share one; and the times that are its own. Profiles are judged against the
// policy in force beforehand, one row each. A question reads one cache line of
// the table and one word of a row.
//
// Reads take no lock. Everything they follow hangs on one root that is never
// changed, only replaced; a read that finds another root when it is done begins
// anew. The one exception is the moment between the end of a yes and the Turn
// that notes it: then the times themselves are read, under a lock, so that no
// yes is told at or after its end however late Turn comes.
//
// Writers are serialised. When a call that writes has returned, no later read
// sees what was before it.
package table

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// Rules is what the answers of everybody depend on. Values are read, never
// written; Version and Forbidden are called by the writer alone.
type Rules struct {
	Policy    *policy.Version                             // in force; nil: no purpose is known
	Version   func(policy.VersionID) *policy.Version      // any version ever published; nil if unknown
	Suspended map[string]bool                             // recipients not in good standing
	Forbidden func(purpose string, p policy.Purpose) bool // a regime forbids it; nil: none does
}

// Answer is the decision and why.
type Answer struct {
	Allowed bool
	Reason  decision.Reason
}

// Table is a decision table. Make one with New. Decide and Question are safe
// for concurrent use with everything; so are the calls that write.
type Table struct {
	root  atomic.Pointer[root]
	fresh atomic.Int64 // since base; beyond it every answer is stale
	until atomic.Int64 // the same by the wall clock, in Unix nanoseconds
	key   Key
	base  time.Time

	suppressed atomic.Pointer[suppressed] // nil: nobody is told of

	cold    sync.RWMutex // times and exceptions: held by writers while they change them, by reads that need them
	writing sync.Mutex   // one writer at a time; guards what follows
	writer  *writer
}

// New gives an empty table: whoever is asked for is unknown to it. Tags are
// made under key.
func New(key Key, rules Rules, now time.Time) *Table {
	t := &Table{key: key, base: time.Now()}
	t.fresh.Store(math.MaxInt64)
	t.install(newWriter(rules, 0, nanos(now)))
	return t
}

// install makes what a writer holds the table's own, at once for all reads.
func (t *Table) install(w *writer) {
	t.cold.Lock()
	defer t.cold.Unlock()
	t.writer, w.table = w, t
	w.changed = true
	w.publish()
}

// Decide answers a question about an identifier in normal form at a time. It
// does not allocate. Data named in the question may not be changed meanwhile.
func (t *Table) Decide(id subject.ID, q decision.Question, now time.Time) Answer {
	if t.stale(now) {
		return answers[codeStale]
	}
	tag, at := t.key.Tag(id), nanos(now)
	var a ask
	for {
		r := t.root.Load()
		s := r.spot(tag)
		r.plan.understand(&q, &a)
		if c, ok := t.answer(r, &a, tag, s, at); ok {
			if t.hides(c) && t.gone(id) {
				return t.Decide(nobodyErased, q, now)
			}
			return answers[c]
		}
	}
}

// StaleAfter sets the time at and after which every answer is stale: the bound
// of a replica. Where both times were read from the clock of this process the
// monotonic clock counts, which nobody sets, and the wall clock as well, which goes
// on while the machine sleeps. The zero time lifts it.
func (t *Table) StaleAfter(at time.Time) {
	if at.IsZero() {
		t.fresh.Store(math.MaxInt64)
		return
	}
	t.until.Store(nanos(at))
	t.fresh.Store(int64(at.Sub(t.base)))
}

func (t *Table) stale(now time.Time) bool {
	bound := t.fresh.Load()
	return bound != math.MaxInt64 && (int64(now.Sub(t.base)) >= bound || nanos(now) >= t.until.Load())
}

// Stale reports whether every answer at a time is stale.
func (t *Table) Stale(now time.Time) bool { return t.stale(now) }

// InForce gives the policy by which answers are given now; nil for none.
func (t *Table) InForce() *policy.Version { return t.root.Load().plan.version }

// DecideBy is Decide, and says by which policy.
func (t *Table) DecideBy(id subject.ID, q decision.Question, now time.Time) (Answer, *policy.Version) {
	for {
		v := t.InForce()
		a := t.Decide(id, q, now)
		if t.InForce() == v {
			return a, v
		}
	}
}

// Tag gives the tag of an identifier in normal form under the table's key.
func (t *Table) Tag(id subject.ID) Tag { return t.key.Tag(id) }

// answer judges one question by one root; false where that was replaced meanwhile.
func (t *Table) answer(r *root, a *ask, tag Tag, s spot, now int64) (code, bool) {
	if a.fixed != codeNone {
		return a.fixed, true
	}
	if now < r.from || now >= r.until {
		return t.exactly(r, a, tag, now)
	}
	set := s.find()
	switch {
	case t.root.Load() != r: // then the set may be one that r does not know
		return 0, false
	case set == setElsewhere:
		return t.exactly(r, a, tag, now)
	}
	return r.verdict(a, set), true
}
