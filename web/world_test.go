package web

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
)

// world is a company with its door open, on a real store.
type world struct {
	*httptest.Server
	t    testing.TB
	db   *store.DB
	logs *lockedBuffer
	dir  string
	logo atomic.Pointer[Logo]
	mu   sync.Mutex
	at   time.Time
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// companies are the examples, and what a browser may answer to in each.
var companies = []string{"casco-fiber", "souq-nakheel"}

func open(t testing.TB, company string, change ...func(*Config)) *world {
	t.Helper()
	beside(t)
	w := &world{t: t, at: time.Date(2026, time.March, 3, 12, 0, 0, 0, time.UTC), logs: &lockedBuffer{}}
	w.db = storetest.Open(t, example(t, company), func(c *store.Config) {
		w.dir, c.Now, c.Mail, c.PublicURL = filepath.Dir(c.Path), w.now, true, "http://privacy.example"
	})
	svg, err := examples.FS.ReadFile(company + "/logo.svg")
	if err != nil {
		t.Fatal(err)
	}
	w.logo.Store(&Logo{svg, "image/svg+xml"})
	c := Config{Store: w.db, PublicURL: "http://privacy.example", Log: slog.New(slog.NewTextHandler(w.logs, nil)), Now: w.now, Logo: w.logo.Load}
	for _, f := range change {
		f(&c)
	}
	w.Server = httptest.NewServer(New(c))
	t.Cleanup(w.Close)
	return w
}

var running sync.Map // tests that run beside others

// beside lets a test with a world of its own run beside others.
func beside(t testing.TB) {
	if t, ok := t.(*testing.T); ok {
		if _, twice := running.LoadOrStore(t, true); !twice {
			t.Parallel()
		}
	}
}

func example(t testing.TB, company string) string {
	t.Helper()
	return storetest.Source(t, company)
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

func (w *world) publish(src string, same ...string) *policy.Version {
	w.t.Helper()
	return storetest.Publish(w.t, w.db, src, same...)
}

// visitor is a browser: it keeps cookies and does not follow redirects.
type visitor struct {
	*world
	t      testing.TB
	client *http.Client
	header http.Header
	host   string // by which it reaches the door; "" = the address it listens at
}

func (w *world) visitor() *visitor {
	jar, _ := cookiejar.New(nil)
	return &visitor{w, w.t, &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, http.Header{}, ""}
}

type answered struct {
	*http.Response
	text string
}

func (v *visitor) send(method, path, kind, body string) answered {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.URL+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Host = v.host
	for k, list := range v.header {
		r.Header[k] = list
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	resp, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") && resp.Header.Get("Content-Disposition") == "" && len(text) > mostBytes {
		v.t.Errorf("%s %s is %d bytes long", method, path, len(text))
	}
	v.declared(resp)
	return answered{resp, string(text)}
}

// declared holds every cookie that the door sets to the list from which the notice
// is written (A8): its name, and how long it stays.
func (v *visitor) declared(resp *http.Response) {
	v.t.Helper()
	own := []cookie.Own{{Name: cookie.Name, Life: 400 * 24 * time.Hour}, cookie.Session, cookie.Code, cookie.Passkey, cookie.Age, cookie.Asks}
	for _, c := range resp.Cookies() {
		i := slices.IndexFunc(own, func(o cookie.Own) bool {
			return c.Name == o.Name || o.Name != cookie.Name && c.Name == cookie.Prefix+o.Name
		})
		if i < 0 {
			v.t.Errorf("%s sets a cookie that no notice names: %s", resp.Request.URL.Path, c.Name)
		} else if time.Duration(c.MaxAge)*time.Second > own[i].Life || !c.Expires.IsZero() && own[i].Life == 0 && c.MaxAge >= 0 {
			v.t.Errorf("%s sets %s for %d s until %v; the notice says %v", resp.Request.URL.Path, c.Name, c.MaxAge, c.Expires, own[i].Life)
		}
	}
}

func (v *visitor) get(path string) answered { v.t.Helper(); return v.send("GET", path, "", "") }

// see gets a page that has to be there.
func (v *visitor) see(path string) string {
	v.t.Helper()
	a := v.get(path)
	if a.StatusCode != 200 {
		v.t.Fatalf("%s: %s", path, a.Status)
	}
	return a.text
}

// post sends a form with the version in force, unless it names one.
func (v *visitor) post(path string, form url.Values) answered {
	v.t.Helper()
	if !form.Has("version") {
		form.Set("version", string(v.db.InForce().ID))
	}
	return v.send("POST", path, "application/x-www-form-urlencoded", form.Encode())
}

// cookie gives the value of the one cookie, "" without it.
func (v *visitor) cookie() string {
	v.t.Helper()
	u, _ := url.Parse(v.URL)
	list := v.client.Jar.Cookies(u)
	switch len(list) {
	case 0:
		return ""
	case 1:
		return list[0].Value
	}
	v.t.Fatalf("there are %d cookies", len(list))
	return ""
}
