package follower_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
