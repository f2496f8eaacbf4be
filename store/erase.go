package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// Erase removes a subject and all it is linked with: its identifier, index entry, events, states and
// wrapped keys. From its return on, decisions say erased; its bucket waits for
// Shred, after which old copies of the database hold nothing that opens. The
// ledger keeps its commitments, which say nothing without their salts. What
// stays is in the receipt, which is kept sealed for its time; by says who
// demanded it, the subject or the company.
func (db *DB) Erase(ctx context.Context, id subject.ID, by ErasedBy) (Recorded, error) {
	var done []*appended
	set := func() ([]subject.ID, error) {
		members, err := db.Person(ctx, id)
		ids := []subject.ID{id}
		for _, m := range members {
			ids = append(ids, m.ID)
		}
		return ids, err
	}
	err := db.erasing(ctx, set, func(t *tx) error {
		if err := t.lockPerson(id); err != nil {
			return err
		}
		ids, err := t.whole([]subject.ID{id})
		if err == nil {
			done, err = t.eraseAll(ids, by)
		}
		if err == nil && len(done) == 0 {
			err = fault.New(fault.Unknown, "nobody is known by this identifier")
		}
		return err
	})
	if err != nil {
		return Recorded{}, fmt.Errorf("erasing: %w", err)
	}
	return db.recorded(done), nil
}

// eraseAll erases identifiers of one person, but those that are not known any more.
// While one of them permits something it is errPermitted.
func (t *tx) eraseAll(ids []subject.ID, by ErasedBy) (done []*appended, err error) {
	if err := t.noPermissions(ids); err != nil {
		return nil, err
	}
	for _, id := range ids {
		p, err := t.db.lookup(t.row, id)
		if err != nil {
			return nil, err
		}
		if p == nil { // erased by themselves since
			continue
		}
		a, err := t.erase(p, by)
		if err != nil {
			return nil, err
		}
		done = append(done, a)
	}
	return done, nil
}

// ErasedBy says who demanded an erasure.
type ErasedBy string

// Who may.
const (
	BySubject ErasedBy = "subject"
	ByCompany ErasedBy = "company"
)

// shredLater enters a bucket whose key has to be changed.
const shredLater = `INSERT INTO shred (bucket, since, n) VALUES (?, ?, ?) ON CONFLICT (bucket) DO UPDATE SET n = excluded.n`

func (t *tx) erase(p *person, by ErasedBy) (*appended, error) {
	db := t.db
	shard := p.id.Shard()
	n, err := t.next(shard)
	if err != nil {
		return nil, err
	}
	a := &appended{p: p, shard: shard, n: n, id: newEventID(shard, n)}
	if err := t.recordErasure(a, by); err != nil {
		return nil, err
	}
	if err := t.exec(`INSERT INTO suppression (shard_id, tag, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, shard, db.suppressionTag(p.name), millis(t.now)); err != nil {
		return nil, err
	}
	return a, t.removeRows(p, n, a.leaf, false)
}

// remove removes a subject as an erasure does, without a record of it and without
// suppressing anybody: nobody said that the identifier was theirs.
func (t *tx) remove(p *person) error {
	n, err := t.next(p.id.Shard())
	if err != nil {
		return err
	}
	return t.removeRows(p, n, nil, true)
}

// removeRows takes everything away that leads to a subject, under number n of its
// shard, by which replicas learn of it: that they were erased, or removed.
func (t *tx) removeRows(p *person, n int64, leaf *int64, removed bool) error {
	db := t.db
	shard, id, tags := p.id.Shard(), p.id[:], p.place.tags()
	if err := t.eraseMail(p); err != nil {
		return err
	}
	if err := t.cut(p); err != nil {
		return err
	}
	if err := t.endPasskeys(p); err != nil {
		return err
	}
	sealed := db.sealErasedTag(p.id, n, p.name, removed)
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`DELETE FROM identifier WHERE shard_id = ? AND tag IN (?, ?)`, []any{shard, tags[0], tags[len(tags)-1]}},
		{chain + `UPDATE event SET event_id = NULL, subject_id = NULL, prev = 0, seq = 0, kind = 'erased', purpose = '', sealed = NULL
			WHERE shard_id = ? AND n IN (SELECT n FROM chain)`, chainOf(p, shard)},
		{`DELETE FROM once WHERE subject = ?`, []any{id}},
		{`DELETE FROM session WHERE owner = ?`, []any{db.ownerTag(p.name)}},
		{`DELETE FROM pass WHERE owner = ?`, []any{db.ownerTag(p.name)}},
		{`DELETE FROM knock WHERE owner = ?`, []any{db.ownerTag(p.name)}},
		{`DELETE FROM request WHERE shard_id = ? AND subject_id = ?`, []any{shard, id}},
		{`DELETE FROM download WHERE shard_id = ? AND subject_id = ?`, []any{shard, id}},
		{`DELETE FROM subject WHERE shard_id = ? AND subject_id = ?`, []any{shard, id}},
		{shredLater, []any{int(p.id.Bucket()), millis(t.now), n}},
		{insertEvent, []any{shard, n, nil, id, 0, 0, erasedKind, "", millis(t.now), leaf, nil}},
		{`INSERT INTO erasure (shard_id, n, bucket, sealed) VALUES (?, ?, ?, ?)`, []any{shard, n, int(p.id.Bucket()), sealed}},
	} {
		if err := t.exec(q.sql, q.args...); err != nil {
			return err
		}
	}
	return nil
}

// recordErasure enters the record of an erasure, and keeps what is to be kept.
func (t *tx) recordErasure(a *appended, by ErasedBy) (err error) {
	v := t.known.inForce()
	k, answers := keepingOf(v.Policy, t.now)
	until := receipt.Stamp(k.until)
	var answered int64
	if _, err := t.row(chain+`SELECT count(*) FROM chain WHERE kind LIKE 'consent.%'`, chainOf(a.p), &answered); err != nil {
		return err
	}
	e := receipt.Erasure{Time: receipt.Stamp(t.now), By: string(by), Policy: v.ID, Answers: answered, Kept: []receipt.Kept{
		{Kind: receipt.KeptSuppression, Basis: policy.LegalObligation.DPV()}, {Kind: receipt.KeptErasure, Basis: k.basis, Until: until}}}
	if answers {
		e.Kept = append(e.Kept, receipt.Kept{Kind: receipt.KeptAnswers, Basis: k.basis, Until: until})
	}
	if a.parts, err = receipt.MakeErasure(a.id.String(), e, a.p.name); err != nil {
		return err
	}
	if a.leaf, err = t.enter(a.shard, a.n, a.parts.Entry()); err != nil {
		return err
	}
	alone := t.db.evidenceAlone(a.p)
	if answers {
		if err := t.keepAnswers(a.p, alone, k); err != nil {
			return err
		}
	}
	return t.keep(a.p, alone, a.shard, a.n, a.id, a.parts, 0, k)
}

// Shred gives every bucket of an erased subject a new key and destroys the old
// one. After a crash in the middle it is finished by Open. It holds up other
// writes for as long as rewrapping the buckets' subjects takes, and does
// nothing where no bucket waits.
func (db *DB) Shred(ctx context.Context) error {
	if err := errors.Join(db.forget(ctx), db.forgetTickets(ctx)); err != nil {
		return fmt.Errorf("forgetting what was kept: %w", err)
	}
	waiting, err := db.waiting(ctx)
	if err != nil {
		return fmt.Errorf("looking for erased subjects' buckets: %w", err)
	}
	if len(waiting) == 0 && len(db.cfg.Ring.Changing()) == 0 {
		return nil
	}
	err = db.cfg.Ring.Change(ctx, slices.Sorted(maps.Keys(waiting)), func(ctx context.Context, buckets []uint16) error {
		return db.rewrapAll(ctx, buckets)
	})
	if err != nil {
		return fmt.Errorf("giving erased subjects' buckets new keys: %w", err)
	}
	if err := db.shredded(ctx, waiting); err != nil {
		return err
	}
	return db.engine.clean(ctx)
}

// shredded ends the waiting of buckets whose old keys are gone. Who was erased
// since it was looked who waits, may have been wrapped under the new keys: their
// buckets go on waiting. After a crash before this they are changed once more.
func (db *DB) shredded(ctx context.Context, waiting map[uint16]int64) error {
	err := db.write(ctx, func(t *tx) error {
		for bucket, n := range waiting {
			if err := t.exec(`DELETE FROM shred WHERE bucket = ? AND n = ?`, int(bucket), n); err != nil {
				return err
			}
			if err := t.exec(`DELETE FROM erasure WHERE shard_id = ? AND n <= ? AND bucket = ?`, int(bucket>>8), n, int(bucket)); err != nil {
				return err
			}
		}
		return db.noteKeyring(ctx, t.q)
	})
	if err != nil {
		return fmt.Errorf("noting that old keys are gone: %w", err)
	}
	return nil
}

// rewrapAll rewraps the subjects of buckets, which are in order, in one
// transaction.
func (db *DB) rewrapAll(ctx context.Context, buckets []uint16) error {
	return db.write(ctx, func(t *tx) error {
		for _, r := range runs(buckets) {
			if err := t.rewrap(r[0], r[1]); err != nil {
				return fmt.Errorf("buckets %d to %d: %w", r[0], r[1], err)
			}
		}
		return nil
	})
}

// runs gives the first and the last of buckets that follow each other within a
// shard.
func runs(buckets []uint16) (out [][2]uint16) {
	for _, b := range buckets {
		if n := len(out); n > 0 && out[n-1][1]+1 == b && b&0xff != 0 {
			out[n-1][1] = b
		} else {
			out = append(out, [2]uint16{b, b})
		}
	}
	return out
}

// waiting gives the buckets of erased subjects, and by what number each was the
// last to be entered.
func (db *DB) waiting(ctx context.Context) (map[uint16]int64, error) {
	rows, err := db.readRows(ctx)(`SELECT bucket, n FROM shred`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[uint16]int64{}
	for rows.Next() {
		var bucket uint16
		var n int64
		if err := rows.Scan(&bucket, &n); err != nil {
			return nil, err
		}
		out[bucket] = n
	}
	return out, rows.Err()
}

// rewrap wraps the keys in all rows of the buckets from first to last of a
// shard anew.
func (t *tx) rewrap(first, last uint16) error {
	if err := t.lock(int(first >> 8)); err != nil {
		return err
	}
	for _, rows := range [][2]string{{"subject", "subject_id"}, {"kept", "subject_id"}, {"mail", "mail_id"}} {
		if err := t.rewrapIn(rows[0], rows[1], first, last); err != nil {
			return err
		}
	}
	return nil
}

// rewrapIn does so in a table, whose column id begins with the bucket. Rows
// without keys are passed over.
func (t *tx) rewrapIn(table, id string, first, last uint16) error {
	shard := int(first >> 8)
	from, _ := rangeOf(first)
	_, to := rangeOf(last)
	rows, err := t.rows(`SELECT DISTINCT `+id+`, data_key, evidence_key FROM `+table+` WHERE shard_id = ? AND `+id+` BETWEEN ? AND ? AND evidence_key IS NOT NULL`, shard, from[:], to[:])
	if err != nil {
		return err
	}
	defer rows.Close()
	var r rewrapped
	for rows.Next() {
		var of []byte
		var w keyring.Wrapped
		if err := rows.Scan(&of, &w.Data, &w.Evidence); err != nil {
			return err
		}
		next, changed, err := t.db.cfg.Ring.Rewrap(keyring.SubjectID(of), w)
		if err != nil {
			return err
		}
		if changed {
			r.ids, r.old = append(r.ids, of), append(r.old, w.Evidence)
			r.data, r.evidence = append(r.data, next.Data), append(r.evidence, next.Evidence)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	return t.saveWrapped(table, id, shard, r)
}

// rewrapped are keys of subjects, wrapped anew. A row is known by its subject
// and its old evidence key.
type rewrapped struct{ ids, old, data, evidence [][]byte }

func (t *tx) saveWrapped(table, id string, shard int, r rewrapped) error {
	if len(r.ids) == 0 {
		return nil
	}
	if t.db.d == postgresDialect {
		return t.exec(`UPDATE `+table+` s SET data_key = u.data, evidence_key = u.evidence FROM unnest(?::bytea[], ?::bytea[], ?::bytea[], ?::bytea[]) AS u (id, old, data, evidence)
			WHERE s.shard_id = ? AND s.`+id+` = u.id AND s.evidence_key = u.old`, r.ids, r.old, r.data, r.evidence, shard)
	}
	for i := range r.ids {
		if err := t.exec(`UPDATE `+table+` SET data_key = ?, evidence_key = ? WHERE shard_id = ? AND `+id+` = ? AND evidence_key = ?`, r.data[i], r.evidence[i], shard, r.ids[i], r.old[i]); err != nil {
			return err
		}
	}
	return nil
}

// rangeOf gives the first and the last subject id of a bucket.
func rangeOf(bucket uint16) (from, to keyring.SubjectID) {
	for i := range to {
		to[i] = 0xff
	}
	binary.BigEndian.PutUint16(from[:], bucket)
	binary.BigEndian.PutUint16(to[:], bucket)
	return from, to
}
