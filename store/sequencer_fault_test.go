package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// enqueue puts entries of nothing into the queue of the ledger, as of a time.
func (w *world) enqueue(n int, at int64) {
	w.t.Helper()
	_, err := w.db.reads.Exec(`INSERT INTO ledger_queue (shard_id, n, at, entry)
		SELECT $1, coalesce((SELECT max(n) FROM ledger_queue WHERE shard_id = $1), 0) + g, $3, sha256(gen_random_uuid()::text::bytea) FROM generate_series(1, $2::bigint) g`, nobody, n, at)
	if err != nil {
		w.t.Fatal(err)
	}
}

// drained brings what is left into the ledger and holds it to what was shown.
func (w *world) drained(e *postgresEngine, h *heads, want int64) {
	w.t.Helper()
	for {
		n, err := e.integrate(w.t.Context(), false)
		if err != nil {
			w.t.Fatal(err)
		}
		h.add(e.db.Checkpoint())
		if n == 0 {
			break
		}
	}
	if err := e.newest(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if got := e.db.head.Load().size; got != want {
		w.t.Errorf("the ledger has %d entries, not %d", got, want)
	}
	h.consistent(e.db)
	w.check()
}

func TestTwoSequencersThatBothLeadNeverForkTheLog(t *testing.T) {
	eachPostgres(t, testTwoSequencersThatBothLeadNeverForkTheLog)
}

// One of them is held before each statement of its transaction while the other
// does all of its own, with more in the queue by then.
func testTwoSequencersThatBothLeadNeverForkTheLog(t *testing.T, w *world) {
	w.settled()
	rest(w.db)
	wire := pgtest.NewWire(t, w.dsn)
	held, other := rest(w.server(wire.DSN())), rest(w.server(w.dsn))
	h := newHeads(t, w.db)
	size := w.db.head.Load().size

	wire.Heard()
	w.enqueue(300, 10)
	size += 300
	if _, err := held.integrate(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	statements := one(wire.Heard())
	if len(statements) < 8 {
		t.Fatalf("an integration of %d statements: %q", len(statements), statements)
	}
	for _, s := range statements {
		w.enqueue(3, 10)
		at, release := wire.Hold(s)
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { _, err := held.integrate(t.Context(), false); first <- err }()
		happens(t, "before "+s, at)
		w.enqueue(2, 5) // before the others: who reads the queue now takes other entries first
		size += 5
		go func() { _, err := other.integrate(t.Context(), false); second <- err }()
		w.waits(t.Context(), second)
		release()
		err1, err2 := <-first, <-second
		if !harmless(err1) || !harmless(err2) || err1 != nil && err2 != nil {
			t.Errorf("held before %q: %v; the other: %v", s, err1, err2)
		}
		h.add(held.db.Checkpoint())
		h.add(other.db.Checkpoint())
	}
	w.drained(other, h, size)
}

func TestTwoSequencersWithOtherEntriesOfOneNumberNeverForkTheLog(t *testing.T) {
	eachPostgres(t, testTwoSequencersWithOtherEntriesOfOneNumberNeverForkTheLog)
}

// Both take as many as go into one transaction, and not the same: their trees
// would be of one size with two roots.
func testTwoSequencersWithOtherEntriesOfOneNumberNeverForkTheLog(t *testing.T, w *world) {
	w.settled()
	rest(w.db)
	wire := pgtest.NewWire(t, w.dsn)
	held, other := rest(w.server(wire.DSN())), rest(w.server(w.dsn))
	h := newHeads(t, w.db)
	size := w.db.head.Load().size
	for _, s := range []string{"insert into ledger_entries", "update ledger_tip", "commit"} {
		w.enqueue(integrateAtOnce, 10)
		at, release := wire.Hold(s)
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { _, err := held.integrate(t.Context(), false); first <- err }()
		happens(t, "before "+s, at)
		w.enqueue(1, 5)
		size += integrateAtOnce + 1
		go func() { _, err := other.integrate(t.Context(), false); second <- err }()
		w.waits(t.Context(), second)
		release()
		err1, err2 := <-first, <-second
		if !harmless(err1) || !harmless(err2) || (err1 == nil) == (err2 == nil) {
			t.Errorf("held before %q: %v; the other: %v", s, err1, err2)
		}
		h.add(held.db.Checkpoint())
		h.add(other.db.Checkpoint())
		if _, err := other.integrate(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	w.drained(other, h, size)
}

func TestASequencerCutAtAnyStatementLosesAndForksNothing(t *testing.T) {
	eachPostgres(t, testASequencerCutAtAnyStatementLosesAndForksNothing)
}

func testASequencerCutAtAnyStatementLosesAndForksNothing(t *testing.T, w *world) {
	w.settled()
	rest(w.db)
	wire := pgtest.NewWire(t, w.dsn)
	e := rest(w.server(wire.DSN()))
	h := newHeads(t, w.db)
	size := w.db.head.Load().size
	wire.Heard()
	w.enqueue(300, 10)
	size += 300
	if _, err := e.integrate(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	cuts := map[string]func(string) <-chan struct{}{"before": wire.CutBefore, "after": wire.CutAfter}
	for _, s := range one(wire.Heard()) {
		for when, cut := range cuts {
			w.enqueue(3, 10)
			size += 3
			is := cut(s)
			_, err := e.integrate(t.Context(), false)
			happens(t, when+" "+s, is)
			if err == nil && s != "begin" { // a connection that is lost at its first statement is replaced
				t.Errorf("cut %s %q: nobody noticed", when, s)
			}
			if err != nil && !postgresTrouble(err) {
				t.Errorf("cut %s %q: %v is not the network's", when, s, err)
			}
			for _, again := range []func() error{func() error { return e.newest(t.Context()) },
				func() error { _, err := e.integrate(t.Context(), false); return err }} {
				if err := again(); err != nil {
					t.Errorf("cut %s %q: afterwards %v", when, s, err)
				}
				h.add(e.db.Checkpoint())
			}
		}
	}
	w.drained(e, h, size)
}

func TestSequencersUnderLoadNeverForkTheLog(t *testing.T) {
	eachPostgres(t, testSequencersUnderLoadNeverForkTheLog)
}

func testSequencersUnderLoadNeverForkTheLog(t *testing.T, w *world) {
	all := w.servers(2)
	h := newHeads(t, w.db)
	enough := h.watch(all...)
	quit := make(chan struct{})
	var leaders, clients sync.WaitGroup
	for _, db := range all[1:] {
		leaders.Go(func() {
			for {
				if _, err := db.engine.(*postgresEngine).integrate(t.Context(), false); !harmless(err) {
					t.Errorf("integrating: %v", err)
				}
				select {
				case <-quit:
					return
				case <-time.After(time.Millisecond):
				}
			}
		})
	}
	const callers = 12
	each := count(25, 1000)
	for c := range callers {
		clients.Go(func() {
			for i := range each {
				db := all[(c+i)%len(all)]
				answer := []consent.Answer{consent.Given, consent.Withdrawn}[i%2]
				r, err := db.Submit(t.Context(), Submission{Subject: subject.ID(fmt.Sprintf("customer:%d", (c*each+i)%50)), Surface: consent.SurfaceAPI,
					Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: answer}}})
				if err != nil {
					t.Errorf("recording: %v", err)
				} else if i%10 == 0 {
					w.proved(r)
				}
			}
		})
	}
	for _, db := range all {
		if _, err := db.HandOver(t.Context()); err != nil {
			t.Errorf("handing over: %v", err)
		}
	}
	clients.Wait()
	close(quit)
	leaders.Wait()
	w.settled()
	enough()
	h.consistent(w.db)
	if r, err := w.db.Check(t.Context()); err != nil || r.Events != int64(callers*each) || r.Entries != r.Events+1+int64(len(all)) {
		t.Errorf("%+v, %v", r, err)
	}
}

// proved waits for the proof of what was recorded and holds it.
func (w *world) proved(r Recorded) {
	if err := r.Wait(w.t.Context()); err != nil {
		w.t.Errorf("waiting for a proof: %v", err)
		return
	}
	list, err := r.Receipts(w.t.Context())
	if err != nil {
		w.t.Errorf("a receipt: %v", err)
		return
	}
	for _, x := range list {
		signed := x.Signers[len(x.Signers)-1].Key // by one of the log's keys: which, is held elsewhere
		if v, err := receipt.Verify(marshal(w.t, x), signed); err != nil || v.Outcome != receipt.Valid {
			w.t.Errorf("%+v, %v", v, err)
		}
	}
}

// TestAHeadOfAKeyThatIsGoneIsReadAgain holds a server between the log's tip and its
// keys, while another hands the log over once more: whoever waits for a proof waits on.
func TestAHeadOfAKeyThatIsGoneIsReadAgain(t *testing.T) {
	eachPostgres(t, testAHeadOfAKeyThatIsGoneIsReadAgain)
}

func testAHeadOfAKeyThatIsGoneIsReadAgain(t *testing.T, w *world) {
	w.settled()
	wire := pgtest.NewWire(t, w.dsn)
	held := rest(w.server(wire.DSN()))
	w.handOver()
	w.enqueue(3, 5)
	w.settled()
	at, release := wire.Hold("select n, entries")
	done := make(chan error, 1)
	go func() { done <- held.newest(t.Context()) }()
	happens(t, "before the edge of the log is read", at)
	w.handOver()
	release()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if a, b := held.db.head.Load(), w.db.head.Load(); a.size != b.size || a.shown != b.shown {
		t.Errorf("it shows\n%s\nand not\n%s", a.shown, b.shown)
	}
}
