package table

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/consent/consenttest"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// The reference vectors of SipHash-2-4 with 128 bits: key 00 01 … 0f, messages
// 00 01 …, from its authors' vectors.h, as little-endian words.
func TestTagIsSipHash128(t *testing.T) {
	raw := make([]byte, 16)
	for i := range raw {
		raw[i] = byte(i)
	}
	key := Key{binary.LittleEndian.Uint64(raw), binary.LittleEndian.Uint64(raw[8:])}
	for message, want := range map[string]Tag{
		"":     {0xe6a825ba047f81a3, 0x930255c71472f66d},
		"\x00": {0x44af996bd8c187da, 0x45fc229b11597634},
	} {
		if got := key.Tag(subject.ID(message)); got != want {
			t.Errorf("%q: %x, want %x", message, got, want)
		}
	}
}

// crowd draws tags that are hard to tell apart: equal in all that a word holds,
// of one line, of its neighbours, and far from each other.
type crowd struct {
	*rand.Rand
	g *grid
}

func (c crowd) tag() Tag {
	s := &c.g.segments[0]
	h := uint64(7)*s.q + uint64(c.IntN(3)) // three rests of one line
	switch c.IntN(3) {
	case 0:
		h += uint64(c.IntN(90)) // more than the lines in reach have room for
	case 1:
		h += uint64(c.IntN(3)) * s.q // of the next lines
	default:
		return Tag{c.Uint64() >> 2, c.Uint64()} // anywhere in the first segment
	}
	return Tag{0, h<<(64-c.g.width) | uint64(c.IntN(3))} // and in all but the last bits
}

// habitats are states of mind that differ in their answers.
func habitats(t *testing.T) (Rules, []decision.World) {
	all := consenttest.Versions{{ID: "v1", Purposes: map[string]consenttest.Purpose{
		"letters": {Data: []string{"email"}, Keep: "P1Y"}, "digest": {Data: []string{"email"}, Keep: "P6M"},
	}}}.Publish(t)
	find := func(id policy.VersionID) *policy.Version { return all[id] }
	worlds := []decision.World{{}, {Person: decision.Person{Erased: true}}}
	for _, said := range [][]string{
		{}, {"given letters v1 2026-01-01"}, {"given letters v1 2026-02-01"}, {"refused letters v1 2026-01-01"},
		{"given letters v1 2026-01-05", "given digest v1 2026-01-05"},
		{"given letters v1 2026-01-05T01:00:00Z", "given digest v1 2026-03-05"},
		{"given letters v1 2026-01-05T01:00:00Z", "withdrawn letters v1 2026-03-05"},
	} {
		states := consent.Fold(consenttest.Meant(consenttest.Events(t, said), find), find)
		worlds = append(worlds, decision.World{Subject: &decision.Subject{Kind: "email", States: states}})
	}
	for i := range worlds {
		worlds[i].Policy, worlds[i].Version = all["v1"], find
	}
	return Rules{Policy: all["v1"], Version: find}, worlds
}

// Identifiers whose tags fall together are told apart, whatever grows, ends and
// moves meanwhile.
func TestTagsThatFallTogetherStayApart(t *testing.T) {
	rules, worlds := habitats(t)
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	tab := New(Key{}, rules, now)
	c := crowd{rand.New(rand.NewPCG(5, 5)), &tab.root.Load().grid}
	homes := map[Tag]int{}
	var tags []Tag
	for step := range 60_000 {
		tag := c.tag()
		if len(tags) > 0 && c.IntN(3) == 0 {
			tag = tags[c.IntN(len(tags))]
		}
		home := 0
		_, known := homes[tag]
		if known && c.IntN(10) == 0 {
			tab.Remove(tag)
		} else {
			home = c.IntN(len(worlds))
			p, times := ProfileOf(worlds[home])
			tab.Put(tag, p, times, !known)
		}
		if !known {
			tags = append(tags, tag)
		}
		homes[tag] = home
		if step%500 == 0 {
			now = now.Add(36 * time.Hour)
			tab.Turn(now)
		}
		for _, tag := range []Tag{tag, tags[c.IntN(len(tags))]} {
			for _, q := range []decision.Question{{Purpose: "letters"}, {Purpose: "digest"}} {
				want := decision.Decide(worlds[homes[tag]], q, now)
				if got := tab.byTag(tag, q, now); got.Reason != want.Reason {
					t.Fatalf("step %d, tag %x: %s, want %s", step, tag, got.Reason, want.Reason)
				}
			}
		}
	}
	if n := len(tab.root.Load().segments[0].lines); n == leastLines {
		t.Error("the table did not grow")
	}
	if tab.Exceptions() < 100 {
		t.Errorf("only %d tags fell together", tab.Exceptions())
	}
}

func (t *Table) byTag(tag Tag, q decision.Question, now time.Time) Answer {
	var a ask
	for {
		r := t.root.Load()
		r.plan.understand(&q, &a)
		if c, ok := t.answer(r, &a, tag, r.spot(tag), nanos(now)); ok {
			return answers[c]
		}
	}
}

// A read that is overtaken by a change of what it follows does not answer.
func TestAnOvertakenReadBeginsAnew(t *testing.T) {
	rules, worlds := habitats(t)
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	tab := New(Key{}, rules, now)
	q := decision.Question{Purpose: "letters"}
	var a ask
	for name, change := range map[string]func(){
		"rules": func() { tab.Rule(rules) },
		"load":  func() { tab.Loader(1, rules, now).Swap() },
		"turn":  func() { now = now.Add(2 * time.Hour); tab.Turn(now) },
		"a version not heard of": func() {
			w := worlds[3]
			w.Subject = &decision.Subject{Kind: "email", States: map[consent.Key]consent.State{
				{Purpose: "letters"}: {Status: consent.StatusGiven, Yes: &consent.Yes{Policy: "v9", Until: now.Add(time.Hour)}},
			}}
			p, times := ProfileOf(w)
			tab.Put(Tag{1, 1}, p, times, true)
		},
		"numbers used again": func() {
			tab.Cramp(8, 100)
			for i := range 2 * len(worlds) {
				p, times := ProfileOf(worlds[i%len(worlds)])
				tab.Put(Tag{2, 2}, p, times, i == 0)
			}
		},
	} {
		r := tab.root.Load()
		r.plan.understand(&q, &a)
		if _, ok := tab.answer(r, &a, Tag{3, 3}, r.spot(Tag{3, 3}), nanos(now)); !ok {
			t.Errorf("%s: no answer beforehand", name)
		}
		change()
		if c, ok := tab.answer(r, &a, Tag{3, 3}, r.spot(Tag{3, 3}), nanos(now)); ok {
			t.Errorf("%s: answered %s all the same", name, answers[c].Reason)
		}
	}
}
