package courier

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/webhook"
)

var near = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// world is a store in which Casco Fiber's policy is in force.
type world struct {
	t   testing.TB
	dir string
	dsn string // "" = SQLite
	now func() time.Time
	db  *store.DB
}

func newWorld(t testing.TB, dsn string, now func() time.Time) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), dsn: dsn, now: now}
	_, err := keyring.Create(filepath.Join(w.dir, "keys"), "casco.example/log")
	must(t, err)
	w.db = w.open()
	src, err := fs.ReadFile(examples.FS, "casco-fiber/amana.yaml")
	must(t, err)
	doc, _ := policy.Read("amana.yaml", src)
	_, err = w.db.Publish(t.Context(), doc, nil, "Mona Haddad")
	must(t, err)
	return w
}

// open opens the store, once more where the database is a server's.
func (w *world) open() *store.DB {
	w.t.Helper()
	ring, err := keyring.Open(filepath.Join(w.dir, "keys"))
	must(w.t, err)
	c := store.Config{Postgres: w.dsn, Ring: ring, Create: true, Now: w.now, TakeBack: func(string) (string, string) { return "https://casco.example/choices", "one click" }}
	if w.dsn == "" {
		c.Path = filepath.Join(w.dir, "amana.db")
	}
	db, err := store.Open(w.t.Context(), c)
	must(w.t, err)
	return db
}

func (w *world) say(id subject.ID, purpose string, a consent.Answer) {
	w.t.Helper()
	_, err := w.db.Submit(w.t.Context(), store.Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: purpose, Decision: a}}})
	must(w.t, err)
}

func (w *world) hook(url string, kinds ...string) store.Webhook {
	w.t.Helper()
	h, err := w.db.AddWebhook(w.t.Context(), url, kinds)
	must(w.t, err)
	return h
}

func (w *world) deliveries(h store.Webhook, state store.DeliveryState) []store.Delivery {
	w.t.Helper()
	page, err := w.db.Deliveries(w.t.Context(), store.DeliveryQuery{Webhook: h.ID, State: state, Limit: store.MaxHistory})
	must(w.t, err)
	return page.Deliveries
}

// running runs a courier until stop.
func running(t testing.TB, c Config) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { New(c).Run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return stop
}

// receiver is another program's server, which checks what it gets and counts
// how often each message came.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	keys   webhook.Signing
	answer func(times int) int // the status, by how often this message came
	came   map[string]int
	said   []webhook.Message
	wrong  []error
	arrive chan string
}

func newReceiver(t testing.TB, answer func(int) int) *receiver {
	t.Helper()
	r := &receiver{answer: answer, came: map[string]int{}, arrive: make(chan string, 10_000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.WriteHeader(r.take(q))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(q *http.Request) int {
	body, err := io.ReadAll(io.LimitReader(q.Body, webhook.MaxBody+1))
	r.mu.Lock()
	defer r.mu.Unlock()
	id := q.Header.Get(webhook.HeaderID)
	if err == nil {
		err = r.keys.Verify(q.Header.Get, body, time.Now())
	}
	m, merr := webhook.Read(body)
	if err != nil || merr != nil || q.Method != "POST" || q.Header.Get("Content-Type") != "application/json" || strings.Contains(id, ".") {
		r.wrong = append(r.wrong, err, merr)
		return 401
	}
	r.came[id]++
	r.said = append(r.said, m)
	r.arrive <- id
	return r.answer(r.came[id])
}

func (r *receiver) knows(t testing.TB, h store.Webhook) {
	t.Helper()
	keys, err := webhook.Keys(h.Secrets[0].Secret)
	must(t, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = keys
}

// waits waits for n arrivals.
func (r *receiver) waits(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		select {
		case <-r.arrive:
		case <-time.After(time.Minute):
			t.Fatalf("%d of %d messages came", i, n)
		}
	}
}

func (r *receiver) counts(t testing.TB) map[string]int {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.wrong) > 0 {
		t.Errorf("what came was wrong: %v", r.wrong)
	}
	return maps.Clone(r.came)
}

func fine(int) int { return 204 }

// until waits for something that another goroutine brings about.
func until(t testing.TB, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to be")
		}
	}
}

// What is said, by whomever, arrives at real servers, signed and without names;
// one that hangs does not hold up another.
func TestMessagesArrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", time.Now)
	defer func() { must(t, w.db.Close()) }()
	var log bytes.Buffer
	hang := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer stuck.Close()
	defer close(hang)
	r := newReceiver(t, fine)
	w.hook(stuck.URL)
	h := w.hook(r.URL + "/a-secret-path")
	r.knows(t, h)
	stop := running(t, Config{Store: w.db, Networks: near, Beat: 5 * time.Millisecond, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	const n = 30
	for i := range n {
		w.say("email:sara@example.com", "newsletter", []consent.Answer{consent.Given, consent.Withdrawn}[i%2])
	}
	r.waits(t, n)
	until(t, func() bool { return len(w.deliveries(h, store.DeliveryDone)) == n })
	stop()
	for id, times := range r.counts(t) {
		if times != 1 {
			t.Errorf("%s came %d times", id, times)
		}
	}
	var sequences []int64
	for _, m := range r.said {
		sequences = append(sequences, m.Data.Sequence)
		if raw, err := json.Marshal(m); err != nil || bytes.Contains(raw, []byte("sara")) {
			t.Errorf("%s %v", raw, err)
		}
	}
	if slices.Sort(sequences); sequences[0] != 1 || sequences[n-1] != n || len(slices.Compact(sequences)) != n {
		t.Errorf("sequences %v", sequences)
	}
	for _, s := range []string{"sara", "a-secret-path", "127.0.0.1", "whsec_", h.Secrets[0].Secret} {
		if strings.Contains(log.String(), s) {
			t.Errorf("the log holds %q", s)
		}
	}
}

// A correction is told to the systems of record: by the event's id they read what
// it says, and that it is done is told as well.
func TestACorrectionIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", time.Now)
	defer func() { must(t, w.db.Close()) }()
	r := newReceiver(t, fine)
	r.knows(t, w.hook(r.URL, webhook.RequestAsked, webhook.RequestDone))
	stop := running(t, Config{Store: w.db, Networks: near, Beat: 5 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	asked, _, err := w.db.Ask(t.Context(), store.Ask{Subjects: []subject.ID{"email:sara@example.com"}, Kind: request.Correction,
		Demand: request.Demand{Corrections: map[string]string{"name": "Sara Nasser"}}})
	must(t, err)
	r.waits(t, 1)
	told, owner, err := w.db.RequestAny(t.Context(), r.said[0].Data.Event)
	must(t, err)
	if r.said[0].Type != webhook.RequestAsked || told.ID != asked.ID || owner != "email:sara@example.com" || told.Demand.Corrections["name"] != "Sara Nasser" {
		t.Errorf("told %+v, which is %+v of %s", r.said[0], told, owner)
	}
	_, _, err = w.db.Outcome(t.Context(), asked.ID, request.Done, "It is right now.")
	must(t, err)
	r.waits(t, 1)
	stop()
	if r.said[1].Type != webhook.RequestDone || r.said[1].Data.Subject != r.said[0].Data.Subject {
		t.Errorf("told %+v", r.said[1])
	}
	for _, m := range r.said {
		if raw, err := json.Marshal(m); err != nil || bytes.Contains(raw, []byte("Nasser")) || bytes.Contains(raw, []byte("sara")) {
			t.Errorf("%s %v", raw, err)
		}
	}
}

// Three servers on one PostgreSQL send every message, and as long as none of
// them dies each one once.
func TestServersShareTheWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pgtest.Database(t, "15"), time.Now)
	defer func() { must(t, w.db.Close()) }()
	r := newReceiver(t, fine)
	h := w.hook(r.URL)
	r.knows(t, h)
	const n = 60
	var stops []func()
	for i := range 3 {
		db := w.db
		if i > 0 {
			db = w.open()
			defer func() { must(t, db.Close()) }()
		}
		stops = append(stops, running(t, Config{Store: db, Networks: near, Beat: 5 * time.Millisecond}))
	}
	for i := range n {
		w.say([]subject.ID{"email:sara@example.com", "email:omar@example.com", "email:lina@example.com"}[i%3], "newsletter", []consent.Answer{consent.Given, consent.Withdrawn}[i/3%2])
	}
	r.waits(t, n)
	until(t, func() bool { return len(w.deliveries(h, store.DeliveryDone)) == n })
	for _, stop := range stops {
		stop()
	}
	came := r.counts(t)
	for id, times := range came {
		if times != 1 {
			t.Errorf("%s came %d times", id, times)
		}
	}
	if len(came) != n {
		t.Errorf("%d messages came", len(came))
	}
}

// A secret is rotated while messages go out: a receiver that has either takes
// them, and after the overlap the old one signs nothing.
func TestRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", time.Now)
	defer func() { must(t, w.db.Close()) }()
	r := newReceiver(t, fine)
	h := w.hook(r.URL)
	c := New(Config{Store: w.db, Networks: near})
	rotated, err := w.db.ChangeWebhook(t.Context(), h.ID, func(h *store.Webhook, now time.Time) error { return h.Rotate(now, now.Add(time.Hour)) })
	must(t, err)
	for _, holds := range []store.Webhook{h, rotated} {
		r.knows(t, holds)
		if a := c.Test(t.Context(), rotated); a.Status != 204 {
			t.Errorf("%+v", a)
		}
	}
	r.counts(t)
	r.knows(t, h)
	rotated.Secrets[1].Until = time.Now()
	if a := c.Test(t.Context(), rotated); a.Status != 401 {
		t.Errorf("the old secret still signs: %+v", a)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
