package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// head fetches the head and holds it to the keys.
func (a *audit) head(ctx context.Context, fresh bool) error {
	raw, err := a.src.get(ctx, a.src.log+"/checkpoint", nil, 128<<10, fresh)
	if err != nil {
		return fmt.Errorf("the head of the log: %w", err)
	}
	a.signed = string(raw)
	c, _, err := ledger.ReadHead(a.signed)
	if err != nil {
		return fmt.Errorf("what is served as the head of a log is none: %w", err)
	}
	a.v.head, a.v.Origin, a.v.Size = c, c.Origin, c.Size
	if len(a.keys) == 0 {
		if !fresh {
			a.v.Doubts = append(a.v.Doubts, "Nobody said whose key the log is to be held to: give the company's with --key, noted from a place you trust.")
		}
		return nil
	}
	if err := a.follow(ctx, fresh); err != nil {
		return err
	}
	_, by, err := ledger.OpenHead(a.signed, a.keys)
	if errors.Is(err, ledger.ErrNotSigned) && c.Origin == a.keys[0].Name() { // an older list may have been kept on its way
		if err := a.follow(ctx, true); err != nil {
			return err
		}
		_, by, err = ledger.OpenHead(a.signed, a.keys)
	}
	if err != nil {
		if c.Origin != a.keys[0].Name() {
			return proved(lie(WrongSignature, "the head is that of %s, not of %s", c.Origin, a.keys[0].Name()), a.signed)
		}
		return proved(lie(WrongSignature, "%s", err), a.signed)
	}
	a.v.Key = a.signers[slices.Index(a.keys, by)].Key
	a.sayHandovers()
	if t := a.term(a.v.Key); !t.Covers(c.Size) {
		return proved(lie(OldKey, "the head of %s is signed by a key that is good %s", entries(c.Size), t), a.evidence(t, a.signed)...)
	}
	return nil
}

// newestOfAll sees to it that the head is no older than any that is known. One
// that is may have been kept on its way: it is asked for once more.
func (a *audit) newestOfAll(ctx context.Context) error {
	if a.State != nil {
		c, _, err := a.State.open()
		if err != nil {
			return err
		}
		a.claims = append(a.claims, claim{"the audit before", c, a.State.Checkpoint})
	}
	for _, c := range append(a.claims, a.handovers()...) {
		if c.head.Size <= a.v.head.Size {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(a.Patience):
		}
		if err := a.head(ctx, true); err != nil {
			return err
		}
		if c.head.Size > a.v.head.Size {
			return proved(lie(RolledBack, "the head has %s; %s holds one that the log signed with %d", entries(a.v.head.Size), c.who, c.head.Size), c.signed, a.signed)
		}
	}
	return nil
}

// agrees says whether a head that somebody holds is of the same history.
func (a *audit) agrees(c claim, h tlog.HashReader) error {
	root := ledger.EmptyRoot()
	if c.head.Size > 0 {
		var err error
		if root, err = tlog.TreeHash(c.head.Size, h); err != nil {
			return fmt.Errorf("the root of %d entries: %w", c.head.Size, err)
		}
	}
	if root != c.head.Root {
		return proved(lie(Fork, "%s holds a head that the log signed with %s; it is of another history", c.who, entries(c.head.Size)), c.signed, a.signed)
	}
	return nil
}
