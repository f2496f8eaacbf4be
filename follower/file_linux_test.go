package follower

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/table"
)

// behind is a replica that has heard of a head of so many rows.
func behind(rows uint64) *feed.Replica {
	return feed.NewReplica(table.New(table.KeyFrom([32]byte{}), table.Rules{}, time.Now()), "shop.example/log", nil, feed.Head{Rows: rows})
}

// A disk that hangs over one head does not get another beside it, which would stand in
// the same file; when it goes on, the next is kept.
func TestOneHeadIsKeptAtATime(t *testing.T) {
	t.Parallel()
	f := &Follower{Config: Config{File: filepath.Join(t.TempDir(), "one.snapshot")}, replica: behind(1)}
	pipe := f.File + ".head.new" // whose writers wait for a reader
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	f.keepHead()
	f.replica.Seen[0] = 7
	f.keepHead()
	reader, err := os.Open(pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	raw, err := io.ReadAll(reader)
	f.saving.Wait()
	var h memory
	if d := json.NewDecoder(bytes.NewReader(raw)); err != nil || d.Decode(&h) != nil || d.More() || h.Rows != 1 || h.Seen[0] != 0 {
		t.Fatalf("%s, %v", raw, err)
	}
	if info, err := os.Lstat(f.File + ".head"); err != nil || info.Mode().Type() != os.ModeNamedPipe {
		t.Fatal("another head was written meanwhile", info, err)
	}
	if err := os.Remove(f.File + ".head"); err != nil {
		t.Fatal(err)
	}
	f.keepHead()
	f.saving.Wait()
	if h := readHead(f.File); h.Rows != 1 || h.Seen[0] != 7 {
		t.Errorf("%+v", h)
	}
}

// endless is a server whose snapshot has no end.
type endless struct{}

func (endless) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(endless{})}, nil
}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// A snapshot that does not end fills no disk: the one that is kept stays, and nothing
// of the other.
func TestASnapshotWithoutAnEndIsNotKept(t *testing.T) {
	t.Parallel()
	at, err := url.Parse("http://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	f := &Follower{Config: Config{File: filepath.Join(t.TempDir(), "one.snapshot"), Client: &http.Client{Transport: endless{}}}, base: at}
	if err := os.WriteFile(f.File, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.replace(t.Context(), 1<<20); err == nil || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Error(err)
	}
	left, err := os.ReadDir(filepath.Dir(f.File))
	if err != nil || len(left) != 1 {
		t.Error(left, err)
	}
	if raw, err := os.ReadFile(f.File); err != nil || string(raw) != "kept" {
		t.Error(string(raw), err)
	}
}

// What may come is a bound on what may be kept.
func TestASnapshotMayGrowMeanwhile(t *testing.T) {
	t.Parallel()
	few, many := behind(1000).MostSoon(), behind(1<<63).MostSoon()
	if few < 2000*128 || few > 1<<34 || many < few || many > 1<<50 {
		t.Error(few, many)
	}
}
