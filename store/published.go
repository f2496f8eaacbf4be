package store

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// ErrBehind says that a database is not the one whose log was published: it lacks
// entries of a head that was shown, or has others. Going on would sign a second
// history.
var ErrBehind = errors.New("going on from it would sign a second history")

// goesOn holds the database to the newest head that is known to have been
// published (Config.Published), before anything is signed.
func (db *DB) goesOn(ctx context.Context) error {
	if db.cfg.Published == "" {
		return nil
	}
	head, err := publishedHead(db.cfg.Published, db.cfg.Ring.LogVerifiers())
	if errors.Is(err, errOtherLog) {
		var before string
		if _, err := db.reader(ctx)(`SELECT value FROM installation WHERE name = 'before'`, nil, &before); err != nil {
			return fmt.Errorf("reading the log before: %w", err)
		}
		if before != "" && before == head.Origin {
			return nil // of the log that this one names as its forerunner
		}
	}
	if err != nil {
		return err
	}
	tree := db.tree.Load()
	err = follows(head, tree.Size(), tree.Root)
	if errors.Is(err, ErrBehind) {
		return &fault.Error{Kind: fault.Conflict, Words: "the database is not the newest: put that back; where it is lost, restore a backup", Err: err}
	}
	return err
}

// errOtherLog says that a head is that of a log of another name.
var errOtherLog = errors.New("of another log")

// publishedHead reads a head that was kept outside the database, signed by a key
// that the keyring knows.
func publishedHead(signed string, keys []string) (ledger.Checkpoint, error) {
	var known []note.Verifier
	for _, k := range keys {
		v, err := note.NewVerifier(k)
		if err != nil {
			return ledger.Checkpoint{}, fmt.Errorf("reading a key of the log: %w", err)
		}
		known = append(known, v)
	}
	head, _, err := ledger.OpenHead(signed, known)
	if err == nil {
		return head, nil
	}
	if len(known) > 0 && head.Origin != "" && head.Origin != known[0].Name() {
		return head, &fault.Error{Kind: fault.Conflict, Err: errOtherLog,
			Words: fmt.Sprintf("the published head that is kept is that of the log %s, and the keyring signs %s", head.Origin, known[0].Name())}
	}
	return head, &fault.Error{Kind: fault.Conflict, Words: "the published head that is kept was not signed by a key of this log", Err: err}
}

// follows says whether a log of so many entries goes on from a head that was shown.
func follows(head ledger.Checkpoint, size int64, root func(int64) (tlog.Hash, error)) error {
	if head.Size > size {
		return fmt.Errorf("it is behind what was published: it has %d entries of the log, and a head of %d was shown; %w", size, head.Size, ErrBehind)
	}
	has, err := root(head.Size)
	if err != nil {
		return fmt.Errorf("computing the root of %d entries: %w", head.Size, err)
	}
	if has != head.Root {
		return fmt.Errorf("the first %d entries of its log are others than those of a head that was shown; %w", head.Size, ErrBehind)
	}
	return nil
}
