package httpdoor

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/bench/load"
	"github.com/amana-privacy/amana/bench/world"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/publisher"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/web"
)

// inside serves a handler in this process.
func inside(b *testing.B, h http.Handler) server {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	world.Must(b, err)
	s := &http.Server{Handler: h}
	go s.Serve(l)
	b.Cleanup(func() { s.Close() })
	return server{addr: l.Addr().String()}
}

// written is a log that is written as the program writes it, and not kept.
func written() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// company serves the company door over a store, decisions from memory.
func company(b *testing.B, db *store.DB, ring *keyring.Ring) server {
	b.Helper()
	p := publisher.New(context.Background(), publisher.Config{Store: db, Ring: ring, Dir: b.TempDir()})
	b.Cleanup(p.Close)
	world.Must(b, p.Ready(b.Context()))
	s := inside(b, api.New(api.Config{Store: db, Publisher: p, Log: written(), Rate: 1e9}))
	var err error
	s.token, err = db.CreateToken(b.Context(), "bench", []string{"*"})
	world.Must(b, err)
	return s
}

// public serves the public door over a store.
func public(b *testing.B, db *store.DB) server {
	b.Helper()
	return inside(b, web.New(web.Config{Store: db, PublicURL: "https://privacy.cascofiber.example", Log: written()}))
}

// one is how many connections the comparisons with the bare operation use.
const one = 64

// BenchmarkConsentBeside sets a consent over HTTP beside the bare operation: the
// same body, token and answer, but nothing is done. Server and client share
// this process.
func BenchmarkConsentBeside(b *testing.B) {
	for _, db := range world.Databases {
		b.Run(db, func(b *testing.B) {
			db, ring := world.OpenKeys(b, world.Database(b, db))
			company(b, db, ring).consents(b, ours("Prefer: return=minimal\r\n"), one)
		})
	}
	b.Run("bare", func(b *testing.B) {
		s := inside(b, bareConsent(bareToken))
		s.token = bareToken
		s.consents(b, ours("Prefer: return=minimal\r\n"), one)
	})
}

// BenchmarkPage fetches the policy as a visitor does, and an empty page.
func BenchmarkPage(b *testing.B) {
	db := world.Open(b, world.Database(b, "sqlite"))
	for name, s := range map[string]server{"policy": public(b, db), "bare": inside(b, http.HandlerFunc(barePage))} {
		b.Run(name, func(b *testing.B) {
			request := fmt.Appendf(nil, "GET /en/policy HTTP/1.1\r\nHost: %s\r\nAccept-Encoding: gzip\r\nAccept-Language: en\r\n\r\n", s.addr)
			run(b, s, load.Task{Addr: s.addr, Connections: one, Status: 200, Request: func(out []byte, _ int64) []byte { return append(out, request...) }})
		})
	}
}
