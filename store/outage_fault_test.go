package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/subject"
)

// load is callers that write for as long as something happens to the database.
// Half of them use idempotency keys, and try again until it is done; the others
// try once for each subject.
type load struct {
	w       *world
	name    string // of its subjects
	before  int64  // events there were
	db      *DB
	quit    chan struct{}
	callers sync.WaitGroup

	mu     sync.Mutex
	kept   map[subject.ID]string // acknowledged: its receipt
	unsure map[subject.ID]bool   // told to try again later
	wrong  map[string]int        // errors that are not that
	n      atomic.Int64          // acknowledged
}

func (w *world) load(db *DB, callers int) *load {
	l := &load{w: w, db: db, name: rand.Text(), before: w.number(`SELECT count(*) FROM event`), quit: make(chan struct{}), kept: map[subject.ID]string{}, unsure: map[subject.ID]bool{}, wrong: map[string]int{}}
	for c := range callers {
		l.callers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-l.quit:
					return
				default:
					l.one(c, i)
				}
			}
		})
	}
	return l
}

// one does one thing: records a yes, with a key until it is recorded.
func (l *load) one(c, i int) {
	id := subject.ID(fmt.Sprintf("customer:%s-%d-%d", l.name, c, i))
	s := answer(id, "tailored_offers", consent.Given)
	if c%2 == 0 {
		s.Once = &Once{Client: "shop", Key: string(id), Body: []byte("body")}
	}
	for {
		r, err := l.db.Submit(l.w.t.Context(), s)
		l.told(id, r, err)
		if err == nil || s.Once == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (l *load) told(id subject.ID, r Recorded, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.kept[id] = r.IDs()[0]
		l.n.Add(1)
	case fault.KindOf(err) == fault.Overloaded:
		l.unsure[id] = true
	default:
		l.wrong[err.Error()]++
	}
}

// more waits until so many more are acknowledged.
func (l *load) more(n int64) {
	l.w.t.Helper()
	end, from := time.Now().Add(3*time.Minute), l.n.Load()
	for l.n.Load() < from+n {
		if time.Now().After(end) {
			l.w.t.Fatalf("after %d acknowledgements nothing more is: %v", from, l.db.Writable())
		}
		time.Sleep(time.Millisecond)
	}
}

// holds ends the load and looks for what was acknowledged.
func (l *load) holds(db *DB) {
	t := l.w.t
	t.Helper()
	close(l.quit)
	l.callers.Wait()
	for words, n := range l.wrong {
		t.Errorf("%d callers were told: %s", n, words)
	}
	if err := l.db.Writable(); err != nil {
		t.Errorf("after all is well again: %v", err)
	}
	for id := range maps.Keys(l.unsure) {
		if n := l.w.eventsOf(id); n > 1 || n == 0 && l.kept[id] != "" {
			t.Errorf("%s was tried again and stands there %d times", id, n)
		}
	}
	there := l.w.eventIDs()
	for id, event := range l.kept {
		if !there[event] {
			t.Errorf("what %s was acknowledged is gone", id)
		}
	}
	for range 3 { // of the receipts a few
		for id, event := range l.kept {
			if list, err := db.Receipts(t.Context(), []string{event}); err != nil {
				t.Errorf("the receipt of %s: %v", id, err)
			} else if list[0].Proof != nil {
				l.w.valid(list[0])
			}
			break
		}
	}
	l.w.settled()
	r, err := db.Check(t.Context())
	if n := r.Events - l.before; err != nil || n < int64(len(l.kept)) || n > int64(len(l.kept)+len(l.unsure)) {
		t.Errorf("%d acknowledged, %d perhaps, and %d there: %v", len(l.kept), len(l.unsure), n, err)
	}
	t.Logf("%d acknowledged, %d told to try again later", len(l.kept), len(l.unsure))
}

// eventIDs gives the ids of all events.
func (w *world) eventIDs() map[string]bool {
	w.t.Helper()
	rows, err := w.db.reads.Query(`SELECT event_id FROM event`)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]bool{}
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			w.t.Fatal(err)
		}
		all[uuid.UUID(id).String()] = true
	}
	return all
}

// admin runs statements, each in a transaction of its own, over another connection.
func (w *world) admin(statements ...string) {
	w.t.Helper()
	c, err := pgx.Connect(w.t.Context(), w.dsn)
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close(context.Background())
	for _, s := range statements {
		if _, err := c.Exec(w.t.Context(), s); err != nil {
			w.t.Fatal(err)
		}
	}
}

// outage is what happens to a database, and how it is ended.
type outage struct {
	name  string
	begin func(t *testing.T, s *pgtest.Instance, wire *pgtest.Wire, admin func(...string))
	end   func(t *testing.T, s *pgtest.Instance, wire *pgtest.Wire, admin func(...string))
	brief bool // it may be over before anybody is refused
}

const endSessions = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'amana'`

var outages = []outage{
	{name: "the server crashes",
		begin: func(t *testing.T, s *pgtest.Instance, _ *pgtest.Wire, _ func(...string)) { s.Stop(t, "immediate") },
		end:   func(t *testing.T, s *pgtest.Instance, _ *pgtest.Wire, _ func(...string)) { s.Start(t) }},
	{name: "the server is stopped",
		begin: func(t *testing.T, s *pgtest.Instance, _ *pgtest.Wire, _ func(...string)) { s.Stop(t, "fast") },
		end:   func(t *testing.T, s *pgtest.Instance, _ *pgtest.Wire, _ func(...string)) { s.Start(t) }},
	{name: "the network is gone",
		begin: func(_ *testing.T, _ *pgtest.Instance, wire *pgtest.Wire, _ func(...string)) {
			wire.Refuse()
			wire.CutNow()
		},
		end: func(t *testing.T, _ *pgtest.Instance, wire *pgtest.Wire, _ func(...string)) { wire.Accept(t) }},
	{name: "every connection is lost", brief: true,
		begin: func(_ *testing.T, _ *pgtest.Instance, wire *pgtest.Wire, _ func(...string)) { wire.CutNow() }},
	{name: "somebody ends every session", brief: true,
		begin: func(_ *testing.T, _ *pgtest.Instance, _ *pgtest.Wire, admin func(...string)) {
			admin(endSessions)
		}},
	{name: "somebody cancels every statement", brief: true,
		begin: func(_ *testing.T, _ *pgtest.Instance, _ *pgtest.Wire, admin func(...string)) {
			admin(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'amana'`)
		}},
	{name: "the database is read-only",
		begin: func(_ *testing.T, _ *pgtest.Instance, wire *pgtest.Wire, admin func(...string)) {
			admin(`ALTER ROLE amana SET default_transaction_read_only = on`)
			wire.CutNow()
		},
		end: func(_ *testing.T, _ *pgtest.Instance, wire *pgtest.Wire, admin func(...string)) {
			admin(`SET default_transaction_read_only = off`, `ALTER ROLE amana RESET default_transaction_read_only`, endSessions)
		}},
}

func TestAnOutageInMidLoadIsSaidAndNothingIsLost(t *testing.T) {
	t.Parallel()
	for _, version := range pgtest.Versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := pgtest.NewServer(t, version)
			w := newWorldAt(t, s.Database(t))
			wire := pgtest.NewWire(t, w.dsn)
			db := w.server(wire.DSN())
			for range count(1, 20) {
				for _, o := range outages {
					t.Run(o.name, func(t *testing.T) { w.survives(t, o, s, wire, db) })
				}
			}
		})
	}
}

// survives goes through an outage twice under load.
func (w *world) survives(t *testing.T, o outage, s *pgtest.Instance, wire *pgtest.Wire, db *DB) {
	outer := w.t
	w.t = t
	defer func() { w.t = outer }()
	l := w.load(db, 16)
	for range 2 {
		l.more(50)
		o.begin(t, s, wire, w.admin)
		for end := time.Now().Add(time.Minute); !o.brief && db.Writable() == nil; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the store does not say that it cannot write")
			}
		}
		if o.end != nil {
			o.end(t, s, wire, w.admin)
		}
		l.more(50)
	}
	l.holds(db)
}
