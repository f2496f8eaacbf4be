package store

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// answer is a submission by a subject to one purpose.
func answer(id subject.ID, purpose string, a consent.Answer) Submission {
	return Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: purpose, Decision: a}}}
}

// together calls f for each server at the same moment.
func together(all []*DB, f func(i int, db *DB)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i, db := range all {
		wg.Go(func() { <-start; f(i, db) })
	}
	close(start)
	wg.Wait()
}

func TestServersWriteToTheSameSubjectsAtOnce(t *testing.T) {
	eachPostgres(t, testServersWriteToTheSameSubjectsAtOnce)
}

func testServersWriteToTheSameSubjectsAtOnce(t *testing.T, w *world) {
	all := w.servers(2)
	all[2].engine.(*postgresEngine).citus = true // it locks in another way, which has to go with theirs
	rounds := count(20, 1000)
	purposes := []string{"tailored_offers", "coverage_study"}
	for i := range rounds {
		id := subject.ID(fmt.Sprintf("customer:%d", i/2)) // known at its second turn
		together(slices.Repeat(all, 4), func(k int, db *DB) {
			if _, err := db.Submit(t.Context(), answer(id, purposes[k%2], []consent.Answer{consent.Given, consent.Refused, consent.Withdrawn}[k%3])); err != nil {
				t.Errorf("recording: %v", err)
			}
		})
	}
	w.settled()
	if r, err := w.db.Check(t.Context()); err != nil || r.Events != int64(rounds*12) || r.Subjects != int64(rounds/2) {
		t.Errorf("%+v, %v", r, err)
	}
	for _, db := range all {
		if _, err := db.Check(t.Context()); err != nil {
			t.Errorf("another server says: %v", err)
		}
	}
}

func TestWhatOneServerPublishesEveryOtherHolds(t *testing.T) {
	eachPostgres(t, testWhatOneServerPublishesEveryOtherHolds)
}

func testWhatOneServerPublishesEveryOtherHolds(t *testing.T, w *world) {
	all := w.servers(2)
	words := w.db.InForce().Policy.Purposes["tailored_offers"].Benefit["en"]
	for i := range count(12, 200) {
		here, there := all[i%3], all[(i+1)%3]
		src := strings.Replace(w.source(), words, fmt.Sprintf("%s Edition %d.", words, i), 1)
		doc, findings := policy.Read("amana.yaml", []byte(src))
		if len(findings) > 0 {
			t.Fatal(findings)
		}
		old := subject.ID(fmt.Sprintf("customer:old%d", i))
		if _, err := there.Submit(t.Context(), answer(old, "tailored_offers", consent.Given)); err != nil {
			t.Fatal(err)
		}
		v, err := here.Publish(t.Context(), doc, nil, "Mona Haddad")
		if err != nil {
			t.Fatal(err)
		}
		w.held(there, v, i, old)
	}
	w.settled()
	for _, db := range all {
		if _, err := db.Check(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// held holds a server to a version that another has just published.
func (w *world) held(db *DB, v *policy.Version, i int, old subject.ID) {
	w.t.Helper()
	if a, err := db.Decide(w.t.Context(), old, decision.Question{Purpose: "tailored_offers"}); err != nil || a.Reason != decision.OutsideScope {
		w.t.Errorf("a yes to the words before is decided %+v, %v", a, err)
	}
	named := answer(subject.ID(fmt.Sprintf("customer:named%d", i)), "tailored_offers", consent.Given)
	named.Policy = v.ID
	omitted := answer(subject.ID(fmt.Sprintf("customer:omitted%d", i)), "tailored_offers", consent.Given)
	for _, s := range []Submission{named, omitted} {
		r, err := db.Record(w.t.Context(), s)
		if err != nil {
			w.t.Errorf("%s: %v", s.Subject, err)
			continue
		}
		if got := r[0].Record.HasNotice.Policy; got != v.ID {
			w.t.Errorf("%s answered %s, in force is %s", s.Subject, got, v.ID)
		}
		if a, err := db.Decide(w.t.Context(), s.Subject, decision.Question{Purpose: "tailored_offers"}); err != nil || a.Reason != decision.Given {
			w.t.Errorf("%s is decided %+v, %v", s.Subject, a, err)
		}
	}
}

func TestAnIdempotencyKeyActsOnceOnAllServers(t *testing.T) {
	eachPostgres(t, testAnIdempotencyKeyActsOnceOnAllServers)
}

func testAnIdempotencyKeyActsOnceOnAllServers(t *testing.T, w *world) {
	all := slices.Repeat(w.servers(2), 2)
	subjects := map[string]func(i, k int) (subject.ID, string){
		"one subject":    func(i, _ int) (subject.ID, string) { return subject.ID(fmt.Sprintf("customer:one%d", i)), "body" },
		"other subjects": func(i, k int) (subject.ID, string) { return subject.ID(fmt.Sprintf("customer:o%d-%d", i, k)), "body" },
		"other bodies": func(i, k int) (subject.ID, string) {
			return subject.ID(fmt.Sprintf("customer:b%d-%d", i, k)), fmt.Sprint(k)
		},
	}
	rounds := count(10, 300)
	for name, of := range subjects {
		for i := range rounds {
			receipts := make([][]byte, len(all))
			together(all, func(k int, db *DB) {
				id, body := of(i, k)
				s := answer(id, "tailored_offers", consent.Given)
				s.Once = &Once{Client: "shop", Key: fmt.Sprint(name, i), Body: []byte(body)}
				r, err := db.Record(t.Context(), s)
				switch {
				case err == nil:
					receipts[k] = marshal(t, r[0].Record)
				case name != "other bodies" || fault.KindOf(err) != fault.Invalid:
					t.Errorf("%s: %v", name, err)
				}
			})
			if n := distinct(receipts); n != 1 {
				t.Errorf("%s: one key gave %d answers", name, n)
			}
		}
	}
	w.settled()
	if r, err := w.db.Check(t.Context()); err != nil || r.Events != int64(3*rounds) {
		t.Errorf("%+v, %v", r, err)
	}
}

// distinct counts the different ones, but for nil.
func distinct(all [][]byte) int {
	seen := map[string]bool{}
	for _, b := range all {
		if b != nil {
			seen[string(b)] = true
		}
	}
	return len(seen)
}

func TestAConfirmationAndAWithdrawalAtOnceEndInANo(t *testing.T) {
	eachPostgres(t, testAConfirmationAndAWithdrawalAtOnceEndInANo)
}

func testAConfirmationAndAWithdrawalAtOnceEndInANo(t *testing.T, w *world) {
	all := w.servers(1)
	after := map[string]int{}
	for i := range count(30, 1000) {
		id := subject.ID(fmt.Sprintf("email:n%d@example.com", i))
		if _, err := all[i%2].Submit(t.Context(), answer(id, "newsletter", consent.Given)); err != nil {
			t.Fatal(err)
		}
		var confirmed error
		together(all, func(k int, db *DB) {
			if k == 0 {
				_, confirmed = db.Confirm(t.Context(), id, "newsletter", consent.SurfaceDemo)
			} else if _, err := db.Submit(t.Context(), answer(id, "newsletter", consent.Withdrawn)); err != nil {
				t.Errorf("withdrawing: %v", err)
			}
		})
		if confirmed != nil && fault.KindOf(confirmed) != fault.Conflict {
			t.Errorf("confirming: %v", confirmed)
		}
		after[fmt.Sprint("confirmed first: ", confirmed == nil)]++
		for _, db := range all {
			if a, err := db.Decide(t.Context(), id, decision.Question{Purpose: "newsletter"}); err != nil || a.Allowed || a.Reason != decision.Withdrawn {
				t.Errorf("confirmed: %v; decided %+v, %v", confirmed, a, err)
			}
		}
	}
	t.Log(after)
	w.settled()
	w.check()
}

func TestErasingAndAnsweringAtOnce(t *testing.T) { eachPostgres(t, testErasingAndAnsweringAtOnce) }

// Whichever comes first: what is left is either nothing, or a person who began
// anew by an act of their own.
func testErasingAndAnsweringAtOnce(t *testing.T, w *world) {
	all := w.servers(1)
	for i := range count(20, 500) {
		id := subject.ID(fmt.Sprintf("customer:e%d", i))
		if _, err := all[i%2].Submit(t.Context(), answer(id, "tailored_offers", consent.Given)); err != nil {
			t.Fatal(err)
		}
		together(all, func(k int, db *DB) {
			if k == i%2 {
				if _, err := db.Erase(t.Context(), id, BySubject); err != nil {
					t.Errorf("erasing: %v", err)
				}
				if err := db.Shred(t.Context()); err != nil {
					t.Errorf("shredding: %v", err)
				}
			} else if _, err := db.Submit(t.Context(), answer(id, "coverage_study", consent.Given)); err != nil {
				t.Errorf("answering: %v", err)
			}
		})
		var reasons []decision.Reason
		for _, db := range all {
			for _, purpose := range []string{"tailored_offers", "coverage_study"} {
				a, err := db.Decide(t.Context(), id, decision.Question{Purpose: purpose})
				if err != nil {
					t.Fatal(err)
				}
				reasons = append(reasons, a.Reason)
			}
		}
		gone := []decision.Reason{decision.Erased, decision.Erased, decision.Erased, decision.Erased}
		anew := []decision.Reason{decision.NotAsked, decision.Given, decision.NotAsked, decision.Given}
		if !slices.Equal(reasons, gone) && !slices.Equal(reasons, anew) {
			t.Errorf("decided %v", reasons)
		}
	}
	w.settled()
	for _, db := range all {
		if _, err := db.Check(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatOneServerShowsEveryOtherServes(t *testing.T) {
	eachPostgres(t, testWhatOneServerShowsEveryOtherServes)
}

// What one server has shown, a client may ask of any other: behind one address
// it cannot tell them apart.
func testWhatOneServerShowsEveryOtherServes(t *testing.T, w *world) {
	wire := pgtest.NewWire(t, w.dsn)
	late := w.server(wire.DSN())
	rest(late) // it follows nobody by itself
	for i := range 3 {
		r, err := w.db.Submit(t.Context(), answer(subject.ID(fmt.Sprintf("customer:%d", i)), "tailored_offers", consent.Given))
		if err != nil {
			t.Fatal(err)
		}
		v := w.publish(strings.Replace(w.source(), "Once a month we write", fmt.Sprintf("Once in %d months we write", i+2), 1))
		w.settled()
		shown := w.head()
		got, err := ledger.OpenCheckpoint(late.Published(), late.LogKey())
		if err != nil || got != shown {
			t.Fatalf("one server shows %d entries, another %d: %v", shown.Size, got.Size, err)
		}
		w.serves(late, shown, i+2)
		if list, err := late.Receipts(t.Context(), r.IDs()); err != nil || list[0].Proof == nil {
			t.Errorf("a receipt of what is in the log: %+v, %v", list, err)
		}
		if late.InForce().ID != v.ID && late.Version(v.ID) == nil {
			t.Error("a version that was published is not known")
		}
	}
	shown := late.Published()
	wire.Refuse()
	wire.CutNow()
	if late.Published() != shown {
		t.Error("without its database a server shows another head than before")
	}
}

// serves holds a server to a head that was shown: it has its tiles, so many
// public records, and goes on from it.
func (w *world) serves(db *DB, shown ledger.Checkpoint, public int) {
	w.t.Helper()
	for level := range 2 {
		if tile, ok := ledger.TileAt(level, 0, shown.Size); ok {
			if _, err := db.Tile(w.t.Context(), tile); err != nil {
				w.t.Errorf("%s of a log of %d entries: %v", tile.Path(), shown.Size, err)
			}
		}
	}
	leaves, err := db.PublicLeaves(w.t.Context(), 0, 100)
	if err != nil || len(leaves) != public {
		w.t.Fatalf("public records at %v, not %d: %v", leaves, public, err)
	}
	for _, leaf := range leaves {
		if _, err := db.PublicRecord(w.t.Context(), leaf); err != nil {
			w.t.Errorf("the public record of leaf %d: %v", leaf, err)
		}
	}
	if g, err := db.Growth(shown.Size); err != nil || g.Size != shown.Size {
		w.t.Errorf("growth from %d entries: %+v, %v", shown.Size, g, err)
	}
}
