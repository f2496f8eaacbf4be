package store

import (
	"bytes"
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
)

// entriesAtOnce is how many entries of the log are read at once, a multiple of
// perRow; settledAtOnce how many records wait, at least, to be held to theirs.
const (
	entriesAtOnce = 8192
	settledAtOnce = 8192
)

// ledger computes the tree anew from its entries, and holds to it the hashes above
// them and the heads that were kept. What may be wrong with the entries themselves it
// leaves to their records, which say it exactly: suspected.
func (c *check) ledger() error {
	var size, last int64
	if _, err := c.row(countEntries, nil, &size); err != nil {
		return err
	}
	if _, err := c.row(`SELECT coalesce(max(size), 0) FROM ledger_head`, nil, &last); err != nil {
		return err
	}
	heads, err := c.heads(size)
	if err != nil {
		return err
	}
	var seen sighted
	if err := c.grow(size, heads, &seen); err != nil {
		return err
	}
	if c.report.Entries = size; last != size {
		return fmt.Errorf("the last head is of %d entries, but there are %d", last, size)
	}
	certain, suspected := seen.verdict()
	c.suspected = suspected
	return certain
}

// grow lets the tree grow from its entries, and notes what of the rest fits.
func (c *check) grow(size int64, heads *keptHeads, seen *sighted) error {
	var full []ledger.Node
	edge := &ledger.Edge{Full: func(height int, n int64, h tlog.Hash) {
		if height > 0 && height%tileHeight == 0 {
			full = append(full, ledger.Node{Level: height / tileHeight, N: n, Hash: h})
		}
	}}
	for edge.Size() < size {
		entries, err := readEntries(c.rows, edge.Size(), entriesAtOnce)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return fmt.Errorf("entry %d of the ledger is missing", edge.Size())
		}
		for _, h := range ledger.LeafHashes(nil, entries) {
			edge.Push(0, h)
			list, err := heads.at(edge.Size())
			if err != nil {
				return err
			}
			for _, k := range list {
				seen.head(k, edge.Root())
			}
		}
		for _, n := range full {
			if err := c.node(n, seen); err != nil {
				return err
			}
		}
		full = full[:0]
	}
	return nil
}

// node notes whether the hash above a full tile is the one that was kept.
func (c *check) node(n ledger.Node, seen *sighted) error {
	var got []byte
	if _, err := c.row(`SELECT hash FROM ledger_node WHERE level = ? AND n = ?`, []any{n.Level, n.N}, &got); err != nil {
		return err
	}
	if seen.node == nil && !bytes.Equal(got, n.Hash[:]) {
		seen.node = &n
	}
	return nil
}

func (c *check) public() error {
	var last int64
	return c.pages(func() (read int, err error) {
		err = c.each(`SELECT id, leaf, salt, record FROM public_record WHERE id > ? ORDER BY id LIMIT ?`, []any{last, personsAtOnce}, func(scan func(...any) error) error {
			var leaf sql.NullInt64
			var salt, record []byte
			if err := scan(&last, &leaf, &salt, &record); err != nil {
				return err
			}
			read++
			if len(salt) != len(ledger.Salt{}) {
				return fmt.Errorf("the salt of public record %d has %d bytes", last, len(salt))
			}
			c.committed(keyring.SubjectID{}, publicShard, last, leaf, ledger.EntryOf(ledger.Salt(salt), record))
			return nil
		})
		return read, err
	})
}

// pages reads page after page, until one has less than personsAtOnce, and holds
// their records to the ledger.
func (c *check) pages(page func() (int, error)) error {
	for {
		n, err := page()
		if err == nil {
			err = c.settle()
		}
		if err != nil || n < personsAtOnce {
			return err
		}
	}
}

// owed is a record whose entry has yet to be held to the ledger.
type owed struct {
	subject  keyring.SubjectID // zero where it is nobody's
	shard, n int64
	leaf     sql.NullInt64 // none while the entry waits for the ledger
	entry    ledger.Entry
}

// committed has a record's entry held to the ledger, or to the queue before it,
// by the next settle.
func (c *check) committed(id keyring.SubjectID, shard int, n int64, leaf sql.NullInt64, e ledger.Entry) {
	c.owed = append(c.owed, owed{id, int64(shard), n, leaf, e})
}

// settle holds what is owed to what the ledger has.
func (c *check) settle() error {
	list := c.owed
	c.owed = c.owed[:0]
	slices.SortFunc(list, func(a, b owed) int { return cmp.Compare(a.at(), b.at()) })
	for len(list) > 0 && !list[0].leaf.Valid {
		if err := c.waits(list[0]); err != nil {
			return list[0].names(err)
		}
		list = list[1:]
	}
	if len(list) == 0 {
		return nil
	}
	leaves := make([]int64, len(list))
	for i, o := range list {
		leaves[i] = o.leaf.Int64
	}
	from, arg, err := c.db.d.numbers(leaves)
	if err != nil {
		return err
	}
	err = c.each(`SELECT v.value, substr(e.entries, CAST(v.value % 32 * 32 + 1 AS integer), 32) FROM `+from+` JOIN ledger_entries e ON e.n = v.value / 32 ORDER BY v.value`, []any{arg}, func(scan func(...any) error) error {
		var leaf int64
		var entry sql.RawBytes
		if err := scan(&leaf, &entry); err != nil {
			return err
		}
		if len(list) == 0 || list[0].leaf.Int64 != leaf || leaf < 0 || !bytes.Equal(entry, list[0].entry[:]) {
			return errNotItsRecord
		}
		list = list[1:]
		return nil
	})
	if len(list) > 0 && (err == nil || errors.Is(err, errNotItsRecord)) {
		return list[0].names(fmt.Errorf("leaf %d of the ledger is not its record's", list[0].leaf.Int64))
	}
	return err
}

var errNotItsRecord = errors.New("an entry is not its record's")

// at is its place in the order of settle: what waits is before all leaves.
func (o owed) at() int64 {
	if !o.leaf.Valid {
		return math.MinInt64
	}
	return o.leaf.Int64
}

// names says whose record an error is about.
func (o owed) names(err error) error {
	if o.subject == (keyring.SubjectID{}) {
		return err
	}
	return fmt.Errorf("subject %x: %w", o.subject, err)
}

// waits holds a record that has no leaf yet to the queue of the ledger. SQLite
// has none: it takes everything at once.
func (c *check) waits(o owed) error {
	var entry []byte
	if c.db.d == postgresDialect {
		if _, err := c.row(`SELECT entry FROM ledger_queue WHERE shard_id = ? AND n = ?`, []any{o.shard, o.n}, &entry); err != nil {
			return err
		}
	}
	if !bytes.Equal(entry, o.entry[:]) {
		return fmt.Errorf("the record of event %d of shard %d is neither in the ledger nor on its way", o.n, o.shard)
	}
	return nil
}
