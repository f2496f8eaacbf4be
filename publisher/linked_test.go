package publisher_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// replica is one in the same process: it takes what a server sends.
type replica struct {
	*world
	table *table.Table
	feed  *feed.Replica
	epoch string
	last  uint64
}

func (w *world) replica() *replica {
	w.t.Helper()
	must(w.t, w.p.Ready(w.t.Context()))
	sent := time.Now()
	b, err := w.p.Begin("a word of its own")
	must(w.t, err)
	key, err := note.NewVerifier(w.db.LogKey())
	must(w.t, err)
	r := &replica{world: w, table: table.New(table.KeyFrom(keyring.Key(b.Tags)), table.Rules{}, w.clock()), epoch: b.Epoch}
	r.feed = feed.NewReplica(r.table, b.Origin, key, feed.Head{})
	copy(r.feed.Suppression[:], b.Suppression)
	gone, cancel := context.WithCancel(w.t.Context())
	cancel() // whoever asked has given up; the snapshot is written for who comes next
	snapshot, err := w.p.Snapshot(gone)
	must(w.t, err)
	must(w.t, r.feed.Load(io.Reader(snapshot), w.clock()))
	must(w.t, r.feed.Greet([]byte(b.Hello), "a word of its own", sent))
	r.last = r.feed.Last().Number
	return r
}

// catchesUp takes what was sent until it answers as of now.
func (r *replica) catchesUp() {
	r.t.Helper()
	at := time.Now()
	for end := at.Add(time.Minute); ; {
		batches, last, more, err := r.p.News(r.epoch, r.last)
		must(r.t, err)
		for _, b := range batches {
			must(r.t, r.feed.Apply(b, time.Now()))
		}
		if r.last = last; r.feed.Last().Time.After(at.Add(50 * time.Millisecond)) {
			return
		}
		if time.Now().After(end) {
			r.t.Fatal("nothing is sent")
		}
		if len(batches) == 0 {
			select {
			case <-more:
			case <-time.After(time.Second):
			}
		}
	}
}

// says gives its answer, and where it is stale for want of time, that of later.
func (r *replica) says(id subject.ID, q decision.Question) (a table.Answer) {
	r.t.Helper()
	for a = r.table.Decide(id, q, r.clock()); a.Reason == decision.Stale; a = r.table.Decide(id, q, r.clock()) {
		r.catchesUp()
	}
	return a
}

// What one identifier says changes the answers about others: a replica hears of
// each, in whatever order the shards are told, and one that begins from a
// snapshot knows it too.
func TestReplicasHearOfLinks(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"sqlite", "18"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			testReplicasHearOfLinks(t, newWorld(t, on))
		})
	}
}

func testReplicasHearOfLinks(t *testing.T, w *world) {
	rnd := rand.New(rand.NewPCG(5, uint64(len(t.Name()))))
	r, given := w.replica(), 0
	for i := range 12 {
		for range 12 { // sent together, as likely as not
			id := people[rnd.IntN(len(people))]
			w.pass(time.Millisecond)
			if rnd.IntN(3) == 0 {
				w.relink(rnd, id, people[rnd.IntN(len(people))])
				continue
			}
			if rnd.IntN(6) == 0 {
				w.happens(rnd, id)
				continue
			}
			answer := []consent.Answer{consent.Given, consent.Given, consent.Given, consent.Withdrawn}[rnd.IntN(4)]
			if err := w.say(id, purposes[2+rnd.IntN(4)], answer); err != nil && fault.KindOf(err) != fault.Invalid && !errors.Is(err, store.ErrBelowAge) {
				t.Fatal(err)
			}
		}
		r.catchesUp()
		for _, who := range []*replica{r, w.replica()} {
			if who != r {
				who.catchesUp()
			}
			for _, id := range people {
				for _, purpose := range purposes {
					for _, recipient := range recipients[2:] {
						given += who.agrees(i, id, decision.Question{Purpose: purpose, Recipient: recipient})
					}
				}
			}
		}
	}
	if given < 12 {
		t.Errorf("only %d answers were yes", given)
	}
}

func (r *replica) agrees(round int, id subject.ID, q decision.Question) (given int) {
	r.t.Helper()
	want, _, err := r.db.DecideBy(r.t.Context(), id, q)
	must(r.t, err)
	got := r.says(id, q)
	if got.Reason != want.Reason {
		r.t.Fatalf("round %d: %s for %s: %s, and the store says %s", round, id, q.Purpose, got.Reason, want.Reason)
	}
	if want.Reason == decision.Given {
		given++
	}
	return given
}
