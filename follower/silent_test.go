package follower_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/follower"
	"github.com/amana-privacy/amana/ledger"
)

// double is a server of the feed in the time of a test: what it does at first is bad,
// what it does from the second hello on is good.
type double struct {
	t        *testing.T
	key      string
	verifier note.Verifier
	signer   note.Signer
	tags     [32]byte
	one      sync.Mutex // over writer
	writer   feed.Writer
	bad      func(d *double, r *http.Request) *http.Response // nil: as usual
	hellos   int
	again    chan struct{} // closed when it is asked anew
	resume   chan struct{} // it answers then
}

func newDouble(t *testing.T) *double {
	secret, key, err := note.GenerateKey(rand.Reader, "shop.example/log")
	must(t, err)
	d := &double{t: t, key: key, again: make(chan struct{}), resume: make(chan struct{})}
	d.signer, err = note.NewSigner(secret)
	must(t, err)
	d.verifier, err = note.NewVerifier(key)
	must(t, err)
	epoch := feed.Epoch(1, d.tags, d.tags)
	d.writer = feed.Writer{Origin: "shop.example/log", Epoch: epoch, Key: d.signer, At: feed.Begin("shop.example/log", epoch)}
	return d
}

// RoundTrip answers as the company door does. One goroutine asks.
func (d *double) RoundTrip(r *http.Request) (*http.Response, error) {
	streams := strings.Contains(r.Header.Get("Accept"), "event-stream")
	if r.URL.Path == "/v1/feed" && !streams {
		if d.hellos++; d.hellos == 2 {
			close(d.again)
			<-d.resume
			d.bad = nil
		}
	}
	if d.bad != nil {
		if resp := d.bad(d, r); resp != nil {
			if err := r.Context().Err(); err != nil {
				return nil, err
			}
			return resp, nil
		}
	}
	switch {
	case r.URL.Path == "/v1/snapshot":
		return d.body(r, func(w io.Writer) { w.Write(d.snapshot()) }), nil
	case streams:
		return d.stream(r, 0, true), nil
	}
	return d.body(r, func(w io.Writer) { json.NewEncoder(w).Encode(map[string]any{"beginning": d.hello(r)}) }), nil
}

// body is an answer whose body is written while it is read, until nobody reads it.
func (d *double) body(r *http.Request, write func(io.Writer)) *http.Response {
	pr, pw := io.Pipe()
	context.AfterFunc(r.Context(), func() { pw.CloseWithError(context.Canceled) })
	go func() {
		write(pw)
		pw.Close()
	}()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: pr}
}

func (d *double) hello(r *http.Request) map[string]any {
	h, err := feed.Hello{Origin: d.writer.Origin, Epoch: d.writer.Epoch, Nonce: r.URL.Query().Get("nonce"), Time: time.Now()}.Sign(d.signer)
	must(d.t, err)
	return map[string]any{"origin": d.writer.Origin, "epoch": d.writer.Epoch, "hello": string(h), "tags": d.tags[:], "suppression": d.tags[:], "signers": []ledger.Signer{{Key: d.key}}}
}

// batch writes the next of the feed, also where a stream that was given up has not noticed yet.
func (d *double) batch(at time.Time) (feed.Batch, error) {
	d.one.Lock()
	defer d.one.Unlock()
	return d.writer.Batch(nil, at)
}

func (d *double) snapshot() []byte {
	b, err := d.batch(time.Now())
	must(d.t, err)
	var out bytes.Buffer
	w, err := feed.NewSnapshotWriter(&out, b.Head, d.verifier, d.writer.At, 0, d.signer)
	must(d.t, err)
	must(d.t, w.Close())
	return out.Bytes()
}

// stream says hello and then heads that are so old, each a newer one or not.
func (d *double) stream(r *http.Request, old time.Duration, newer bool) *http.Response {
	return d.body(r, func(w io.Writer) {
		raw, err := json.Marshal(d.hello(r))
		must(d.t, err)
		_, err = fmt.Fprintf(w, "event: beginning\ndata: %s\n\n", raw)
		var b feed.Batch
		for first := true; err == nil; first = false {
			if newer || first {
				b, err = d.batch(time.Now().Add(-old))
				must(d.t, err)
			}
			_, err = fmt.Fprintf(w, "event: batch\ndata: %s\n\n", base64.StdEncoding.EncodeToString(b.Append(nil)))
			time.Sleep(feed.Beat)
		}
	})
}

// slowly is an answer that comes byte by byte.
func (d *double) slowly(r *http.Request, b []byte, every time.Duration) *http.Response {
	return d.body(r, func(w io.Writer) {
		for i := range b {
			time.Sleep(every)
			if _, err := w.Write(b[i : i+1]); err != nil {
				return
			}
		}
	})
}

// never answers, until nobody waits any more.
func never(r *http.Request) *http.Response {
	<-r.Context().Done()
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}
}

func streams(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "event-stream") }
func loads(r *http.Request) bool   { return r.URL.Path == "/v1/snapshot" }

// A server that takes a question and does not answer it, or as good as not, holds a
// replica for a time that is known: then it asks anew, says why, and answers.
func TestAServerThatDoesNotGoOnIsGivenUp(t *testing.T) {
	when := func(of func(*http.Request) bool, do func(*double, *http.Request) *http.Response) func(*double, *http.Request) *http.Response {
		return func(d *double, r *http.Request) *http.Response {
			if of(r) {
				return do(d, r)
			}
			return nil
		}
	}
	begins := func(r *http.Request) bool { return !loads(r) && !streams(r) }
	silent := func(_ *double, r *http.Request) *http.Response { return never(r) }
	drips := func(every time.Duration) func(*double, *http.Request) *http.Response {
		return func(d *double, r *http.Request) *http.Response {
			return d.slowly(r, bytes.Repeat([]byte(" "), 1<<20), every)
		}
	}
	for name, c := range map[string]struct {
		bad    func(*double, *http.Request) *http.Response
		within time.Duration
		why    string
	}{
		"no hello":                 {when(begins, silent), 10 * time.Second, "did not say within 10s"},
		"a hello byte by byte":     {when(begins, drips(time.Second)), 10 * time.Second, "did not say within 10s"},
		"no snapshot":              {when(loads, silent), time.Minute, "sends no snapshot"},
		"a snapshot byte a minute": {when(loads, drips(time.Minute)), 10 * time.Second, "sends no snapshot"},
		"a snapshot byte by byte":  {when(loads, func(d *double, r *http.Request) *http.Response { return d.slowly(r, d.snapshot(), 9*time.Second) }), 10 * time.Second, "too slowly"},
		"no feed":                  {when(streams, silent), 1500 * time.Millisecond, "no newer head"},
		"a feed byte by byte":      {when(streams, drips(time.Second)), 1500 * time.Millisecond, "no newer head"},
		"hello again and again": {when(streams, func(d *double, r *http.Request) *http.Response {
			return d.body(r, func(w io.Writer) {
				raw, err := json.Marshal(d.hello(r))
				for must(d.t, err); err == nil; time.Sleep(time.Second) {
					_, err = fmt.Fprintf(w, "event: beginning\ndata: %s\n\n", raw)
				}
			})
		}), 1500 * time.Millisecond, "no newer head"},
		"one head again and again": {when(streams, func(d *double, r *http.Request) *http.Response { return d.stream(r, 3*time.Second, false) }), 1500 * time.Millisecond, "no newer head"},
		"heads that are too old":   {when(streams, func(d *double, r *http.Request) *http.Response { return d.stream(r, 3*time.Second, true) }), 10 * time.Second, "too old"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDouble(t)
				d.bad = c.bad
				start := time.Now()
				f, err := follower.Start(t.Context(), follower.Config{URL: "http://shop.example", Token: "t", Key: d.key, Client: &http.Client{Transport: d}})
				must(t, err)
				defer func() {
					must(t, f.Close())
					time.Sleep(time.Hour) // whoever still writes for it notices
				}()
				select {
				case <-d.again:
				case <-time.After(time.Hour):
					t.Fatalf("after an hour it still waits: %v", f.Ready())
				}
				if took := time.Since(start); took > c.within+time.Second {
					t.Errorf("it is asked anew after %v", took)
				}
				if err := f.Ready(); err == nil || !strings.Contains(err.Error(), c.why) {
					t.Errorf("it says %v, want %q", err, c.why)
				}
				close(d.resume)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := f.Wait(ctx); err != nil {
					t.Error(errors.Join(errors.New("it does not answer afterwards"), err))
				}
			})
		})
	}
}
