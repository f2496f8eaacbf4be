package mirror_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/fulfil"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/mirror"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
	"github.com/amana-privacy/amana/subject"
)

// world is a company door over a real store, and the company's own PostgreSQL 15.
type world struct {
	t      testing.TB
	db     *store.DB
	door   *gate
	c      mirror.Config
	target string
	crm    *pgx.Conn

	mu   sync.Mutex
	news []mirror.News
	ring chan string
}

// gate is the door behind a switch that cuts it off.
type gate struct {
	*httptest.Server
	mu  sync.Mutex
	cut bool
}

func (g *gate) set(cut bool) {
	g.mu.Lock()
	g.cut = cut
	g.mu.Unlock()
	g.CloseClientConnections()
}

const (
	noura subject.ID = "phone:+12075550101"
	frank subject.ID = "phone:+12075550102"
)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, target: pgtest.Database(t, "15"), ring: make(chan string, 10_000)}
	w.db = storetest.Open(t, storetest.Source(t, "casco-fiber"))
	handler := api.New(api.Config{Store: w.db})
	w.door = &gate{}
	w.door.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.door.mu.Lock()
		cut := w.door.cut
		w.door.mu.Unlock()
		if cut {
			panic(http.ErrAbortHandler)
		}
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.door.Close)
	token, err := w.db.CreateToken(t.Context(), "marketing", []string{"search:text_updates"})
	must(t, err)
	w.c = mirror.Config{Server: w.door.URL, Token: token, Purpose: "text_updates", Kind: "phone", Table: "allowed_texts", Bound: 3 * time.Second, Tell: w.hears}
	w.crm, err = pgx.Connect(t.Context(), w.target)
	must(t, err)
	t.Cleanup(func() { w.crm.Close(context.Background()) })
	return w
}

func (w *world) hears(n mirror.News) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.news = append(w.news, n)
	w.ring <- n.Event
}

func (w *world) publish(change *strings.Replacer) {
	w.t.Helper()
	storetest.Publish(w.t, w.db, change.Replace(storetest.Source(w.t, "casco-fiber")))
}

func (w *world) say(id subject.ID, a consent.Answer) {
	w.t.Helper()
	_, err := w.db.Submit(w.t.Context(), store.Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "text_updates", Decision: a}}})
	must(w.t, err)
}

// runs keeps the view until stop, which gives how it ended.
func (w *world) runs(c mirror.Config) (stop func() error) {
	w.t.Helper()
	m, err := mirror.New(w.target, c)
	must(w.t, err)
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	w.t.Cleanup(func() { stop() })
	return stop
}

func (w *world) waits(event string) {
	w.t.Helper()
	for over := time.After(time.Minute); ; {
		select {
		case got := <-w.ring:
			if got == event {
				return
			}
		case <-over:
			w.t.Fatalf("%s was not heard of; but %+v", event, w.news)
		}
	}
}

// allowed is what a marketing team's query finds.
func (w *world) allowed() []string {
	w.t.Helper()
	rows, err := w.crm.Query(w.t.Context(), `SELECT id FROM allowed_texts ORDER BY id`)
	if err != nil {
		return []string{"the view is not there yet"}
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return []string{"the view is not there yet"}
	}
	return list
}

// becomes waits until the view has certain ids, and says how long that took.
func (w *world) becomes(want ...string) time.Duration {
	w.t.Helper()
	start := time.Now()
	for got := w.allowed(); !slices.Equal(got, want); got = w.allowed() {
		if time.Since(start) > time.Minute {
			w.t.Fatalf("the view has %v, want %v; %+v", got, want, w.news)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(start)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func number(id subject.ID) string { return strings.TrimPrefix(string(id), "phone:") }

// The view is filled, follows every change, and begins anew with another policy.
func TestTheViewFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(noura, consent.Given)
	w.say(frank, consent.Refused)
	stop := w.runs(w.c)
	w.becomes(number(noura))
	w.say(frank, consent.Given)
	w.becomes(number(noura), number(frank))
	took := time.Duration(0)
	for range 3 {
		w.say(noura, consent.Withdrawn)
		took = max(took, w.becomes(number(frank)))
		w.say(noura, consent.Given)
		w.becomes(number(noura), number(frank))
	}
	t.Logf("a withdrawal took %v at most", took)
	if took > 15*time.Second { // a second, on a machine that does nothing else
		t.Errorf("a withdrawal took %v", took)
	}
	if _, err := w.db.Erase(t.Context(), frank, store.BySubject); err != nil {
		t.Fatal(err)
	}
	w.becomes(number(noura))
	w.publish(strings.NewReplacer("We send you a text message when", "We always send you a text message when"))
	w.becomes()
	w.waits("reset")
	w.say(noura, consent.Given)
	w.becomes(number(noura))
	must(t, stop())
	w.becomes() // nobody keeps it: what is not known is a no, by the clock of the database
	w.say(noura, consent.Withdrawn)
	w.say(frank, consent.Given)
	w.runs(w.c)
	w.becomes(number(frank))
	for _, n := range w.news {
		if raw, err := json.Marshal(n); err != nil || strings.Contains(string(raw), "+1207") {
			t.Errorf("the news name a person: %s", raw)
		}
	}
}

// A time that runs out, runs out in the view by itself: the mirror need not do anything.
func TestTimesRunOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(noura, consent.Given)
	w.c.Bound = time.Hour
	m, err := mirror.New(w.target, w.c)
	must(t, err)
	must(t, m.Once(t.Context()))
	w.becomes(number(noura))
	var years float64
	must(t, w.crm.QueryRow(t.Context(), `SELECT extract(epoch FROM expires_at - now()) / 86400 / 365 FROM allowed_texts_rows`).Scan(&years))
	if years < 1.9 || years > 2.1 {
		t.Errorf("it runs out in %v years", years)
	}
	_, err = w.crm.Exec(t.Context(), `UPDATE allowed_texts_rows SET expires_at = clock_timestamp() + interval '300 milliseconds'`)
	must(t, err)
	w.becomes()
	must(t, m.Once(t.Context()))
	var rows int
	must(t, w.crm.QueryRow(t.Context(), `SELECT count(*) FROM allowed_texts_rows`).Scan(&rows))
	if rows != 0 {
		t.Errorf("%d rows are left of what ran out", rows)
	}
}

// Whoever pauses is out of the view, and back when the engine ends the pause,
// with nothing said in between.
func TestAPauseEndsInTheView(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(noura, consent.Given)
	w.say(frank, consent.Given)
	w.runs(w.c)
	w.becomes(number(noura), number(frank))
	_, _, err := w.db.Pause(t.Context(), noura, []string{"text_updates"}, time.Now().Add(2*time.Second), "en")
	must(t, err)
	w.becomes(number(frank))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		(&fulfil.Engine{Store: w.db, Log: slog.New(slog.DiscardHandler), Every: 100 * time.Millisecond}).Run(ctx)
	}()
	w.becomes(number(noura), number(frank))
	stop()
	<-ended
}

// Cut off from the door, the view empties itself within the bound; with the door
// back it is right again, also about what happened meanwhile.
func TestCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(noura, consent.Given)
	w.say(frank, consent.Given)
	w.runs(w.c)
	w.becomes(number(noura), number(frank))
	w.door.set(true)
	w.waits("lost")
	w.say(noura, consent.Withdrawn)
	w.becomes()
	w.door.set(false)
	w.becomes(number(frank))
	var pid int
	must(t, w.crm.QueryRow(t.Context(), `SELECT pid FROM pg_stat_activity WHERE application_name = 'amana sync' LIMIT 1`).Scan(&pid))
	_, err := w.crm.Exec(t.Context(), `SELECT pg_terminate_backend($1)`, pid) // and the other connection
	must(t, err)
	w.waits("lost")
	w.say(noura, consent.Given)
	w.becomes(number(noura), number(frank))
}

// A connection that broke on this side alone: until the database sees it, it holds the
// table. That ends no mirror, which goes on as soon as it is free.
func TestTheConnectionOfBeforeStillHasTheTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(noura, consent.Given)
	stop := w.runs(w.c)
	w.becomes(number(noura))
	var pid int
	must(t, w.crm.QueryRow(t.Context(), `SELECT pid FROM pg_stat_activity WHERE application_name = 'amana sync' AND datname = current_database()`).Scan(&pid))
	before, err := pgx.Connect(t.Context(), w.target)
	must(t, err)
	defer before.Close(context.Background())
	taken := make(chan error, 1)
	go func() { // granted in the moment in which the other goes
		_, err := before.Exec(t.Context(), `SELECT pg_advisory_lock(hashtextextended('amana sync allowed_texts', 0))`)
		taken <- err
	}()
	for waits := false; !waits; time.Sleep(time.Millisecond) {
		must(t, w.crm.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waits))
	}
	_, err = w.crm.Exec(t.Context(), `SELECT pg_terminate_backend($1)`, pid)
	must(t, err)
	must(t, <-taken)
	w.waits("lost") // the connection
	w.waits("lost") // and the table
	must(t, before.Close(t.Context()))
	w.say(frank, consent.Given)
	w.becomes(number(noura), number(frank))
	must(t, stop())
}

// Who keeps the view needs no more than to read and write its two tables; who
// queries, no more than to read the view.
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(noura, consent.Given)
	m, err := mirror.New(w.target, w.c)
	must(t, err)
	for _, s := range append(strings.Split(strings.TrimSpace(m.Schema()), ";\n"), `CREATE ROLE keeper LOGIN PASSWORD 'k'`, `CREATE ROLE marketing LOGIN PASSWORD 'm'`, `REVOKE CREATE ON SCHEMA public FROM PUBLIC`,
		`GRANT SELECT, INSERT, UPDATE, DELETE ON allowed_texts_rows, allowed_texts_state TO keeper`, `GRANT SELECT ON allowed_texts TO marketing`) {
		_, err := w.crm.Exec(t.Context(), s)
		must(t, err)
	}
	t.Cleanup(func() {
		for _, s := range []string{`DROP OWNED BY keeper, marketing`, `DROP ROLE keeper, marketing`} {
			_, _ = w.crm.Exec(context.Background(), s)
		}
	})
	as := func(user, password string) string {
		c, err := pgx.ParseConfig(w.target)
		must(t, err)
		return "postgres://" + user + ":" + password + "@" + net.JoinHostPort(c.Host, "0")[:len(net.JoinHostPort(c.Host, "0"))-1] + itoa(int(c.Port)) + "/" + c.Database
	}
	kept, err := mirror.New(as("keeper", "k"), w.c)
	must(t, err)
	must(t, kept.Once(t.Context()))
	reader, err := pgx.Connect(t.Context(), as("marketing", "m"))
	must(t, err)
	defer reader.Close(context.Background())
	var n int
	must(t, reader.QueryRow(t.Context(), `SELECT count(*) FROM allowed_texts`).Scan(&n))
	if n != 1 {
		t.Errorf("marketing sees %d", n)
	}
	if err := reader.QueryRow(t.Context(), `SELECT count(*) FROM allowed_texts_rows`).Scan(&n); err == nil {
		t.Error("marketing reads what may be stale")
	}
}

func itoa(n int) string { raw, _ := json.Marshal(n); return string(raw) }

// What trying again does not mend ends it, with its reason.
func TestWhatEndsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(noura, consent.Given)
	run := func(target string, change func(*mirror.Config)) error {
		c := w.c
		change(&c)
		m, err := mirror.New(target, c)
		if err != nil {
			return err
		}
		return m.Once(t.Context())
	}
	must(t, run(w.target, func(*mirror.Config) {}))
	decides, err := w.db.CreateToken(t.Context(), "other", []string{"search:newsletter"})
	must(t, err)
	for name, c := range map[string]struct {
		change func(*mirror.Config)
		kind   fault.Kind
		words  string
	}{
		"no token":              {func(c *mirror.Config) { c.Token = "" }, fault.Denied, "401"},
		"of another purpose":    {func(c *mirror.Config) { c.Token = decides }, fault.Denied, "search:text_updates"},
		"another question":      {func(c *mirror.Config) { c.Kind = "" }, fault.Conflict, "another question"},
		"a name that is none":   {func(c *mirror.Config) { c.Table = `x"; DROP TABLE y` }, fault.Invalid, "--table"},
		"a kind that is none":   {func(c *mirror.Config) { c.Kind, c.Table = "name", "odd" }, fault.Unknown, "kind"},
		"no company door there": {func(c *mirror.Config) { c.Server, c.Table = w.door.URL+"/elsewhere", "other" }, fault.Unknown, "404"},
	} {
		if err := run(w.target, c.change); fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := w.allowed(); !slices.Equal(got, []string{number(noura)}) {
		t.Errorf("the view has %v", got)
	}
	for len(w.ring) > 0 {
		<-w.ring
	}
	stop := w.runs(w.c)
	w.waits("current")
	if err := run(w.target, func(*mirror.Config) {}); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "another amana sync") {
		t.Errorf("two keep one view: %v", err)
	}
	must(t, stop())
	if err := run("postgres://u:secret@127.0.0.1:1/x?connect_timeout=1", func(*mirror.Config) {}); err == nil || strings.Contains(mirror.Plainly(err), "secret") {
		t.Errorf("%v", err)
	}
	m, err := mirror.New(w.target, w.c)
	must(t, err)
	if n, err := m.Count(t.Context()); n != 1 || err != nil {
		t.Errorf("%d %v", n, err)
	}
}

// A page that is written late, because somebody holds the table, is as old as it is:
// what it permits is not shown for longer than from when it was asked for.
func TestAPageThatIsWrittenLateIsNoYounger(t *testing.T) {
	w := newWorld(t)
	w.c.Bound = 500 * time.Millisecond
	asked, answer := make(chan struct{}), make(chan struct{})
	first := sync.OnceFunc(func() { close(asked) })
	never := t.Context().Done()
	door := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var q struct{ Cursor string }
		json.NewDecoder(r.Body).Decode(&q)
		if q.Cursor != "" { // after the first page nothing is heard
			select {
			case <-never:
			case <-r.Context().Done():
			}
			return
		}
		first()
		<-answer
		now := time.Now()
		json.NewEncoder(rw).Encode(map[string]any{"next": "1", "policy": "sha256:1", "time": now, "permits": []map[string]any{
			{"ref": "1", "allowed": true, "subject": string(noura), "expires_at": now.Add(time.Hour)}, {"ref": "2", "allowed": true, "subject": string(frank)}}})
	}))
	t.Cleanup(door.Close)
	w.c.Server = door.URL
	stop := w.runs(w.c)
	<-asked
	held, err := w.crm.Begin(t.Context())
	must(t, err)
	_, err = held.Exec(t.Context(), `LOCK TABLE allowed_texts_state IN ACCESS EXCLUSIVE MODE`)
	must(t, err)
	close(answer)
	time.Sleep(3 * w.c.Bound)
	must(t, held.Commit(t.Context()))
	for filled := false; !filled; time.Sleep(time.Millisecond) {
		must(t, w.crm.QueryRow(t.Context(), `SELECT filled FROM allowed_texts_state`).Scan(&filled))
	}
	if got := w.allowed(); len(got) > 0 {
		t.Errorf("the view has %v, of which nothing was heard for %v", got, 3*w.c.Bound)
	}
	must(t, stop())
}
