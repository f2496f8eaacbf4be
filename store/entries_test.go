package store

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/ledger"
)

// TestEntriesStandInTheirRows lets the log grow by one, by some and by many at a
// time, over the ends of rows, and reads it from each beginning of a row.
func TestEntriesStandInTheirRows(t *testing.T) { each(t, testEntriesStandInTheirRows) }

func testEntriesStandInTheirRows(t *testing.T, w *world) {
	said := 0
	for _, n := range []int{1, 2, 28, 1, 31, 33, 64, 100} {
		w.sayFrom(said, n)
		w.settled()
		said += n
	}
	size := w.db.head.Load().size
	whole, err := readEntries(w.db.readRows(t.Context()), 0, size+1)
	if err != nil || int64(len(whole)) != size {
		t.Fatal(len(whole), size, err)
	}
	for first := int64(0); first < size; first += perRow {
		for _, count := range []int64{1, perRow, perRow + 1, size} {
			got, err := readEntries(w.db.readRows(t.Context()), first, count)
			want := whole[first:min(size, first+count)]
			if err != nil || len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
				t.Fatalf("%d from %d on: %d, %v", count, first, len(got), err)
			}
		}
	}
	w.check()
}

func TestRowsOfEntriesThatAreNoneAreRefused(t *testing.T) {
	var e [perRow + 1]ledger.Entry
	n, packed := entryRows(3*perRow+5, e[:])
	if len(n) != 2 || n[0] != 3 || n[1] != 4 || len(packed[0]) != 27*32 || len(packed[1]) != 6*32 {
		t.Fatal(n, packed)
	}
	for _, c := range []struct {
		at, n int64
		size  int
		says  string
	}{{0, 1, 32, "entry 0 "}, {31, 1, 32, "entry 31 "}, {33, 1, 32, "entry 33 "}, {32, 1, 0, "0 bytes"}, {32, 1, 31, "31 bytes"}, {32, 1, 1056, "1056 bytes"}} {
		if _, err := unpackEntries(nil, c.at, c.n, make([]byte, c.size)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A row that lost its end, or is gone, is missed by whoever reads the log.
func TestAMissingRowOfEntriesIsMissed(t *testing.T) {
	w := newWorld(t)
	w.sayAll(100)
	other, err := openSQLiteFile(w.file(), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, spoil := range []string{`UPDATE ledger_entries SET entries = substr(entries, 1, 992) WHERE n = 1`, `DELETE FROM ledger_entries WHERE n = 1`} {
		if _, err := other.Exec(spoil); err != nil {
			t.Fatal(err)
		}
		if _, err := readEntries(w.db.readRows(t.Context()), 0, 96); err == nil || !strings.Contains(err.Error(), "is missing") {
			t.Errorf("%s: %v", spoil, err)
		}
		if _, err := w.db.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "of the ledger") {
			t.Errorf("%s: %v", spoil, err)
		}
	}
}

// TestADamagedLastRowTakesNoMore shortens the last row behind the back of who writes:
// what came next would stand at the leaf of another.
func TestADamagedLastRowTakesNoMore(t *testing.T) { each(t, testADamagedLastRowTakesNoMore) }

func testADamagedLastRowTakesNoMore(t *testing.T, w *world) {
	w.sayAll(40)
	w.settled()
	write := func() error {
		_, err := w.db.Submit(t.Context(), Submission{Subject: nth(50), Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}})
		return err
	}
	if w.dsn != "" {
		e := rest(w.db)
		w.enqueue(1, 5)
		write = func() error { _, err := e.integrate(t.Context(), false); return err }
	}
	size := w.db.head.Load().size
	last, at := size/perRow, size%perRow*entryLength
	if at < 2*entryLength {
		t.Fatal(size)
	}
	db := w.beside()
	var whole []byte
	if err := db.QueryRow(fmt.Sprintf(`SELECT entries FROM ledger_entries WHERE n = %d`, last)).Scan(&whole); err != nil {
		t.Fatal(err)
	}
	put := w.db.d.sql(`UPDATE ledger_entries SET entries = ? WHERE n = ?`)
	for _, spoilt := range [][]byte{whole[entryLength:], whole[1:], append(slices.Clone(whole), whole[:entryLength]...)} {
		if _, err := db.Exec(put, spoilt, last); err != nil {
			t.Fatal(err)
		}
		says := fmt.Sprintf("the entries of the ledger from %d on have %d bytes, not %d", last*perRow, len(spoilt), at)
		if err := write(); err == nil || errors.Is(err, errMoved) || !strings.Contains(err.Error(), says) {
			t.Errorf("%d bytes instead of %d: %v", len(spoilt), at, err)
		}
	}
	if _, err := db.Exec(put, whole, last); err != nil {
		t.Fatal(err)
	}
	if err := write(); err != nil {
		t.Error(err)
	}
	if all, err := readEntries(w.db.readRows(t.Context()), 0, size+9); err != nil || int64(len(all)) != size+1 {
		t.Error(len(all), size, err)
	}
}

// beside opens the world's database past the store.
func (w *world) beside() *sql.DB {
	w.t.Helper()
	driver, at := "pgx", w.dsn
	if at == "" {
		driver, at = "sqlite", w.file()
	}
	db, err := sql.Open(driver, at)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { db.Close() })
	return db
}
