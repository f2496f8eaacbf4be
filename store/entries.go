package store

import (
	"database/sql"
	"fmt"

	"github.com/amana-privacy/amana/ledger"
)

// perRow is how many entries of the log stand in one row: a tile is read from
// eight rows, and a row has its place within a page of either database.
const perRow = 32

// entryLength is in bytes.
const entryLength = int64(len(ledger.Entry{}))

// countEntries gives no row where there is no entry.
const countEntries = `SELECT n * 32 + length(entries) / 32 FROM ledger_entries ORDER BY n DESC LIMIT 1`

// insertEntries writes a row, or what has become of the last one.
const insertEntries = `INSERT INTO ledger_entries (n, entries) VALUES (?, ?) ON CONFLICT (n) DO UPDATE SET entries = excluded.entries`

// entryRows packs entries, of which the first has leaf first, into rows of
// table ledger_entries: their numbers, and what each gets. Behind the first of
// them may stand what is in its row already.
func entryRows(first int64, entries []ledger.Entry) (n []int64, packed [][]byte) {
	for i, e := range entries {
		row := (first + int64(i)) / perRow
		if i == 0 || row != n[len(n)-1] {
			n, packed = append(n, row), append(packed, make([]byte, 0, perRow*entryLength))
		}
		last := &packed[len(packed)-1]
		*last = append(*last, e[:]...)
	}
	return n, packed
}

// unpackEntries gives the entries of row n. Before it are at of them.
func unpackEntries(into []ledger.Entry, at, n int64, packed []byte) ([]ledger.Entry, error) {
	if at != n*perRow {
		return into, fmt.Errorf("entry %d of the ledger is missing", at)
	}
	if size := int64(len(packed)); size == 0 || size > perRow*entryLength || size%entryLength != 0 {
		return into, fmt.Errorf("the entries of the ledger from %d on have %d bytes", at, size)
	}
	for ; len(packed) > 0; packed = packed[entryLength:] {
		into = append(into, ledger.Entry(packed[:entryLength]))
	}
	return into, nil
}

// growable refuses the last row of a log that ends before leaf next, unless it has
// so many bytes that next goes behind them.
func growable(next, bytes int64) error {
	if want := next % perRow * entryLength; bytes != want {
		return fmt.Errorf("the entries of the ledger from %d on have %d bytes, not %d", next/perRow*perRow, bytes, want)
	}
	return nil
}

// readEntries gives the entries from a leaf on, at which a row begins, count of
// them or as many as there are.
func readEntries(read rowsFunc, first, count int64) ([]ledger.Entry, error) {
	rows, err := read(`SELECT n, entries FROM ledger_entries WHERE n >= ? AND n < ? ORDER BY n`, first/perRow, (first+count+perRow-1)/perRow)
	if err != nil {
		return nil, fmt.Errorf("reading entries: %w", err)
	}
	defer rows.Close()
	out := make([]ledger.Entry, 0, (count+perRow-1)/perRow*perRow)
	for rows.Next() {
		var n int64
		var packed sql.RawBytes
		err := rows.Scan(&n, &packed)
		if err == nil {
			out, err = unpackEntries(out, first+int64(len(out)), n, packed)
		}
		if err != nil {
			return nil, fmt.Errorf("reading entries: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading entries: %w", err)
	}
	return out[:min(count, int64(len(out)))], nil
}

// entriesIn gives the entries in a row of a backup, and the leaf of the first.
// Up to schema 11 each had a row of its own. What is in another table is none.
func entriesIn(form tableForm, values []any) (first int64, entries []ledger.Entry, err error) {
	switch form.Name {
	case "ledger_entry":
		n, err := numbers(form, values, "leaf")
		if err != nil {
			return 0, nil, err
		}
		e, err := entryOf(form, values)
		return n[0], []ledger.Entry{e}, err
	case "ledger_entries":
		n, err := numbers(form, values, "n")
		if err != nil {
			return 0, nil, err
		}
		packed, _ := valueOf(form, values, "entries").([]byte)
		if entries, err = unpackEntries(nil, n[0]*perRow, n[0], packed); err != nil {
			return 0, nil, damaged("%s", err)
		}
		return n[0] * perRow, entries, nil
	}
	return 0, nil, nil
}
