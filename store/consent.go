package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// Submission is what a person, or the company for them, answers at once.
type Submission struct {
	Subject  subject.ID
	Choices  []consent.Choice
	Policy   policy.VersionID // the version that was shown; "" = the one in force, and showing it is not evidenced
	Language string           // a declared one; "" = the master
	Surface  consent.Surface
	Signals  consent.Signals
	Attested bool  // entered by the company
	Once     *Once // nil: no idempotency key
	Again    bool  // asks for the mail that confirms once more
}

// Recorded is what a submission came to. It is durable.
type Recorded struct {
	db       *DB
	appended []*appended
	ids      []string
}

// IDs gives the ids of the receipts, in the order of the choices.
func (r Recorded) IDs() []string { return slices.Clone(r.ids) }

// Receipts gives the receipts, in the order of the choices. Where the ledger
// has not taken an entry yet its receipt is pending; Wait waits for that.
func (r Recorded) Receipts(ctx context.Context) ([]receipt.Receipt, error) {
	if r.appended == nil {
		return r.db.Receipts(ctx, r.ids)
	}
	out := make([]receipt.Receipt, len(r.appended))
	for i, a := range r.appended { // from memory: what is durable is not reported as failed because somebody hung up
		var err error
		if a.leaf != nil && a.head == nil { // written beside the batches
			a.head, err = r.db.headOver(ctx, *a.leaf)
		}
		if err != nil {
			return nil, err
		}
		if a.leaf == nil {
			out[i], err = r.db.pending(a.parts)
		} else {
			out[i], err = r.db.prove(a.parts, *a.leaf, a.head)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Wait waits until the ledger has the submission's entries, so that its receipts
// are complete. On SQLite it has them already.
func (r Recorded) Wait(ctx context.Context) error {
	for _, a := range r.appended {
		for a.leaf == nil {
			if err := r.db.leafOf(ctx, a); err != nil {
				return fmt.Errorf("waiting for the ledger: %w", err)
			}
		}
	}
	return nil
}

// leafOf looks whether the ledger has an event, and waits a moment if not.
func (db *DB) leafOf(ctx context.Context, a *appended) error {
	if err := db.engine.newest(ctx); err != nil {
		return err
	}
	var leaf sql.NullInt64
	if _, err := db.reader(ctx)(`SELECT leaf FROM event WHERE shard_id = ? AND n = ?`, []any{a.shard, a.n}, &leaf); err != nil {
		return err
	}
	if leaf.Valid && leaf.Int64 < db.head.Load().size {
		h, err := db.headOver(ctx, leaf.Int64)
		a.leaf, a.head = &leaf.Int64, h
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(integrateEvery / 4):
		return nil
	}
}

// Record is Submit, with its receipts.
func (db *DB) Record(ctx context.Context, s Submission) ([]receipt.Receipt, error) {
	r, err := db.Submit(ctx, s)
	if err != nil {
		return nil, err
	}
	return r.Receipts(ctx)
}

// Submit writes a submission, all of it or nothing. It returns after the commit
// is durable and after Decide shows it. What may not be answered so is
// fault.Invalid with its field. When ctx is cancelled it returns context.Canceled at
// once, and whether it is written is not known; the end of ctx's time it waits out.
func (db *DB) Submit(ctx context.Context, s Submission) (Recorded, error) {
	r := &recording{id: s.Subject, once: db.onceTags(s.Once), attested: s.Attested, again: s.Again, leaves: true, make: func(b *batch, _ *person) ([]consent.Event, error) {
		v, language, err := b.known.answered(s)
		if err != nil {
			return nil, err
		}
		events := make([]consent.Event, len(s.Choices))
		for i, c := range s.Choices {
			events[i] = consent.Event{Act: consent.ActOf(c.Decision), Purpose: c.Purpose, Recipient: c.Recipient, Topics: c.Topics, Frequency: c.Frequency, Policy: v.ID,
				Language: language, Surface: s.Surface, Shown: s.Policy != "", Attested: s.Attested, Signals: s.Signals}
		}
		return events, nil
	}}
	out, err := db.append(ctx, r)
	if err != nil {
		return out, fmt.Errorf("recording consent: %w", err)
	}
	return out, nil
}

// append writes a recording.
func (db *DB) append(ctx context.Context, r *recording) (Recorded, error) {
	r.ctx, r.place, r.done = ctx, db.placeOf(r.id), make(chan error, 1)
	err := db.engine.record(ctx, r)
	if errors.Is(err, errLinked) {
		err = db.recordLinked(ctx, r)
	}
	if err != nil {
		return Recorded{}, err
	}
	out := Recorded{db: db, appended: r.appended, ids: r.replay}
	for _, a := range r.appended {
		out.ids = append(out.ids, a.event.ID)
	}
	return out, nil
}

// answered gives the version and language a submission answers to, and checks
// the answers against them.
func (k *versions) answered(s Submission) (*policy.Version, string, error) {
	v := k.inForce()
	if s.Policy != "" {
		v = k.byID[s.Policy]
	}
	switch {
	case v == nil && s.Policy == "":
		return nil, "", fault.New(fault.Conflict, "no policy is in force yet")
	case v == nil:
		return nil, "", fault.At(fault.Invalid, "policy", "no such version was ever published")
	}
	language := s.Language
	if language == "" {
		language = v.Policy.Master()
	}
	if !slices.Contains(v.Policy.Languages, language) {
		return nil, "", fault.At(fault.Invalid, "language", "the policy is not in that language")
	}
	return v, language, consent.Check(v, s.Subject.Kind(), s.Choices)
}

// Confirm is the internal act behind a double opt-in: the person proved the
// address. Every yes to the purpose that waits becomes one that stands, in the
// language and under the version in which it was given; the receipt is that of
// the purpose itself. Where nothing waits, or its time ran out, it is
// fault.Conflict.
func (db *DB) Confirm(ctx context.Context, id subject.ID, purpose string, surface consent.Surface) (receipt.Receipt, error) {
	done, err := db.Confirmed(ctx, id, purpose, surface)
	if err != nil {
		return receipt.Receipt{}, err
	}
	list, err := done.Receipts(ctx)
	if err != nil {
		return receipt.Receipt{}, err
	}
	return list[0], nil
}

// Confirmed is Confirm, with all that it came to, the receipt first.
func (db *DB) Confirmed(ctx context.Context, id subject.ID, purpose string, surface consent.Surface) (Recorded, error) {
	return db.confirm(ctx, id, []string{purpose}, time.Time{}, surface)
}

// confirm confirms what waits for purposes, where it was given before a time;
// zero is any.
func (db *DB) confirm(ctx context.Context, id subject.ID, purposes []string, before time.Time, surface consent.Surface) (Recorded, error) {
	r := &recording{id: id, existing: true, make: func(b *batch, p *person) ([]consent.Event, error) {
		now := fromMillis(max(p.at, millis(b.now))) // the time the events will have
		var keys []consent.Key
		for _, purpose := range purposes {
			keys = append(keys, consent.Waiting(p.states, purpose, now)...)
		}
		keys = slices.DeleteFunc(keys, func(k consent.Key) bool {
			return !before.IsZero() && !p.states[k].Pending.Since.Before(before)
		})
		if len(keys) == 0 && len(purposes) == 1 {
			return nil, cmp.Or(consent.MayConfirm(p.states[consent.Key{Purpose: purposes[0]}], now), error(consent.ErrNothingWaits))
		} else if len(keys) == 0 {
			return nil, consent.ErrNothingWaits
		}
		var events []consent.Event
		for _, key := range keys {
			y := p.states[key].Pending
			events = append(events, consent.Event{Act: consent.ActConfirmed, Purpose: key.Purpose, Recipient: key.Recipient,
				Policy: y.Policy, Language: y.Language, Surface: surface, Shown: y.Shown})
		}
		return events, nil
	}}
	done, err := db.append(ctx, r)
	if fault.KindOf(err) == fault.Unknown {
		err = consent.ErrNothingWaits // the same answer whoever is known
	}
	if err != nil {
		return Recorded{}, fmt.Errorf("confirming: %w", err)
	}
	return done, nil
}
