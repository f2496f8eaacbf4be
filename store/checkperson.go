package store

import (
	"bytes"
	"cmp"
	"database/sql"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
)

// eventsAtOnce is how many events are held in memory while people are held to them,
// unless one of them has more.
const eventsAtOnce = 1024

// examined is a subject on their way through the check.
type examined struct {
	scanned
	shard  int64
	stored []byte   // states as they stand in its row
	events []walked // the newest first

	owed  []owed // records whose entries have to be in the ledger
	said  int64  // how many of them are answers
	known bool   // they were not erased meanwhile
	err   error
}

// walked is an event that a subject's row leads to.
type walked struct {
	seq, at, n        int64
	leaf              sql.NullInt64
	id, sealed, owner []byte
	kind              string
}

// group are people of one shard who are looked at by all processors but one, which
// reads the next meanwhile.
type group struct {
	people []*examined
	events int64 // that their rows speak of
	next   atomic.Int64
	done   sync.WaitGroup
}

// subjects holds everybody to their events.
func (c *check) subjects() error {
	shard, last, before := int64(-1), []byte{}, &group{}
	defer func() { before.done.Wait() }()
	for {
		page, err := c.page(shard, last)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		shard, last = page[len(page)-1].shard, page[len(page)-1].id
		for len(page) > 0 {
			var g *group
			g, page = someOf(page)
			read := c.events(g)
			if read == nil {
				g.look(c)
			}
			if err := cmp.Or(c.take(before), read); err != nil {
				g.done.Wait()
				return err
			}
			before = g
		}
	}
	if err := c.take(before); err != nil {
		return err
	}
	return c.settle()
}

// page reads people behind one.
func (c *check) page(shard int64, last []byte) (page []*examined, err error) {
	return page, c.each(`SELECT s.shard_id, `+subjectRow+` FROM subject s WHERE (s.shard_id, s.subject_id) > (?, ?) ORDER BY s.shard_id, s.subject_id LIMIT ?`,
		[]any{shard, last, personsAtOnce}, func(scan func(...any) error) error {
			x := &examined{}
			page = append(page, x)
			err := scan(append([]any{&x.shard}, x.into()...)...)
			x.stored, x.states = x.states, []byte(`[]`) // they are read where they are not the fold of the events
			return err
		})
}

// someOf gives the first of people, so many of one shard as have few enough events.
func someOf(people []*examined) (*group, []*examined) {
	g := &group{}
	for len(people) > 0 && (len(g.people) == 0 || people[0].shard == g.people[0].shard && g.events+people[0].p.seq <= eventsAtOnce) {
		g.people, g.events, people = append(g.people, people[0]), g.events+people[0].p.seq, people[1:]
	}
	return g, people
}

// events reads the events of a group, and holds that those who are linked say so both.
// It goes from the last event of each to the one before, all of them at once.
func (c *check) events(g *group) error {
	at := make(map[int64]*examined, len(g.people))
	for _, x := range g.people {
		if err := c.linked(x); err != nil {
			return x.names(err)
		}
		if x.p.last > 0 {
			at[x.p.last] = x
		}
	}
	for len(at) > 0 {
		var err error
		if at, err = c.before(g.people[0].shard, at); err != nil {
			return err
		}
	}
	return nil
}

// before reads events of a shard, each by its number and of whom it should be, and gives
// which come before them. Each leads to a smaller number, so that there is an end.
func (c *check) before(shard int64, at map[int64]*examined) (map[int64]*examined, error) {
	from, arg, err := c.db.d.numbers(slices.Sorted(maps.Keys(at)))
	if err != nil {
		return nil, err
	}
	next := make(map[int64]*examined, len(at))
	return next, c.each(`SELECT e.n, e.prev, e.seq, e.event_id, e.at, e.leaf, e.sealed, e.subject_id, e.kind FROM `+from+` CROSS JOIN event e WHERE e.n = v.value AND e.shard_id = ?`,
		[]any{arg, shard}, func(scan func(...any) error) error {
			var e walked
			var prev int64
			if err := scan(&e.n, &prev, &e.seq, &e.id, &e.at, &e.leaf, &e.sealed, &e.owner, &e.kind); err != nil {
				return err
			}
			x := at[e.n]
			if x.events = append(x.events, e); int64(len(x.events)) > x.p.seq {
				return x.names(fmt.Errorf("it leads to more events than the %d of its row", x.p.seq))
			}
			if prev > 0 && prev < e.n {
				next[prev] = x
			}
			return nil
		})
}

func (c *check) linked(x *examined) error {
	links, err := unmarshalLinks(x.links)
	if err != nil || len(links.Others) == 0 || len(x.id) != len(keyring.SubjectID{}) {
		return err
	}
	return c.mutual(keyring.SubjectID(x.id), links)
}

// names says whom an error is about.
func (x *examined) names(err error) error { return fmt.Errorf("subject %x: %w", x.id, err) }

// look has a group looked at, and does not wait for it.
func (g *group) look(c *check) {
	for range max(1, min(runtime.GOMAXPROCS(0)-1, len(g.people))) {
		g.done.Go(func() {
			for i := g.next.Add(1) - 1; i < int64(len(g.people)); i = g.next.Add(1) - 1 {
				x := g.people[i]
				x.err = c.person(&x.scanned, func(p *person) error { return x.holds(p, c.known) })
				x.events = nil
			}
		})
	}
}

// take waits for a group, and takes over what was found: the first thing that does not
// hold, or the records that have to be in the ledger.
func (c *check) take(g *group) error {
	g.done.Wait()
	for _, x := range g.people {
		if x.err != nil {
			return x.names(x.err)
		}
		if x.known {
			c.report.Subjects++
		}
		c.report.Events += x.said
		c.owed = append(c.owed, x.owed...)
	}
	if len(c.owed) < settledAtOnce {
		return nil
	}
	return c.settle()
}

// holds folds the events of a subject and compares.
func (x *examined) holds(p *person, known *versions) error {
	if x.shard != int64(p.id.Shard()) {
		return fmt.Errorf("it lies in shard %d", x.shard)
	}
	var answers []consent.Event
	var last, next int64
	x.owed = make([]owed, 0, len(x.events))
	for i := range x.events {
		e := &x.events[len(x.events)-1-i]
		if e.seq != int64(i+1) || e.at < last || e.n <= next {
			return fmt.Errorf("event %d is out of order or back in time", e.seq)
		}
		last, next = e.at, e.n
		answer, entry, err := e.open(p)
		if err != nil {
			return err
		}
		x.owed = append(x.owed, owed{p.id, x.shard, e.n, e.leaf, entry})
		if answer != nil {
			answers = append(answers, *answer)
		}
	}
	if int64(len(x.events)) != p.seq || last != p.at {
		return fmt.Errorf("it leads to %d events; its row says %d", len(x.events), p.seq)
	}
	x.said, x.known = int64(len(answers)), true
	return x.folds(marshalStates(consent.Fold(answers, known.version)))
}

// folds compares the fold of a subject's events with what is stored, byte by byte, or
// where it was written otherwise by what it says.
func (x *examined) folds(should []byte) error {
	if bytes.Equal(x.stored, should) {
		return nil
	}
	states, err := unmarshalStates(x.stored)
	if err == nil && !bytes.Equal(marshalStates(states), should) {
		err = fmt.Errorf("its states are not the fold of its events")
	}
	return err
}

// open gives what an event says, nil where it is no answer, and its entry.
func (e *walked) open(p *person) (*consent.Event, ledger.Entry, error) {
	if len(e.id) != len(uuid.UUID{}) || !bytes.Equal(e.owner, p.id[:]) {
		return nil, ledger.Entry{}, fmt.Errorf("event %d is not the subject's", e.seq)
	}
	parts, _, err := unsealEvent(p, uuid.UUID(e.id), e.sealed)
	if err != nil || !strings.HasPrefix(e.kind, consentKind) {
		return nil, parts.Entry(), err
	}
	said, err := eventOf(parts.Record, e.seq)
	if err == nil && (millis(said.Time) != e.at || said.ID != uuid.UUID(e.id).String()) {
		err = fmt.Errorf("event %d is not its record's", e.seq)
	}
	return &said, parts.Entry(), err
}
