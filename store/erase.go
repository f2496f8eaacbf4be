package store

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/subject"
)

// Erase removes a subject: its identifier, index entry, events, states and
// wrapped keys. From its return on, decisions say erased; its bucket waits for
// Shred, after which old copies of the database hold nothing that opens. The
// ledger keeps its commitments, which say nothing without their salts.
func (db *DB) Erase(ctx context.Context, id subject.ID) error {
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
		return t.erase(p)
	})
	if err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	return nil
}

func (t *tx) erase(p *person) error {
	db := t.db
	shard, id := p.id.Shard(), p.id[:]
	n, err := t.next(shard)
	if err != nil {
		return err
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
		{`INSERT INTO shred (bucket, since) VALUES (?, ?) ON CONFLICT DO NOTHING`, []any{int(p.id.Bucket()), millis(t.now)}},
		{insertEvent, []any{shard, n, nil, id, 0, 0, "subject.erased", "", millis(t.now), nil, nil}}, // replicas know the id
	} {
		if err := t.exec(q.sql, q.args...); err != nil {
			return err
		}
	}
	return nil
}

// Shred gives every bucket of an erased subject a new key and destroys the old
// one. After a crash in the middle it is finished by Open. It holds up other
// writes for as long as rewrapping the buckets' subjects takes, and does
// nothing where no bucket waits.
func (db *DB) Shred(ctx context.Context) error {
	db.shredding.Lock() // or one would destroy keys that another has yet to rewrap under
	defer db.shredding.Unlock()
	var waits bool
	if _, err := db.reader(ctx)(`SELECT EXISTS (SELECT 1 FROM shred)`, nil, &waits); err != nil {
		return fmt.Errorf("looking for erased subjects' buckets: %w", err)
	}
	if !waits && len(db.cfg.Ring.Changing()) == 0 {
		return nil
	}
	err := db.write(ctx, func(t *tx) error {
		if err := t.rekey(); err != nil {
			return err
		}
		return t.exec(`DELETE FROM shred`)
	})
	if err != nil {
		return fmt.Errorf("rewrapping erased subjects' buckets: %w", err)
	}
	// Everything that stays is durable under the new keys.
	if err := db.cfg.Ring.FinishChange(); err != nil {
		return fmt.Errorf("destroying old bucket keys: %w", err)
	}
	return nil
}

// rekey begins the change of all waiting buckets and rewraps their subjects.
func (t *tx) rekey() error {
	ring := t.db.cfg.Ring
	waiting, err := t.waiting()
	if err != nil {
		return err
	}
	if err := ring.BeginChange(waiting); err != nil {
		return err
	}
	for _, bucket := range ring.Changing() {
		if err := t.rewrap(bucket); err != nil {
			return fmt.Errorf("bucket %d: %w", bucket, err)
		}
	}
	return nil
}

func (t *tx) waiting() ([]uint16, error) {
	rows, err := t.rows(`SELECT bucket FROM shred`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []uint16
	for rows.Next() {
		var b uint16
		if err := rows.Scan(&b); err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, rows.Err()
}

func (t *tx) rewrap(bucket uint16) error {
	if err := t.lock(int(bucket >> 8)); err != nil {
		return err
	}
	from, to := rangeOf(bucket)
	rows, err := t.rows(`SELECT subject_id, data_key, evidence_key FROM subject WHERE shard_id = ? AND subject_id BETWEEN ? AND ?`, int(bucket>>8), from[:], to[:])
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
	ring := t.db.cfg.Ring
	for _, r := range all {
		keys, err := ring.Unwrap(r.id, r.w)
		if err != nil {
			return err
		}
		w := ring.Wrap(r.id, keys)
		if err := t.exec(`UPDATE subject SET data_key = ?, evidence_key = ? WHERE shard_id = ? AND subject_id = ?`, w.Data, w.Evidence, r.id.Shard(), r.id[:]); err != nil {
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
