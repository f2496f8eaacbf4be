package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/publisher"
)

// news is the answer of GET /v1/feed.
type news struct {
	Beginning *publisher.Beginning `json:"beginning,omitempty" doc:"With nonce: what a replica has to know before it follows."`
	Epoch     string               `json:"epoch,omitempty" doc:"Of the batches."`
	Last      uint64               `json:"last,omitempty" doc:"The number of the newest head: send it as after."`
	Batches   [][]byte             `json:"batches" doc:"Rows, each with the signed head they lead to, oldest first."`
}

// Longest times: of a question for news without an answer, of writing one piece to
// a replica that reads slowly.
const (
	longestPoll  = 10 * time.Second
	longestWrite = 20 * time.Second
)

// where is from where on somebody wants to hear the feed.
type where struct {
	nonce, epoch string
	after        uint64
}

func (d *door) where(r *http.Request) (where, error) {
	q := r.URL.Query()
	at := where{nonce: q.Get("nonce"), epoch: q.Get("epoch")}
	after := q.Get("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		after = last
	}
	if len(at.nonce) > 64 || strings.ContainsFunc(at.nonce, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return at, fault.At(fault.Invalid, "nonce", "the nonce has at most 64 printable characters, and no space")
	}
	if at.epoch == "" && at.nonce == "" {
		return at, fault.At(fault.Invalid, "epoch", "say of which epoch, and after which head; or begin with a nonce")
	}
	var err error
	if at.epoch != "" {
		if at.after, err = strconv.ParseUint(after, 10, 64); err != nil {
			return at, fault.At(fault.Invalid, "after", "the number of the last head is needed")
		}
	}
	return at, nil
}

// feed gives what happened after a head: at once, or as soon as there is anything;
// to whoever accepts text/event-stream, all that follows, too.
func (d *door) feed(w http.ResponseWriter, r *http.Request) error {
	if d.Publisher == nil {
		return fault.New(fault.Overloaded, "this server has no feed")
	}
	at, err := d.where(r)
	if err != nil {
		return err
	}
	out := news{Batches: [][]byte{}}
	if at.nonce != "" {
		begins, err := d.Publisher.Begin(at.nonce)
		if err != nil {
			return feedFault(err)
		}
		out.Beginning = &begins
	}
	if at.epoch == "" {
		return reply(w, http.StatusOK, out)
	}
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		return d.stream(w, r, at, out.Beginning)
	}
	over := time.NewTimer(min(longestPoll, d.Timeout/2))
	defer over.Stop()
	for {
		batches, last, more, err := d.Publisher.News(at.epoch, at.after)
		if err != nil {
			return feedFault(err)
		}
		if len(batches) > 0 {
			out.Epoch, out.Last, out.Batches = at.epoch, last, batches
			return reply(w, http.StatusOK, out)
		}
		select {
		case <-more:
		case <-over.C:
			return reply(w, http.StatusOK, out)
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
}

// stream sends server-sent events (WHATWG HTML, 9.2): hello, then batches as they
// come. It ends when the feed does, or when a replica does not read.
func (d *door) stream(w http.ResponseWriter, r *http.Request, at where, begins *publisher.Beginning) error {
	batches, last, more, err := d.Publisher.News(at.epoch, at.after)
	if err != nil {
		return feedFault(err)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy that gathers what comes makes replicas stale
	out := events{w, http.NewResponseController(w)}
	_ = out.conn.SetReadDeadline(time.Time{}) // nothing more is to be read
	if begins != nil {
		raw, err := json.Marshal(begins)
		if err != nil {
			return err
		}
		out.event("beginning", at.after, raw)
	}
	for {
		for _, b := range batches {
			out.event("batch", last, base64.StdEncoding.AppendEncode(nil, b))
		}
		at.after = last
		if out.flush() != nil {
			return nil // whoever does not read it has gone
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return nil
		}
		if batches, last, more, err = d.Publisher.News(at.epoch, at.after); err != nil {
			return nil // they ask again, and hear why
		}
	}
}

type events struct {
	w    io.Writer
	conn *http.ResponseController
}

func (e events) event(name string, id uint64, data []byte) {
	_ = e.conn.SetWriteDeadline(time.Now().Add(longestWrite))
	fmt.Fprintf(e.w, "event: %s\nid: %d\ndata: %s\n\n", name, id, data)
}

func (e events) flush() error { return e.conn.Flush() }

// snapshot gives everything that rows came to, to begin from.
func (d *door) snapshot(w http.ResponseWriter, r *http.Request) error {
	if d.Publisher == nil {
		return fault.New(fault.Overloaded, "this server has no feed")
	}
	file, err := d.Publisher.Snapshot(r.Context())
	if err != nil {
		return feedFault(err)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", fmt.Sprint(file.Size()))
	if r.Method == http.MethodHead {
		return nil
	}
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Time{})
	for {
		_ = conn.SetWriteDeadline(time.Now().Add(longestWrite))
		if _, err := io.CopyN(w, file, 1<<20); err != nil {
			return nil // the end, or nobody who reads
		}
	}
}

// feedFault gives the errors of the feed their kinds.
func feedFault(err error) error {
	switch {
	case errors.Is(err, publisher.ErrGone):
		return &fault.Error{Kind: fault.Conflict, Field: "after", Words: err.Error(), Err: err}
	case errors.Is(err, publisher.ErrNotReady):
		return &fault.Error{Kind: fault.Overloaded, Words: err.Error(), Err: err}
	}
	return err
}
