package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// What a panic carries may be what somebody sent.
func TestAPanicIsAPageAndItsValueStaysOutOfTheLog(t *testing.T) {
	var armed atomic.Bool
	w := open(t, "casco-fiber", func(c *Config) {
		logo := c.Logo
		c.Logo = func() *Logo {
			if armed.CompareAndSwap(true, false) {
				panic("sara@example.com")
			}
			return logo()
		}
	})
	v := w.visitor()
	armed.Store(true)
	a := v.get("/en/contact")
	if a.StatusCode != 500 || !strings.Contains(a.text, "That went wrong on our side") {
		t.Errorf("%s %.80s", a.Status, a.text)
	}
	if log := w.logs.String(); strings.Contains(log, "sara") || !strings.Contains(log, "panic with a string") || !strings.Contains(log, "status=500") {
		t.Error(log)
	}
	v.see("/en/contact")
}

func TestWhatIsWorkedOnAtOnceIsBounded(t *testing.T) {
	release := make(chan struct{})
	var held atomic.Bool
	w := open(t, "casco-fiber", func(c *Config) {
		c.InFlight = 1
		logo := c.Logo
		c.Logo = func() *Logo {
			if held.CompareAndSwap(true, false) {
				<-release
			}
			return logo()
		}
	})
	v := w.visitor()
	v.see("/en/")
	held.Store(true)
	done := make(chan answered)
	go func() { done <- v.get("/en/policy") }()
	for held.Load() { // until the first is being worked on
		time.Sleep(time.Millisecond)
	}
	if a := w.visitor().get("/en/contact"); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || !strings.Contains(a.text, "Too many at once") {
		t.Errorf("one too many: %s", a.Status)
	}
	close(release)
	if a := <-done; a.StatusCode != 200 {
		t.Errorf("the first: %s", a.Status)
	}
	v.see("/en/contact")
}

// Who sends a form slowly takes no place from others, and is not waited for
// without end.
func TestASlowBodyTakesNoPlace(t *testing.T) {
	w := open(t, "casco-fiber", func(c *Config) { c.InFlight = 1 })
	body, send := io.Pipe()
	defer send.Close()
	slow := make(chan error, 1)
	go func() {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", w.URL+"/en/choices", body)
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		slow <- err
	}()
	send.Write([]byte("choice="))
	w.visitor().see("/en/contact")
	send.CloseWithError(errors.New("gone"))
	<-slow
}

func TestARequestThatTakesTooLong(t *testing.T) {
	w := open(t, "casco-fiber", func(c *Config) { c.Timeout = time.Nanosecond })
	v := w.visitor()
	for range 2 {
		a := v.post("/en/choices", map[string][]string{"answer": {"yes:comfort"}})
		if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s", a.Status)
		}
	}
	if log := w.logs.String(); strings.Contains(log, "level=ERROR") || strings.Count(log, "level=WARN") != 1 { // nothing is to be mended
		t.Error(log)
	}
}

// A yes that was recorded is never without its id in the browser, even where
// what stands cannot be read back.
func TestTheCookieIsSetFromWhatWasRecorded(t *testing.T) {
	w := open(t, "casco-fiber")
	s := &site{Config: Config{Store: w.db, Now: w.now, Logo: w.logo.Load}}
	ed, err := s.edition()
	if err != nil {
		t.Fatal(err)
	}
	b := browser{}
	b.cookieID, b.id = subject.NewDevice()
	receipts, err := w.db.Record(t.Context(), store.Submission{Subject: b.id, Policy: ed.version.ID, Language: "en", Surface: consent.SurfaceChoices,
		Choices: []consent.Choice{{Purpose: "comfort", Decision: consent.Given}, {Purpose: "analytics", Decision: consent.Refused}}})
	if err != nil {
		t.Fatal(err)
	}
	late, cancel := context.WithCancel(t.Context())
	cancel()
	out := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(late, "POST", "/en/choices", nil)
	if err := s.settle(out, r, ed.faces["en"], b, receipts); !errors.Is(err, context.Canceled) {
		t.Errorf("the failure is not told: %v", err)
	}
	set := out.Result().Cookies()
	if len(set) != 1 {
		t.Fatalf("%d cookies", len(set))
	}
	got := mustCookie(t, set[0].Value)
	granted, _ := got.Granted(ed.version)
	if got.ID != b.cookieID || len(granted) != 1 || !granted[consent.Key{Purpose: "comfort"}] || set[0].Name != cookie.Name {
		t.Errorf("the cookie is %q: %v", set[0].Value, granted)
	}
}

// BenchmarkPolicyPage compares the page as it is kept with one rendered anew.
func BenchmarkPolicyPage(b *testing.B) {
	w := open(b, "casco-fiber")
	s := &site{Config: Config{Store: w.db, Now: w.now, Logo: w.logo.Load}}
	ed, err := s.edition()
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequestWithContext(b.Context(), "GET", "/ar/policy", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	for _, kept := range []bool{true, false} {
		b.Run(map[bool]string{true: "kept", false: "anew"}[kept], func(b *testing.B) {
			for b.Loop() {
				v := &visit{ResponseWriter: httptest.NewRecorder(), Request: r, ed: ed, face: ed.faces["ar"]}
				if !kept {
					v.face.kept.Clear()
				}
				if err := s.policy(v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOwnPages makes the pages of somebody who is signed in by two identifiers.
func BenchmarkOwnPages(b *testing.B) {
	w := open(b, "casco-fiber")
	v := w.signedIn("customer:770042", "email:sara@example.com")
	v.chooses(url.Values{"answer": {"yes:a/tailored_offers"}})
	u, err := url.Parse(w.URL)
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range []string{"/.well-known/gpc.json", "/en/me", "/ar/me/known", "/en/me/choices", "/ar/me/receipts", "/en/me/requests"} {
		b.Run(path, func(b *testing.B) {
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Accept-Encoding", "gzip")
			for _, c := range v.client.Jar.Cookies(u) {
				r.AddCookie(c)
			}
			for b.Loop() {
				out := httptest.NewRecorder()
				if w.Config.Handler.ServeHTTP(out, r); out.Code != 200 {
					b.Fatal(out.Code)
				}
			}
		})
	}
}
