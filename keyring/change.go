package keyring

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"syscall"
)

// Change gives buckets new keys and destroys their old ones. Rewrap has to wrap
// every subject of the buckets it is given anew (see Rewrap), and to return when
// that is durable; where it fails, both keys stay good, and the next Change goes
// on. Everything of these buckets that was not rewrapped is gone for good.
//
// One process at a time changes bucket keys; others wait their turn. What an
// earlier change left is finished first, so that a bucket that is named gets a
// key that nothing was wrapped under before.
func (r *Ring) Change(ctx context.Context, buckets []uint16, rewrap Rewrap) error {
	release, err := r.turn(ctx)
	if err != nil {
		return err
	}
	defer release()
	return r.changeInTurn(ctx, buckets, keepRound, rewrap)
}

// Rewrap wraps all subjects of some buckets anew, durably on return.
type Rewrap func(ctx context.Context, buckets []uint16) error

// RotateBuckets gives all buckets new keys as Change does, so many at a time, and
// lets others change keys in between. One that was cut short goes on where it
// was. It tells how many are done.
func (r *Ring) RotateBuckets(ctx context.Context, each int, rewrap Rewrap, tell func(done int)) error {
	err := r.change(ctx, func(next *view) (part, error) {
		if next.round != noRound {
			return partNone, nil
		}
		next.round = 0
		return partBuckets, nil
	})
	for done := 0; err == nil && done < Buckets; {
		if done, err = r.rotateSome(ctx, each, rewrap); err == nil {
			tell(done)
		}
	}
	return err
}

// Rotating gives the number of buckets that a rotation of all has done, false
// where none is under way.
func (r *Ring) Rotating() (done int, underWay bool) {
	v := r.view.Load()
	return v.round, v.round != noRound
}

func (r *Ring) rotateSome(ctx context.Context, each int, rewrap Rewrap) (done int, err error) {
	release, err := r.turn(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	first, underWay := r.Rotating()
	if !underWay { // another process has finished it
		return Buckets, nil
	}
	var some []uint16
	for b := first; b < min(first+each, Buckets); b++ {
		some = append(some, uint16(b))
	}
	done = first + len(some)
	round := done
	if done == Buckets {
		round = noRound
	}
	return done, r.changeInTurn(ctx, some, round, rewrap)
}

// turn waits until no other process changes bucket keys, and looks at what they
// are by then.
func (r *Ring) turn(ctx context.Context) (release func(), err error) {
	f, err := flock(ctx, filepath.Join(r.folder(), changeFile), syscall.LOCK_EX)
	if err != nil {
		return nil, fmt.Errorf("waiting for another change of bucket keys: %w", err)
	}
	if err := r.Look(); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

func (r *Ring) changeInTurn(ctx context.Context, buckets []uint16, round int, rewrap Rewrap) error {
	if left := r.Changing(); len(left) > 0 {
		if err := r.complete(ctx, left, keepRound, rewrap); err != nil {
			return err
		}
	}
	if len(buckets) == 0 {
		return nil
	}
	if err := r.beginChange(ctx, buckets); err != nil {
		return err
	}
	return r.complete(ctx, buckets, round, rewrap)
}

func (r *Ring) complete(ctx context.Context, buckets []uint16, round int, rewrap Rewrap) error {
	if err := rewrap(ctx, buckets); err != nil {
		return err
	}
	return r.finishChange(context.WithoutCancel(ctx), buckets, round)
}

// keepRound as a round leaves it as it is.
const keepRound = -2

// BeginChange gives buckets new keys beside their old ones, durably. What is
// wrapped from now on is wrapped under the new ones. A bucket that has two keys
// keeps them: finish first what was begun before, or what was wrapped under its
// second key in the meantime stays open. Change does all of that.
func (r *Ring) BeginChange(buckets []uint16) error {
	return r.beginChange(context.Background(), buckets)
}

func (r *Ring) beginChange(ctx context.Context, buckets []uint16) error {
	return r.change(ctx, func(next *view) (part, error) {
		written := partNone
		for _, b := range buckets {
			if _, changing := next.pending[b]; !changing {
				next.pending[b] = random()
				written = partBuckets
			}
		}
		return written, nil
	})
}

// Changing gives the buckets that have two keys, in order. After a crash in the
// middle of a change they are still here.
func (r *Ring) Changing() []uint16 { return slices.Sorted(maps.Keys(r.view.Load().pending)) }

// FinishChange destroys the old keys of buckets that have two, durably. Nothing
// of them may be wrapped under the old one any more: it is gone for good. Where
// none is named, it is those that this Ring knew of when it was called; name
// them where other processes change keys too.
func (r *Ring) FinishChange(buckets ...uint16) error {
	if len(buckets) == 0 {
		buckets = r.Changing()
	}
	return r.finishChange(context.Background(), buckets, keepRound)
}

func (r *Ring) finishChange(ctx context.Context, buckets []uint16, round int) error {
	return r.change(ctx, func(next *view) (part, error) {
		written := partNone
		for _, b := range buckets {
			if k, changing := next.pending[b]; changing {
				next.buckets[b] = k
				delete(next.pending, b)
				written = partBuckets
			}
		}
		if round != keepRound {
			next.round, written = round, partBuckets
		}
		return written, nil
	})
}
