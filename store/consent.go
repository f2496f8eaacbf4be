package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

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
}

// written is an event that is in the transaction: what its receipt needs.
type written struct {
	parts receipt.Parts
	leaf  int64
	head  *signedHead // of its batch
}

// Record writes a submission, all of it or nothing, and gives a receipt for
// each choice in their order. It returns after the commit is durable and after
// Decide shows it. What may not be answered so is fault.Invalid with its field.
func (db *DB) Record(ctx context.Context, s Submission) ([]receipt.Receipt, error) {
	var events []written
	var replay []string
	err := db.write(ctx, func(t *tx) (err error) {
		events, replay = nil, nil
		if replay, err = t.before(s.Once); err != nil || replay != nil {
			return err // what was done stays done, whatever the policy says by now
		}
		v, language, err := t.answered(s)
		if err != nil {
			return err
		}
		events, err = t.record(s, v, language)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("recording consent: %w", err)
	}
	if replay != nil {
		return db.Receipts(ctx, replay)
	}
	return db.receipts(events)
}

// answered gives the version and language a submission answers to, and checks
// the answers against them.
func (t *tx) answered(s Submission) (*policy.Version, string, error) {
	v := t.known.inForce()
	if s.Policy != "" {
		v = t.known.byID[s.Policy]
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

func (t *tx) record(s Submission, v *policy.Version, language string) ([]written, error) {
	p, err := t.person(s.Subject, s.Attested)
	if err != nil {
		return nil, err
	}
	var out []written
	var ids []string
	for _, c := range s.Choices {
		e := consent.Event{Act: consent.ActOf(c.Decision), Purpose: c.Purpose, Recipient: c.Recipient, Topics: c.Topics, Policy: v.ID,
			Language: language, Surface: s.Surface, Shown: s.Policy != "", Attested: s.Attested, Signals: s.Signals}
		w, id, err := t.event(p, v, e)
		if err != nil {
			return nil, err
		}
		out, ids = append(out, w), append(ids, id)
	}
	return out, t.did(s.Once, p, ids)
}

// event appends an event to a subject: event, state, entry and outbox row.
func (t *tx) event(p *person, v *policy.Version, e consent.Event) (written, string, error) {
	db := t.w.db
	states, err := db.states(t.rows, p)
	if err != nil {
		return written{}, "", err
	}
	if e.Seq, e.Time, err = t.nextOf(p); err != nil {
		return written{}, "", err
	}
	eventID := newEventID(p.id.Shard())
	e.ID, e.Meaning = eventID.String(), v.Meanings[e.Purpose]
	before := make(map[consent.Key]consent.State, len(states))
	for k, s := range states {
		before[k] = s
	}
	consent.Apply(states, t.known.version, e)
	for key, after := range states {
		if after != before[key] {
			if err := t.setState(p, key, after); err != nil {
				return written{}, "", err
			}
		}
	}
	texts, err := t.process(v, e.Purpose, e.Language)
	if err != nil {
		return written{}, "", err
	}
	scope, _ := v.ScopeOf(e.Purpose)
	parts, err := receipt.Make(e, states[consent.Key{Purpose: e.Purpose, Recipient: e.Recipient}], scope, p.name, texts.value)
	if err != nil {
		return written{}, "", err
	}
	leaf := t.enter(parts.Entry())
	if err := t.exec(`INSERT INTO event (shard_id, subject_id, seq, event_id, at, leaf, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		p.id.Shard(), p.id[:], e.Seq, eventID[:], millis(e.Time), leaf, sealEvent(p, eventID, parts, texts.id)); err != nil {
		return written{}, "", fmt.Errorf("writing an event: %w", err)
	}
	return written{parts, leaf, t.head}, e.ID, t.tell(p, "consent."+string(e.Act), eventID)
}

// nextOf gives the sequence number and the time of a subject's next event:
// server time, but never before the last one's.
func (t *tx) nextOf(p *person) (int64, time.Time, error) {
	var seq, at int64
	if _, err := t.row(`SELECT seq, at FROM event WHERE shard_id = ? AND subject_id = ? ORDER BY seq DESC LIMIT 1`,
		[]any{p.id.Shard(), p.id[:]}, &seq, &at); err != nil {
		return 0, time.Time{}, fmt.Errorf("reading a subject's last event: %w", err)
	}
	return seq + 1, fromMillis(max(at, millis(t.now))), nil
}

func (t *tx) setState(p *person, key consent.Key, s consent.State) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := t.exec(`INSERT INTO state (shard_id, subject_id, purpose, recipient, status, state) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (shard_id, subject_id, purpose, recipient) DO UPDATE SET status = excluded.status, state = excluded.state`,
		p.id.Shard(), p.id[:], key.Purpose, key.Recipient, string(s.Status), string(raw)); err != nil {
		return fmt.Errorf("writing a state: %w", err)
	}
	return nil
}

// tell writes the outbox row by which engines and replicas hear of an event.
func (t *tx) tell(p *person, kind string, eventID uuid.UUID) error {
	shard := p.id.Shard()
	last, ok := t.w.outbox[shard]
	if !ok {
		if _, err := t.row(`SELECT coalesce(max(seq), 0) FROM outbox WHERE shard_id = ?`, []any{shard}, &last); err != nil {
			return fmt.Errorf("reading the outbox: %w", err)
		}
	}
	if err := t.exec(`INSERT INTO outbox (shard_id, seq, kind, subject_id, event_id, at) VALUES (?, ?, ?, ?, ?, ?)`,
		shard, last+1, kind, p.id[:], eventID[:], millis(t.now)); err != nil {
		return fmt.Errorf("writing the outbox: %w", err)
	}
	t.w.outbox[shard] = last + 1
	return nil
}

// Confirm is the internal act behind a double opt-in: the person proved the
// address. Every yes to the purpose that waits becomes one that stands; the
// receipt is that of the purpose itself. Where nothing waits, or its time ran
// out, it is fault.Conflict.
func (db *DB) Confirm(ctx context.Context, id subject.ID, purpose string, surface consent.Surface) (receipt.Receipt, error) {
	var done []written
	err := db.write(ctx, func(t *tx) error {
		done = nil
		p, err := db.lookup(t.row, id)
		if err != nil {
			return err
		}
		if p == nil {
			return consent.ErrNothingWaits
		}
		states, err := db.states(t.rows, p)
		if err != nil {
			return err
		}
		_, now, err := t.nextOf(p) // the time the events will have
		if err != nil {
			return err
		}
		keys := consent.Waiting(states, purpose, now)
		if len(keys) == 0 {
			return consent.MayConfirm(states[consent.Key{Purpose: purpose}], now)
		}
		for _, key := range keys {
			w, err := t.confirm(p, key, *states[key].Pending, surface)
			if err != nil {
				return err
			}
			done = append(done, w)
		}
		return nil
	})
	if err != nil {
		return receipt.Receipt{}, fmt.Errorf("confirming: %w", err)
	}
	list, err := db.receipts(done)
	if err != nil {
		return receipt.Receipt{}, err
	}
	return list[0], nil
}

// confirm writes the event that makes one pending yes stand, in the language
// and under the version in which it was given.
func (t *tx) confirm(p *person, key consent.Key, pending consent.Yes, surface consent.Surface) (written, error) {
	parts, _, err := t.w.db.eventParts(t.row, p, pending.Event)
	if err != nil {
		return written{}, err
	}
	given, err := eventOf(parts.Record, 0)
	if err != nil {
		return written{}, err
	}
	w, _, err := t.event(p, t.known.byID[pending.Policy], consent.Event{Act: consent.ActConfirmed, Purpose: key.Purpose, Recipient: key.Recipient,
		Policy: pending.Policy, Language: given.Language, Surface: surface, Shown: pending.Shown})
	return w, err
}
