package follower

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/amana-privacy/amana/feed"
)

// fileFor is how old the file of a snapshot gets at most while a replica runs: a
// person who was erased is not in it for longer.
const fileFor = time.Hour

// copying makes a file that a snapshot is copied to; nil where none is wanted.
func (f *Follower) copying() (*saved, error) {
	if f.File == "" {
		return nil, nil
	}
	file, err := os.CreateTemp(filepath.Dir(f.File), f.unfinished()+"*")
	if err != nil {
		return nil, fmt.Errorf("keeping a snapshot: %w", err)
	}
	return &saved{f: f, file: file}, nil
}

// saved is a file that is being written.
type saved struct {
	f      *Follower
	file   *os.File
	failed error
}

// Write never fails: a full disk does not keep a replica from answering.
func (s *saved) Write(b []byte) (int, error) {
	if s.failed == nil {
		_, s.failed = s.file.Write(b)
	}
	return len(b), nil
}

func (s *saved) drop() {
	if s != nil {
		_ = errors.Join(s.file.Close(), os.Remove(s.file.Name()))
	}
}

// keep puts the file in the place of the one before.
func (s *saved) keep() error {
	if s == nil {
		return nil
	}
	err := errors.Join(s.failed, s.file.Close())
	if err == nil {
		err = os.Rename(s.file.Name(), s.f.File)
	}
	if err != nil {
		_ = os.Remove(s.file.Name())
		return fmt.Errorf("keeping a snapshot: %w", err)
	}
	return nil
}

// unfinished begins the names of files that a snapshot is copied to.
func (f *Follower) unfinished() string { return ".amana-snapshot-" + filepath.Base(f.File) + "-" }

// tidy removes what an earlier run was killed over: half a snapshot has the size of
// half a snapshot, and who is erased meanwhile stays in it.
func (f *Follower) tidy() {
	if f.File == "" {
		return
	}
	dir := filepath.Dir(f.File)
	list, err := os.ReadDir(dir)
	if err != nil {
		return // where it cannot be read, nothing can be kept, which is told then
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), f.unfinished()) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// refresh has the file replaced in the background when it is an hour old. What
// fails is tried again until the hour in which the next would come.
func (f *Follower) refresh() {
	if f.File != "" && time.Since(f.noted) > headEvery {
		f.keepHead()
	}
	if f.File == "" || time.Since(f.saved) < fileFor {
		return
	}
	f.saved = time.Now()
	most := f.replica.MostSoon()
	f.saving.Go(func() {
		ctx, cancel := context.WithTimeout(f.run, fileFor)
		defer cancel()
		said := false
		for pause := shortestSave; ; pause = min(2*pause, longestSave) {
			err := f.replace(ctx, most)
			if err == nil || ctx.Err() != nil {
				return
			}
			if !said {
				f.Log.Warn("the snapshot could not be replaced yet", "error", err)
				said = true
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause/2 + rand.N(pause/2)):
			}
		}
	})
}

// Pauses between tries to replace the file.
const (
	shortestSave = time.Second
	longestSave  = 10 * time.Minute
)

// replace puts a new snapshot in the place of the one that is kept. One of more than
// so many bytes is none: it is not read before the next start.
func (f *Follower) replace(ctx context.Context, most int64) error {
	ctx, cancel := context.WithTimeout(ctx, fileFor/4)
	defer cancel()
	s, err := f.copying()
	if err != nil {
		return err
	}
	err = f.fetch(ctx, func(body io.Reader) error {
		n, err := io.Copy(s.file, io.LimitReader(body, most+1))
		if err == nil && n > most {
			err = fmt.Errorf("it has more than %d bytes", most)
		}
		return err
	})
	if err != nil {
		s.drop()
		return fmt.Errorf("copying a snapshot: %w", err)
	}
	return s.keep()
}

// headEvery is how often the newest head is kept.
const headEvery = 5 * time.Second

// memory is how far a server was. One that stands behind it is not believed.
type memory struct {
	feed.Head
	Seen [feed.Chains]uint64 // rows of each chain
}

// keepHead keeps how far the server was beside the snapshot, for the next start. On a
// disk that hangs over the last time it is left to the next.
func (f *Follower) keepHead() {
	f.noted = time.Now()
	if !f.keeping.TryLock() {
		return
	}
	h := memory{f.replica.Newest(), f.replica.Seen}
	f.saving.Go(func() { // a slow disk does not hold up the feed
		defer f.keeping.Unlock()
		raw, err := json.Marshal(h)
		if err == nil {
			err = os.WriteFile(f.File+".head.new", raw, 0o600)
		}
		if err == nil {
			err = os.Rename(f.File+".head.new", f.File+".head")
		}
		if err != nil {
			f.Log.Warn("the newest head could not be kept", "error", err)
		}
	})
}

// readHead gives what an earlier run has kept; the zero one where there is none.
func readHead(file string) memory {
	var h memory
	if file == "" {
		return h
	}
	if raw, err := os.ReadFile(file + ".head"); err != nil || json.Unmarshal(raw, &h) != nil {
		return memory{}
	}
	return h
}

// loadFile notes how far the snapshot of an earlier run came. It is loaded when
// the server has said which keys it is to be read with.
func (f *Follower) loadFile() {
	if f.File == "" {
		return
	}
	if info, err := os.Stat(f.File); err == nil {
		f.saved = info.ModTime()
		f.kept = true
	}
}

// fromFile loads the file, once. What the feed does not go on from any more still
// tells how far the server has to be.
func (f *Follower) fromFile() {
	if !f.kept {
		return
	}
	f.kept = false
	file, err := os.Open(f.File)
	if err != nil {
		return
	}
	defer file.Close()
	if err := f.replica.Load(file, time.Now()); err != nil {
		f.Log.Warn("the snapshot that was kept is of no use", "error", err)
	}
}
