package table

import "sync/atomic"

// exactly answers from the times themselves: where a yes may have ended that no
// Turn has noted, and for what is kept apart. False where the root was replaced.
func (t *Table) exactly(r *root, a *ask, tag Tag, now int64) (code, bool) {
	t.cold.RLock()
	defer t.cold.RUnlock()
	if t.root.Load() != r { // it stays while cold is held
		return 0, false
	}
	l := life{exact: true, now: now}
	s, h := r.part(tag)
	at, found, room := s.locate(h)
	if !found && room {
		return r.judge(a, r.sets[setNobody].content, &l), true
	}
	number := uint32(setElsewhere)
	if found {
		number = uint32(atomic.LoadUint64(&s.lines[at.line][at.slot]) & wordSet)
	}
	if number == setElsewhere {
		e, ok := r.exception(tag)
		if !ok {
			e.content = r.sets[setNobody].content
		}
		l.times = e.times
		return r.judge(a, e.content, &l), true
	}
	var one [1]int64
	c := r.sets[number].content
	l.times = r.timesAt(s, at, c.open(0).anchors, &one)
	return r.judge(a, c, &l), true
}
