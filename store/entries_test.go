package store

import (
	"strings"
	"testing"

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
