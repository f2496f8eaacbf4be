package store

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/subject"
)

const saraMail, saraPhone subject.ID = "email:sara@example.com", "phone:+12075550134"

func (w *world) session(token string, of subject.ID, label string) {
	w.t.Helper()
	if err := w.db.SaveSession(w.t.Context(), token, Session{Owner: of, Label: label, Data: []byte("data of " + label), Until: w.clock().Add(time.Hour)}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) labels(of ...subject.ID) (out []string) {
	w.t.Helper()
	list, err := w.db.SessionsOf(w.t.Context(), of...)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range list {
		out = append(out, s.Label)
	}
	return out
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.session("one", saraMail, "Firefox")
		w.pass(time.Minute)
		w.session("two", saraPhone, "Chrome")
		w.session("three", "email:omar@example.com", "Safari")
		if got := w.labels(saraMail, saraPhone); !slices.Equal(got, []string{"Chrome", "Firefox"}) {
			t.Fatalf("listed are %q", got)
		}
		data, ok, err := w.db.Session(t.Context(), "one")
		if err != nil || !ok || string(data) != "data of Firefox" {
			t.Fatalf("the session says %q, %t, %v", data, ok, err)
		}
		if _, ok, err := w.db.Session(t.Context(), "four"); ok || err != nil {
			t.Fatalf("a token nobody has opens a session: %t, %v", ok, err)
		}
		id, err := w.db.SessionID(t.Context(), "three")
		if err != nil || id == "" {
			t.Fatal(id, err)
		}
		if err := w.db.EndSessionOf(t.Context(), id, saraMail, saraPhone); err != nil {
			t.Fatal(err)
		}
		if got := w.labels("email:omar@example.com"); len(got) != 1 {
			t.Error("somebody ended another's session")
		}
		if err := w.db.EndOtherSessions(t.Context(), "two", saraMail, saraPhone); err != nil {
			t.Fatal(err)
		}
		if got := w.labels(saraMail, saraPhone); !slices.Equal(got, []string{"Chrome"}) {
			t.Errorf("after signing out elsewhere there are %q", got)
		}
		w.pass(time.Hour)
		if _, ok, err := w.db.Session(t.Context(), "three"); ok || err != nil {
			t.Errorf("a session outlived its time: %t, %v", ok, err)
		}
		if got := w.labels("email:omar@example.com"); len(got) != 0 {
			t.Errorf("listed is what is over: %q", got)
		}
		w.session("four", saraMail, "Edge")
		if n := w.number(`SELECT count(*) FROM session`); n != 1 {
			t.Errorf("%d sessions are kept, of which one is alive", n)
		}
	})
}

// TestASessionThatEndedIsNotKept: what was read before its end is not written after.
func TestASessionThatEndedIsNotKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		keep := func(token string) bool {
			ok, err := w.db.KeepSession(t.Context(), token, []byte("later"), w.clock().Add(2*time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		w.session("one", saraMail, "Firefox")
		w.session("two", saraMail, "Chrome")
		w.pass(time.Minute)
		if data, _, err := w.db.Session(t.Context(), "one"); !keep("one") || err != nil || string(data) != "data of Firefox" {
			t.Errorf("a session is not kept: %q, %v", data, err)
		}
		if data, ok, err := w.db.Session(t.Context(), "one"); !ok || err != nil || string(data) != "later" {
			t.Errorf("it says %q, %t, %v", data, ok, err)
		}
		if err := w.db.EndOtherSessions(t.Context(), "one", saraMail); err != nil {
			t.Fatal(err)
		}
		if keep("two") || keep("three") || !slices.Equal(w.labels(saraMail), []string{"Firefox"}) {
			t.Errorf("what was ended begins anew: %q", w.labels(saraMail))
		}
		w.pass(2 * time.Hour)
		if keep("one") {
			t.Error("what is over is kept")
		}
	})
}

// TestAPassOpensOnce lets many use one pass at once.
func TestAPassOpensOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		tokens, err := w.db.Issue(t.Context(), Pass{Kind: "link", Owner: saraMail, Data: []byte("x"), Until: w.clock().Add(time.Hour)},
			Pass{Kind: "ticket", Owner: saraMail, Code: "123456", Until: w.clock().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if p, err := w.db.Look(t.Context(), "link", tokens[0]); err != nil || p.Owner != saraMail || string(p.Data) != "x" {
			t.Fatalf("looking gives %+v, %v", p, err)
		}
		if _, err := w.db.Look(t.Context(), "handover", tokens[0]); fault.KindOf(err) != fault.Denied {
			t.Errorf("a token of one kind opens another: %v", err)
		}
		var opened sync.Map
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if _, err := w.db.Use(t.Context(), "link", tokens[0], ""); err == nil {
					opened.Store(i, true)
				} else if fault.KindOf(err) != fault.Denied {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		n := 0
		opened.Range(func(any, any) bool { n++; return true })
		if n != 1 {
			t.Errorf("one link opened %d times", n)
		}
		if _, err := w.db.Use(t.Context(), "ticket", tokens[1], "123456"); fault.KindOf(err) != fault.Denied {
			t.Errorf("the code opens after the link was used: %v", err)
		}
	})
}

func TestAPassRunsOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		tokens, err := w.db.Issue(t.Context(), Pass{Kind: "link", Owner: saraMail, Until: w.clock().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		w.pass(time.Hour - time.Millisecond)
		if _, err := w.db.Look(t.Context(), "link", tokens[0]); err != nil {
			t.Errorf("just before its end: %v", err)
		}
		w.pass(time.Millisecond)
		if _, err := w.db.Use(t.Context(), "link", tokens[0], ""); fault.KindOf(err) != fault.Denied {
			t.Errorf("at its end: %v", err)
		}
	})
}

func TestWrongCodesAreCounted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		tokens, err := w.db.Issue(t.Context(), Pass{Kind: "ticket", Owner: saraMail, Code: "123456", Until: w.clock().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		for range MaxTries {
			if _, err := w.db.Use(t.Context(), "ticket", tokens[0], "000000"); fault.KindOf(err) != fault.Denied {
				t.Fatalf("a wrong code: %v", err)
			}
		}
		if _, err := w.db.Use(t.Context(), "ticket", tokens[0], "123456"); fault.KindOf(err) != fault.Denied {
			t.Errorf("the right code after %d wrong ones: %v", MaxTries, err)
		}
		if n, err := w.db.Knocks(t.Context(), saraMail, Guess); err != nil || n != MaxTries {
			t.Errorf("%d guesses are counted, %v", n, err)
		}
		w.pass(24 * time.Hour)
		if n, err := w.db.Knock(t.Context(), saraMail, Guess); err != nil || n != 1 {
			t.Errorf("a day later it is the %dth guess, %v", n, err)
		}
	})
}

// Knock counts a knock, as the ways in do, and gives how many there were.
func (db *DB) Knock(ctx context.Context, id subject.ID, kind string) (n int, err error) {
	err = db.write(ctx, func(t *tx) (err error) {
		n, err = t.knock(id, kind, t.now)
		return err
	})
	return n, err
}

// Knocks gives how many there were.
func (db *DB) Knocks(ctx context.Context, id subject.ID, kind string) (n int, err error) {
	err = db.write(ctx, func(t *tx) (err error) {
		n, err = t.knocks(id, kind)
		return err
	})
	return n, err
}

// TestNothingOfSessionsAndPassesStandsInClear reads the database's own bytes.
func TestNothingOfSessionsAndPassesStandsInClear(t *testing.T) {
	w := newWorld(t)
	w.session("the-token-of-the-cookie", saraMail, "Firefox · Android")
	tokens, err := w.db.Issue(t.Context(), Pass{Kind: "link", Owner: saraMail, Code: "918273", Data: []byte("data-of-a-pass"), Until: w.clock().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.Close(); err != nil { // which folds the write-ahead file back
		t.Fatal(err)
	}
	raw, err := os.ReadFile(w.file())
	if err != nil {
		t.Fatal(err)
	}
	for _, clear := range []string{"the-token-of-the-cookie", "Firefox", "sara@example.com", "918273", "data-of-a-pass", "data of", tokens[0]} {
		if bytes.Contains(raw, []byte(clear)) {
			t.Errorf("%q stands in the database", clear)
		}
	}
}

// TestErasingEndsSessionsAndPasses leaves nothing by which an erased person
// could be let in, or found.
func TestErasingEndsSessionsAndPasses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.say(saraMail, "newsletter", "given")
		w.session("one", saraMail, "Firefox")
		if _, err := w.db.Issue(t.Context(), Pass{Kind: "link", Owner: saraMail, Until: w.clock().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.Knock(t.Context(), saraMail, Asked); err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.Erase(t.Context(), saraMail, BySubject); err != nil {
			t.Fatal(err)
		}
		for _, table := range strings.Fields("session pass knock") {
			if n := w.number(`SELECT count(*) FROM ` + table); n != 0 {
				t.Errorf("%s has %d rows of somebody erased", table, n)
			}
		}
	})
}
