package table

import (
	"math/bits"
	"sync/atomic"
)

// grid finds a set by a tag: lines of eight words, each of a cache line, in
// segments by the leading bits of the tag.
//
// A segment of n lines orders its tags by the number h made of the following
// width bits: h = home·q + rest, where home is the line it belongs to and rest
// less than q. A word holds rest, how far from home it stands, and the number of
// a set: so every h can be told from where its word stands, and a segment can
// grow by itself. A time stands beside, in five bytes which no quick read needs.
//
// A line is filled from its first word on and never loses one. What finds its
// line full goes to the other one of the same pair, then to the next pair and
// so on, at most through reach lines. A word's upper part never changes once it
// is written, so that a read sees the old set or the new.
type grid struct {
	segments []segment
	shift    uint // of Tag.Hi, to the number of a segment
	width    uint // bits of h
}

type (
	// line is one cache line.
	line [8]uint64
	// beside is what stands beside a line's words.
	beside [8][5]byte
)

const (
	setBits  = 19
	setLimit = 1 << setBits
	wordSet  = setLimit - 1
	farBits  = 5 // at which try from home
	reach    = 1 << farBits
	restAt   = setBits + farBits
	restBits = 64 - restAt
	timeBits = 40
)

// segment is a part of the grid. Its slices are of equal, even length.
type segment struct {
	lines  []line
	beside []beside
	q, m   uint64 // m is about 2^64/q
}

// try gives the line that is looked at for a home at one of reach tries.
func (g *segment) try(home, try uint64) uint64 {
	at := (home &^ 1) + (try &^ 1)
	if at >= uint64(len(g.lines)) {
		at -= uint64(len(g.lines))
	}
	return at | (home^try)&1
}

// home gives the line a number belongs to, and the upper part of its word there.
func (g *segment) home(h uint64) (home, word uint64) {
	home, _ = bits.Mul64(h, g.m)
	rest := h - home*g.q
	if rest >= g.q {
		home, rest = home+1, rest-g.q
	}
	return home, rest << restAt
}

// part gives the segment of a tag and its number in it.
func (g *grid) part(tag Tag) (*segment, uint64) {
	return &g.segments[tag.Hi>>g.shift], tag.Lo >> (64 - g.width)
}

// spot is where to look for a tag.
type spot struct {
	*segment
	line, word uint64
}

// spot gives where a tag is looked for, and has its line fetched meanwhile.
func (g *grid) spot(tag Tag) spot {
	s, h := g.part(tag)
	line, word := s.home(h)
	prefetch(&s.lines[line])
	return spot{s, line, word}
}

// find gives the set of a tag. It may be called while a writer writes.
func (s spot) find() uint32 {
	at, word := s.line, s.word
	for try := uint64(1); ; try++ {
		l := &s.lines[at]
		for i := range l {
			w := atomic.LoadUint64(&l[i])
			if w-word < setLimit && w != 0 {
				return uint32(w - word)
			}
			if w == 0 {
				return setNobody
			}
		}
		if try == reach {
			return setElsewhere // if it is anywhere
		}
		at, word = s.try(s.line, try), s.word|try<<setBits
	}
}

// place is where a word stands.
type place struct {
	line uint64
	slot int
}

// locate gives the place of the word for a number, and whether there is one; if
// not, where it would go, and whether there is room within reach.
func (s *segment) locate(h uint64) (at place, found, room bool) {
	home, word := s.home(h)
	for try := range uint64(reach) {
		at := s.try(home, try)
		for i, w := range s.lines[at] {
			switch {
			case w == 0:
				return place{at, i}, false, true
			case w-(word|try<<setBits) < setLimit:
				return place{at, i}, true, false
			}
		}
	}
	return place{}, false, false
}

// number tells the number whose word stands at a place.
func (s *segment) number(at place) uint64 {
	w := s.lines[at.line][at.slot]
	try, pair := w>>setBits%reach, at.line&^1
	if try&^1 > pair {
		pair += uint64(len(s.lines))
	}
	home := pair - try&^1 | (at.line^try)&1
	return home*s.q + w>>restAt
}

// put writes a new word at a place that locate gave for h.
func (s *segment) put(at place, h uint64, set uint32, time uint64) {
	home, word := s.home(h)
	far := at.line&^1 - home&^1
	if at.line&^1 < home&^1 {
		far += uint64(len(s.lines))
	}
	s.setTime(at, time)
	atomic.StoreUint64(&s.lines[at.line][at.slot], word|(far|(at.line^home)&1)<<setBits|uint64(set))
}

// set writes the set at a place anew.
func (s *segment) set(at place, set uint32) {
	w := &s.lines[at.line][at.slot]
	atomic.StoreUint64(w, *w&^wordSet|uint64(set))
}

func (s *segment) setAt(at place) uint32 { return uint32(s.lines[at.line][at.slot] & wordSet) }

func (s *segment) time(at place) uint64 {
	b := &s.beside[at.line][at.slot]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32
}

func (s *segment) setTime(at place, t uint64) {
	b := &s.beside[at.line][at.slot]
	b[0], b[1], b[2], b[3], b[4] = byte(t), byte(t>>8), byte(t>>16), byte(t>>24), byte(t>>32)
}

// places calls do with the place of every word, in order, from a line on, until
// it has seen count lines.
func (s *segment) places(from, count int, do func(place)) {
	for l := from; l < min(from+count, len(s.lines)); l++ {
		for i, w := range s.lines[l] {
			if w == 0 {
				break
			}
			do(place{uint64(l), i})
		}
	}
}

// How full a segment is made, and when it grows, of 100 words; how many tags a
// segment is made for; and how many segments' lines are made in one piece, so
// that huge pages reach across them.
const (
	fillLoad      = 91
	growLoad      = 94
	segmentCount  = 400_000
	leastLines    = 1 << 10
	blockSegments = 16
)

// newGrid gives a grid for count tags.
func newGrid(count int) grid {
	segments := 4
	for count/segments > segmentCount {
		segments *= 2
	}
	each := count / segments
	lines := max(leastLines, (each+each/200)*100/(8*fillLoad)+2) &^ 1
	g := grid{
		segments: make([]segment, segments),
		shift:    uint(64 - bits.Len(uint(segments-1))),
		width:    min(64, restBits+uint(bits.Len(uint(lines))-1)),
	}
	for i := 0; i < segments; i += blockSegments {
		here := min(blockSegments, segments-i)
		block := make([]line, here*lines)
		advise(block)
		for j := range here {
			g.segments[i+j] = newSegment(block[j*lines:(j+1)*lines:(j+1)*lines], g.width)
		}
	}
	return g
}

// newSegment gives a segment of empty lines.
func newSegment(lines []line, width uint) segment {
	n := uint64(len(lines))
	s := segment{lines: lines, beside: make([]beside, n)}
	// q = ⌈2^width / n⌉
	if width == 64 {
		s.q = ^uint64(0)/n + 1
	} else {
		s.q = (1<<width + n - 1) / n
	}
	s.m = ^uint64(0) / s.q
	return s
}
