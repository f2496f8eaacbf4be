package store

import (
	"context"
	"encoding/json"
	"fmt"
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
	if t.Level == ledger.EntriesLevel {
		return db.bundle(ctx, t)
	}
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

func (db *DB) bundle(ctx context.Context, t ledger.Tile) ([]byte, error) {
	first := t.N * ledger.Width
	rows, err := db.readRows(ctx)(`SELECT entry FROM ledger_entry WHERE leaf >= ? AND leaf < ? ORDER BY leaf`, first, first+int64(t.Width))
	if err != nil {
		return nil, fmt.Errorf("reading entries: %w", err)
	}
	defer rows.Close()
	entries := make([]ledger.Entry, 0, t.Width)
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, fmt.Errorf("reading entries: %w", err)
		}
		if len(b) != len(ledger.Entry{}) {
			return nil, fmt.Errorf("an entry of the ledger has %d bytes", len(b))
		}
		entries = append(entries, ledger.Entry(b))
	}
	if err := rows.Err(); err != nil || len(entries) != t.Width {
		return nil, fmt.Errorf("%s has %d entries: %w", t.Path(), len(entries), err)
	}
	return ledger.AppendEntries(make([]byte, 0, t.Width*34), entries), nil
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
