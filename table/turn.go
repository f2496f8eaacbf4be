package table

import (
	"slices"
	"time"
)

// Turn notes the yeses that have ended by now and gives the time at which to
// call it next. Called late or not at all it costs speed, never a wrong answer.
// It may take long where very many end at once; reads go on meanwhile.
func (t *Table) Turn(now time.Time) time.Time {
	t.writing.Lock()
	defer t.writing.Unlock()
	return time.Unix(0, t.writer.turn(nanos(now))).UTC()
}

// How far ahead ends are looked for at first and at most, how many are kept at
// most, and how many lines are looked at in one Turn that is not pressed.
const (
	firstWindow = int64(time.Hour)
	mostWindow  = 30 * 24 * int64(time.Hour)
	mostEnds    = 1 << 18
	sweepLines  = 1 << 13
	sweepPause  = int64(time.Millisecond)
)

// end is when the next yes of a word ends.
type end struct {
	at      int64
	segment uint32
	h       uint64
}

// sweep is the look at all words for those whose yes ends before target.
type sweep struct {
	on            bool
	target        int64
	segment, line int
}

// again begins a segment anew that was written anew under the sweep.
func (s *sweep) again(segment int) {
	if s.on && s.segment == segment {
		s.line = 0
	}
}

// reach is up to when ends are gathered now.
func (w *writer) reach() int64 {
	if w.sweep.on {
		return max(w.horizon, w.sweep.target)
	}
	return w.horizon
}

// expect gathers an end, and closes the window of the root before it.
func (w *writer) expect(at int64, segment, h uint64) {
	if at >= w.reach() {
		return
	}
	w.ends.push(end{at, uint32(segment), h})
	if len(w.ends) > w.mostEnds {
		w.shorten()
	}
	w.narrow()
}

// narrow closes the window of the root before the next end that is expected.
func (w *writer) narrow() {
	until := w.horizon
	if len(w.ends) > 0 {
		until = min(until, w.ends[0].at)
	}
	if until < w.root.until {
		w.root.until, w.changed = until, true
	}
}

// shorten gives up the later half of the ends: they will be found again.
func (w *writer) shorten() {
	slices.SortFunc(w.ends, compareEnds)
	limit := w.ends[len(w.ends)/2].at
	w.ends = slices.Clip(slices.DeleteFunc(w.ends, func(e end) bool { return e.at >= limit }))
	if w.sweep.on && limit > w.horizon {
		w.sweep.target = limit
		return
	}
	w.horizon, w.sweep.on = limit, false
}

func (w *writer) turn(now int64) int64 {
	if now >= w.root.until {
		w.pass(now)
	} else if !w.sweep.on && now > w.horizon-w.window/2 {
		w.sweep = sweep{on: true, target: w.horizon + w.window}
	}
	if w.sweep.on {
		w.look(now, sweepLines)
	}
	if w.sweep.on {
		return now + sweepPause
	}
	return max(now+1, min(w.root.until, w.horizon-w.window/2+1))
}

// pass moves the window of the root on to a time. While it does, reads look at
// the times themselves.
func (w *writer) pass(now int64) {
	w.root.from, w.root.until, w.changed = now, now, true
	w.change(func() {})
	for len(w.ends) > 0 && w.ends[0].at <= now {
		e := w.ends.pop()
		g := &w.root.segments[e.segment]
		if at, found, _ := g.locate(e.h); found {
			w.visit(uint64(e.segment), at, now)
		}
	}
	for now >= w.horizon {
		w.sweep = sweep{on: true, target: now + w.window}
		for w.sweep.on {
			w.look(now, sweepLines)
		}
	}
	w.root.until = w.horizon
	w.narrow()
	w.changed = true
	w.change(func() {})
}

// look goes on with the sweep for some lines.
func (w *writer) look(now int64, lines int) {
	s := &w.sweep
	if s.segment == len(w.root.segments) {
		w.found()
		return
	}
	g := &w.root.segments[s.segment]
	segment := uint64(s.segment)
	g.places(s.line, lines, func(at place) { w.visit(segment, at, now) })
	if s.line += lines; s.line >= len(g.lines) {
		s.segment, s.line = s.segment+1, 0
	}
}

// found ends a sweep: the horizon moves on.
func (w *writer) found() {
	switch n := len(w.ends); {
	case n < w.mostEnds/16:
		w.window = min(2*w.window, mostWindow)
	case n > w.mostEnds/2:
		w.window = max(w.window/2, int64(time.Second))
	}
	w.horizon, w.sweep.on = w.sweep.target, false
	w.root.until, w.changed = w.horizon, true
	w.narrow()
	w.change(func() {})
}

// visit notes at a place which yeses have ended, and when the next does.
func (w *writer) visit(segment uint64, at place, now int64) {
	g := &w.root.segments[segment]
	set := g.setAt(at)
	if set == setElsewhere || len(w.shapes[w.sets[set].shape].clock.terms) == 0 {
		return
	}
	_, c, times := w.known(g, at)
	mask, next := c.ended(times, now, w.reach())
	if mask != w.root.sets[set].mask {
		w.flip(segment, at, w.set(w.sets[set].shape, mask))
	}
	w.expect(next, segment, g.number(at))
}

// flip gives a word the set of the same shape at a later time.
func (w *writer) flip(segment uint64, at place, set uint32) {
	g := &w.root.segments[segment]
	if set == setElsewhere {
		w.change(func() { w.setApart(segment, at) })
		return
	}
	w.sets[set].uses++
	w.sets[g.setAt(at)].uses--
	w.change(func() { g.set(at, set) })
}

// ends is a heap of ends, the next one first.
type ends []end

func compareEnds(a, b end) int {
	switch {
	case a.at < b.at:
		return -1
	case a.at > b.at:
		return 1
	}
	return 0
}

func (e *ends) push(x end) {
	*e = append(*e, x)
	h := *e
	for i := len(h) - 1; i > 0 && h[i].at < h[(i-1)/2].at; i = (i - 1) / 2 {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
	}
}

func (e *ends) pop() end {
	h := *e
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < last; c++ {
			if h[c].at < h[least].at {
				least = c
			}
		}
		if least == i {
			break
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
	*e = h
	return top
}
