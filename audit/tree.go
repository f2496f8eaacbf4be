package audit

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// tree recomputes the log from its entries, from where the audit before ended.
func (a *audit) tree(ctx context.Context) error {
	head, edge := a.v.head, &ledger.Edge{}
	var before ledger.Checkpoint
	if a.State != nil {
		var err error
		if before, edge, err = a.State.open(); err != nil {
			return err
		}
		if before.Size == head.Size && before.Root != head.Root {
			return proved(lie(Fork, "two heads of %s are signed, with two roots", entries(head.Size)), a.State.Checkpoint, a.signed)
		}
	}
	a.v.From = edge.Size()
	c, err := a.recompute(ctx, edge, head.Size, -1)
	if err == nil && c.edge.Root() != head.Root {
		err = a.whichLie(ctx, before, c)
	}
	if err == nil && c.tile != nil {
		err = lie(WrongTile, "the entries lead to the signed head, but %s", c.tile)
	}
	if err != nil {
		return err
	}
	a.v.Recomputed = head.Size - a.v.From
	a.next = State{Form: stateForm, Signers: a.signers, Checkpoint: a.signed, Edge: c.edge.Roots(), Policies: []Publication{}}
	return nil
}

// whichLie finds out what it is when entries do not lead to the signed head.
func (a *audit) whichLie(ctx context.Context, before ledger.Checkpoint, c computed) error {
	if a.v.From > 0 { // was what came before exchanged?
		var err error
		if c, err = a.recompute(ctx, &ledger.Edge{}, a.v.head.Size, before.Size); err != nil {
			return err
		}
		if c.edge.Root() == a.v.head.Root {
			return proved(lie(Fork, "the log signed a head of %s that is not the beginning of this one", entries(before.Size)), a.State.Checkpoint, a.signed)
		}
	}
	if c.differ >= 0 {
		h := tlog.TileHashReader(tlog.Tree{N: a.v.head.Size, Hash: a.v.head.Root}, reader{ctx, a.src})
		if _, err := h.ReadHashes([]int64{tlog.StoredHashIndex(0, c.differ)}); err == nil {
			return lie(ChangedEntry, "entry %d is not the one that the signed head commits to", c.differ)
		}
	}
	return lie(ChangedEntry, "the entries that are served do not lead to the signed head of %d", a.v.head.Size)
}
