package publisher

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/table"
)

// snapshotFor is how long a snapshot is given out: who is erased is not for
// longer in one that lies on a disk.
const snapshotFor = 15 * time.Minute

// snapshots keeps the newest snapshot, in a file that has no name.
type snapshots struct {
	turn   chan struct{} // holds one while one is written: who waits may go
	file   *os.File      // closed by the collector when nobody reads it any more
	size   int64
	epoch  string
	number uint64
	key    string // of the log, that it is signed with
	made   time.Time
}

// Snapshot gives a snapshot of the epoch that is under way, and its size. One
// that the feed still goes on from is given to several. Writing one goes on when who
// asked for it has gone, as a proxy does after a minute: they find it when they come again.
func (p *Publisher) Snapshot(ctx context.Context) (*io.SectionReader, error) {
	s := &p.snapshots
	select {
	case s.turn <- struct{}{}:
	default:
		select {
		case s.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer func() { <-s.turn }()
	e := p.now.Load()
	if e == nil {
		return nil, ErrNotReady
	}
	if !s.good(e, p.Store.LogKey()) {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(p.run, cancel)()
		if err := p.write(ctx, e); err != nil {
			return nil, fmt.Errorf("writing a snapshot: %w", err)
		}
	}
	return io.NewSectionReader(s.file, 0, s.size), nil
}

// good reports whether the snapshot that is there will do: one that an earlier key of
// the log signed opens for nobody who begins now.
func (s *snapshots) good(e *epoch, key string) bool {
	if s.file == nil || s.epoch != e.name || s.key != key || time.Since(s.made) > snapshotFor {
		return false
	}
	_, _, _, err := e.sent.after(s.number)
	return err == nil
}

// write writes a snapshot of an epoch.
func (p *Publisher) write(ctx context.Context, e *epoch) error {
	f, err := os.CreateTemp(p.Dir, "amana-snapshot-*")
	if err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil { // it is gone with whoever reads it
		return err
	}
	key := p.Store.LogKey() // a hand-over while it is written leaves it to be written again
	w, number, err := p.beginSnapshot(ctx, e, f)
	if err != nil {
		return err
	}
	err = p.Store.Everybody(ctx, func(list []store.Change) error {
		for _, c := range list {
			profile, times := p.profile(c)
			if err := w.Add(e.table.Tag(c.Subject), profile, times); err != nil {
				return err
			}
		}
		return nil
	})
	var erased []table.Tag
	if err == nil {
		erased, err = p.Store.Suppressed(ctx)
	}
	if err == nil {
		err = w.Erased(erased)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	s := &p.snapshots
	s.file, s.size, s.epoch, s.number, s.key, s.made = f, size, e.name, number, key, time.Now()
	return err
}

// beginSnapshot writes the head of now, and the rules.
func (p *Publisher) beginSnapshot(ctx context.Context, e *epoch, f *os.File) (*feed.SnapshotWriter, uint64, error) {
	count, err := p.Store.People(ctx)
	if err != nil {
		return nil, 0, err
	}
	signer, err := p.sign()
	if err != nil {
		return nil, 0, err
	}
	verifier, err := note.NewVerifier(p.Store.LogKey())
	if err != nil {
		return nil, 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.broken || e.complete.IsZero() {
		return nil, 0, ErrNotReady
	}
	p.rule(e)
	if err := p.cut(e); err != nil {
		return nil, 0, err
	}
	head, number := e.sent.newest()
	at := e.writer.At
	w, err := feed.NewSnapshotWriter(f, head, verifier, at, min(uint64(count), at.Total()), signer)
	if err != nil {
		return nil, 0, err
	}
	for _, row := range rulesRows(e.told, nil, p.state(e.stops)) {
		if err := w.Rule(row); err != nil {
			return nil, 0, err
		}
	}
	return w, number, nil
}
