package follower_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amana-privacy/amana/follower"
)

// hanging is a way to the server by which no snapshot ever comes.
type hanging struct{ asked chan struct{} }

func (h hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/v1/snapshot") {
		return http.DefaultTransport.RoundTrip(r)
	}
	h.asked <- struct{}{}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// A file that is being replaced, by a server that does not answer, holds up nobody
// who closes a replica.
func TestCloseWaitsForNoSnapshot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := follower.Config{URL: s.wire.url(), Token: s.token, Key: s.logKey, File: filepath.Join(s.dir, "one")}
	for _, again := range []bool{false, true} {
		f, err := follower.Start(t.Context(), c)
		must(t, err)
		must(t, f.Wait(t.Context()))
		if again {
			<-c.Client.Transport.(hanging).asked
		}
		closed := make(chan error, 1)
		go func() { closed <- f.Close() }()
		select {
		case err := <-closed:
			must(t, err)
		case <-time.After(30 * time.Second):
			t.Fatal("it waits")
		}
		old := time.Now().Add(-2 * time.Hour)
		must(t, os.Chtimes(c.File, old, old))
		c.Client = &http.Client{Transport: hanging{make(chan struct{}, 10)}}
	}
}

// failing is a way to the server by which the first snapshots do not come.
type failing struct{ left atomic.Int32 }

func (f *failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/v1/snapshot") && f.left.Add(-1) >= 0 {
		return nil, errors.New("the server is away")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// A file that could not be replaced when it was an hour old is replaced soon after,
// and what an earlier run was killed over is gone.
func TestAFileIsReplacedAsSoonAsItCanBe(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := follower.Config{URL: s.wire.url(), Token: s.token, Key: s.logKey, File: filepath.Join(s.dir, "one.snapshot")}
	f, err := follower.Start(t.Context(), c)
	must(t, err)
	must(t, f.Wait(t.Context()))
	must(t, f.Close())
	old := time.Now().Add(-2 * time.Hour)
	must(t, os.Chtimes(c.File, old, old))
	half, others := filepath.Join(s.dir, ".amana-snapshot-one.snapshot-123"), filepath.Join(s.dir, ".amana-snapshot-two.snapshot-123")
	for _, name := range []string{half, others} {
		must(t, os.WriteFile(name, []byte("half"), 0o600))
	}

	way := &failing{}
	way.left.Store(2)
	c.Client = &http.Client{Transport: way}
	f, err = follower.Start(t.Context(), c)
	must(t, err)
	defer f.Close()
	must(t, f.Wait(t.Context()))
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if info, err := os.Stat(c.File); err == nil && time.Since(info.ModTime()) < time.Hour {
			break
		} else if time.Now().After(end) {
			t.Fatalf("it is not replaced: %v", err)
		}
	}
	if way.left.Load() >= 0 {
		t.Error("it was replaced at the first try")
	}
	if _, err := os.Stat(half); err == nil {
		t.Error("half a snapshot stays")
	}
	if _, err := os.Stat(others); err != nil {
		t.Error("another replica's is gone:", err)
	}
}
