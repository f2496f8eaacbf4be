package table

import "slices"

// apart is what no word of the grid can hold, and the times that none has room
// for. It is guarded by Table.cold.
type apart struct {
	byTag    map[Tag]exception
	byNumber map[numbered]exception // whose tag is not known any more
	slabs    map[int]*slab          // of times that go together, by their count
}

// numbered is what a word tells of its tag.
type numbered struct {
	segment uint64
	h       uint64
}

// exception is a content with its times, judged from themselves at each question.
type exception struct {
	content content
	times   []int64
}

func newApart() *apart {
	return &apart{byTag: map[Tag]exception{}, byNumber: map[numbered]exception{}, slabs: map[int]*slab{}}
}

// exception gives what is kept apart for a tag. Tags that no word can tell from
// each other are told here: all but the first by themselves.
func (r *root) exception(tag Tag) (exception, bool) {
	e, ok := r.byTag[tag]
	if !ok {
		_, h := r.part(tag)
		e, ok = r.byNumber[numbered{tag.Hi >> r.shift, h}]
	}
	return e, ok
}

// slab keeps groups of count times.
type slab struct {
	count int
	times []int64
	free  []uint64
}

func (a *apart) keep(times []int64) uint64 {
	s := a.slabs[len(times)]
	if s == nil {
		s = &slab{count: len(times)}
		a.slabs[s.count] = s
	}
	if n := len(s.free); n > 0 {
		at := s.free[n-1]
		s.free = s.free[:n-1]
		copy(s.times[int(at)*s.count:], times)
		return at
	}
	if len(s.times)+s.count > cap(s.times) {
		s.times = slices.Grow(s.times, max(1024, len(s.times)/8))
	}
	s.times = append(s.times, times...)
	return uint64(len(s.times)/s.count - 1)
}

func (a *apart) release(count int, at uint64) { a.slabs[count].free = append(a.slabs[count].free, at) }

func (a *apart) times(count int, at uint64) []int64 {
	s := a.slabs[count]
	return s.times[int(at)*count : int(at+1)*count]
}

// epoch is the first millisecond that a time beside a word can be: 2020. The
// last is in 2054.
const epoch = 1_577_836_800_000

// timesAt gives the times that go with the word at a place. one is room for them.
func (r *root) timesAt(s *segment, at place, count int, one *[1]int64) []int64 {
	switch count {
	case 0:
		return nil
	case 1:
		one[0] = int64(s.time(at)) + epoch
		return one[:]
	}
	return r.times(count, s.time(at))
}
