package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/amana-privacy/amana/keyring"
	decisiontable "github.com/amana-privacy/amana/table"
)

// Everybody calls each with all who are known, some at a time and in no order;
// one call ends before the next begins. Who comes or changes meanwhile may be
// missed, or be told as they are by then: their changes tell of them.
func (db *DB) Everybody(ctx context.Context, each func([]Change) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var one sync.Mutex
	var wg sync.WaitGroup
	shards := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for shard := range shards {
				err := db.everybodyIn(ctx, shard, func(list []Change) error {
					one.Lock()
					defer one.Unlock()
					return each(list)
				})
				if err != nil {
					stop(err)
				}
			}
		})
	}
	for shard := range Shards {
		shards <- shard
	}
	close(shards)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("reading everybody: %w", err)
	}
	return nil
}

func (db *DB) everybodyIn(ctx context.Context, shard int, each func([]Change) error) error {
	for after := []byte{}; after != nil && ctx.Err() == nil; {
		list, last, err := db.someOf(ctx, shard, after, false)
		if errors.Is(err, keyring.ErrNoKey) { // keys were changed since the rows were read
			list, last, err = db.someOf(ctx, shard, after, true)
		}
		if err != nil {
			return err
		}
		if err := each(list); err != nil {
			return err
		}
		after = last
	}
	return ctx.Err()
}

// readAtOnce is how many subjects are read in one statement.
const readAtOnce = 1000

// someOf gives some subjects of a shard after one, and the last of them; nil
// where there are no more. Whom no key opens is keyring.ErrNoKey, or left out:
// in an older copy of the database stands who was erased since.
func (db *DB) someOf(ctx context.Context, shard int, after []byte, leaveOut bool) (list []Change, last []byte, err error) {
	rows, err := db.readRows(ctx)(`SELECT `+subjectRow+` FROM subject s WHERE s.shard_id = ? AND s.subject_id > ? ORDER BY s.subject_id LIMIT ?`, shard, after, readAtOnce)
	if err != nil {
		return nil, nil, err
	}
	people, err := rows.people()
	if err != nil {
		return nil, nil, err
	}
	if len(people) == readAtOnce {
		last = people[readAtOnce-1].id[:]
	}
	list = make([]Change, 0, len(people))
	for _, p := range people {
		if err := p.open(db.cfg.Ring); leaveOut && errors.Is(err, keyring.ErrNoKey) {
			continue
		} else if err != nil {
			return nil, nil, err
		}
		if err := p.nameOf(); err != nil {
			return nil, nil, err
		}
		list = append(list, Change{Shard: shard, N: p.last})
		if err := db.tell(&list[len(list)-1], p, db.reader(ctx)); err != nil {
			return nil, nil, err
		}
	}
	return list, last, nil
}

// Suppressed gives the tags under which those are known who were erased and did
// not come back, made by decisiontable.SuppressedTag under the key of suppression.
func (db *DB) Suppressed(ctx context.Context) ([]decisiontable.Tag, error) {
	rows, err := db.readRows(ctx)(`SELECT tag FROM suppression`)
	if err != nil {
		return nil, fmt.Errorf("reading who was erased: %w", err)
	}
	defer rows.Close()
	var list []decisiontable.Tag
	for rows.Next() {
		var tag []byte
		if err := rows.Scan(&tag); err != nil {
			return nil, fmt.Errorf("reading who was erased: %w", err)
		}
		list = append(list, decisiontable.ShortTag(tag))
	}
	return list, rows.Err()
}
