package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
	"github.com/amana-privacy/amana/subject"
)

// TestASessionEnds lets real time pass, as the library of sessions reads it: half
// an hour without a request ends one, and four hours end it in any case.
func TestASessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := storetest.Open(t, example(t, "casco-fiber"))
		door := New(Config{Store: db, PublicURL: "https://privacy.example"})
		send := func(method, path string, c *http.Cookie) *http.Response {
			r := httptest.NewRequestWithContext(t.Context(), method, "https://privacy.example"+path, strings.NewReader(""))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			if c != nil {
				r.AddCookie(c)
			}
			out := httptest.NewRecorder()
			door.ServeHTTP(out, r)
			return out.Result()
		}
		enter := func() *http.Cookie {
			token, _, err := db.IssueHandOver(t.Context(), store.Handed{Subjects: []subject.ID{"customer:100042"}})
			if err != nil {
				t.Fatal(err)
			}
			list := send("POST", "/en/me/in/"+token, nil).Cookies()
			if len(list) != 1 || list[0].Name != "__Host-me" || !list[0].Secure {
				t.Fatalf("the cookie is %+v", list)
			}
			return list[0]
		}
		in := func(c *http.Cookie) bool { return send("GET", "/en/me/sessions", c).StatusCode == http.StatusOK }

		idle := enter()
		time.Sleep(sessionIdle - time.Second)
		if !in(idle) {
			t.Error("a session ended before its time")
		}
		time.Sleep(sessionIdle - time.Second)
		if !in(idle) {
			t.Error("a request did not prolong the session")
		}
		time.Sleep(sessionIdle)
		if in(idle) {
			t.Error("a session goes on after half an hour without a request")
		}
		busy := enter()
		for began := time.Now(); time.Since(began) < sessionLife-10*time.Minute; time.Sleep(10 * time.Minute) {
			if !in(busy) {
				t.Fatalf("a session ended after %s", time.Since(began))
			}
		}
		time.Sleep(10 * time.Minute)
		if in(busy) {
			t.Error("a session goes on after four hours")
		}
	})
}

// TestASessionThatIsEndedMeanwhileStaysEnded ends it at each point at which a
// request that would prolong it asks what time it is.
func TestASessionThatIsEndedMeanwhileStaysEnded(t *testing.T) {
	var meanwhile atomic.Pointer[func()]
	var w *world
	w = open(t, "casco-fiber", func(c *Config) {
		c.Now = func() time.Time {
			if f := meanwhile.Load(); f != nil {
				(*f)()
			}
			return w.now()
		}
	})
	const who subject.ID = "customer:100042"
	out := false
	for at, done := 1, true; done; at++ {
		v := w.signedIn(who)
		w.pass(sessionTouch)
		n := 0
		f := func() {
			if n++; n == at {
				if err := w.db.EndOtherSessions(t.Context(), "", who); err != nil {
					t.Error(err)
				}
			}
		}
		meanwhile.Store(&f)
		a := v.get("/en/me/sessions")
		meanwhile.Store(nil)
		done = n >= at
		out = out || done && a.StatusCode == http.StatusSeeOther
		if a.StatusCode != http.StatusOK && a.StatusCode != http.StatusSeeOther {
			t.Errorf("it answers %s", a.Status)
		}
		if list, err := w.db.SessionsOf(t.Context(), who); done && (err != nil || len(list) != 0) {
			t.Errorf("ended at %d it goes on: %+v, %v", at, list, err)
		}
	}
	if !out {
		t.Error("nobody was signed out")
	}
}
