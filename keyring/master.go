package keyring

import (
	"context"
	"fmt"

	"github.com/amana-privacy/amana/fault"
)

// RotateMaster seals the keyring under another master key and destroys the old
// one, durably. A change that was cut short goes on: until both files are sealed
// anew the old and the new key are there, and either file opens with one of them.
// What was copied from the keyring before still opens with the old key.
//
// A source that cannot make a key (Environment) has to name the new one behind
// the old; where it does not, it is fault.Conflict.
func (r *Ring) RotateMaster(ctx context.Context) error {
	return r.withMaster(ctx, func() error {
		v := r.view.Load()
		master, err := r.source.propose(r.disk, random())
		if err != nil {
			return err
		}
		_, given := r.source.(environment)
		if given && master == v.ring.master && master == v.bucket.master {
			return fault.New(fault.Conflict, "the keyring is sealed under the last key of AMANA_MASTER_KEY: name the old key and a new one behind it, and start again")
		}
		if err := r.reseal(v.clone(), master); err != nil {
			return err
		}
		return r.source.settle(r.disk)
	})
}

// MoveMaster leaves the same master key to another source, durably: into an age
// identity's care, for example. The process that opens the keyring next has to
// name that source. A move that was cut short goes on; until it is done either
// source opens.
func (r *Ring) MoveMaster(ctx context.Context, to Source) error {
	from := r.keptBy()
	return r.withMaster(ctx, func() error {
		v := r.view.Load()
		if v.ring.master != v.bucket.master {
			return fault.New(fault.Conflict, "a change of the master key was cut short: finish it first (amana keys rotate master)")
		}
		if err := r.handMaster(from, to, v.ring.master); err != nil {
			return err
		}
		r.source = to
		return nil
	}, from, to)
}

func (r *Ring) keptBy() Source {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source
}

func (r *Ring) handMaster(from, to Source, master Key) error {
	if held, err := to.masters(r.disk); err != nil || len(held) != 1 || held[0] != master { // or an earlier try came this far
		got, err := to.propose(r.disk, master)
		if err != nil {
			return err
		}
		if got != master {
			return fault.New(fault.Conflict, "the %s holds another master key than this keyring's", to)
		}
	}
	if err := to.settle(r.disk); err != nil {
		return err
	}
	if samePlace(from, to) {
		return nil // the one was written over the other
	}
	return from.forget(r.disk)
}

func samePlace(a, b Source) bool {
	x, ok1 := a.(kept)
	y, ok2 := b.(kept)
	return ok1 && ok2 && x.name == y.name
}

// withMaster runs what touches the master key, alone in the folder and with
// what the files say now: as the first of the sources opens them that does.
func (r *Ring) withMaster(ctx context.Context, do func() error, sources ...Source) error {
	release, err := alone(ctx, r.folder())
	if err != nil {
		return err
	}
	defer release()
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.look()
	for _, s := range sources {
		if err != nil { // a try before may have failed after it was done
			r.source = s
			err = r.look()
		}
	}
	if err == nil {
		err = do()
	}
	if err != nil {
		r.doubt = true
		return fmt.Errorf("changing the master key: %w", err)
	}
	return nil
}

// reseal writes what is not sealed under the master key yet.
func (r *Ring) reseal(next *view, master Key) error {
	if next.ring.master != master {
		next.ring.master = master
		if err := r.disk.putRing(next); err != nil {
			return err
		}
	}
	if next.bucket.master != master {
		next.bucket.master = master
		if err := r.disk.putBuckets(next); err != nil {
			return err
		}
	}
	r.view.Store(next)
	return nil
}
