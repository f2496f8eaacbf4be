package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/amana-privacy/amana/fault"
)

// The files that processes lock against each other; they are empty. Who has
// lockFile shared holds the keys as they are; who has it alone may change them.
// Everybody passes by turnFile first, so that those who hold, one always before
// the last has let go, cannot keep out who wants to change. changeFile is held
// by the one change of bucket keys that is under way.
const (
	lockFile   = "lock"
	turnFile   = "turn"
	changeFile = "change"
)

// patience is how long a lock is waited for. Locks are held for moments; one
// that is held longer belongs to a process that hangs.
const patience = 30 * time.Second

// Hold keeps the keys of all buckets, indexes and feeds as they are until it is
// released, in every process, and sees to it that this Ring knows them as they
// are: what is written in between is found by whoever changes a key afterwards.
//
// So: hold, wrap (or tag), commit, release. Where keys are changed by another
// process than the one that wraps, nothing else keeps a row from being committed
// under a key that is destroyed in the next moment. Whoever holds must not
// change keys, and must not hold for long: a change waits for it.
func (r *Ring) Hold(ctx context.Context) (release func(), err error) {
	dir := r.folder()
	turn, err := flock(ctx, filepath.Join(dir, turnFile), syscall.LOCK_SH)
	if err != nil {
		return nil, err
	}
	lock, err := flock(ctx, filepath.Join(dir, lockFile), syscall.LOCK_SH)
	turn.Close()
	if err != nil {
		return nil, err
	}
	if err := r.Look(); err != nil {
		lock.Close()
		return nil, err
	}
	return func() { lock.Close() }, nil
}

// alone waits until nobody holds the keyring in dir, and takes it.
func alone(ctx context.Context, dir string) (release func(), err error) {
	turn, err := flock(ctx, filepath.Join(dir, turnFile), syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	lock, err := flock(ctx, filepath.Join(dir, lockFile), syscall.LOCK_EX)
	if err != nil {
		turn.Close()
		return nil, err
	}
	return func() { lock.Close(); turn.Close() }, nil
}

// flock takes a lock on a file, which closing it gives back. A crash gives it
// back too.
func flock(ctx context.Context, path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening a lock of the keyring: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 20*time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("locking the keyring: %w", err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, &fault.Error{Kind: fault.Overloaded, Words: "the keyring is held by another process", Err: context.Cause(ctx)}
		case <-time.After(pause):
		}
	}
}
