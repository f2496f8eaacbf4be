package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/store"
)

// What is kept beside the database, so that an older copy of it is noticed and
// brings nobody back: the newest head of the log that may have been shown, and who
// was erased.
const (
	headFile       = "head"
	tombstonesFile = "tombstones"
)

// publishedIn gives the head that is kept in a folder; "" where none is.
func publishedIn(dir string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(dir, headFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(raw), err
}

// outside keeps what is kept beside the database. It is safe for concurrent use.
type outside struct {
	dir string
	db  *store.DB

	mu     sync.Mutex
	head   string          // as it is on the disk; guarded by mu, as all below
	seen   map[string]bool // lines of tombstones that are on the disk
	newest time.Time       // of them
}

// keepEvery is how far what is kept may lag behind: what was shown or erased in
// the last moment before a disk died.
const keepEvery = time.Second

// overlap is how far back it is looked for who was erased: clocks of servers
// differ, and a commit may come after a later one.
const overlap = time.Minute

// newOutside takes up what was kept, and brings it up to the database.
func newOutside(ctx context.Context, dir string, db *store.DB) (*outside, error) {
	o := &outside{dir: dir, db: db, seen: map[string]bool{}}
	var err error
	if o.head, err = publishedIn(dir); err != nil {
		return nil, err
	}
	if err := o.takeUp(); err != nil {
		return nil, err
	}
	return o, o.keep(ctx)
}

// takeUp reads the tombstones. Where there are none, or none that can be read,
// they are written anew from the database; a line that a crash cut short goes.
func (o *outside) takeUp() error {
	file := filepath.Join(o.dir, tombstonesFile)
	raw, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	whole := raw[:bytes.LastIndexByte(raw, '\n')+1]
	stones, err := store.ReadTombstones(bytes.NewReader(whole))
	if err != nil || o.db.TombstoneHead() != firstLine(whole) {
		whole = []byte(o.db.TombstoneHead())
	} else {
		o.newest = stones.Newest
	}
	for _, line := range strings.SplitAfter(string(whole), "\n") {
		o.seen[line] = true
	}
	if bytes.Equal(whole, raw) {
		return nil
	}
	return replaceFile(file, whole)
}

func firstLine(b []byte) string { return string(b[:bytes.IndexByte(b, '\n')+1]) }

// keep writes what is new, durably.
func (o *outside) keep(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return errors.Join(o.keepHead(), o.keepTombstones(ctx))
}

func (o *outside) keepHead() error {
	head := o.db.Checkpoint()
	if head == o.head {
		return nil
	}
	now, _, err := ledger.ReadHead(head)
	if err != nil {
		return err
	}
	if before, _, err := ledger.ReadHead(o.head); err == nil && before.Origin == now.Origin && before.Size >= now.Size {
		return nil // the same, without the signatures that came later
	}
	if err := replaceFile(filepath.Join(o.dir, headFile), []byte(head)); err != nil {
		return err
	}
	o.head = head
	return nil
}

func (o *outside) keepTombstones(ctx context.Context) error {
	from := o.newest
	if !from.IsZero() {
		from = from.Add(-overlap)
	}
	lines, err := o.db.TombstoneLines(ctx, from, o.seen)
	if err != nil || len(lines) == 0 {
		return err
	}
	added := strings.Join(lines, "")
	f, err := os.OpenFile(filepath.Join(o.dir, tombstonesFile), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(added)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	stones, err := store.ReadTombstones(strings.NewReader(o.db.TombstoneHead() + added))
	if err != nil {
		return err
	}
	if stones.Newest.After(o.newest) {
		o.newest = stones.Newest
	}
	for _, line := range lines {
		o.seen[line] = true
	}
	return nil
}

// last keeps what can be kept when the database is closed. Who was erased is taken
// up again when it is opened.
func (o *outside) last() error {
	_ = o.keep(context.Background())
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.keepHead()
}

// run keeps until ctx is done.
func (o *outside) run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch err := o.keep(ctx); {
		case err == nil:
			said = ""
		case ctx.Err() == nil && err.Error() != said:
			said = err.Error()
			log.Error("the published head, or who was erased, could not be kept outside the database", "error", err)
		}
	}
}
