package store

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/amana-privacy/amana/keyring"
)

// Restore is what a backup is restored from, and into what.
type Restore struct {
	// Config names the database, which has to be empty, and the keyring.
	// Published is the newest head that is known to have been shown.
	Config

	// Backup opens the backup, decrypted. It is read twice: once to verify it
	// and to see who is left out, once to write.
	Backup func() (io.ReadCloser, error)

	// Old opens whom the keyring no longer opens, because their bucket was given
	// a new key since: a copy of the keyring from about the time of the backup.
	// nil: they are left out.
	Old *keyring.Old

	// Tombstones are who was erased since; nil if nobody knows.
	Tombstones *Tombstones

	// Heads are more heads that are known to have been shown, by witnesses.
	Heads []string

	// NewOrigin begins a new log of this name, which names the newest head known
	// of the one before; "" goes on with the log as it is, which is only possible
	// where nothing was published since.
	NewOrigin string

	// Lasting is told just before anything lasts of the restore: from then on
	// the keyring has to stay as it is, whatever comes. May be nil.
	Lasting func()

	Progress func(done, of int64) // told how many rows of how many are written; may be nil
}

// Restored is what became of a backup.
type Restored struct {
	Made       time.Time `json:"made"`             // when the backup was
	Subjects   int64     `json:"subjects"`         // who are there again
	Events     int64     `json:"events"`           // that are somebody's
	Entries    int64     `json:"entries"`          // of the ledger
	Erased     int64     `json:"erased"`           // subjects left out because they were erased since
	Closed     int64     `json:"closed"`           // left out because no key opens them
	Doubtful   int64     `json:"doubtful"`         // left out because only the copy of the keyring opens them, and nobody knows whether they were erased
	Rewrapped  int64     `json:"rewrapped"`        // opened by the copy, and wrapped under the keyring's keys anew
	Blanked    int64     `json:"blanked"`          // events of those left out, of which the times are kept
	Stopped    int64     `json:"stopped"`          // recipients and purposes that are stopped: then, or known to have been since
	KeptClosed int64     `json:"kept_closed"`      // records kept of people erased before the backup, left out because no key opens them
	Head       string    `json:"head"`             // the signed head of the log as it stands now
	Before     string    `json:"before,omitempty"` // the newest head known of the log before, where a new one was begun
}

// restoringMark stands in the installation while a restore fills it.
const restoringMark = "restoring"

// Run restores a backup. The database is complete and was checked when it
// returns; after an error or a crash at any moment it is one that cannot be
// opened, and Run can be tried again. Whoever was erased since the backup is left
// out, as far as the tombstones and the keyring tell. A backup behind a head that
// was shown is ErrBehind, unless a new log is begun.
func (r Restore) Run(ctx context.Context) (Restored, error) {
	out, err := r.run(ctx)
	if err != nil {
		return out, fmt.Errorf("restoring: %w", err)
	}
	return out, nil
}

func (r Restore) run(ctx context.Context) (Restored, error) {
	if err := r.vacant(ctx); err != nil {
		return Restored{}, err
	}
	p, err := r.plan()
	if err != nil {
		return Restored{}, err
	}
	if err := p.write(ctx); err != nil {
		return p.out, err
	}
	c := r.Config
	c.Create, c.Published = false, ""
	db, err := Open(ctx, c)
	if err != nil {
		return p.out, err
	}
	defer db.Close()
	report, err := db.Check(ctx)
	if err != nil {
		return p.out, err
	}
	p.out.Subjects, p.out.Events, p.out.Entries, p.out.Head = report.Subjects, report.Events, report.Entries, db.Checkpoint()
	return p.out, nil
}

// shell is a store without a database: it tags and wraps as one does.
func (r Restore) shell() *DB { return &DB{cfg: r.Config} }

func (r Restore) now() time.Time { return r.shell().now() }
