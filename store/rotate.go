package store

import (
	"context"
	"fmt"

	"github.com/amana-privacy/amana/keyring"
)

// Tell hears how far long work is.
type Tell func(done, total int)

const allShards = 256

// RotateIndex gives identifiers tags under a new index key, and destroys the old
// one. In the meantime an identifier is looked for by both, and entered by the
// new one. A rotation that was cut short goes on at the shard where it was.
func (db *DB) RotateIndex(ctx context.Context, tell Tell) error {
	next, err := db.cfg.Ring.BeginIndex(ctx)
	if err != nil {
		return fmt.Errorf("making a new index key: %w", err)
	}
	done, err := db.tagged(ctx, next.Version)
	for at := (cursor{shard: done}); err == nil && at.shard < allShards; tell(at.shard, allShards) {
		at, err = db.retag(ctx, at, next.Version, retagAtOnce)
	}
	if err != nil {
		return fmt.Errorf("tagging identifiers anew: %w", err)
	}
	if err := db.cfg.Ring.FinishIndex(ctx, next.Version); err != nil {
		return fmt.Errorf("destroying the old index key: %w", err)
	}
	return db.keysChanged(ctx)
}

// taggedName is under which name the database remembers how far a rotation of
// the index key is: version, and how many shards are done.
const taggedName = "index"

// tagged gives how many shards have their tags under a version of the index key.
func (db *DB) tagged(ctx context.Context, version int) (done int, err error) {
	var value string
	if _, err := db.reader(ctx)(`SELECT value FROM installation WHERE name = ?`, []any{taggedName}, &value); err != nil {
		return 0, err
	}
	of := 0
	if _, err := fmt.Sscanf(value, "%d %d", &of, &done); err != nil || of != version {
		return 0, nil
	}
	return done, nil
}

// retagAtOnce is how many identifiers are tagged in one transaction.
const retagAtOnce = 500

// cursor is how far a walk through all subjects is.
type cursor struct {
	shard int
	after []byte // id of the last one in the shard; empty before the first
}

// retag tags the next identifiers anew in one transaction, notes which shards
// are done, and gives where it goes on.
func (db *DB) retag(ctx context.Context, at cursor, version, atOnce int) (next cursor, err error) {
	err = db.write(ctx, func(t *tx) error {
		next = at
		for left := atOnce; left > 0 && next.shard < allShards; {
			n, err := t.retagSome(&next, left)
			if err != nil {
				return err
			}
			left -= n
		}
		return t.exec(`INSERT INTO installation (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, taggedName, fmt.Sprintf("%d %d", version, next.shard))
	})
	return next, err
}

// retagSome tags identifiers of the shard at a cursor anew, and moves it.
func (t *tx) retagSome(at *cursor, most int) (n int, err error) {
	if err := t.lock(at.shard); err != nil {
		return 0, err
	}
	people, err := t.peopleAfter(*at, most)
	if err != nil {
		return 0, err
	}
	var fresh, old [][]byte
	for _, p := range people {
		if err := p.open(t.db.cfg.Ring); err != nil {
			return 0, err
		}
		if err := p.nameOf(); err != nil {
			return 0, err
		}
		if place := t.db.placeOf(p.name); place.older != nil {
			fresh, old = append(fresh, place.tag), append(old, place.older)
		}
		at.after = p.id[:]
	}
	err = t.exchangeTags(at.shard, fresh, old)
	if len(people) < most {
		*at = cursor{shard: at.shard + 1}
	}
	return len(people), err
}

// exchangeTags gives identifiers new tags. One that has its new tag already is
// left alone.
func (t *tx) exchangeTags(shard int, fresh, old [][]byte) error {
	if t.db.d == postgresDialect {
		return t.exec(`UPDATE identifier i SET tag = u.fresh FROM unnest(?::bytea[], ?::bytea[]) AS u (fresh, old) WHERE i.shard_id = ? AND i.tag = u.old`, fresh, old, shard)
	}
	for i := range fresh {
		if err := t.exec(`UPDATE identifier SET tag = ? WHERE shard_id = ? AND tag = ?`, fresh[i], shard, old[i]); err != nil {
			return err
		}
	}
	return nil
}

// peopleAfter reads the subjects that follow a cursor in its shard, in the order
// of their ids.
func (t *tx) peopleAfter(at cursor, most int) ([]*person, error) {
	rows, err := t.rows(`SELECT `+subjectRow+` FROM subject s WHERE s.shard_id = ? AND s.subject_id > ? ORDER BY s.subject_id LIMIT ?`, at.shard, append([]byte{}, at.after...), most)
	if err != nil {
		return nil, err
	}
	return rows.people()
}

// rewrapAtOnce is about how many subjects are rewrapped in one transaction.
const rewrapAtOnce = 2000

// RotateBuckets gives every bucket a new key and wraps every subject's keys
// anew. What was copied from the database before does not open any more with
// the keyring as it is then. A rotation that was cut short goes on.
func (db *DB) RotateBuckets(ctx context.Context, tell Tell) error {
	var subjects int
	if _, err := db.reader(ctx)(`SELECT count(*) FROM subject`, nil, &subjects); err != nil {
		return fmt.Errorf("counting subjects: %w", err)
	}
	each := min(max(keyring.Buckets/(1+subjects/rewrapAtOnce), 64), keyring.Buckets/8)
	err := db.cfg.Ring.RotateBuckets(ctx, each, db.rewrapAll, func(done int) { tell(done, keyring.Buckets) })
	if err != nil {
		return fmt.Errorf("giving every bucket a new key: %w", err)
	}
	return db.keysChanged(ctx)
}

// RotateMaster seals the keyring under a new master key.
func (db *DB) RotateMaster(ctx context.Context) error {
	if err := db.cfg.Ring.RotateMaster(ctx); err != nil {
		return err
	}
	return db.keysChanged(ctx)
}

// MoveMaster leaves the master key to another source, and changes it: what the
// old place may still give up opens nothing that is written from now on.
func (db *DB) MoveMaster(ctx context.Context, to keyring.Source) error {
	if err := db.cfg.Ring.MoveMaster(ctx, to); err != nil {
		return err
	}
	return db.RotateMaster(ctx)
}

// RotateFeed gives feeds and snapshots a new key and destroys the old one.
// Replicas begin anew from a snapshot.
func (db *DB) RotateFeed(ctx context.Context) error {
	next, err := db.cfg.Ring.BeginFeed(ctx)
	if err != nil {
		return fmt.Errorf("making a new feed key: %w", err)
	}
	if err := db.cfg.Ring.FinishFeed(ctx, next.Version); err != nil {
		return fmt.Errorf("destroying the old feed key: %w", err)
	}
	return db.keysChanged(ctx)
}
