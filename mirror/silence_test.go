package mirror_test

import (
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/internal/pgtest"
)

// A database whose machine lost its power says nothing, not even that it is gone:
// that is told within the time for it, and the view goes on when the database is back.
func TestADatabaseThatSaysNothingIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wire := pgtest.NewWire(t, w.target)
	direct := w.target
	w.target = wire.DSN()
	w.c.Silence = time.Second
	w.say(noura, consent.Given)
	stop := w.runs(w.c)
	w.target = direct
	w.becomes(number(noura))
	for _, statement := range []string{"select clock_timestamp", "begin"} {
		held, release := wire.Hold(statement)
		<-held
		w.lost("has not answered for 1s")
		release()
		wire.CutNow()
	}
	w.say(frank, consent.Given)
	w.becomes(number(noura), number(frank))
	must(t, stop())
}

// lost waits until it is told that something was lost, in words that hold these.
func (w *world) lost(words string) {
	w.t.Helper()
	for over := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		for i, n := range w.news {
			if n.Event == "lost" && strings.Contains(n.Error, words) {
				w.news = w.news[i+1:]
				w.mu.Unlock()
				return
			}
		}
		w.mu.Unlock()
		if time.Now().After(over) {
			w.t.Fatalf("nothing was said of %q: %+v", words, w.news)
		}
	}
}
