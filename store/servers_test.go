package store

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
)

// soak says that tests run at full counts.
var soak = os.Getenv("AMANA_SOAK") != ""

// count gives how often a test does something: a few times, or many in the soak.
func count(few, many int) int {
	if soak {
		return many
	}
	return few
}

// eachPostgres runs a test on every PostgreSQL: what is said there of servers
// beside each other, SQLite cannot have.
func eachPostgres(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	t.Parallel()
	for _, on := range chosen() {
		if !strings.HasPrefix(on, "postgres") {
			continue
		}
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			test(t, newWorldOn(t, on))
		})
	}
}

// server opens one more server on the world's database and keyring folder, at an
// address of the database.
func (w *world) server(dsn string) *DB {
	w.t.Helper()
	ring, err := keyring.Open(w.dir + "/keys")
	if err != nil {
		w.t.Fatal(err)
	}
	c := w.config(ring)
	c.Postgres = dsn
	var db *DB
	err = w.finally(func() (err error) { db, err = Open(w.t.Context(), c); return err })
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { db.Close() })
	return db
}

// finally tries until the database has time for it: where statements may take a
// moment only, a busy machine refuses some for which nobody waits.
func (w *world) finally(do func() error) error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if err := do(); !outside(err) && fault.KindOf(err) != fault.Overloaded || time.Now().After(end) {
			return err
		}
	}
}

// servers gives the world's server and as many more.
func (w *world) servers(more int) []*DB {
	all := []*DB{w.db}
	for range more {
		all = append(all, w.server(w.dsn))
	}
	return all
}

// rest ends what a server does by itself. It still integrates when told.
func rest(db *DB) *postgresEngine {
	e := db.engine.(*postgresEngine)
	e.once.Do(func() { close(e.quit) })
	e.running.Wait()
	return e
}

// harmless reports whether an integration may end so: another was faster.
func harmless(err error) bool {
	return err == nil || errors.Is(err, errMoved) || again(err)
}

// heads are the signed heads that servers have shown, by size.
type heads struct {
	t  testing.TB
	db *DB // of the log

	mu    sync.Mutex
	roots map[int64]tlog.Hash // guarded by mu
}

func newHeads(t testing.TB, db *DB) *heads {
	t.Helper()
	return &heads{t: t, db: db, roots: map[int64]tlog.Hash{}}
}

// add takes in a signed head. Two of one size have one root.
func (h *heads) add(signed string) {
	h.t.Helper()
	h.db.engine.newest(h.t.Context()) // whatever key the log has by now
	var keys []note.Verifier
	for _, s := range h.db.Signers() {
		v, err := note.NewVerifier(s.Key)
		if err != nil {
			h.t.Fatal(err)
		}
		keys = append(keys, v)
	}
	n, err := note.Open([]byte(signed), note.VerifierList(keys...))
	if err != nil {
		h.t.Errorf("a head that its log has not signed: %v", err)
		return
	}
	c, err := ledger.ParseCheckpoint(n.Text)
	if err != nil {
		h.t.Errorf("a head that is none: %v", err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if root, had := h.roots[c.Size]; had && root != c.Root {
		h.t.Errorf("two signed heads of %d entries differ", c.Size)
	}
	h.roots[c.Size] = c.Root
}

// watch takes in every head that servers sign, until the function it gives is called.
func (h *heads) watch(all ...*DB) (enough func()) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	for _, db := range all {
		wg.Go(func() {
			for last := ""; ; time.Sleep(500 * time.Microsecond) {
				if signed := db.Checkpoint(); signed != last {
					h.add(signed)
					last = signed
				}
				select {
				case <-quit:
					return
				default:
				}
			}
		})
	}
	return func() { close(quit); wg.Wait() }
}

// consistent proves that the newest head of a server goes on from each that was
// ever shown, and that what the database keeps of heads is the same.
func (h *heads) consistent(db *DB) {
	h.t.Helper()
	rows, err := db.reads.Query(`SELECT note FROM ledger_head WHERE note IS NOT NULL`)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var signed string
		if err := rows.Scan(&signed); err != nil {
			h.t.Fatal(err)
		}
		h.add(signed)
	}
	h.add(db.Checkpoint())
	for size, root := range h.roots {
		g, err := db.Growth(size)
		if err != nil {
			h.t.Errorf("a head of %d entries was shown, but: %v", size, err)
			continue
		}
		if size > 0 && size < g.Size {
			if err := tlog.CheckTree(g.Proof, g.Size, h.roots[g.Size], size, root); err != nil {
				h.t.Errorf("%d entries do not go on to %d: %v", size, g.Size, err)
			}
		}
	}
	h.t.Logf("%d heads of up to %d entries", len(h.roots), db.head.Load().size)
}

// one gives each statement once, without those that come only when a connection
// has had nothing to do for a second.
func one(statements []string) []string {
	var out []string
	for _, s := range statements {
		if s != "-- ping" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// happens waits for what must come to pass.
func happens(t testing.TB, what string, is <-chan struct{}) {
	t.Helper()
	select {
	case <-is:
	case <-time.After(time.Minute):
		t.Fatalf("never happened: %s", what)
	}
}

// waits returns when something in the database waits for a lock, or ended has ended.
func (w *world) waits(ctx context.Context, ended <-chan error) {
	w.t.Helper()
	for {
		var n int
		err := w.db.reads.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n)
		if err != nil {
			w.t.Fatal(err)
		}
		if n > 0 || len(ended) > 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
