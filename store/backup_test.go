package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/subject"
)

// backup gives a backup, and that it verifies.
func (w *world) backup() []byte {
	w.t.Helper()
	var out bytes.Buffer
	m, err := w.db.Backup(w.t.Context(), &out, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	_, verified, err := VerifyBackup(bytes.NewReader(out.Bytes()), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := cmp.Diff(m, verified); diff != "" {
		w.t.Fatal(diff)
	}
	return out.Bytes()
}

// restored gives a restore of a backup into an empty database of a kind, under a
// copy of the keyring as it is now.
func (w *world) restored(on string, backup []byte) (Restore, *world) {
	w.t.Helper()
	v := &world{t: w.t, dir: w.t.TempDir(), now: w.clock(), made: true}
	if version, ok := strings.CutPrefix(on, "postgres"); ok {
		v.dsn = pgtest.Database(w.t, version)
	}
	copyFolder(w.t, filepath.Join(w.dir, "keys"), filepath.Join(v.dir, "keys"))
	return Restore{Config: v.config(v.ring()), Backup: opens(backup)}, v
}

func (w *world) ring() *keyring.Ring {
	w.t.Helper()
	ring, err := keyring.Open(filepath.Join(w.dir, "keys"))
	if err != nil {
		w.t.Fatal(err)
	}
	return ring
}

func opens(backup []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(backup)), nil }
}

func copyFolder(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, 0o700); err != nil {
		t.Fatal(err)
	}
}

// run restores, and opens what was restored.
func (v *world) run(r Restore) Restored {
	v.t.Helper()
	out, err := r.Run(v.t.Context())
	if err != nil {
		v.t.Fatal(err)
	}
	v.open()
	v.t.Cleanup(func() { v.db.Close() })
	return out
}

func tablesOf(t *testing.T, backup []byte) []BackupTable {
	t.Helper()
	_, m, err := VerifyBackup(bytes.NewReader(backup), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m.Tables
}

func TestABackupOfOneDatabaseIsRestoredIntoAnother(t *testing.T) {
	each(t, testABackupOfOneDatabaseIsRestoredIntoAnother)
}

func testABackupOfOneDatabaseIsRestoredIntoAnother(t *testing.T, w *world) {
	w.past()
	w.say("email:gone@example.com", "newsletter", consent.Given)
	if _, err := w.db.Erase(t.Context(), "email:gone@example.com", ByCompany); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.CreateToken(t.Context(), "shop", []string{"decide"}); err != nil {
		t.Fatal(err)
	}
	w.settled()
	backup := w.backup()
	history, receipts := lines(w.pages(HistoryQuery{Limit: 50})), w.receipts(sara)
	for _, on := range databases {
		t.Run("into "+on, func(t *testing.T) {
			r, v := w.restored(on, backup)
			out := v.run(r)
			if want := (Restored{Made: out.Made, Subjects: 3, Events: 6, Entries: out.Entries, Head: w.db.Checkpoint()}); out != want {
				t.Errorf("%+v, want %+v", out, want)
			}
			v.wants(v.ask(sara, "newsletter"), decision.Unconfirmed)
			v.wants(v.ask("email:gone@example.com", "newsletter"), decision.Erased)
			if diff := cmp.Diff(history, lines(v.pages(HistoryQuery{Limit: 50}))); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(receipts, v.receipts(sara)); diff != "" {
				t.Error("receipts:", diff)
			}
			if diff := cmp.Diff(tablesOf(t, backup), tablesOf(t, v.backup())); diff != "" {
				t.Error("a backup of what was restored is another:", diff)
			}
			v.say(sara, "newsletter", consent.Withdrawn)
			v.settled()
			v.check()
		})
	}
}

// Somebody keeps tables of their own beside ours. A backup that had them would verify,
// and fit into no database.
func TestTablesOfOthersAreNotBackedUp(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, "postgres15")
	w.say(sara, "newsletter", consent.Given)
	w.settled()
	want := tablesOf(t, w.backup())
	for _, own := range []string{`CREATE TABLE campaign (id BIGINT PRIMARY KEY, name TEXT)`, `INSERT INTO campaign VALUES (1, 'spring')`, `CREATE TABLE visit (at TIMESTAMPTZ)`} {
		if _, err := w.db.reads.ExecContext(t.Context(), own); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, tablesOf(t, w.backup())); diff != "" {
		t.Error(diff)
	}
}

// receipts gives all receipts of a subject as they are handed out.
func (w *world) receipts(id subject.ID) (out []string) {
	w.t.Helper()
	list, _, err := w.db.ReceiptsOf(w.t.Context(), id, 0, "")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range list {
		raw, err := json.Marshal(r)
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, string(raw))
	}
	return out
}

func TestABackupIsOfOneMomentWhileOthersWrite(t *testing.T) {
	each(t, testABackupIsOfOneMomentWhileOthersWrite)
}

func testABackupIsOfOneMomentWhileOthersWrite(t *testing.T, w *world) {
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	for c := range 4 {
		writing.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, err := w.db.Submit(t.Context(), Submission{Subject: subject.ID(fmt.Sprintf("customer:%d-%d", c, i/2)), Surface: consent.SurfaceAPI,
					Choices: []consent.Choice{{Purpose: []string{"tailored_offers", "coverage_study"}[i%2], Decision: consent.Given}}})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	defer writing.Wait()
	defer stop()
	var last []byte
	for range 3 {
		last = w.backup()
	}
	_, m, err := VerifyBackup(bytes.NewReader(last), nil)
	if err != nil || m.Events == 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	r, v := w.restored("sqlite", last)
	if out := v.run(r); out.Events != m.Events || out.Subjects != m.Subjects || out.Entries != m.Entries+m.Waiting {
		t.Fatalf("%+v, and the backup has %+v", out, m)
	}
}
