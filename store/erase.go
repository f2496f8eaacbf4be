package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// Erase removes a subject: its identifier, index entry, events, states and
// wrapped keys. From its return on, decisions say erased; its bucket waits for
// Shred, after which old copies of the database hold nothing that opens. The
// ledger keeps its commitments, which say nothing without their salts. What
// stays is in the receipt, which is kept sealed for its time; by says who
// demanded it, the subject or the company.
func (db *DB) Erase(ctx context.Context, id subject.ID, by ErasedBy) (Recorded, error) {
	var done *appended
	err := db.write(ctx, func(t *tx) error {
		if err := t.lock(db.placeOf(id).shard); err != nil {
			return err
		}
		p, err := db.lookup(t.row, id)
		if err != nil {
			return err
		}
		if p == nil {
			return fault.New(fault.Unknown, "nobody is known by this identifier")
		}
		done, err = t.erase(p, by)
		return err
	})
	if err != nil {
		return Recorded{}, fmt.Errorf("erasing: %w", err)
	}
	return Recorded{db: db, appended: []*appended{done}, ids: []string{done.id.String()}}, nil
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
	shard, id := p.id.Shard(), p.id[:]
	n, err := t.next(shard)
	if err != nil {
		return nil, err
	}
	a := &appended{p: p, shard: shard, n: n, id: newEventID(shard, n)}
	if err := t.recordErasure(a, by); err != nil {
		return nil, err
	}
	var leaf any
	if a.leaf != nil {
		leaf = *a.leaf
	}
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO suppression (shard_id, tag, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, []any{shard, db.suppressionTag(p.name), millis(t.now)}},
		{`DELETE FROM identifier WHERE shard_id = ? AND tag = ?`, []any{shard, p.place.tag}},
		{chain + `UPDATE event SET event_id = NULL, subject_id = NULL, prev = 0, seq = 0, kind = 'erased', purpose = '', sealed = NULL
			WHERE shard_id = ? AND n IN (SELECT n FROM chain)`, []any{shard, p.last, shard}},
		{`DELETE FROM once WHERE subject = ?`, []any{id}},
		{`DELETE FROM subject WHERE shard_id = ? AND subject_id = ?`, []any{shard, id}},
		{shredLater, []any{int(p.id.Bucket()), millis(t.now), n}},
		{insertEvent, []any{shard, n, nil, id, 0, 0, "subject.erased", "", millis(t.now), leaf, nil}}, // replicas know the id
	} {
		if err := t.exec(q.sql, q.args...); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// recordErasure enters the record of an erasure, and keeps what is to be kept.
func (t *tx) recordErasure(a *appended, by ErasedBy) (err error) {
	v := t.known.inForce()
	k, answers := keepingOf(v.Policy, t.now)
	until := receipt.Stamp(k.until)
	e := receipt.Erasure{Time: receipt.Stamp(t.now), By: string(by), Policy: v.ID, Answers: a.p.seq, Kept: []receipt.Kept{
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
	if err := db.forget(ctx); err != nil {
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
		return db.write(ctx, func(t *tx) error { return t.shred(buckets, waiting) })
	})
	if err != nil {
		return fmt.Errorf("giving erased subjects' buckets new keys: %w", err)
	}
	return nil
}

// shred rewraps the subjects of buckets. Who was erased since it was looked who
// waits, may have been wrapped under the new keys: their buckets go on waiting.
func (t *tx) shred(buckets []uint16, waiting map[uint16]int64) error {
	for _, bucket := range buckets {
		if err := t.rewrap(bucket); err != nil {
			return fmt.Errorf("bucket %d: %w", bucket, err)
		}
		if n, ok := waiting[bucket]; ok {
			if err := t.exec(`DELETE FROM shred WHERE bucket = ? AND n = ?`, int(bucket), n); err != nil {
				return err
			}
		}
	}
	return nil
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

func (t *tx) rewrap(bucket uint16) error {
	if err := t.lock(int(bucket >> 8)); err != nil {
		return err
	}
	for _, table := range []string{"subject", "kept"} {
		if err := t.rewrapIn(table, bucket); err != nil {
			return err
		}
	}
	return nil
}

// rewrapIn wraps the keys in a table's rows of a bucket anew.
func (t *tx) rewrapIn(table string, bucket uint16) error {
	from, to := rangeOf(bucket)
	rows, err := t.rows(`SELECT DISTINCT subject_id, data_key, evidence_key FROM `+table+` WHERE shard_id = ? AND subject_id BETWEEN ? AND ?`, int(bucket>>8), from[:], to[:])
	if err != nil {
		return err
	}
	type row struct {
		id keyring.SubjectID
		w  keyring.Wrapped
	}
	var all []row
	for rows.Next() {
		var r row
		var id []byte
		if err := rows.Scan(&id, &r.w.Data, &r.w.Evidence); err != nil {
			rows.Close()
			return err
		}
		r.id = keyring.SubjectID(id)
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, r := range all {
		w, changed, err := t.db.cfg.Ring.Rewrap(r.id, r.w)
		if err != nil {
			return err
		}
		if !changed {
			continue
		}
		if err := t.exec(`UPDATE `+table+` SET data_key = ?, evidence_key = ? WHERE shard_id = ? AND subject_id = ? AND evidence_key = ?`, w.Data, w.Evidence, r.id.Shard(), r.id[:], r.w.Evidence); err != nil {
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
