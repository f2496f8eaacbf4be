package keyring

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/fault"
)

// rows stand for a database that several servers share.
type rows struct {
	mu   sync.Mutex
	made []SubjectID
	of   map[SubjectID]row
	old  map[SubjectID][]Wrapped // as older copies of the database have them
}

type row struct {
	keys Keys
	w    Wrapped
}

func (d *rows) commit(id SubjectID, r row) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.made = append(d.made, id)
	d.of[id] = r
}

// enough reports whether as many rows were made and rewrapped as mean something.
func (d *rows) enough() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	changed := 0
	for _, old := range d.old {
		changed += len(old)
	}
	return len(d.made) >= 30 && changed >= 30
}

func (d *rows) any() (id SubjectID, r row, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.made) == 0 {
		return id, r, false
	}
	id = d.made[rand.IntN(len(d.made))]
	return id, d.of[id], true
}

// rewrap is what a store does when a bucket changes, in one transaction.
func (d *rows) rewrap(ring *Ring) Rewrap {
	return func(_ context.Context, buckets []uint16) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		for id, r := range d.of {
			for _, b := range buckets {
				if id.Bucket() != b {
					continue
				}
				w, changed, err := ring.Rewrap(id, r.w)
				if err != nil {
					return err
				}
				if changed {
					d.old[id] = append(d.old[id], r.w)
					r.w = w
					d.of[id] = r
				}
			}
		}
		return nil
	}
}

// TestServersOnOneFolderLoseNothing lets three of them write, read and change
// keys at once, each with a Ring of its own.
func TestServersOnOneFolderLoseNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if _, err := Create(dir, "shop.example/log"); err != nil {
		t.Fatal(err)
	}
	db := &rows{of: map[SubjectID]row{}, old: map[SubjectID][]Wrapped{}}
	ctx, stop := context.WithCancel(t.Context())
	var wg, changers sync.WaitGroup
	for server := range 3 {
		ring := reopen(t, dir)
		for range 2 {
			wg.Go(func() { writes(ctx, t, ring, db) })
		}
		wg.Go(func() { reads(ctx, t, ring, db) })
		changers.Go(func() {
			for n := 0; n < 8 || n < 500 && !db.enough(); n++ {
				time.Sleep(30 * time.Millisecond)
				if err := ring.Change(t.Context(), []uint16{uint16(server), 3}, db.rewrap(ring)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	changers.Wait()
	stop()
	wg.Wait()
	after := reopen(t, dir)
	for id, r := range db.of {
		if got, err := after.Unwrap(id, r.w); err != nil || got != r.keys {
			t.Fatalf("a row of bucket %d does not open: %v", id.Bucket(), err)
		}
		for _, w := range db.old[id] {
			if _, err := after.Unwrap(id, w); !errors.Is(err, ErrNoKey) {
				t.Fatalf("what an older copy has of bucket %d still opens: %v", id.Bucket(), err)
			}
		}
	}
	if !db.enough() {
		t.Errorf("only %d rows were made, too few of them rewrapped", len(db.made))
	}
}

func writes(ctx context.Context, t *testing.T, ring *Ring, db *rows) {
	for n := 0; ctx.Err() == nil && n < 2000; n++ {
		release, err := ring.Hold(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		id := SubjectID{0, byte(rand.IntN(4)), byte(n), byte(n >> 8), byte(rand.IntN(256)), byte(rand.IntN(256))}
		keys, w := ring.NewKeys(id)
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // the commit takes its time, longer than a change
		db.commit(id, row{keys, w})
		release()
	}
}

func reads(ctx context.Context, t *testing.T, ring *Ring, db *rows) {
	for ctx.Err() == nil {
		id, r, ok := db.any()
		if !ok {
			continue
		}
		got, err := ring.Unwrap(id, r.w)
		for range 20 { // rewrapped since it was read
			if !errors.Is(err, ErrNoKey) {
				break
			}
			db.mu.Lock()
			r = db.of[id]
			db.mu.Unlock()
			got, err = ring.Unwrap(id, r.w)
		}
		if err != nil || got != r.keys {
			t.Errorf("a row does not open: %v", err)
			return
		}
	}
}

func TestWhatOneServerChangesAnotherLearns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	a, err := Create(dir, "shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	b := reopen(t, dir)
	id := SubjectID{0, 5}
	keys, _ := a.NewKeys(id)
	if err := a.BeginChange([]uint16{5}); err != nil {
		t.Fatal(err)
	}
	w := a.Wrap(id, keys)
	if got, err := b.Unwrap(id, w); err != nil || got != keys {
		t.Errorf("a row under a key it has not seen: %v", err)
	}
	index, err := a.BeginIndex(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next, err := a.BeginLog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := b.LogSignerOf(next); err != nil || s.Name() != "shop.example/log" {
		t.Errorf("the log's next key: %v", err)
	}
	release, err := b.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if b.Index() != index.Key || len(b.Changing()) != 1 {
		t.Error("who holds does not know what was changed before")
	}
	if a.Generation() != b.Generation() {
		t.Error("they count differently")
	}
}

func TestMastersChangeUnderAnOpenRing(t *testing.T) {
	id := x25519(t)
	dir := filepath.Join(t.TempDir(), "keys")
	a, err := CreateFrom(dir, "shop.example/log", ageOf(t, id))
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenFrom(dir, ageOf(t, id))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RotateMaster(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.BeginChange([]uint16{1}); err != nil { // writes, and seals under the new one
		t.Fatal(err)
	}
	if err := a.Look(); err != nil || len(a.Changing()) != 1 {
		t.Error(err)
	}
	if b.view.Load().bucket.master != a.view.Load().ring.master {
		t.Error("it sealed under the old master key")
	}

	// A server that was given one key alone stops, rather than to go on with old ones.
	text := NewMaster()
	dir = filepath.Join(t.TempDir(), "keys")
	if a, err = CreateFrom(dir, "shop.example/log", env(t, text)); err != nil {
		t.Fatal(err)
	}
	c, err := OpenFrom(dir, env(t, text+" "+NewMaster()))
	if err == nil {
		err = c.RotateMaster(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Hold(t.Context()); fault.KindOf(err) != fault.Denied {
		t.Errorf("it may write on: %v", err)
	}
}

func TestAnOlderCopyPutBackIsNoticed(t *testing.T) {
	for _, name := range []string{ringFile, bucketsFile} {
		dir := filepath.Join(t.TempDir(), "keys")
		r, err := Create(dir, "shop.example/log")
		if err != nil {
			t.Fatal(err)
		}
		old, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.BeginFeed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.BeginChange([]uint16{1}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), old, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := r.Look(); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := r.Hold(t.Context()); err == nil {
			t.Errorf("%s: it may write on", name)
		}
	}
}

func TestWhoHoldsKeepsAChangeWaiting(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	a, err := Create(dir, "shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	b := reopen(t, dir)
	release, err := a.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.BeginIndex(ctx); fault.KindOf(err) != fault.Overloaded {
		t.Fatalf("a key was changed under who held it: %v", err)
	}
	release()
	if _, err := b.BeginIndex(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// child is what another process does on a folder, in the test below.
func child(dir string) error {
	r, err := Open(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := r.BeginIndex(ctx); err != nil {
		return err
	}
	if err := r.RotateMaster(ctx); err != nil {
		return err
	}
	return r.Change(ctx, []uint16{1, 2, 3}, func(context.Context, []uint16) error { return nil })
}

const childOf = "AMANA_TEST_KEYRING"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "age-plugin-amanatest" {
		os.Exit(pluginMain())
	}
	if dir := os.Getenv(childOf); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestTwoProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	r, err := Create(dir, "shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	was := r.view.Load()
	keys, w := r.NewKeys(SubjectID{0, 9})
	release, err := r.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), childOf+"="+dir)
	var out strings.Builder
	c.Stderr = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	if err := r.Look(); err != nil || r.view.Load() != was {
		t.Errorf("the other process changed what is held (%v)", err)
	}
	release()
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if release, err = r.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer release()
	now := r.view.Load()
	if len(r.Indexes()) != 2 || now.buckets[2] == was.buckets[2] || now.ring.master == was.ring.master {
		t.Error("what the other process did is not known here")
	}
	if got, err := r.Unwrap(SubjectID{0, 9}, w); err != nil || got != keys {
		t.Error(err)
	}
}

func TestARotationOfAllBucketsGoesOnWhereItWas(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	r, err := Create(dir, "shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	was := r.view.Load()
	seen := map[uint16]int{}
	fails := false
	rewrap := func(_ context.Context, list []uint16) error {
		if fails {
			return errPower
		}
		for _, b := range list {
			seen[b]++
		}
		return nil
	}
	err = r.RotateBuckets(t.Context(), 1<<13, rewrap, func(done int) { fails = done >= Buckets/2 })
	if !errors.Is(err, errPower) {
		t.Fatal(err)
	}
	r = reopen(t, dir)
	if done, underWay := r.Rotating(); done != Buckets/2 || !underWay {
		t.Fatalf("%d, %v", done, underWay)
	}
	fails = false
	told := 0
	if err := r.RotateBuckets(t.Context(), 1<<13, rewrap, func(done int) { told = done }); err != nil || told != Buckets {
		t.Fatalf("%d, %v", told, err)
	}
	for b := range Buckets {
		if n := seen[uint16(b)]; n < 1 || n > 2 || n == 2 && (b < Buckets/2 || b >= Buckets/2+1<<13) {
			t.Fatalf("bucket %d was rewrapped %d times", b, n)
		}
		if r.view.Load().buckets[b] == was.buckets[b] {
			t.Fatalf("bucket %d has its old key", b)
		}
	}
}

func BenchmarkHold(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "keys")
	r, err := Create(dir, "shop.example/log")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		release, err := r.Hold(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		release()
	}
}

// Two change the index key together, and one of them is late: by then a third
// change has begun, which has tagged nobody yet.
func TestALateChangeOfTheIndexKeyDestroysNoOther(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	a, err := Create(dir, "shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	b := reopen(t, dir)
	begins := func(r *Ring) int {
		t.Helper()
		k, err := r.BeginIndex(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return k.Version
	}
	finishes := func(r *Ring, version, left int) {
		t.Helper()
		if err := r.FinishIndex(t.Context(), version); err != nil {
			t.Fatal(err)
		}
		if n := len(r.Indexes()); n != left {
			t.Errorf("%d keys are left of a change to version %d, not %d", n, version, left)
		}
	}
	first, late := begins(a), begins(b)
	finishes(a, first, 1)
	third := begins(a)
	finishes(b, late, 2) // one of them is that by which everybody is entered still
	finishes(a, third, 1)
}
