package keyring

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/fault"
)

var copyDay = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// written gives a copy as it comes back from its file.
func written(t *testing.T, r *Ring, expires time.Time) *Copy {
	t.Helper()
	c, err := r.Copy(t.Context(), copyDay, expires)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadCopy(raw)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestACopyOpensWhomTheKeyringNoLongerDoes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	r, err := Create(dir, "casco.example/log")
	if err != nil {
		t.Fatal(err)
	}
	id := SubjectID{7, 7, 7}
	keys, wrapped := r.NewKeys(id)
	c := written(t, r, copyDay.AddDate(0, 0, 30))
	if err := r.Change(t.Context(), []uint16{id.Bucket()}, func(context.Context, []uint16) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Unwrap(id, wrapped); err == nil {
		t.Fatal("the keyring opens what it gave a new key")
	}
	old, err := c.Open(File(), copyDay)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := old.Unwrap(id, wrapped); err != nil || got != keys || old.ID() != r.ID() {
		t.Fatal(err)
	}
	for day, open := range map[int]bool{29: true, 30: false, 31: false} {
		if _, err := c.Open(File(), copyDay.AddDate(0, 0, day)); (err == nil) != open || !open && fault.KindOf(err) != fault.Conflict {
			t.Errorf("on day %d: %v", day, err)
		}
	}
}

func TestACopyTakesThePlaceOfALostKeyring(t *testing.T) {
	dir := t.TempDir()
	for name, source := range map[string]Source{"file": File(), "environment": env(t, NewMaster()), "identity": ageOf(t, x25519(t))} {
		t.Run(name, func(t *testing.T) {
			r, err := CreateFrom(filepath.Join(dir, name), "casco.example/log", source)
			if err != nil {
				t.Fatal(err)
			}
			id := SubjectID{7, 7, 7}
			keys, wrapped := r.NewKeys(id)
			c := written(t, r, copyDay.AddDate(0, 0, 30))
			lost := filepath.Join(dir, name+"-again")
			if err := c.Install(lost, source, copyDay.AddDate(1, 0, 0)); fault.KindOf(err) != fault.Conflict || Exists(lost) {
				t.Fatalf("a copy that has expired: %v", err)
			}
			if err := c.Install(lost, source, copyDay); err != nil {
				t.Fatal(err)
			}
			again, err := OpenFrom(lost, source)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := again.Unwrap(id, wrapped); err != nil || got != keys || again.LogVerifier() != r.LogVerifier() {
				t.Fatal(err)
			}
			if err := c.Install(lost, source, copyDay); fault.KindOf(err) != fault.Conflict {
				t.Fatalf("over a keyring: %v", err)
			}
		})
	}
}

func TestWhatIsNoCopyIsRefused(t *testing.T) {
	r, err := Create(filepath.Join(t.TempDir(), "keys"), "casco.example/log")
	if err != nil {
		t.Fatal(err)
	}
	c := written(t, r, copyDay.AddDate(0, 0, 30))
	c.Keyring = "another"
	if _, err := c.Open(File(), copyDay); fault.KindOf(err) != fault.Invalid {
		t.Errorf("of another keyring: %v", err)
	}
	c = written(t, r, copyDay.AddDate(0, 0, 30))
	c.Files[ringFile][100] ^= 1
	if _, err := c.Open(File(), copyDay); fault.KindOf(err) != fault.Denied {
		t.Errorf("changed: %v", err)
	}
	c = written(t, r, copyDay.AddDate(0, 0, 30))
	delete(c.Files, masterFile)
	if _, err := c.Open(File(), copyDay); fault.KindOf(err) != fault.Unknown {
		t.Errorf("without its master key: %v", err)
	}
	for _, raw := range []string{``, `{}`, `[]`, `{"form":"amana-keyring-copy-v2"}`, `{"form":"amana-keyring-copy-v1","files":{"../ring":"AA=="}}`, `{"form":"amana-keyring-copy-v1","more":1}`} {
		if _, err := ReadCopy([]byte(raw)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func FuzzReadCopy(f *testing.F) {
	f.Add([]byte(`{"form":"amana-keyring-copy-v1","keyring":"K","files":{"ring":"AAAA","buckets":"AAAA","master":"AAAA"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ReadCopy(raw)
		if err != nil {
			return
		}
		if _, err := c.Open(File(), time.Time{}); err == nil {
			t.Fatal("made up, and it opens")
		}
	})
}

func TestALogThatBeginsAnewSignsNothingInTheOldOnesName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	r, err := Create(dir, "casco.example/log")
	if err != nil {
		t.Fatal(err)
	}
	old := r.LogVerifier()
	for _, name := range []string{"", "casco example", "casco+example"} {
		if err := r.BeginOrigin(t.Context(), name); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := r.BeginOrigin(t.Context(), "casco.example/log2"); err != nil {
		t.Fatal(err)
	}
	now := r.LogVerifier()
	if err := r.BeginOrigin(t.Context(), "casco.example/log2"); err != nil || r.LogVerifier() != now {
		t.Fatal("it began twice", err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(now, "casco.example/log2+") || again.LogVerifier() != now || len(again.LogBefore()) != 1 || again.LogBefore()[0] != old {
		t.Fatalf("it signs by %s, and before by %v", again.LogVerifier(), again.LogBefore())
	}
	if _, err := again.LogSignerOf(old); fault.KindOf(err) != fault.Unknown {
		t.Fatalf("the old key still signs: %v", err)
	}
}
