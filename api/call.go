package api

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/amana-privacy/amana/edge"
	"github.com/amana-privacy/amana/store"
)

// call is what is known of a request while it is served, and the context it is
// served in. It ends at a time; what waits for that is made when somebody first asks
// for it, and a question that is answered from memory never does.
type call struct {
	context.Context // of the connection
	rec             edge.Recorder
	id              string
	said            [1]string // the id, as a header's values
	pattern         string    // of the route; never the path that was asked for
	token           store.Token
	leave           func()    // gives the place back
	ends            time.Time // zero: it lasts

	once   sync.Once
	timed  context.Context // made once
	cancel context.CancelFunc
}

// Deadline gives when it ends.
func (c *call) Deadline() (time.Time, bool) {
	if c.ends.IsZero() {
		return c.Context.Deadline()
	}
	return c.ends, true
}

// within gives the context that ends in time.
func (c *call) within() context.Context {
	if c.ends.IsZero() {
		return c.Context
	}
	c.once.Do(func() { c.timed, c.cancel = context.WithDeadline(c.Context, c.ends) })
	return c.timed
}

// Done is closed when it ends.
func (c *call) Done() <-chan struct{} { return c.within().Done() }

// Err says why it ended.
func (c *call) Err() error { return c.within().Err() }

// end ends it, for whoever waits and whoever comes to wait.
func (c *call) end() {
	c.once.Do(func() { c.timed = over })
	if c.cancel != nil {
		c.cancel()
	}
}

// over is the context of what was served.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

type callKey struct{}

// Value gives the call itself, and whatever the context around it has.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.within().Value(key)
}

// callOf gives the call a request belongs to.
func callOf(r *http.Request) *call { return r.Context().Value(callKey{}).(*call) }

// idHeader is X-Request-ID, as a map of headers has it.
const idHeader = "X-Request-Id"

// requestID takes the caller's X-Request-ID if it is a plain word of at most
// 64 characters, and makes one otherwise. It opens nothing, so it need not be hard
// to guess.
func requestID(r *http.Request) string {
	given := r.Header[idHeader]
	if len(given) == 0 || given[0] == "" || len(given[0]) > 64 {
		return madeID()
	}
	id := given[0]
	for _, c := range []byte(id) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' && c != '.' {
			return madeID()
		}
	}
	return id
}

func madeID() string {
	var b [26]byte
	return string(strconv.AppendUint(strconv.AppendUint(b[:0], rand.Uint64()|1<<63, 36), rand.Uint64()|1<<63, 36))
}

// questions are the paths of decisions. Programs ask them by the thousand in a
// second: a line for each that went well would be most of the work, and of the disk.
var questions = []string{"/v1/decide", "/access/v1/evaluation", "/access/v1/evaluations", gatePath}

// readyPath and healthPath are asked every second by whoever watches.
const (
	readyPath  = "/readyz"
	healthPath = "/healthz"
)

// access writes the line of a request: ids, the route's pattern and figures,
// nothing that was sent. A question that went well is of level debug, and so is
// whether the door is well.
func (d *door) access(w *edge.Recorder, r *http.Request, c *call, start time.Time) {
	level := slog.LevelInfo
	if w.Status < 400 && slices.Contains(questions, c.pattern) || c.pattern == readyPath || c.pattern == healthPath {
		level = slog.LevelDebug
	}
	if !d.Log.Enabled(r.Context(), level) {
		return
	}
	d.Log.LogAttrs(r.Context(), level, "request", slog.String("method", edge.Method(r.Method)), slog.String("route", c.pattern), slog.Int("status", w.Status),
		slog.Duration("took", d.Now().Sub(start)), slog.String("token", c.token.ID), slog.String("request", c.id))
}
