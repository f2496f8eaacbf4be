package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/subject"
)

// A browser and who is signed in with it. No link lasts between the two: a browser
// is shared, and what holds for a person must not come to the next one by it. Their
// noes reach one another all the same, each as an event with its receipt.

// Meet takes back, of a browser, every yes to which one of the identifiers signed in
// said no since, and of those, with all they are linked with, every yes to which the
// browser itself said no since. A yes does not cross, a later one stands, and what
// reached the browser from one person goes on to no other. It returns when that is
// durable; changed reports whether anything was taken back. A browser of which nothing
// is known, and one that the company linked, is left as it is. It is safe for
// concurrent use, and doing it twice does no more.
func (db *DB) Meet(ctx context.Context, device subject.ID, ids ...subject.ID) (changed bool, err error) {
	done, err := db.meeting(ctx, device, ids, false)
	return len(done) > 0, err
}

// MeetNo is Meet after a no to everything: every yes of the browser is taken back,
// also to what nobody else is asked. It gives what was taken back of the browser,
// as the receipts of it.
func (db *DB) MeetNo(ctx context.Context, device subject.ID, ids ...subject.ID) ([]string, error) {
	done, err := db.meeting(ctx, device, ids, true)
	var list []string
	for _, a := range done {
		if a.p.name == device {
			list = append(list, a.event.ID)
		}
	}
	return list, err
}

func (db *DB) meeting(ctx context.Context, device subject.ID, ids []subject.ID, everything bool) (done []*appended, err error) {
	if device.Kind() != subject.Device {
		return nil, fmt.Errorf("meeting: %s is no browser", device.Kind())
	}
	err = db.write(ctx, func(t *tx) (err error) {
		done, err = t.meet(device, ids, everything)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("taking back what a browser and its person said no to: %w", err)
	}
	return done, nil
}

func (t *tx) meet(device subject.ID, ids []subject.ID, everything bool) ([]*appended, error) {
	if err := t.lockPerson(append(slices.Clone(ids), device)...); err != nil {
		return nil, err
	}
	d, err := t.db.lookup(t.row, device)
	if err != nil || d == nil || d.links.any() {
		return nil, err
	}
	mine, all, err := t.set(ids)
	if err != nil {
		return nil, err
	}
	b := t.batch()
	for _, p := range all {
		if err := t.takeBack(b, p, p.refusedBy([]*person{d})); err != nil {
			return nil, err
		}
	}
	heard := d.refusedBy(mine)
	if everything {
		heard = ending(d.states, func(consent.Key) bool { return true })
	}
	if err := t.takeBack(b, d, heard); err != nil || len(b.events) == 0 {
		return nil, err
	}
	if err := t.saveBatch(b); err != nil || len(heard) == 0 {
		return b.events, err
	}
	for _, k := range heard {
		put(&d.facts.Heard, k, d.states[k].Since)
	}
	return b.events, t.saveFacts(d)
}

// set reads some identifiers, and them with all they are linked with.
func (t *tx) set(ids []subject.ID) (mine, all []*person, err error) {
	names, err := t.whole(ids)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range names {
		p, err := t.db.lookup(t.row, id)
		if err != nil {
			return nil, nil, err
		}
		if p == nil {
			continue
		}
		all = append(all, p)
		if slices.Contains(ids, id) {
			mine = append(mine, p)
		}
	}
	return mine, all, nil
}

// refusedBy gives what stands or waits of one and is no later than a no of the others.
func (p *person) refusedBy(others []*person) (keys []consent.Key) {
	for _, key := range inOrder(p.states) {
		since := begun(p.states[key])
		if !since.IsZero() && slices.ContainsFunc(others, func(o *person) bool { return !o.ownNo(key).Before(since) }) {
			keys = append(keys, key)
		}
	}
	return keys
}

// takeBack withdraws of one what stands of some keys.
func (t *tx) takeBack(b *batch, of *person, keys []consent.Key) error {
	for _, key := range keys {
		v := t.known.newest(key)
		if v == nil || begun(of.states[key]).IsZero() { // it went with its purpose
			continue
		}
		no := consent.Event{Purpose: key.Purpose, Recipient: key.Recipient, Policy: v.ID, Language: v.Policy.Master(), Surface: consent.SurfaceChoices}
		if err := b.refuse(of, no); err != nil {
			return err
		}
	}
	return nil
}

// begun gives when the oldest yes of a state was said: one that stands, waits or is
// paused. It is zero without one.
func begun(s consent.State) (first time.Time) {
	for _, y := range []*consent.Yes{s.Yes, s.Pending, s.Paused} {
		if y != nil && (first.IsZero() || y.Since.Before(first)) {
			first = y.Since
		}
	}
	return first
}

// ownNo gives when an identifier said its last no that reaches a key and that it has
// not taken back; zero where there is none, or where it only heard of it.
func (p *person) ownNo(key consent.Key) (last time.Time) {
	for _, k := range []consent.Key{key, {Purpose: key.Purpose}} {
		s := p.states[k]
		if s.Yes != nil || s.Paused != nil {
			continue
		}
		no := s.No
		if isNo(s) && s.Since.After(no) {
			no = s.Since
		}
		if no.After(p.facts.Heard[k]) && no.After(p.facts.Heard[consent.Key{Purpose: k.Purpose}]) && no.After(last) {
			last = no
		}
	}
	return last
}
