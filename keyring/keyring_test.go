package keyring

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/fault"
)

func TestOpenFindsWhatCreateMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	made, err := Create(dir, "shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	id := SubjectID{7, 1, 2, 3}
	keys, wrapped := made.NewKeys(id)
	opened, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := opened.Unwrap(id, wrapped)
	if err != nil || got != keys {
		t.Fatalf("keys do not come back: %v", err)
	}
	if opened.ID() != made.ID() || opened.Index() != made.Index() || opened.LogVerifier() != made.LogVerifier() {
		t.Fatal("the ring did not come back")
	}
	signer, err := opened.LogSignerOf(made.LogVerifier())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(opened.LogVerifier())
	if err != nil {
		t.Fatal(err)
	}
	msg, err := note.Sign(&note.Note{Text: "hello\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(msg, note.VerifierList(verifier)); err != nil {
		t.Fatalf("the log's two keys do not match: %v", err)
	}
}

func TestAWrongOrMissingKeyIsAnError(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"no master":        func(dir string) error { return os.Remove(filepath.Join(dir, masterFile)) },
		"no buckets":       func(dir string) error { return os.Remove(filepath.Join(dir, bucketsFile)) },
		"master is text":   func(dir string) error { return os.WriteFile(filepath.Join(dir, masterFile), []byte("hello"), 0o600) },
		"another's master": func(dir string) error { return copyMaster(dir) },
		"ring is cut":      func(dir string) error { return os.Truncate(filepath.Join(dir, ringFile), 20) },
		"buckets are cut":  func(dir string) error { return os.Truncate(filepath.Join(dir, bucketsFile), 1<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "keys")
			if _, err := Create(dir, "shop.example/log"); err != nil {
				t.Fatal(err)
			}
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir); err == nil {
				t.Fatal("it opened")
			}
			if _, err := Create(dir, "shop.example/log"); fault.KindOf(err) != fault.Conflict {
				t.Fatalf("a new keyring would replace a damaged one: %v", err)
			}
		})
	}
}

func copyMaster(dir string) error {
	other := filepath.Join(dir, "other")
	if _, err := Create(other, "shop.example/log"); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(other, masterFile))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, masterFile), raw, 0o600)
}

func TestChangingABucketShutsOutWhatWasNotRewrapped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	r, err := Create(dir, "shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	stays, goes := SubjectID{1, 9, 9, 1}, SubjectID{1, 9, 9, 2} // one bucket
	keys, before := r.NewKeys(stays)
	_, gone := r.NewKeys(goes)
	if err := r.BeginChange([]uint16{stays.Bucket()}); err != nil {
		t.Fatal(err)
	}
	if r, err = Open(dir); err != nil { // a crash in the middle
		t.Fatal(err)
	}
	if got := r.Changing(); len(got) != 1 || got[0] != stays.Bucket() {
		t.Fatalf("changing %v", got)
	}
	got, err := r.Unwrap(stays, before)
	if err != nil || got != keys {
		t.Fatalf("the old key must still open: %v", err)
	}
	after := r.Wrap(stays, got)
	if err := r.FinishChange(); err != nil {
		t.Fatal(err)
	}
	for _, ring := range []*Ring{r, reopen(t, dir)} {
		if got, err := ring.Unwrap(stays, after); err != nil || got != keys {
			t.Fatalf("the rewrapped key must open: %v", err)
		}
		for _, old := range []struct {
			id SubjectID
			w  Wrapped
		}{{stays, before}, {goes, gone}} {
			if _, err := ring.Unwrap(old.id, old.w); err == nil {
				t.Fatal("a key that is destroyed still opens")
			}
		}
	}
}

func TestAKeyThatIsNotOnTheDiskWrapsNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	r, err := Create(dir, "shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	id := SubjectID{1, 9, 9, 1}
	if err := os.Rename(dir, dir+".away"); err != nil { // nothing can be written
		t.Fatal(err)
	}
	if err := r.BeginChange([]uint16{id.Bucket()}); err == nil {
		t.Fatal("a change began without a disk")
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	keys, wrapped := r.NewKeys(id)
	if got, err := reopen(t, dir).Unwrap(id, wrapped); err != nil || got != keys {
		t.Fatalf("after a restart the keys do not open: %v", err)
	}
}

func TestNoUnfinishedFileKeepsADestroyedKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if _, err := Create(dir, "shop.example/log"); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(filepath.Join(dir, bucketsFile))
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, bucketsFile+unfinished) // as a crash before the rename leaves it
	if err := os.WriteFile(left, old, 0o600); err != nil {
		t.Fatal(err)
	}
	r := reopen(t, dir)
	if err := r.BeginChange([]uint16{7}); err != nil {
		t.Fatal(err)
	}
	if err := r.FinishChange(); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, dir), []string{bucketsFile, lockFile, masterFile, ringFile, turnFile}; !slices.Equal(got, want) {
		t.Fatalf("in the keyring there are %v", got)
	}
}

func TestAMovedKeyringWritesWhereItIs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	r, err := Create(dir+".new", "shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Move(dir); err != nil {
		t.Fatal(err)
	}
	if err := r.BeginChange([]uint16{7}); err != nil {
		t.Fatal(err)
	}
	if got := reopen(t, dir).Changing(); len(got) != 1 {
		t.Fatalf("changing %v", got)
	}
}

func TestAKeyNeverPrints(t *testing.T) {
	k := Key{0xab, 0xcd}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v %+v %#v %s %x %d %q %v", k, k, k, k, k, k, k, struct{ K Key }{k})
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "key", k)
	if s := b.String(); strings.Contains(s, "ab") || strings.Contains(s, "171") {
		t.Fatalf("it prints: %s", s)
	}
	l, err := newLogKey("shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%v %+v %#v %s %q %v", l, l, l, l, l, struct{ K logKey }{l})
	if s := b.String(); strings.Contains(s, "PRIVATE") {
		t.Fatalf("it prints: %s", s)
	}
}

func TestAFolderOthersMayReadIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if _, err := Create(dir, "shop.example/log"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); fault.KindOf(err) != fault.Denied {
		t.Fatalf("opened: %v", err)
	}
}

func reopen(t *testing.T, dir string) *Ring {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// names gives the names of the files in a folder, in order.
func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func FuzzUnseal(f *testing.F) {
	k := Key{1}
	f.Add(Seal(k, []byte("c"), []byte("text")))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if text, err := Unseal(k, []byte("c"), sealed); err == nil && !bytes.Equal(text, []byte("text")) {
			t.Fatalf("a forgery opened: %q", text)
		}
	})
}
