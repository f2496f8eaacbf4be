package feed

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/table"
)

// A profile in bytes:
//
//	count, names: length, bytes …        each name that occurs, once
//	flags, kind; three lists: count, names …
//	anchors; count, terms: anchor, months, seconds, offset …
//	count, answers: purpose, recipient + 1, count, voices: word, [kind], [policy, term] …
//
// Names are told by their place. The name of a version is the byte 0 and its 32
// bytes of hash, which no other name begins with.

// speaker gathers names while a profile is written.
type speaker struct {
	places map[string]int
	names  []string
}

func (s *speaker) place(b []byte, name string) []byte {
	n, ok := s.places[name]
	if !ok {
		n = len(s.names)
		s.places[name] = n
		s.names = append(s.names, name)
	}
	return appendInt(b, n)
}

var statuses = []consent.Status{consent.NotAsked, consent.StatusGiven, consent.StatusRefused, consent.StatusGone, consent.StatusPending}

// A voice's word, from the lowest bit: status (3), signal (1), role (2).
const (
	wordSignal = 1 << 3
	wordRole   = 4
)

func appendProfile(b []byte, p table.Profile) []byte {
	s := speaker{places: map[string]int{}}
	body := s.profile(nil, p)
	b = appendInt(b, len(s.names))
	for _, n := range s.names {
		b = appendBytes(b, packName(n))
	}
	return append(b, body...)
}

func (s *speaker) profile(b []byte, p table.Profile) []byte {
	var flags byte
	for i, is := range []bool{p.Known, p.Erased, p.Restricted, p.Child, p.GPC} {
		if is {
			flags |= 1 << i
		}
	}
	b = s.place(append(b, flags), p.Kind)
	for _, list := range [][]string{p.Named, p.Objected, p.Overruled} {
		b = appendInt(b, len(list))
		for _, n := range list {
			b = s.place(b, n)
		}
	}
	b = appendInt(appendInt(b, p.Anchors), len(p.Terms))
	for _, t := range p.Terms {
		b = appendInt(appendInt(b, t.Anchor), t.Keep.Months)
		b = appendSigned(appendInt(b, int(t.Keep.Seconds)), int64(t.Offset))
	}
	b = appendInt(b, len(p.Answers))
	for _, a := range p.Answers {
		b = s.answers(b, a)
	}
	return b
}

func (s *speaker) answers(b []byte, a table.Answers) []byte {
	b = s.place(b, a.Key.Purpose)
	b = s.place(b, a.Key.Recipient)
	b = appendInt(b, len(a.Voices))
	for _, v := range a.Voices {
		word := byte(v.Role) << wordRole
		for i, status := range statuses {
			if status == v.Status {
				word |= byte(i)
			}
		}
		if v.GPC {
			word |= wordSignal
		}
		b = append(b, word)
		if v.Role == table.Linked {
			b = s.place(b, v.Kind)
		}
		if v.Status == consent.StatusGiven {
			b = appendInt(s.place(b, string(v.Policy)), v.Term)
		}
	}
	return b
}

const versionPrefix = "sha256:"

func packName(name string) string {
	if rest, ok := strings.CutPrefix(name, versionPrefix); ok && len(rest) == 64 && strings.ToLower(rest) == rest {
		if raw, err := hex.DecodeString(rest); err == nil {
			return "\x00" + string(raw)
		}
	}
	return name
}

func unpackName(raw []byte) string {
	if len(raw) == 33 && raw[0] == 0 {
		return versionPrefix + hex.EncodeToString(raw[1:])
	}
	return string(raw)
}

// hearer reads a profile.
type hearer struct {
	*reader
	names []string
}

func (h *hearer) name() string {
	i := h.below(len(h.names))
	if h.bad {
		return ""
	}
	return h.names[i]
}

// mostTerms bounds the terms and anchors of a profile.
const mostTerms = 1 << 12

// profile reads a profile as table.ProfileOf gives it.
func (r *reader) profile() table.Profile {
	h := hearer{reader: r}
	for range r.count() {
		h.names = append(h.names, unpackName(r.bytes()))
	}
	p := h.facts()
	p.Anchors = r.below(mostTerms)
	for range r.count() {
		p.Terms = append(p.Terms, h.term(p.Anchors))
	}
	for range r.count() {
		a := h.answers(len(p.Terms))
		if n := len(p.Answers); n > 0 && !less(p.Answers[n-1].Key, a.Key) {
			r.fail()
		}
		p.Answers = append(p.Answers, a)
	}
	return p
}

func less(a, b consent.Key) bool {
	return a.Purpose < b.Purpose || a.Purpose == b.Purpose && a.Recipient < b.Recipient
}

func (h *hearer) facts() table.Profile {
	flags := h.byte()
	if flags >= 1<<5 {
		h.fail()
	}
	is := func(i int) bool { return flags>>i&1 == 1 }
	p := table.Profile{Known: is(0), Erased: is(1), Restricted: is(2), Child: is(3), GPC: is(4), Kind: h.name()}
	for _, list := range []*[]string{&p.Named, &p.Objected, &p.Overruled} {
		for range h.count() {
			n := h.name()
			if k := len(*list); k > 0 && (*list)[k-1] >= n {
				h.fail()
			}
			*list = append(*list, n)
		}
	}
	return p
}

func (h *hearer) term(anchors int) table.Term {
	const mostMonths, mostSeconds = 2400, 2400 * 31 * 86400 // what a policy may promise
	t := table.Term{Anchor: h.below(anchors)}
	t.Keep = policy.Duration{Months: h.below(mostMonths + 1), Seconds: int64(h.below(mostSeconds + 1))}
	t.Keep.Said = t.Keep.Months > 0 || t.Keep.Seconds > 0
	t.Offset = time.Duration(h.int())
	return t
}

func (h *hearer) answers(terms int) table.Answers {
	a := table.Answers{Key: consent.Key{Purpose: h.name(), Recipient: h.name()}}
	n := h.count()
	if n == 0 {
		h.fail()
	}
	for range n {
		a.Voices = append(a.Voices, h.voice(terms))
	}
	return a
}

func (h *hearer) voice(terms int) table.Voice {
	word := h.byte()
	v := table.Voice{Role: table.Role(word >> wordRole), GPC: word&wordSignal != 0}
	status := int(word & (wordSignal - 1))
	if v.Role > table.Linked || status >= len(statuses) {
		h.fail()
		return v
	}
	v.Status = statuses[status]
	if v.Role == table.Linked {
		v.Kind = h.name()
	}
	if v.Status == consent.StatusGiven {
		v.Policy, v.Term = policy.VersionID(h.name()), h.below(terms)
	}
	return v
}
