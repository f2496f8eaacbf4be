package store

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/receipt"
)

// enter puts an entry into the batch and gives its leaf.
func (t *tx) enter(e ledger.Entry) int64 {
	t.entries = append(t.entries, e)
	return t.first + int64(len(t.entries)) - 1
}

func (t *tx) writeEntries(s *ledger.Staged) error {
	for i, e := range t.entries {
		if err := t.exec(`INSERT INTO ledger_entry (leaf, entry) VALUES (?, ?)`, s.First+int64(i), e[:]); err != nil {
			return fmt.Errorf("writing a ledger entry: %w", err)
		}
	}
	for _, n := range s.Nodes {
		if err := t.exec(`INSERT INTO ledger_node (level, n, hash) VALUES (?, ?, ?)`, n.Level, n.N, n.Hash[:]); err != nil {
			return fmt.Errorf("writing a ledger node: %w", err)
		}
	}
	if len(t.entries) == 0 {
		return nil
	}
	if err := t.exec(`INSERT INTO ledger_head (size, at) VALUES (?, ?)`, s.Size, millis(t.now)); err != nil {
		return fmt.Errorf("writing a ledger head: %w", err)
	}
	return nil
}

func (db *DB) loadLedger(ctx context.Context) error {
	var size int64
	if err := db.reads.QueryRowContext(ctx, `SELECT coalesce(max(leaf) + 1, 0) FROM ledger_entry`).Scan(&size); err != nil {
		return fmt.Errorf("reading the ledger's size: %w", err)
	}
	tree, err := ledger.Load(size, db.loadTile)
	if err != nil {
		return err
	}
	db.tree = tree
	db.sign()
	if h := db.head.Load(); h == nil || h.size != size {
		return fmt.Errorf("the ledger of %d entries cannot be read", size)
	}
	return nil
}

// loadTile reads the hashes of a tile: of entries at level 0, of nodes above.
func (db *DB) loadTile(level int, n int64) ([]tlog.Hash, error) {
	query, args := `SELECT hash FROM ledger_node WHERE level = ? AND n >= ? AND n < ? ORDER BY n`, []any{level, n * ledger.Width, (n + 1) * ledger.Width}
	if level == 0 {
		query, args = `SELECT entry FROM ledger_entry WHERE leaf >= ? AND leaf < ? ORDER BY leaf`, args[1:]
	}
	rows, err := db.reads.QueryContext(context.Background(), query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []tlog.Hash
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, err
		}
		if len(b) != len(tlog.Hash{}) {
			return nil, fmt.Errorf("a ledger row has %d bytes", len(b))
		}
		if level == 0 {
			out = append(out, ledger.Entry(b).Leaf())
		} else {
			out = append(out, tlog.Hash(b))
		}
	}
	return out, rows.Err()
}

// sign signs the tree as it is. It is called only after its entries are
// durable; where the root cannot be read the old head stays, which is true
// still, and whoever needs the new one gets the error.
func (db *DB) sign() {
	size := db.tree.Size()
	if note, err := db.checkpoint(size); err == nil {
		db.head.Store(&signedHead{size, note})
	}
}

// checkpoint gives the signed head of the log at a size it has had. Signing is
// deterministic, so it is the same note every time.
func (db *DB) checkpoint(size int64) (string, error) {
	if h := db.head.Load(); h != nil && h.size == size {
		return h.note, nil
	}
	root, err := db.tree.Root(size)
	if err != nil {
		return "", fmt.Errorf("computing the root of %d entries: %w", size, err)
	}
	return ledger.Checkpoint{Origin: db.origin, Size: size, Root: root}.Sign(db.signer)
}

// prove gives the receipt of parts whose entry is at leaf, as of the batch that
// wrote it: the same bytes whenever it is asked for.
func (db *DB) prove(p receipt.Parts, leaf, size int64) (receipt.Receipt, error) {
	hashes, err := db.tree.Inclusion(size, leaf)
	if err != nil {
		return receipt.Receipt{}, fmt.Errorf("proving leaf %d: %w", leaf, err)
	}
	checkpoint, err := db.checkpoint(size)
	if err != nil {
		return receipt.Receipt{}, err
	}
	return p.Receipt(receipt.ProofOf(leaf, size, hashes), checkpoint, []receipt.Signer{{Key: db.LogKey()}})
}
