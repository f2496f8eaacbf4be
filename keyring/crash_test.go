package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// operation is a change of keys that a crash may cut anywhere.
type operation struct {
	name  string
	made  Source                                   // that the keyring is made with
	opens []Source                                 // one of them opens what a crash leaves; nil: made
	begun func(ctx context.Context, r *Ring) error // what comes before, uncut; may be nil
	do    func(ctx context.Context, r *Ring) error // is cut, and done again on what is left
	done  func(t *testing.T, before, after *Ring)  // holds what must be so in the end
	files []string                                 // beside ring, buckets and locks, in the end
}

func operations(t *testing.T) []operation {
	oldKey, newKey := NewMaster(), NewMaster()
	id, other := x25519(t), x25519(t)
	some := []uint16{1, 2, 65535}
	changed := func(t *testing.T, what string, before, after Key, want bool) {
		t.Helper()
		if (before != after) != want {
			t.Errorf("%s: changed is not %v", what, want)
		}
	}
	masters := func(t *testing.T, before, after *Ring) {
		t.Helper()
		a, b := before.view.Load(), after.view.Load()
		changed(t, "master", a.ring.master, b.ring.master, true)
		if b.ring.master != b.bucket.master {
			t.Error("the files are sealed under two keys")
		}
	}
	same := func(t *testing.T, before, after *Ring) {
		t.Helper()
		changed(t, "master", before.view.Load().ring.master, after.view.Load().ring.master, false)
	}
	return []operation{
		{name: "begin buckets", made: File(), files: []string{masterFile},
			do: func(_ context.Context, r *Ring) error { return r.BeginChange(some) },
			done: func(t *testing.T, before, after *Ring) {
				if !slices.Equal(after.Changing(), some) {
					t.Errorf("changing %v", after.Changing())
				}
			}},
		{name: "finish buckets", made: File(), files: []string{masterFile},
			begun: func(_ context.Context, r *Ring) error { return r.BeginChange(some) },
			do:    func(_ context.Context, r *Ring) error { return r.FinishChange(some...) },
			done: func(t *testing.T, before, after *Ring) {
				for b := range 4 {
					changed(t, fmt.Sprintf("bucket %d", b), before.view.Load().buckets[b], after.view.Load().buckets[b], slices.Contains(some, uint16(b)))
				}
			}},
		{name: "all buckets", made: File(), files: []string{changeFile, masterFile},
			do: func(ctx context.Context, r *Ring) error {
				return r.RotateBuckets(ctx, Buckets, func(context.Context, []uint16) error { return nil }, func(int) {})
			},
			done: func(t *testing.T, before, after *Ring) {
				if _, underWay := after.Rotating(); underWay || len(after.Changing()) > 0 {
					t.Error("it is not at an end")
				}
				was, is := before.view.Load().buckets, after.view.Load().buckets
				for b := range is {
					if was[b] == is[b] {
						t.Fatalf("bucket %d has the key it had", b)
					}
				}
			}},
		{name: "begin index", made: File(), files: []string{masterFile},
			do: func(ctx context.Context, r *Ring) error { _, err := r.BeginIndex(ctx); return err },
			done: func(t *testing.T, before, after *Ring) {
				if list := after.Indexes(); len(list) != 2 || list[0].Version != 2 || list[1].Key != before.Index() {
					t.Error("there are not the new one and the old")
				}
			}},
		{name: "finish index", made: File(), files: []string{masterFile},
			begun: func(ctx context.Context, r *Ring) error { _, err := r.BeginIndex(ctx); return err },
			do:    func(ctx context.Context, r *Ring) error { return r.FinishIndex(ctx, 2) },
			done: func(t *testing.T, before, after *Ring) {
				if list := after.Indexes(); len(list) != 1 || list[0].Version != 2 {
					t.Error("there is not the new one alone")
				}
			}},
		{name: "hand over the log", made: File(), files: []string{masterFile},
			begun: func(ctx context.Context, r *Ring) error { _, err := r.BeginLog(ctx); return err },
			do: func(ctx context.Context, r *Ring) error {
				to := r.NextLog()
				if to == "" {
					to = r.LogVerifier()
				}
				return r.FinishLog(ctx, to)
			},
			done: func(t *testing.T, before, after *Ring) {
				if got := after.LogVerifiers(); len(got) != 2 || got[0] != before.LogVerifier() || after.NextLog() != "" {
					t.Errorf("keys of the log: %v", got)
				}
				if _, err := after.LogSignerOf(before.LogVerifier()); err == nil {
					t.Error("the old key still signs")
				}
			}},
		{name: "master in a file", made: File(), files: []string{masterFile}, done: masters,
			do: func(ctx context.Context, r *Ring) error { return rotateOnce(ctx, r) }},
		{name: "master of an identity", made: ageOf(t, id), files: []string{identityFile}, done: masters,
			do: func(ctx context.Context, r *Ring) error { return rotateOnce(ctx, r) }},
		{name: "master in the environment", made: env(t, oldKey), opens: []Source{env(t, oldKey+" "+newKey)}, done: masters,
			do: func(ctx context.Context, r *Ring) error { return rotateOnce(ctx, r) }},
		{name: "from a file to an identity", made: File(), opens: []Source{File(), ageOf(t, id)}, files: []string{identityFile}, done: same,
			do: func(ctx context.Context, r *Ring) error { return r.MoveMaster(ctx, ageOf(t, id)) }},
		{name: "from one identity to another", made: ageOf(t, id), opens: []Source{ageOf(t, id), ageOf(t, other)}, files: []string{identityFile}, done: same,
			do: func(ctx context.Context, r *Ring) error { return r.MoveMaster(ctx, ageOf(t, other)) }},
		{name: "from an identity to a file", made: ageOf(t, id), opens: []Source{ageOf(t, id), File()}, files: []string{masterFile}, done: same,
			do: func(ctx context.Context, r *Ring) error { return r.MoveMaster(ctx, File()) }},
	}
}

// rotateOnce rotates the master key, unless a try before has come to its end.
func rotateOnce(ctx context.Context, r *Ring) error {
	if err := r.Look(); err != nil {
		return err
	}
	v := r.view.Load()
	if v.ring.generation > 1 && v.bucket.generation > 1 && !r.disk.has(masterFile+upcoming) && !r.disk.has(identityFile+upcoming) {
		return nil
	}
	return r.RotateMaster(ctx)
}

// TestAChangeCutAnywhereGoesOn cuts the power after every single step of every
// change, opens what is on the disk, and does the change again.
func TestAChangeCutAnywhereGoesOn(t *testing.T) {
	for _, op := range operations(t) {
		t.Run(op.name, func(t *testing.T) {
			if op.opens == nil {
				op.opens = []Source{op.made}
			}
			dir, before := ready(t, op)
			id := SubjectID{9, 9, 1}
			keys, wrapped := before.NewKeys(id)

			var cuts []string
			r := openAny(t, dir, op.opens)
			r.disk.step = func(what string) error {
				cut := filepath.Join(t.TempDir(), fmt.Sprintf("%02d", len(cuts)))
				copyDir(t, dir, cut)
				cuts = append(cuts, what+"\n"+cut)
				return nil
			}
			if err := op.do(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if len(cuts) < 3 {
				t.Fatalf("only %d steps", len(cuts))
			}
			for i, c := range cuts {
				what, cut, _ := strings.Cut(c, "\n")
				t.Run(fmt.Sprintf("%02d %s", i, what), func(t *testing.T) {
					left := openAny(t, cut, op.opens)
					if op.name != "all buckets" { // nothing here was rewrapped
						if got, err := left.Unwrap(id, wrapped); err != nil || got != keys {
							t.Fatalf("after the crash a key does not open: %v", err)
						}
					}
					if err := op.do(t.Context(), left); err != nil {
						t.Fatalf("it does not go on: %v", err)
					}
					after := openAny(t, cut, op.opens[len(op.opens)-1:])
					op.done(t, before, after)
					want := slices.Sorted(slices.Values(append([]string{bucketsFile, lockFile, ringFile, turnFile}, op.files...)))
					if got := names(t, cut); !slices.Equal(got, want) {
						t.Errorf("there are %v, not %v", got, want)
					}
				})
			}
		})
	}
}

// TestAFailedWriteLosesNothing lets every step fail after it was done, as a disk
// does that reports an error too late, and goes on with the same Ring.
func TestAFailedWriteLosesNothing(t *testing.T) {
	for _, op := range operations(t) {
		if op.name == "all buckets" { // it begins and finishes buckets
			continue
		}
		t.Run(op.name, func(t *testing.T) {
			if op.opens == nil {
				op.opens = []Source{op.made}
			}
			whole, before := ready(t, op)
			for at := 0; ; at++ {
				dir := filepath.Join(t.TempDir(), "keys")
				copyDir(t, whole, dir)
				id := SubjectID{9, 9, 1}
				keys, wrapped := before.NewKeys(id)
				r := openAny(t, dir, op.opens)
				steps := 0
				r.disk.step = func(string) error {
					if steps++; steps == at+1 {
						return errPower
					}
					return nil
				}
				err := op.do(t.Context(), r)
				if err == nil {
					break // it has fewer steps than that
				}
				if !errors.Is(err, errPower) {
					t.Fatalf("step %d: %v", at, err)
				}
				if _, err := r.Unwrap(id, wrapped); err != nil {
					t.Fatalf("step %d: after the failure a key does not open: %v", at, err)
				}
				fresh, under := r.NewKeys(SubjectID{1, 1, 1})
				if got, err := openAny(t, dir, op.opens).Unwrap(SubjectID{1, 1, 1}, under); err != nil || got != fresh {
					t.Fatalf("step %d: what was wrapped after the failure is lost at the next start: %v", at, err)
				}
				if err := op.do(t.Context(), r); err != nil {
					t.Fatalf("step %d: it does not go on: %v", at, err)
				}
				after := openAny(t, dir, op.opens[len(op.opens)-1:])
				op.done(t, before, after)
				if got, err := after.Unwrap(id, wrapped); err != nil || got != keys {
					t.Fatalf("step %d: %v", at, err)
				}
			}
		})
	}
}

// ready makes a keyring with which the operation can begin.
func ready(t *testing.T, op operation) (dir string, before *Ring) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	made, err := CreateFrom(dir, "shop.example/log", op.made)
	if err == nil && op.begun != nil {
		err = op.begun(t.Context(), made)
	}
	if err != nil {
		t.Fatal(err)
	}
	before = openAny(t, dir, []Source{op.made})
	return dir, before
}

// openAny opens with the first source that does.
func openAny(t *testing.T, dir string, sources []Source) *Ring {
	t.Helper()
	var errs []error
	for _, s := range sources {
		r, err := OpenFrom(dir, s)
		if err == nil {
			return r
		}
		errs = append(errs, err)
	}
	t.Fatalf("it does not open: %v", errors.Join(errs...))
	return nil
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.Chmod(to, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestAnOldMasterKeyOpensNothingNew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	r, err := Create(dir, "shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(filepath.Join(dir, masterFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.RotateMaster(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range names(t, dir) {
		raw, _ := os.ReadFile(filepath.Join(dir, name))
		if bytes.Contains(raw, bytes.TrimSpace(old)) {
			t.Errorf("%s still has the old key", name)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, masterFile), old, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("the old key opens the new files")
	}
}

func TestTheEnvironmentHasToNameTheNewKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	text := NewMaster()
	r, err := CreateFrom(dir, "shop.example/log", env(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.RotateMaster(t.Context()); err == nil || !strings.Contains(err.Error(), "a new one behind it") {
		t.Errorf("%v", err)
	}
	next := NewMaster()
	r, err = OpenFrom(dir, env(t, text+","+next))
	if err == nil {
		err = r.RotateMaster(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFrom(dir, env(t, next)); err != nil {
		t.Error(err)
	}
	if _, err := OpenFrom(dir, env(t, text)); err == nil {
		t.Error("the old key still opens")
	}
}
