package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
)

// tryRecordings reads what recordings need, folds them, and writes them, within
// the transaction that is open.
func (w *sqliteEngine) tryRecordings(ctx context.Context, recs []*recording) (*batch, []error, error) {
	b, err := w.read(ctx, recs)
	if err != nil {
		return nil, nil, unavailable("reading subjects", err)
	}
	results, err := b.foldAll(recs)
	if err != nil {
		return nil, nil, err
	}
	if err := w.save(ctx, b); sqliteTrouble(err) {
		return nil, nil, unavailable("writing", err)
	} else if err != nil {
		return nil, nil, spoiler{err}
	}
	return b, results, nil
}

func (w *sqliteEngine) read(ctx context.Context, recs []*recording) (*batch, error) {
	b := &batch{db: w.db, now: w.db.now(), known: w.db.known.Load(), last: w.last,
		people: make(map[string]*person, len(recs)), erased: map[string]bool{}, earlier: map[string]onceRow{}, asked: map[string]int{}}
	b.process = func(v *policy.Version, e consent.Event) (processRow, error) {
		return w.db.process(prepared{w}, ctx, v, e)
	}
	w.db.placeAll(recs)
	for _, r := range recs {
		if _, err := w.lastOf(r.place.shard); err != nil {
			return nil, err
		}
		if err := w.readOnce(ctx, b, r.once); err != nil {
			return nil, err
		}
		if err := w.readPerson(ctx, b, r); err != nil {
			return nil, err
		}
		if err := w.readAsked(ctx, b, r); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (w *sqliteEngine) readPerson(ctx context.Context, b *batch, r *recording) error {
	key := r.place.key()
	if _, read := b.people[key]; read {
		return nil
	}
	b.people[key] = nil
	var s scanned
	query, args := findSubject(r.place)
	ok, err := found((prepared{w}).QueryRowContext(ctx, query, args...).Scan(s.into()...))
	if err != nil {
		return err
	}
	if ok {
		p, err := s.person()
		if err != nil {
			return err
		}
		p.name, p.place = r.id, r.place
		b.people[key] = p
		if !onlyWaits(p.states) {
			return nil
		}
	}
	var erased bool
	err = (prepared{w}).QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM suppression WHERE shard_id = ? AND tag = ?)`,
		r.place.shard, w.db.suppressionTag(r.id)).Scan(&erased)
	b.erased[key] = erased
	return err
}

func (w *sqliteEngine) readAsked(ctx context.Context, b *batch, r *recording) error {
	key := r.place.key()
	if _, read := b.asked[key]; read || !w.db.asksToConfirm(r.id) {
		return nil
	}
	var n int
	err := (prepared{w}).QueryRowContext(ctx, countAsked, r.place.shard, w.db.suppressionTag(r.id), millis(b.now.Add(-askedFor))).Scan(&n)
	b.asked[key] = n
	return err
}

func (w *sqliteEngine) readOnce(ctx context.Context, b *batch, o *onceTags) error {
	if o == nil {
		return nil
	}
	var row onceRow
	err := (prepared{w}).QueryRowContext(ctx, `SELECT request, events, at FROM once WHERE client = ? AND tag = ?`, o.client, o.tag).Scan(&row.request, &row.events, &row.at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	b.earlier[o.id()] = row
	return err
}

const (
	insertIdentifier = `INSERT INTO identifier (shard_id, tag, subject_id) VALUES (?, ?, ?)`
	insertSubject    = `INSERT INTO subject (shard_id, subject_id, data_key, evidence_key, identifier, seq, at, last, states) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateSubject    = `UPDATE subject SET seq = ?, at = ?, last = ?, states = ? WHERE shard_id = ? AND subject_id = ?`
	insertEvent      = `INSERT INTO event (shard_id, n, event_id, subject_id, prev, seq, kind, purpose, at, leaf, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	endSuppression   = `DELETE FROM suppression WHERE shard_id = ? AND tag = ?`
	forgetOnce       = `DELETE FROM once WHERE at <= ?`
	insertOnce       = `INSERT INTO once (client, tag, subject, request, at, events) VALUES (?, ?, ?, ?, ?, ?)`
)

// save writes a batch row by row, for in the process that is as fast as in one
// statement, and each when it is sealed.
func (w *sqliteEngine) save(ctx context.Context, b *batch) error {
	q := prepared{w}
	exec := func(query string, args ...any) error {
		_, err := q.ExecContext(ctx, query, args...)
		return err
	}
	defer b.sealAhead()()
	for _, p := range b.changed {
		if err := p.ready(b.db); err != nil {
			return err
		}
		if err := w.db.savePerson(exec, p); err != nil {
			return fmt.Errorf("writing a subject: %w", err)
		}
	}
	if err := b.sealMails(); err != nil {
		return err
	}
	for _, a := range b.events {
		a.leaf, _ = w.enter(a.shard, a.n, a.entry)
		if err := exec(insertEvent, a.shard, a.n, a.id[:], a.p.id[:], a.prev, a.event.Seq, a.kind(), a.event.Purpose, millis(a.event.Time), *a.leaf, a.sealed); err != nil {
			return wrongEvent("writing", err)
		}
	}
	return b.saveBeside(exec)
}

// saveBeside writes what a batch has beside people and events, row by row.
func (b *batch) saveBeside(exec func(string, ...any) error) error {
	if len(b.used) > 0 {
		if err := exec(forgetOnce, millis(b.now.Add(-onceFor))); err != nil {
			return fmt.Errorf("forgetting idempotency keys: %w", err)
		}
	}
	for p, due := range b.waiting {
		if err := exec(insertUnconfirmed, p.id.Shard(), p.id[:], due); err != nil {
			return fmt.Errorf("noting that an answer waits: %w", err)
		}
	}
	for _, m := range b.mails {
		if err := exec(insertMail, m.args()...); err != nil {
			return fmt.Errorf("queueing a mail: %w", err)
		}
	}
	for _, r := range b.used {
		if err := exec(insertOnce, r.once.client, r.once.tag, r.appended[0].p.id[:], r.once.request, millis(b.now), string(r.eventIDs())); err != nil {
			return fmt.Errorf("writing an idempotency key: %w", err)
		}
	}
	return nil
}

func (db *DB) savePerson(exec func(string, ...any) error, p *person) error {
	shard := p.id.Shard()
	if p.suppressed && !onlyWaits(p.states) {
		if err := exec(endSuppression, shard, db.suppressionTag(p.name)); err != nil {
			return err
		}
	}
	if !p.fresh {
		return exec(updateSubject, p.seq, p.at, p.last, string(p.stored), shard, p.id[:])
	}
	if err := exec(insertIdentifier, shard, p.place.tag, p.id[:]); err != nil {
		return err
	}
	return exec(insertSubject, shard, p.id[:], p.wrapped.Data, p.wrapped.Evidence, p.identifier, p.seq, p.at, p.last, string(p.stored))
}

// kind is what the history calls an event.
func (a *appended) kind() string { return "consent." + string(a.event.Act) }
