package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/publisher"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
)

// world is a company door over a real store in which Casco Fiber's policy is in force.
type world struct {
	t     testing.TB
	db    *store.DB
	p     *publisher.Publisher
	url   string
	token string // of every scope
	clock *clock
	log   *logged
	file  string // of the database, where it is one
}

// newWorld opens a door; change, where given, edits its configuration.
func newWorld(t testing.TB, change ...func(*api.Config)) *world {
	t.Helper()
	w := emptyWorld(t, change...)
	w.publish(cascoFiber(t))
	must(t, w.p.Ready(t.Context()))
	w.token = w.newToken("*")
	return w
}

// emptyWorld is a world in which no policy was ever published.
func emptyWorld(t testing.TB, change ...func(*api.Config)) *world {
	t.Helper()
	return emptyWorldOn(t, "", change...)
}

// emptyWorldOn keeps its store in a PostgreSQL database, or in a file where none
// is given.
func emptyWorldOn(t testing.TB, database string, change ...func(*api.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}, log: &logged{}}
	var dir string
	var ring *keyring.Ring
	w.db = storetest.Empty(t, func(c *store.Config) {
		dir, c.Now, c.Mail, c.PublicURL = filepath.Dir(c.Path), w.clock.Now, true, "https://privacy.cascofiber.example"
		if w.file = c.Path; database != "" {
			c.Postgres, c.Path, w.file = database, "", ""
		}
		ring = c.Ring
	})
	w.p = publisher.New(t.Context(), publisher.Config{Store: w.db, Ring: ring, Dir: dir, Now: w.clock.Now})
	t.Cleanup(w.p.Close)
	c := api.Config{Store: w.db, Publisher: w.p, Now: w.clock.Now, Version: "v0.0.0-test", Log: slog.New(slog.NewJSONHandler(w.log, nil))}
	for _, f := range change {
		f(&c)
	}
	server := httptest.NewServer(api.New(c))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func cascoFiber(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile("../examples/casco-fiber/amana.yaml")
	must(t, err)
	return string(raw)
}

func (w *world) publish(src string) *policy.Version {
	w.t.Helper()
	doc, found := policy.Read("amana.yaml", []byte(src))
	if doc == nil {
		w.t.Fatal(found)
	}
	v, err := w.db.Publish(w.t.Context(), doc, nil, "Ellen Pettengill")
	must(w.t, err)
	return v
}

func (w *world) newToken(scopes ...string) string {
	w.t.Helper()
	secret, err := w.db.CreateToken(w.t.Context(), strings.Join(scopes, " "), scopes)
	must(w.t, err)
	return secret
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request with the world's token; headers are "Name: value", and
// "Name:" takes one away.
func (w *world) do(method, path, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	must(w.t, err)
	r.Header.Set("Authorization", "Bearer "+w.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		r.Header.Del(name)
		if value = strings.TrimSpace(value); value != "" {
			r.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(r) // follows nothing
	must(w.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	must(w.t, err)
	return answer{resp.StatusCode, resp.Header, raw}
}

// post sends JSON and asks for a status.
func (w *world) post(status int, path, body string, headers ...string) answer {
	w.t.Helper()
	a := w.do("POST", path, body, headers...)
	if a.status != status {
		w.t.Fatalf("POST %s %s: %d, want %d\n%s", path, body, a.status, status, a.body)
	}
	return a
}

// into reads the body of an answer.
func into[T any](t testing.TB, a answer) T {
	t.Helper()
	var v T
	dec := json.NewDecoder(bytes.NewReader(a.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// problem is the body of an error.
type problem struct {
	Type, Title, Detail, Field string
	Status                     int
	Errors                     []struct{ Field, Detail string }
}

// decided is the answer to a question.
type decided struct {
	Allowed  bool
	Reason   string
	Policy   string
	Since    string
	Expires  string `json:"expires_at"`
	Receipt  string
	Evidence string
	Chain    []link
}

func (w *world) decide(question string) decided {
	w.t.Helper()
	return into[decided](w.t, w.post(http.StatusOK, "/v1/decide", question))
}

// clock stands until it is put forward.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// logged keeps what was logged.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
