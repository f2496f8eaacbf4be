package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/amana-privacy/amana/edge"
	"github.com/amana-privacy/amana/store"
)

// call is what is known of a request while it is served.
type call struct {
	id      string
	pattern string // of the route; never the path that was asked for
	token   store.Token
	leave   func() // gives the place back
}

type callKey struct{}

func (c *call) in(ctx context.Context) context.Context { return context.WithValue(ctx, callKey{}, c) }

// callOf gives the call a request belongs to.
func callOf(r *http.Request) *call { return r.Context().Value(callKey{}).(*call) }

// requestID takes the caller's X-Request-ID if it is a plain word of at most
// 64 characters, and makes one otherwise.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-ID")
	if id == "" || len(id) > 64 {
		return rand.Text()
	}
	for _, c := range []byte(id) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' && c != '.' {
			return rand.Text()
		}
	}
	return id
}

// access writes the line of a request: ids, the route's pattern and figures,
// nothing that was sent.
func (d *door) access(w *edge.Recorder, r *http.Request, c *call, took time.Duration) {
	d.Log.InfoContext(r.Context(), "request", "method", edge.Method(r.Method), "route", c.pattern, "status", w.Status,
		"ms", float64(took.Microseconds())/1000, "token", c.token.ID, "request", c.id)
}
