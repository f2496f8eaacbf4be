package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// Answers of who is linked with others. Their rows lie in several shards, which
// a batch has not locked: so such a recording is written in a transaction of its
// own, and a no is written to every identifier of the person in it.

// errLinked refuses a recording in a batch of others: of somebody linked, or of whom
// more than an answer changes.
var errLinked = errors.New("it takes a transaction of its own")

// recordLinked writes a recording with all shards of the person locked.
func (db *DB) recordLinked(ctx context.Context, r *recording) error {
	return db.write(ctx, func(t *tx) error {
		r.appended, r.replay = nil, nil // of an earlier try
		r.place = db.placeOf(r.id)
		if err := t.lockPerson(r.id); err != nil {
			return err
		}
		p, err := db.lookup(t.row, r.id)
		if err != nil {
			return err
		}
		b, err := t.batchOf(r, p)
		if err != nil {
			return err
		}
		if err := b.fold(r); err != nil {
			return err
		}
		if p != nil {
			others, err := db.others(t.row, p.links)
			if err == nil {
				err = b.spread(r.appended, others)
			}
			if err != nil {
				return err
			}
		}
		if err := t.saveBatch(b); err != nil || b.grown == nil {
			return err
		}
		return t.saveFacts(b.grown)
	})
}

// lockPerson locks the shards of identifiers and of all they are linked with, in
// their order. Who is linked in between is locked too.
func (t *tx) lockPerson(ids ...subject.ID) error {
	var locked []int
	for {
		var shards []int
		for _, id := range ids {
			shards = append(shards, t.db.placeOf(id).shard)
			p, err := t.db.lookup(t.row, id)
			if err != nil {
				return err
			}
			if p == nil {
				continue
			}
			for _, o := range p.links.Others {
				shards = append(shards, int(o.ID[0]))
			}
		}
		slices.Sort(shards)
		shards = slices.DeleteFunc(slices.Compact(shards), func(s int) bool { return slices.Contains(locked, s) })
		if len(shards) == 0 {
			return nil
		}
		for _, s := range shards {
			if err := t.lock(s); err != nil {
				return err
			}
		}
		locked = append(locked, shards...)
	}
}

// batch gives one that is written within this transaction.
func (t *tx) batch() *batch {
	b := &batch{db: t.db, now: t.now, known: t.known, linked: true, last: map[int]int64{}, people: map[string]*person{},
		erased: map[string]bool{}, earlier: map[string]onceRow{}, asked: map[string]int{}}
	b.next = func(shard int) (int64, error) {
		t.wrote = true // the number is taken: what fails from here on spoils the transaction
		return t.next(shard)
	}
	b.process = func(v *policy.Version, e consent.Event) (processRow, error) {
		q := t.q
		if t.db.d == postgresDialect {
			q = t.db.reads // in a transaction of its own: it is nobody's and stays
		}
		return t.db.process(q, t.ctx, v, e)
	}
	return b
}

// batchOf reads what one recording of a person needs.
func (t *tx) batchOf(r *recording, p *person) (*batch, error) {
	b, key := t.batch(), r.place.key()
	if b.people[key] = p; p != nil {
		p.place = r.place
	}
	var erased bool
	if _, err := t.row(`SELECT EXISTS (SELECT 1 FROM suppression WHERE shard_id = ? AND tag = ?)`, []any{r.place.shard, t.db.suppressionTag(r.id)}, &erased); err != nil {
		return nil, err
	}
	b.erased[key] = erased
	if t.db.asksToConfirm(r.id) {
		var n int
		if _, err := t.row(countAsked, []any{r.place.shard, t.db.suppressionTag(r.id), millis(t.now.Add(-askedFor))}, &n); err != nil {
			return nil, err
		}
		b.asked[key] = n
	}
	if r.once != nil {
		var row onceRow
		had, err := t.row(`SELECT request, events, at FROM once WHERE client = ? AND tag = ?`, []any{r.once.client, r.once.tag}, &row.request, &row.events, &row.at)
		if err != nil {
			return nil, err
		}
		if had {
			b.earlier[r.once.id()] = row
		}
	}
	return b, nil
}

// spread writes every no among events to the other identifiers, where it is not
// no already: what was said there before is taken back.
func (b *batch) spread(events []*appended, others []*person) error {
	for _, a := range events {
		if a.event.Act != consent.ActRefused && a.event.Act != consent.ActWithdrawn {
			continue
		}
		for _, p := range others {
			if err := b.refuse(p, a.event); err != nil {
				return err
			}
		}
	}
	return nil
}

// refuse writes a no that was said elsewhere to an identifier, unless it is no
// there, and nothing that it takes along stands.
func (b *batch) refuse(p *person, no consent.Event) error {
	key := consent.Key{Purpose: no.Purpose, Recipient: no.Recipient}
	s := p.states[key]
	if isNo(s) && len(ending(p.states, func(k consent.Key) bool {
		return k == key || k.Purpose == key.Purpose && key.Recipient == ""
	})) == 0 {
		return nil
	}
	e := consent.Event{Act: consent.ActWithdrawn, Purpose: no.Purpose, Recipient: no.Recipient, Policy: no.Policy,
		Language: no.Language, Surface: no.Surface, Attested: no.Attested}
	if s.Status == consent.NotAsked {
		e.Act = consent.ActRefused
	}
	if _, err := b.append(p, e); err != nil {
		return spoiler{err}
	}
	return nil
}

// saveBatch writes a batch row by row.
func (t *tx) saveBatch(b *batch) error {
	if len(b.events) == 0 {
		return nil
	}
	for _, p := range b.changed {
		if err := p.ready(t.db); err != nil {
			return err
		}
		if err := t.db.savePerson(t.exec, p); err != nil {
			return fmt.Errorf("writing a subject: %w", err)
		}
		p.fresh = false
	}
	if err := b.sealMails(); err != nil {
		return err
	}
	for _, a := range b.events {
		var err error
		if a.leaf, err = t.enter(a.shard, a.n, a.entry); err != nil {
			return err
		}
		var leaf any
		if a.leaf != nil {
			leaf = *a.leaf
		}
		if err := t.exec(insertEvent, a.shard, a.n, a.id[:], a.p.id[:], a.prev, a.event.Seq, a.kind(), a.event.Purpose, millis(a.event.Time), leaf, a.sealed); err != nil {
			return wrongEvent("writing", err)
		}
	}
	t.after = append(t.after, b.keepTexts, b.wakeMail)
	return b.saveBeside(t.exec)
}

// MaxLinked is how many identifiers one person has at most.
const MaxLinked = 20

// Why two identifiers are not linked.
var (
	ErrOthers     = fault.New(fault.Conflict, "it belongs to another person here: take it away there first")
	ErrPhoneAlone = fault.New(fault.Conflict, "a phone number alone does not speak for what it is linked with: sign in by another of your identifiers")
	ErrTooMany    = fault.New(fault.Conflict, "no more than %d identifiers are linked", MaxLinked)
)
