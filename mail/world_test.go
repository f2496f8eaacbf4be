package mail

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/mail/mailtest"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
	"github.com/amana-privacy/amana/subject"
)

// world is a company with a mail server.
type world struct {
	t      testing.TB
	db     *store.DB
	ring   *keyring.Ring
	server *mailtest.Server
	engine *Engine
	logs   bytes.Buffer
	mu     sync.Mutex
	at     time.Time
}

var companies = []string{"casco-fiber", "souq-nakheel"}

func open(t testing.TB, company string, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, at: time.Date(2026, time.November, 21, 9, 0, 0, 0, time.UTC), server: mailtest.Start(t)}
	w.db = storetest.Open(t, storetest.Source(t, company), func(c *store.Config) { w.ring, c.Now, c.Mail = c.Ring, w.now, true })
	c := Config{Store: w.db, PublicURL: "https://privacy.company.example", From: "privacy@company.example", Bounces: "bounces@company.example",
		Server: Server{Address: w.server.Address, Security: Plain}, Log: slog.New(slog.NewTextHandler(&w.logs, nil)), Now: w.now}
	for _, f := range change {
		f(&c)
	}
	w.engine = New(c)
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// yes enters a yes for an address.
func (w *world) yes(to, purpose, language string) {
	w.t.Helper()
	_, err := w.db.Submit(w.t.Context(), store.Submission{Subject: subject.ID("email:" + to), Policy: w.db.InForce().ID, Language: language, Surface: consent.SurfaceAPI,
		Choices: []consent.Choice{{Purpose: purpose, Decision: consent.Given}}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// round lets the engine send what waits.
func (w *world) round(want int) {
	w.t.Helper()
	n, err := w.engine.Round(w.t.Context())
	if err != nil || n != want {
		w.t.Fatalf("%d mails were taken up, not %d: %v", n, want, err)
	}
}

func rsaKey(t testing.TB) []byte {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(t, k)
}

func edKey(t testing.TB) []byte {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(t, k)
}

func pemOf(t testing.TB, key any) []byte {
	t.Helper()
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// keep writes what a test made into the folder of AMANA_PICTURES, for people to
// look at.
func keep(t testing.TB, name string, b []byte) {
	dir := os.Getenv("AMANA_PICTURES")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func contains(t testing.TB, text string, all ...string) {
	t.Helper()
	for _, s := range all {
		if !strings.Contains(text, s) {
			t.Errorf("%q is missing in:\n%s", s, text)
		}
	}
}
