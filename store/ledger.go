package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/receipt"
)

func (db *DB) loadLedger(ctx context.Context) error {
	var size int64
	if _, err := db.reader(ctx)(countEntries, nil, &size); err != nil {
		return fmt.Errorf("reading the ledger's size: %w", err)
	}
	tree, err := ledger.Load(size, db.loadTile)
	if err != nil {
		return err
	}
	db.tree.Store(tree)
	root, err := tree.Root(size)
	if err != nil {
		return fmt.Errorf("computing the root of %d entries: %w", size, err)
	}
	if err := db.comesToSigned(ctx, tree); err != nil {
		return err
	}
	keys, err := db.readLogKeys(db.readRows(ctx), tree)
	if err != nil {
		return err
	}
	db.keys.Store(keys)
	return db.sign(new(signedHead), size, root)
}

// errRoot says that the log is not the one that was signed.
var errRoot = errors.New("do not come to its root")

// comesToSigned holds the tree to the newest head whose note is written: with a
// changed hash at its edge the next head would be of another history. A note that
// does not hold says nothing of the tree; the check finds it.
func (db *DB) comesToSigned(ctx context.Context, tree *ledger.Tree) error {
	var signed string
	ok, err := db.reader(ctx)(`SELECT note FROM ledger_head WHERE note IS NOT NULL ORDER BY size DESC LIMIT 1`, nil, &signed)
	if err != nil || !ok {
		return err
	}
	head, err := publishedHead(signed, db.cfg.Ring.LogVerifiers())
	if err != nil || head.Size > tree.Size() {
		return nil
	}
	root, err := tree.Root(head.Size)
	if err == nil && root != head.Root {
		err = fmt.Errorf("the ledger's first %d entries %w", head.Size, errRoot)
	}
	return err
}

// named says of a log that is not the one that was signed what in it was changed.
func (db *DB) named(ctx context.Context, err error) error {
	if !errors.Is(err, errRoot) {
		return err
	}
	why := db.snapshot(ctx, func(s *snapshot) error {
		c := &check{snapshot: s}
		return cmp.Or(c.ledger(), c.suspected)
	})
	return &fault.Error{Kind: fault.Conflict, Words: "the log in the database is damaged, and nothing is signed with it: restore a backup", Err: cmp.Or(why, err)}
}

// loadTile reads the hashes of a tile: of entries at level 0, of nodes above.
func (db *DB) loadTile(level int, n int64) ([]tlog.Hash, error) {
	if level == 0 {
		entries, err := readEntries(db.readRows(context.Background()), n*ledger.Width, ledger.Width)
		return ledger.LeafHashes(nil, entries), err
	}
	rows, err := db.readRows(context.Background())(`SELECT hash FROM ledger_node WHERE level = ? AND n >= ? AND n < ? ORDER BY n`, level, n*ledger.Width, (n+1)*ledger.Width)
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
		out = append(out, tlog.Hash(b))
	}
	return out, rows.Err()
}

// sign signs a head whose entries are durable, fills h, and shows it.
func (db *DB) sign(h *signedHead, size int64, root tlog.Hash) error {
	signed, err := db.keys.Load().sign(db, size, root)
	if err != nil {
		return err
	}
	*h = signed
	db.head.Store(h)
	return nil
}

// headOver gives the first signed head that has a leaf in it. Where its note is
// not written yet it is signed again: signing is deterministic.
func (db *DB) headOver(ctx context.Context, leaf int64) (*signedHead, error) {
	var h signedHead
	var note sql.NullString
	ok, err := db.reader(ctx)(`SELECT size, note FROM ledger_head WHERE size > ? ORDER BY size LIMIT 1`, []any{leaf}, &h.size, &note)
	if err != nil {
		return nil, fmt.Errorf("reading a head of the log: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("no head of the log has leaf %d", leaf)
	}
	if h.note = note.String; note.Valid {
		return &h, nil
	}
	root, err := db.tree.Load().Root(h.size)
	if err != nil {
		return nil, fmt.Errorf("computing the root of %d entries: %w", h.size, err)
	}
	h, err = db.keys.Load().sign(db, h.size, root)
	return &h, err
}

// prove gives the receipt of parts whose entry is at leaf, as of the batch that
// wrote it: the same bytes whenever it is asked for.
func (db *DB) prove(p receipt.Parts, leaf int64, h *signedHead) (receipt.Receipt, error) {
	hashes, err := db.tree.Load().Inclusion(h.size, leaf)
	if err != nil {
		return receipt.Receipt{}, fmt.Errorf("proving leaf %d: %w", leaf, err)
	}
	return p.Receipt(receipt.ProofOf(leaf, h.size, hashes), h.note, db.keys.Load().upTo(h.size))
}

// pending gives the receipt of parts that the ledger has not taken yet.
func (db *DB) pending(p receipt.Parts) (receipt.Receipt, error) {
	return p.Receipt(nil, "", db.keys.Load().signers)
}
