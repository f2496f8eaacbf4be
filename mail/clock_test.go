package mail

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
)

// TestTriesEndByTheClock lets the engine run for four days while nobody listens:
// it tries ever more seldom, for three days and not a minute longer.
func TestTriesEndByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, logs := t.TempDir(), new(lines)
		ring, err := keyring.Create(filepath.Join(dir, "keys"), "company.example/log")
		if err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "db"), Ring: ring, Create: true, Now: time.Now, Mail: true, PublicURL: "https://privacy.company.example",
			TakeBack: func(string) (string, string) { return "https://privacy.company.example", "by one click" }})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		src, err := examples.FS.ReadFile("casco-fiber/amana.yaml")
		if err != nil {
			t.Fatal(err)
		}
		doc, _ := policy.Read("amana.yaml", src)
		if _, err := db.Publish(t.Context(), doc, nil, "Ellen Pettengill"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Post(t.Context(), letter.Letter{Kind: letter.Erasing, To: sara, Language: "en", Path: "/en/me"}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			New(Config{Store: db, PublicURL: "https://privacy.company.example", From: "privacy@company.example", Server: Server{Address: "127.0.0.1:1", Security: Plain},
				Log: slog.New(slog.NewTextHandler(logs, nil)), Each: time.Minute}).Run(ctx)
		}()
		tries := func() int { return strings.Count(logs.String(), "could not be handed over yet") }
		time.Sleep(letter.Patience - time.Minute)
		synctest.Wait()
		within := tries()
		if within < 25 || within > 32 || strings.Contains(logs.String(), "given_up") {
			t.Errorf("%d tries in three days", within)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if more := tries(); more != within || !strings.Contains(logs.String(), "given_up") {
			t.Errorf("%d tries later, of which %d in time; it is given up: %t", more, within, strings.Contains(logs.String(), "given_up"))
		}
		stop()
		<-done
	})
}

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
