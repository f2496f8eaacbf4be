package table

import (
	"encoding/binary"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
)

// content is a profile in few bytes, names as numbers: what profiles are
// compared by, judged from, and read from when the times themselves count.
//
//	flags, kind
//	count, named …; count, objected …; count, overruled …
//	anchors; count, terms: anchor, months, seconds, offset …
//	answers until the end: purpose · 2 (+ 1: recipient), voices: word, [kind], [policy, term]
//
// Numbers are unsigned varints, the offset a signed one. Equal profiles have
// equal contents under the same symbols.
type content string

// Flags of a content.
const (
	flagKnown = 1 << iota
	flagErased
	flagRestricted
	flagChild
	flagGPC
)

// A word of a voice, from the lowest bit: its status (3), its signal, its role
// (2), and whether it is the last one for its key.
const (
	wordNotAsked = iota
	wordGiven
	wordRefused
	wordWithdrawn
	wordPending
	wordStatus = 7
	wordGPC    = 1 << 3
	wordRole   = 4
	wordLast   = 1 << 6
)

var words = map[consent.Status]byte{
	consent.NotAsked: wordNotAsked, consent.StatusGiven: wordGiven, consent.StatusRefused: wordRefused,
	consent.StatusGone: wordWithdrawn, consent.StatusPending: wordPending,
}

func (s *symbols) content(p Profile) content {
	var flags byte
	for i, is := range []bool{p.Known, p.Erased, p.Restricted, p.Child, p.GPC} {
		if is {
			flags |= 1 << i
		}
	}
	b := s.name([]byte{flags}, p.Kind)
	for _, list := range [][]string{p.Named, p.Objected, p.Overruled} {
		b = number(b, len(list))
		for _, n := range s.all(list) {
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	b = p.clock(b)
	for _, a := range p.Answers {
		b = s.answers(b, a)
	}
	return content(b)
}

// clock appends what a profile says of times.
func (p Profile) clock(b []byte) []byte {
	b = number(number(b, p.Anchors), len(p.Terms))
	for _, t := range p.Terms {
		b = number(number(b, t.Anchor), t.Keep.Months)
		b = binary.AppendVarint(binary.AppendUvarint(b, uint64(t.Keep.Seconds)), int64(t.Offset))
	}
	return b
}

func (s *symbols) answers(b []byte, a Answers) []byte {
	if len(a.Voices) == 0 {
		return b // nothing was said
	}
	purpose := 2 * int(s.of(a.Key.Purpose))
	if a.Key.Recipient == "" {
		b = number(b, purpose)
	} else {
		b = s.name(number(b, purpose+1), a.Key.Recipient)
	}
	for i, v := range a.Voices {
		word := words[v.Status] | byte(v.Role)<<wordRole
		if v.GPC {
			word |= wordGPC
		}
		if i == len(a.Voices)-1 {
			word |= wordLast
		}
		b = append(b, word)
		if v.Role == Linked {
			b = s.name(b, v.Kind)
		}
		if v.Status == consent.StatusGiven {
			b = number(s.name(b, string(v.Policy)), v.Term)
		}
	}
	return b
}

func (s *symbols) name(b []byte, name string) []byte { return number(b, int(s.of(name))) }

func number(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

// cursor reads on in a content.
type cursor struct{ rest string }

func (c *cursor) byte() byte {
	b := c.rest[0]
	c.rest = c.rest[1:]
	return b
}

func (c *cursor) next() uint64 {
	var n uint64
	for shift := 0; ; shift += 7 {
		b := c.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
}

func (c *cursor) signed() int64 {
	n := c.next()
	return int64(n>>1) ^ -int64(n&1)
}

// list skips a list of numbers and tells whether it has one of them, and any.
func (c *cursor) list(want uint32) (found, any bool) {
	n := c.next()
	for range n {
		if c.next() == uint64(want) {
			found = true
		}
	}
	return found, n > 0
}

// key reads the key of the voices that follow.
func (c *cursor) key() answered {
	p, to := c.next(), uint64(0)
	if p%2 == 1 {
		to = c.next() + 1
	}
	return answered{uint32(p / 2), uint32(to)}
}

func (c *cursor) term() Term {
	t := Term{Anchor: int(c.next()), Keep: policy.Duration{Months: int(c.next()), Seconds: int64(c.next())}}
	t.Offset = time.Duration(c.signed())
	return t
}

// facts are what a content says ahead of its answers, as far as one purpose goes.
type facts struct {
	flags                      byte
	kind                       uint32
	named, objected, overruled bool
	listed                     bool // any purpose is named or objected to
	anchors                    int
	terms                      cursor // at their count
	answers                    cursor
}

// open reads a content up to its answers.
func (c content) open(purpose uint32) facts {
	r := cursor{string(c)}
	f := facts{flags: r.byte(), kind: uint32(r.next())}
	var named, objected bool
	f.named, named = r.list(purpose)
	f.objected, objected = r.list(purpose)
	f.overruled, _ = r.list(purpose)
	f.listed = named || objected
	f.anchors = int(r.next())
	f.terms = r
	for range r.next() {
		r.term()
	}
	f.answers = r
	return f
}

func (f *facts) has(flag byte) bool { return f.flags&flag != 0 }

// end gives when one term ends.
func (f *facts) end(term int, anchors []int64) int64 {
	r := f.terms
	r.next()
	for range term {
		r.term()
	}
	return r.term().end(anchors)
}

// voice is a Voice with its names as numbers.
type voice struct {
	role   Role
	kind   uint32
	status byte
	gpc    bool
	policy uint32
	term   int
}

// voice reads the next voice for a key; more is whether another one follows.
func (c *cursor) voice() (v voice, more bool) {
	w := c.byte()
	v = voice{role: Role(w >> wordRole & 3), status: w & wordStatus, gpc: w&wordGPC != 0}
	if v.role == Linked {
		v.kind = uint32(c.next())
	}
	if v.status == wordGiven {
		v.policy, v.term = uint32(c.next()), int(c.next())
	}
	return v, w&wordLast == 0
}

// voices gives a cursor at the voices for a key; false where there are none.
// recipient is a symbol + 1, or 0 for the purpose itself.
func (f *facts) voices(purpose, recipient uint32) (cursor, bool) {
	r := f.answers
	for r.rest != "" {
		if r.key() == (answered{purpose, recipient}) {
			return r, true
		}
		for more := true; more; {
			_, more = r.voice()
		}
	}
	return r, false
}
