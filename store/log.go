package store

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// Tile gives what a tile of the log holds: its hashes one after the other, or a
// bundle of entries (C2SP tlog-tiles). What the newest signed head does not
// have is fault.Unknown.
func (db *DB) Tile(ctx context.Context, t ledger.Tile) ([]byte, error) {
	if !t.In(db.head.Load().size) { // another server may have shown a larger head
		if err := db.engine.newest(ctx); err != nil {
			return nil, err
		}
	}
	if !t.In(db.head.Load().size) {
		return nil, fault.New(fault.Unknown, "the log has no such tile")
	}
	if t.Level > 0 {
		return db.nodes(t)
	}
	entries, err := db.entries(ctx, t)
	if err != nil {
		return nil, err
	}
	if t.Level == ledger.EntriesLevel {
		return ledger.AppendEntries(make([]byte, 0, t.Width*34), entries), nil
	}
	out := make([]byte, 0, t.Width*tlog.HashSize)
	for _, e := range entries {
		leaf := e.Leaf()
		out = append(out, leaf[:]...)
	}
	return out, nil
}

func (db *DB) nodes(t ledger.Tile) ([]byte, error) {
	hashes, err := db.loadTile(t.Level, t.N)
	if err != nil {
		return nil, fmt.Errorf("reading a tile: %w", err)
	}
	if len(hashes) < t.Width {
		return nil, fmt.Errorf("tile %s has only %d hashes", t.Path(), len(hashes))
	}
	out := make([]byte, 0, t.Width*tlog.HashSize)
	for i := range t.Width {
		out = append(out, hashes[i][:]...)
	}
	return out, nil
}

// entries reads the entries under a tile of level 0, or those of its bundle:
// who audits asks for one and then for the other.
func (db *DB) entries(ctx context.Context, t ledger.Tile) ([]ledger.Entry, error) {
	if kept := db.bundles.get(t.N); kept != nil {
		return kept[:t.Width], nil
	}
	entries, err := readEntries(db.readRows(ctx), t.N*ledger.Width, int64(t.Width))
	if err != nil {
		return nil, err
	}
	if len(entries) != t.Width {
		return nil, fmt.Errorf("%s has %d entries", t.Path(), len(entries))
	}
	if t.Width == ledger.Width {
		db.bundles.keep(t.N, entries)
	}
	return entries, nil
}

// bundles are the full bundles of entries that were read last. They never
// change.
type bundles struct {
	mu    sync.Mutex
	of    map[int64][]ledger.Entry
	order [64]int64 // their numbers; the oldest is at next
	next  int
}

func (b *bundles) get(n int64) []ledger.Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.of[n]
}

func (b *bundles) keep(n int64, entries []ledger.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil {
		b.of = map[int64][]ledger.Entry{}
	}
	if b.of[n] == nil {
		if len(b.of) == len(b.order) {
			delete(b.of, b.order[b.next])
		}
		b.of[n], b.order[b.next] = entries, n
		b.next = (b.next + 1) % len(b.order)
	}
}

// PublicRecord is a record of class public with what opens its commitment.
type PublicRecord struct {
	Leaf   int64           `json:"leaf"`
	Salt   []byte          `json:"salt"`
	Record json.RawMessage `json:"record"` // RFC 8785
}

// PublicRecord gives the public record of a leaf. A leaf that has none, because
// it is a subject's or beyond the newest signed head, is fault.Unknown.
func (db *DB) PublicRecord(ctx context.Context, leaf int64) (PublicRecord, error) {
	r := PublicRecord{Leaf: leaf}
	if leaf >= db.head.Load().size {
		if err := db.engine.newest(ctx); err != nil {
			return r, err
		}
	}
	ok, err := db.reader(ctx)(`SELECT salt, record FROM public_record WHERE leaf = ? AND leaf < ?`, []any{leaf, db.head.Load().size}, &r.Salt, &r.Record)
	if err != nil {
		return r, fmt.Errorf("reading a public record: %w", err)
	}
	if !ok {
		return r, fault.New(fault.Unknown, "the log has no public record there")
	}
	return r, nil
}

// PublicLeaves gives the leaves of public records from one on, at most limit of
// them, in order.
func (db *DB) PublicLeaves(ctx context.Context, from int64, limit int) ([]int64, error) {
	if err := db.engine.newest(ctx); err != nil {
		return nil, err
	}
	rows, err := db.readRows(ctx)(`SELECT leaf FROM public_record WHERE leaf >= ? AND leaf < ? ORDER BY leaf LIMIT ?`, from, db.head.Load().size, limit)
	if err != nil {
		return nil, fmt.Errorf("listing public records: %w", err)
	}
	defer rows.Close()
	out := []int64{}
	for rows.Next() {
		var leaf int64
		if err := rows.Scan(&leaf); err != nil {
			return nil, fmt.Errorf("listing public records: %w", err)
		}
		out = append(out, leaf)
	}
	return out, rows.Err()
}

// Growth is the newest signed head with the proof that it goes on from an
// older one: what is submitted to a witness.
type Growth struct {
	Old, Size  int64
	Proof      []tlog.Hash // empty from 0 and from Size on
	Checkpoint string      // signed note
	At         time.Time   // when it was the newest
}

// Growth gives the newest head with its proof from a size that the log has had.
// A size it has not had is fault.Conflict.
func (db *DB) Growth(old int64) (Growth, error) {
	if old > db.head.Load().size { // a witness may have signed what another server showed it
		if err := db.engine.newest(context.Background()); err != nil {
			return Growth{}, err
		}
	}
	h := db.head.Load()
	g := Growth{Old: old, Size: h.size, Checkpoint: h.shown, At: db.cfg.Now()}
	if old < 0 || old > h.size {
		return g, fault.New(fault.Conflict, "the log has %d entries, not %d", h.size, old)
	}
	if old == 0 || old == h.size {
		return g, nil
	}
	proof, err := db.tree.Load().Consistency(h.size, old)
	if err != nil {
		return g, fmt.Errorf("proving that %d entries go on from %d: %w", h.size, old, err)
	}
	g.Proof = proof
	return g, nil
}

// Cosigned keeps and publishes a witness's signature line, which the caller has
// verified, under the head it was asked about. It is durable on return.
func (db *DB) Cosigned(ctx context.Context, g Growth, witness, line string) error {
	err := db.write(ctx, func(t *tx) error {
		return t.exec(`INSERT INTO cosignature (witness, size, at, line) VALUES (?, ?, ?, ?)
			ON CONFLICT (witness) DO UPDATE SET size = excluded.size, at = excluded.at, line = excluded.line`, witness, g.Size, millis(g.At), line)
	})
	if err != nil {
		return fmt.Errorf("keeping a co-signature: %w", err)
	}
	db.published.add(g, witness, line)
	return nil
}

// CosignedSize gives the size that a witness last signed; 0 if it never did.
func (db *DB) CosignedSize(ctx context.Context, witness string) (size int64, err error) {
	if _, err = db.reader(ctx)(`SELECT size FROM cosignature WHERE witness = ?`, []any{witness}, &size); err != nil {
		return 0, fmt.Errorf("reading a co-signature: %w", err)
	}
	return size, nil
}
