// Package keyring holds the secrets of an installation, outside its database.
//
// A master key opens two sealed files: the ring (keys of indexes, of links and
// of the log) and the buckets (65,536 bucket keys, 2 MiB). A bucket key wraps
// the keys of its subjects, so that a subject is erased for good by giving its
// bucket a new key: whatever an old copy of the database holds can then no
// longer be opened (GDPR Article 17; design of sealing, docs/design/sealing.md).
//
// Several processes may have one keyring open, on one machine or over a shared
// file system. Each key can be changed while they run; Hold says what whoever
// writes under a key owes to whoever changes it.
package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/amana-privacy/amana/fault"
)

// Buckets is how many bucket keys there are.
const Buckets = 1 << 16

const (
	ringFile    = "ring"
	bucketsFile = "buckets"
)

// Key is a 256-bit secret. It never prints.
type Key [32]byte

// Format keeps a key out of logs and errors, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { io.WriteString(f, "(key)") }

// LogValue keeps a key out of structured logs.
func (Key) LogValue() slog.Value { return slog.StringValue("(key)") }

func random() Key {
	var k Key
	rand.Read(k[:]) // never fails (crypto/rand)
	return k
}

// Ring is an opened keyring. It is safe for concurrent use, and knows what the
// files said when it last looked: see Look and Hold.
type Ring struct {
	view atomic.Pointer[view]

	mu     sync.Mutex // held while this Ring reads or writes files; taken after any lock of the folder
	disk   disk       // guarded by mu, as below
	source Source
	doubt  bool // a write failed: either state may be on the disk
}

// Create makes a new keyring in dir, which must not hold one, for a log with
// the given origin, with its master key in a file beside it. Every file is 0600
// and durable on return.
func Create(dir, origin string) (*Ring, error) { return CreateFrom(dir, origin, File()) }

// CreateFrom makes a new keyring as Create does, with its master key where the
// source keeps it.
func CreateFrom(dir, origin string, s Source) (*Ring, error) {
	return create(disk{dir: dir}, origin, s)
}

func create(d disk, origin string, s Source) (*Ring, error) {
	if Exists(d.dir) {
		return nil, fault.New(fault.Conflict, "%s holds a keyring already", d.dir)
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the keyring's folder: %w", err)
	}
	if err := syncDir(filepath.Dir(d.dir)); err != nil {
		return nil, fmt.Errorf("making the keyring's folder: %w", err)
	}
	v, err := newView(origin)
	if err != nil {
		return nil, err
	}
	master, err := s.propose(d, random())
	if err != nil {
		return nil, err
	}
	v.ring.master, v.bucket.master = master, master
	if err := d.putRing(v); err != nil {
		return nil, err
	}
	if err := d.putBuckets(v); err != nil {
		return nil, err
	}
	r := &Ring{disk: d, source: s}
	r.view.Store(v)
	return r, s.settle(d) // the master key comes last: a keyring without one was never finished
}

// newView makes all keys anew.
func newView(origin string) (*view, error) {
	log, err := newLogKey(origin)
	if err != nil {
		return nil, err
	}
	first := func() []Versioned { return []Versioned{{Version: 1, Key: random(), Made: now()}} }
	v := &view{buckets: make([]Key, Buckets), pending: map[uint16]Key{}, round: noRound}
	v.secret = secrets{ID: rand.Text(), Index: first(), Suppression: first(), Feed: first(), Shard: random(), Link: random(), Logs: []logKey{log}}
	all := make([]byte, Buckets*len(Key{}))
	rand.Read(all)
	for i := range v.buckets {
		copy(v.buckets[i][:], all[i*len(Key{}):])
	}
	return v, nil
}

// Exists reports whether dir holds any part of a keyring.
func Exists(dir string) bool {
	d := disk{dir: dir}
	return d.has(masterFile) || d.has(identityFile) || d.has(ringFile) || d.has(bucketsFile)
}

// Open opens the keyring in dir, whose master key lies in a file beside it. A
// missing or wrong key is an error; it never makes a new one.
func Open(dir string) (*Ring, error) { return OpenFrom(dir, File()) }

// OpenFrom opens a keyring as Open does, with its master key from a source.
func OpenFrom(dir string, s Source) (*Ring, error) { return open(disk{dir: dir}, s) }

func open(d disk, s Source) (*Ring, error) {
	if err := private(d.dir); err != nil {
		return nil, err
	}
	if _, err := s.masters(d); err != nil { // said first: it is what is most often missing
		return nil, err
	}
	if !Exists(d.dir) {
		return nil, fault.New(fault.Unknown, "there is no keyring in %s: put it back; it cannot be made anew", d.dir)
	}
	r := &Ring{disk: d, source: s}
	release, err := alone(context.Background(), d.dir)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := d.sweep(); err != nil {
		return nil, err
	}
	return r, r.read()
}

// private refuses a folder of keys that others may look into.
func private(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return nil // what is missing is said by whoever reads it
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fault.New(fault.Denied, "others may look into %s: chmod 700 %s", dir, dir)
	}
	return nil
}

// Move gives the keyring's folder another name beside it, durably.
func (r *Ring) Move(dir string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := os.Rename(r.disk.dir, dir); err != nil {
		return fmt.Errorf("moving the keyring: %w", err)
	}
	r.disk.dir = dir
	return syncDir(filepath.Dir(dir))
}

func (r *Ring) folder() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.disk.dir
}

// Look sees whether another process has changed a key, and if so learns it. It
// costs two opened files. A keyring that went back to an older state, or cannot
// be read, is an error: whoever goes on would write under keys that are gone.
func (r *Ring) Look() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.look()
}

func (r *Ring) look() error {
	v := r.view.Load()
	ring, err1 := r.disk.generationOf(ringFile)
	buckets, err2 := r.disk.generationOf(bucketsFile)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("looking at the keyring: %w", err)
	}
	if ring == v.ring.generation && buckets == v.bucket.generation && !r.doubt {
		return nil
	}
	return r.read()
}

// tries is how often files are read that do not open: another process may be in
// the middle of changing the master key, file by file.
const tries = 5

// read reads the files anew. The caller holds mu, or is the only one.
func (r *Ring) read() error {
	var err error
	for range tries {
		var masters []Key
		var next *view
		if masters, err = r.source.masters(r.disk); err == nil {
			next, err = r.disk.open(masters)
		}
		if err == nil {
			return r.show(next)
		}
	}
	return err
}

// show makes what was read what this Ring knows.
func (r *Ring) show(next *view) error {
	if v := r.view.Load(); v != nil {
		if v.secret.ID != next.secret.ID {
			return fault.New(fault.Conflict, "another keyring was put in the place of this one, in %s", r.disk.dir)
		}
		if next.ring.generation < v.ring.generation || next.bucket.generation < v.bucket.generation {
			return fault.New(fault.Conflict, "an older copy of the keyring was put back in %s while it was open", r.disk.dir)
		}
	}
	r.view.Store(next)
	r.doubt = false
	return nil
}

// Generation counts the changes of the keyring. A database that remembers the
// largest it has seen can tell an older copy of its keyring.
func (r *Ring) Generation() int64 {
	v := r.view.Load()
	return v.ring.generation + v.bucket.generation
}

// part is a file that a change has to write.
type part int

const (
	partNone part = iota
	partRing
	partBuckets
)

// change changes keys: alone in the folder, from what the files say now. What do
// leaves in next is durable, and known here, when change returns.
func (r *Ring) change(ctx context.Context, do func(next *view) (part, error)) error {
	release, err := alone(ctx, r.folder())
	if err != nil {
		return err
	}
	defer release()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.look(); err != nil {
		return err
	}
	next := r.view.Load().clone()
	written, err := do(next)
	if err != nil {
		return err
	}
	switch written {
	case partRing:
		err = r.disk.putRing(next)
	case partBuckets:
		err = r.disk.putBuckets(next)
	}
	if err != nil {
		r.doubt = true // nothing may be wrapped under a key that is in memory alone
		return err
	}
	r.view.Store(next)
	return nil
}
