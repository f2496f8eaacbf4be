package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/ledger"
)

// TestNoEntryIsLostOnItsWayIntoARow brings logs to the schema that has 32 to a row. On
// PostgreSQL a server of the program before is in the midst of writing one more.
func TestNoEntryIsLostOnItsWayIntoARow(t *testing.T) {
	t.Parallel()
	for _, on := range chosen() {
		for _, size := range []int{1, perRow, 3*perRow + 1} {
			t.Run(fmt.Sprintf("%s/%d", on, size), func(t *testing.T) {
				t.Parallel()
				packsEntries(t, &world{t: t, dir: t.TempDir()}, on, size)
			})
		}
	}
}

func packsEntries(t *testing.T, w *world, on string, size int) {
	d, g := sqliteDialect, goose.DialectSQLite3
	version, late := strings.CutPrefix(on, "postgres")
	if late {
		d, g, w.dsn = postgresDialect, goose.DialectPostgres, pgtest.Database(t, version)
	}
	db := w.beside()
	if err := d.migrateTo(t.Context(), 11, db, g); err != nil {
		t.Fatal(err)
	}
	want := make([]ledger.Entry, size)
	old, err := db.Begin()
	for i := range want {
		want[i] = sha256.Sum256(fmt.Append(nil, i))
		if late && i == size-1 { // of another transaction
			err = errors.Join(err, old.Commit())
			old, _ = db.Begin()
		}
		if err == nil {
			_, err = old.Exec(d.sql(`INSERT INTO ledger_entry (leaf, entry) VALUES (?, ?)`), i, want[i][:])
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	if !late {
		err = old.Commit()
	}
	go func() { done <- d.migrate(t.Context(), db, g) }()
	for held := false; late && !held && len(done) == 0 && err == nil; time.Sleep(time.Millisecond) {
		err = db.QueryRow(`SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'ledger_entry'::regclass)`).Scan(&held)
	}
	if late {
		err = errors.Join(err, old.Commit())
	}
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	var got []ledger.Entry
	query(t, db, `SELECT n, entries FROM ledger_entries ORDER BY n`, func(v []any) {
		got, err = unpackEntries(got, int64(len(got)), v[0].(int64), v[1].([]byte))
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d entries came to %d: %v", size, len(got), err)
	}
}

// TestABackupsRowsOfEntriesAreHeldToTheirPlace gives rows of 32, 32 and 5 entries to who
// verifies a backup, one of them spoilt.
func TestABackupsRowsOfEntriesAreHeldToTheirPlace(t *testing.T) {
	t.Parallel()
	form := tableForm{Name: "ledger_entries", Columns: []columnForm{{Name: "entries"}, {Name: "n"}}}
	full := perRow * int(entryLength)
	for _, c := range []struct {
		name  string
		sizes []int // in bytes, by the row's number; 0 = it is not there
		says  string
	}{
		{"whole", []int{full, full, 160}, ""},
		{"an entry less in the middle", []int{full, full - 32, 160}, "entry 63 of the ledger is missing"},
		{"half an entry in the middle", []int{full, full - 16, 160}, "the entries of the ledger from 32 on have 1008 bytes"},
		{"no row in the middle", []int{full, 0, 160}, "entry 32 of the ledger is missing"},
		{"an odd end", []int{full, full, 159}, "the entries of the ledger from 64 on have 159 bytes"},
		{"a row too long", []int{full, full + 32, 160}, "the entries of the ledger from 32 on have 1056 bytes"},
	} {
		tree, err := ledger.Load(0, nothingKept)
		in := &inspection{tree: tree}
		for n, size := range c.sizes {
			if err == nil && size > 0 {
				err = in.row(form, []any{make([]byte, size), int64(n)})
			}
		}
		if said := fmt.Sprint(err); err == nil && c.says != "" || err != nil && (c.says == "" || !strings.Contains(said, c.says)) {
			t.Errorf("%s: %s", c.name, said)
		}
	}
}
