package mail

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
)

// TestTriesEndByTheClock lets the engine run for four days while nobody listens:
// it tries ever more seldom, for three days and not a minute longer.
func TestTriesEndByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := new(lines)
		db := storetest.Open(t, storetest.Source(t, "casco-fiber"), func(c *store.Config) { c.Mail = true })
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
