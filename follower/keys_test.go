package follower_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/follower"
)

// way is one to the server on which something is done to an answer.
type way func(r *http.Request, resp *http.Response) (*http.Response, error)

func (w way) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	return w(r, resp)
}

// begins gives what a server says before its feed.
func begins(resp *http.Response) (map[string]map[string]any, error) {
	defer resp.Body.Close()
	var said map[string]map[string]any
	raw, err := io.ReadAll(resp.Body)
	if err == nil {
		_ = json.Unmarshal(raw, &said) // batches are no object
	}
	return said, err
}

// With other keys everybody would be unknown, and somebody who objected or is
// restricted be answered as a stranger: whoever changes them on the way is noticed.
func TestKeysThatAreNotTheFeeds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	liar := way(func(r *http.Request, resp *http.Response) (*http.Response, error) {
		if r.URL.Path != "/v1/feed" || strings.Contains(r.Header.Get("Accept"), "event-stream") {
			return resp, nil
		}
		said, err := begins(resp)
		if err != nil {
			return nil, err
		}
		said["beginning"]["tags"] = bytes.Repeat([]byte{7}, 32)
		raw, err := json.Marshal(map[string]any{"beginning": said["beginning"]})
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
		return resp, err
	})
	f, err := follower.Start(t.Context(), follower.Config{URL: s.wire.url(), Token: s.token, Key: s.logKey, Client: &http.Client{Transport: liar}})
	must(t, err)
	defer f.Close()
	for err := f.Ready(); !errors.Is(err, feed.ErrUnsigned); err = f.Ready() {
		if err == nil {
			t.Fatal("it answers by keys that are not the feed's")
		}
		time.Sleep(time.Millisecond)
	}
}

// The key of the feed is changed between what a server says of it and the snapshot:
// that is not taken for one of the keys of before.
func TestASnapshotOfTheNextKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const sara = "phone:+12075550134"
	must(t, s.say(sara, consent.Given))
	var once sync.Once
	late := way(func(r *http.Request, resp *http.Response) (*http.Response, error) {
		if r.URL.Path != "/v1/snapshot" {
			return resp, nil
		}
		var failed error
		once.Do(func() {
			resp.Body.Close()
			before, err := s.p.Begin("x")
			if failed = errors.Join(err, s.db.RotateFeed(t.Context())); failed != nil {
				return
			}
			for now := before; now.Epoch == before.Epoch && failed == nil; time.Sleep(time.Millisecond) {
				now, failed = s.p.Begin("x")
			}
			resp, err = http.DefaultTransport.RoundTrip(r)
			failed = errors.Join(failed, err)
		})
		return resp, failed
	})
	f, err := follower.Start(t.Context(), follower.Config{URL: s.wire.url(), Token: s.token, Key: s.logKey, Client: &http.Client{Transport: late}})
	must(t, err)
	defer f.Close()
	must(t, f.Wait(t.Context()))
	if a, _, _ := f.Decide(t.Context(), sara, decision.Question{Purpose: purpose}); a.Reason != decision.Given {
		t.Errorf("it says %s of somebody who said yes", a.Reason)
	}
}
