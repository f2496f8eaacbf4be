package main

import (
	"fmt"
	"math/bits"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// Layouts that were tried for the table, cut down to what a read does: from a
// tag to what is known of it. Each keeps a set and a time for every tag; what
// the design note says of them is measured here.

// layout holds a word for each tag; 0 is none.
type layout interface {
	put(tag table.Tag, value uint64)
	get(tag table.Tag) uint64
}

// whole: open addressing over the whole tag, 24 bytes.
type whole struct{ slots [][3]uint64 }

func (l *whole) home(tag table.Tag) int {
	at, _ := bits.Mul64(tag.Hi, uint64(len(l.slots)))
	return int(at)
}

func (l *whole) put(tag table.Tag, value uint64) {
	at := l.home(tag)
	for l.slots[at][2] != 0 {
		at = (at + 1) % len(l.slots)
	}
	l.slots[at] = [3]uint64{tag.Hi, tag.Lo, value}
}

func (l *whole) get(tag table.Tag) uint64 {
	for at := l.home(tag); ; {
		s := &l.slots[at]
		v := atomic.LoadUint64(&s[2])
		if v == 0 || atomic.LoadUint64(&s[0]) == tag.Hi && atomic.LoadUint64(&s[1]) == tag.Lo {
			return v
		}
		if at++; at == len(l.slots) {
			at = 0
		}
	}
}

// half: open addressing over 64 bits of the tag, 12 bytes; the set in 32 bits, no time.
type half struct{ slots [][3]uint32 }

func (l *half) home(tag table.Tag) int {
	at, _ := bits.Mul64(tag.Hi, uint64(len(l.slots)))
	return int(at)
}

func (l *half) put(tag table.Tag, value uint64) {
	at := l.home(tag)
	for l.slots[at][2] != 0 {
		at = (at + 1) % len(l.slots)
	}
	l.slots[at] = [3]uint32{uint32(tag.Lo), uint32(tag.Lo >> 32), uint32(value)}
}

func (l *half) get(tag table.Tag) uint64 {
	for at := l.home(tag); ; {
		s := &l.slots[at]
		v := atomic.LoadUint32(&s[2])
		if v == 0 || atomic.LoadUint32(&s[0]) == uint32(tag.Lo) && atomic.LoadUint32(&s[1]) == uint32(tag.Lo>>32) {
			return uint64(v)
		}
		if at++; at == len(l.slots) {
			at = 0
		}
	}
}

// pairs: buckets of two cache lines. Nine tags each: 16 bits of every tag in
// the first two and a half words, compared four at once, then 32 more; set and
// time in a word of the second line. Lanes: a word's first is left free.
type pairs struct{ buckets [][16]uint64 }

const (
	ones  = 0x0001_0001_0001_0001
	highs = 0x8000_8000_8000_8000
)

func (l *pairs) home(tag table.Tag) int {
	at, _ := bits.Mul64(tag.Hi, uint64(len(l.buckets)))
	return int(at)
}

func (l *pairs) rest(b *[16]uint64, slot int) uint32 {
	if slot == 8 {
		return uint32(atomic.LoadUint64(&b[2]) >> 32)
	}
	return uint32(atomic.LoadUint64(&b[3+slot/2]) >> (32 * uint(slot&1)))
}

func (l *pairs) put(tag table.Tag, value uint64) {
	for at := l.home(tag); ; at = (at + 1) % len(l.buckets) {
		b := &l.buckets[at]
		for slot := range 9 {
			if b[7+slot] != 0 {
				continue
			}
			b[(slot+1)/4] |= (tag.Lo>>48 | 1) << (16 * uint((slot+1)%4))
			if slot == 8 {
				b[2] |= tag.Lo << 32
			} else {
				b[3+slot/2] |= tag.Lo & (1<<32 - 1) << (32 * uint(slot&1))
			}
			b[7+slot] = value
			return
		}
	}
}

func (l *pairs) get(tag table.Tag) uint64 {
	short, rest := tag.Lo>>48|1, uint32(tag.Lo)
	for at := l.home(tag); ; {
		b := &l.buckets[at]
		atomic.LoadUint64(&b[12]) // has the second line fetched
		for w := range 3 {
			x := atomic.LoadUint64(&b[w]) ^ short*ones
			for hits := (x - ones) &^ x & highs; hits != 0; hits &= hits - 1 {
				slot := 4*w + bits.TrailingZeros64(hits)/16 - 1
				if slot >= 0 && slot < 9 && l.rest(b, slot) == rest {
					return atomic.LoadUint64(&b[7+slot])
				}
			}
		}
		if atomic.LoadUint64(&b[15]) == 0 {
			return 0
		}
		if at++; at == len(l.buckets) {
			at = 0
		}
	}
}

// lines: what the table does. Eight words of one cache line, each 45 bits of
// the tag and 19 of the set; times beside, in five bytes, read or not.
type lines struct {
	hot   [][8]uint64
	times [][8][5]byte
	read  bool
}

func (l *lines) home(tag table.Tag) int {
	at, _ := bits.Mul64(tag.Hi, uint64(len(l.hot)))
	return int(at)
}

func (l *lines) put(tag table.Tag, value uint64) {
	for at := l.home(tag); ; at = (at + 1) % len(l.hot) {
		for i, w := range l.hot[at] {
			if w == 0 {
				l.hot[at][i] = tag.Lo&^(1<<19-1) | value&(1<<19-1)
				l.times[at][i][0] = byte(value) & 0x7f
				return
			}
		}
	}
}

func (l *lines) get(tag table.Tag) uint64 {
	for at := l.home(tag); ; {
		for i := range l.hot[at] {
			w := atomic.LoadUint64(&l.hot[at][i])
			if w == 0 {
				return 0
			}
			if (w^tag.Lo)>>19 == 0 {
				if l.read && l.times[at][i][0] == 0xff {
					return 0 // has ended
				}
				return w & (1<<19 - 1)
			}
		}
		if at++; at == len(l.hot) {
			at = 0
		}
	}
}

// huge asks for huge pages under a slice that was not written yet.
func huge[T any](list []T) []T {
	const page = 2 << 20
	b := unsafe.Slice((*byte)(unsafe.Pointer(&list[0])), len(list)*int(unsafe.Sizeof(list[0])))
	if skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (page - 1); len(b) >= skip+page {
		b = b[skip : skip+(len(b)-skip)/page*page]
		_, _ = syscall.Madvise(b, 14), syscall.Madvise(b, 25)
	}
	return list
}

func layouts() {
	n := *people
	a := ask(n, manyAsked)
	var entrants []*entrant
	for _, t := range []struct {
		name string
		mk   func() layout
	}{
		{"whole tag, 24 bytes, 80 % full", func() layout { return &whole{make([][3]uint64, n*5/4)} }},
		{"  in huge pages", func() layout { return &whole{huge(make([][3]uint64, n*5/4))} }},
		{"half the tag, 12 bytes, no time, 80 % full", func() layout { return &half{make([][3]uint32, n*5/4)} }},
		{"  in huge pages", func() layout { return &half{huge(make([][3]uint32, n*5/4))} }},
		{"pairs of lines, 16 bits at once, 90 % full", func() layout { return &pairs{make([][16]uint64, n*10/81)} }},
		{"  in huge pages", func() layout { return &pairs{huge(make([][16]uint64, n*10/81))} }},
		{"one line, times beside and read, 91 % full", func() layout {
			return &lines{huge(make([][8]uint64, n*100/(8*91))), huge(make([][8][5]byte, n*100/(8*91))), true}
		}},
		{"one line, times beside, 91 % full", func() layout {
			return &lines{make([][8]uint64, n*100/(8*91)), make([][8][5]byte, n*100/(8*91)), false}
		}},
		{"  in huge pages", func() layout {
			return &lines{huge(make([][8]uint64, n*100/(8*91))), make([][8][5]byte, n*100/(8*91)), false}
		}},
	} {
		l, weight := weigh(n, t.mk)
		for i := range n {
			l.put(key.Tag(subject.ID(name(i))), uint64(i%4000+1))
		}
		entrants = append(entrants, &entrant{name: t.name, questions: 1 << 20, bytes: weight, run: func(a asked, from, count int) int {
			sum := uint64(0)
			for i := from; i < from+count; i++ {
				sum += l.get(key.Tag(subject.ID(a.ids[i])))
			}
			return int(sum)
		}})
	}
	compare(entrants, a)
	fmt.Printf("\nlayouts: from an identifier's name to its set, %d identifiers, uniform, %s\n", n, time.Now().Format(time.DateOnly))
	report(entrants, entrants[len(entrants)-1])
}
