package table

import (
	"slices"
	"time"
	"unsafe"
)

// Put notes what is known of an identifier from now on: its profile, and the
// times that go with it, which are not kept. fresh says that the tag was never
// put before: only so can two identifiers be told apart whose tags agree in all
// that a word of the table holds. A fresh Put of a tag that was put before
// costs speed, no more; a Put that is not fresh, of one that never was, is right
// but for that chance.
func (t *Table) Put(tag Tag, p Profile, times []int64, fresh bool) {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.writer.put(tag, t.writer.shape(p), times, fresh)
}

// Remove makes an identifier unknown that was put.
func (t *Table) Remove(tag Tag) {
	t.writing.Lock()
	defer t.writing.Unlock()
	g, h := t.writer.root.part(tag)
	if _, found, room := g.locate(h); found || !room {
		t.writer.put(tag, t.writer.shape(Profile{}), nil, false)
	}
}

// Rule makes other rules hold, for everybody at once: another policy in force,
// a recipient suspended, a law, a version published. Reads go on by the old
// rules until all is judged anew.
func (t *Table) Rule(rules Rules) {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.writer.plan(rules)
	t.writer.change(func() {})
}

// put is Put for a shape.
func (w *writer) put(tag Tag, shape uint32, times []int64, fresh bool) {
	w.grow(tag)
	g, h := w.root.part(tag)
	at, found, room := g.locate(h)
	switch {
	case !found && !room:
		w.homeless[numbered{tag.Hi >> w.root.shift, h}] = true
		w.change(func() { w.except(tag, shape, times) })
	case !found:
		w.insert(tag, at, h, shape, times)
	case g.setAt(at) == setElsewhere:
		w.change(func() { w.except(tag, shape, times) })
	case fresh:
		w.change(func() {
			w.setApart(tag.Hi>>w.root.shift, at)
			w.except(tag, shape, times)
		})
	default:
		w.replace(tag, at, h, shape, times)
	}
}

// except keeps a tag apart. cold is held.
func (w *writer) except(tag Tag, shape uint32, times []int64) {
	w.root.byTag[tag] = exception{w.shapes[shape].content, slices.Clone(times)}
}

// setApart moves what stands at a place apart, under all that is known of its
// tag. cold is held.
func (w *writer) setApart(number uint64, at place) {
	w.setApartIn(&w.root.segments[number], number, at)
}

func (w *writer) setApartIn(g *segment, number uint64, at place) {
	set, _, times := w.known(g, at)
	w.root.byNumber[numbered{number, g.number(at)}] = exception{w.root.sets[set].content, slices.Clone(times)}
	w.leave(g, at)
	g.set(at, setElsewhere)
}

// known gives what stands at a place that is not set apart.
func (w *writer) known(g *segment, at place) (set uint32, c *clock, times []int64) {
	set = g.setAt(at)
	c = w.shapes[w.sets[set].shape].clock
	return set, c, w.root.timesAt(g, at, c.anchors, new([1]int64))
}

// leave gives up the set and the times at a place.
func (w *writer) leave(g *segment, at place) {
	set := g.setAt(at)
	if set == setElsewhere {
		return
	}
	w.sets[set].uses--
	if n := w.shapes[w.sets[set].shape].clock.anchors; n > 1 {
		w.root.release(n, g.time(at))
	}
}

// insert writes a word for a tag that has none.
func (w *writer) insert(tag Tag, at place, h uint64, shape uint32, times []int64) {
	set := w.choose(tag, h, shape, times)
	w.counts[tag.Hi>>w.root.shift]++
	w.change(func() {
		delete(w.root.byTag, tag)
		if set == setElsewhere {
			w.except(tag, shape, times)
		}
		w.root.segments[tag.Hi>>w.root.shift].put(at, h, set, w.word(set, times))
	})
}

// replace writes another set to the word of a tag.
func (w *writer) replace(tag Tag, at place, h uint64, shape uint32, times []int64) {
	set := w.choose(tag, h, shape, times)
	w.change(func() {
		g := &w.root.segments[tag.Hi>>w.root.shift]
		w.leave(g, at)
		if set == setElsewhere {
			w.except(tag, shape, times)
		}
		g.setTime(at, w.word(set, times))
		g.set(at, set)
	})
}

// choose gives the set of a shape at these times, and sees to it that the end
// of a yes will be noted. The set counts as used.
func (w *writer) choose(tag Tag, h uint64, shape uint32, times []int64) uint32 {
	c := w.shapes[shape].clock
	if !c.fits(times) {
		return setElsewhere
	}
	mask, next := c.ended(times, w.root.from, w.reach())
	set := w.set(shape, mask)
	if set != setElsewhere {
		w.sets[set].uses++
		w.expect(next, tag.Hi>>w.root.shift, h)
	}
	return set
}

// word gives what stands beside a word for its times. cold is held.
func (w *writer) word(set uint32, times []int64) uint64 {
	switch {
	case set == setElsewhere || len(times) == 0:
		return 0
	case len(times) == 1:
		return uint64(times[0] - epoch)
	}
	return w.root.keep(times)
}

// grow makes room for a tag where its segment is full: all of it is written
// anew, an eighth larger, while reads go on in the old one.
func (w *writer) grow(tag Tag) {
	number := tag.Hi >> w.root.shift
	old := &w.root.segments[number]
	if w.counts[number] < len(old.lines)*8*growLoad/100 {
		return
	}
	lines := make([]line, len(old.lines)*9/8&^1)
	advise(lines)
	next := newSegment(lines, w.root.width)
	var left []place // without a word in next
	old.places(0, len(old.lines), func(at place) {
		h := old.number(at)
		if to, found, room := next.locate(h); !found && room {
			next.put(to, h, old.setAt(at), old.time(at))
		} else {
			left = append(left, at)
		}
	})
	w.change(func() { w.leftOver(number, &next, left) })
	w.counts[number] -= len(left)
	w.root.segments = slices.Clone(w.root.segments)
	w.root.segments[number], w.changed = next, true
	w.change(func() {})
	w.sweep.again(int(number))
}

// leftOver sees to what a segment has no word for: it is kept apart, and so is
// what has a word that cannot be told from it. What had no word before and may
// have one now is given one, for a read to find. cold is held.
func (w *writer) leftOver(number uint64, next *segment, left []place) {
	old := &w.root.segments[number]
	for _, at := range left {
		if old.setAt(at) != setElsewhere {
			w.setApart(number, at)
		}
		w.homeless[numbered{number, old.number(at)}] = true
	}
	for n := range w.homeless {
		if n.segment != number {
			continue
		}
		switch at, found, room := next.locate(n.h); {
		case found && next.setAt(at) != setElsewhere:
			w.setApartIn(next, number, at)
			delete(w.homeless, n)
		case found:
			delete(w.homeless, n)
		case room:
			next.put(at, n.h, setElsewhere, 0)
			w.counts[number]++
			delete(w.homeless, n)
		}
	}
}

// Loader fills a table anew while its readers go on in the old one.
type Loader struct {
	table *Table
	w     *writer
}

// Shape is a profile made ready for one Loader.
type Shape struct{ number uint32 }

// Loader begins to fill the table anew, for about count identifiers, under
// rules, as it will be from now on. Nothing of it can be seen before Swap.
func (t *Table) Loader(count int, rules Rules, now time.Time) *Loader {
	return &Loader{t, newWriter(rules, count, nanos(now))}
}

// Shape makes a profile ready, so that adding many identifiers with it is cheap.
func (l *Loader) Shape(p Profile) Shape { return Shape{l.w.shape(p)} }

// Near has the memory fetched that a tag will be added to.
func (l *Loader) Near(tag Tag) {
	s := l.w.root.spot(tag)
	prefetch((*line)(unsafe.Pointer(&s.beside[s.line])))
}

// Add notes an identifier: the shape of its profile and the times that go with
// it, which are not kept. Each tag is added once.
func (l *Loader) Add(tag Tag, s Shape, times []int64) { l.w.put(tag, s.number, times, true) }

// Swap makes the table answer from what was loaded, all at once. The Loader is
// of no use afterwards.
func (l *Loader) Swap() {
	l.table.writing.Lock()
	defer l.table.writing.Unlock()
	l.table.install(l.w)
}
