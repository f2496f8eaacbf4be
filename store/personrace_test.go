package store

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// Whatever several servers do to one person at once, each act is whole: the links are
// mutual, states are what the events come to, and no server sees it otherwise.
func TestServersActOnOnePersonAtOnce(t *testing.T) { eachPostgres(t, testServersActOnOnePersonAtOnce) }

func testServersActOnOnePersonAtOnce(t *testing.T, w *world) {
	ids := []subject.ID{sara, "email:sara.n@example.org", second, customer, "customer:77", laptop}
	all := w.servers(1)
	for round := range count(5, 200) {
		together(slices.Repeat(all, 8), func(i int, db *DB) {
			rnd := rand.New(rand.NewPCG(uint64(round), uint64(i)))
			for range 3 {
				err := w.acts(db, rnd, ids)
				if k := fault.KindOf(err); err != nil && k != fault.Conflict && k != fault.Invalid && k != fault.Unknown {
					t.Errorf("round %d: %v", round, err)
				}
			}
		})
		w.pass(time.Minute)
		w.settled()
		for _, db := range all {
			if _, err := db.Check(t.Context()); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		for _, id := range ids {
			w.alike(all, id)
		}
	}
}

// acts does one thing to one of some identifiers, or to two.
func (w *world) acts(db *DB, rnd *rand.Rand, ids []subject.ID) (err error) {
	ctx, a, b := w.t.Context(), ids[rnd.IntN(len(ids)-1)], ids[rnd.IntN(len(ids)-1)]
	switch rnd.IntN(9) {
	case 0, 1:
		_, _, err = db.Link(ctx, Linking{First: a, Second: b, Proved: []subject.ID{a, b}, Path: "/en/me/undo/"})
	case 2:
		_, _, err = db.Unlink(ctx, a, a, "en")
	case 3:
		_, err = db.Meet(ctx, ids[len(ids)-1], a)
	case 4:
		_, err = db.Erase(ctx, a, BySubject)
	case 5:
		var r request.Request
		if r, _, err = db.Ask(ctx, Ask{Subjects: []subject.ID{a}, Kind: request.Erasure, Alone: rnd.IntN(2) == 0}); err == nil && rnd.IntN(3) > 0 {
			_, _, err = db.Cancel(ctx, r.ID, a)
		}
	default:
		id := ids[rnd.IntN(len(ids))]
		purpose := map[string]string{subject.Email: "newsletter", subject.Phone: "text_updates", subject.Customer: "tailored_offers", subject.Device: "analytics"}[id.Kind()]
		_, err = db.Submit(ctx, answer(id, purpose, []consent.Answer{consent.Given, consent.Given, consent.Refused}[rnd.IntN(3)]))
	}
	return err
}

// alike holds that every server says the same of an identifier.
func (w *world) alike(all []*DB, id subject.ID) {
	w.t.Helper()
	for _, purpose := range []string{"newsletter", "text_updates", "tailored_offers", "analytics"} {
		var told []decision.Reason
		for _, db := range all {
			a, err := db.Decide(w.t.Context(), id, decision.Question{Purpose: purpose})
			if err != nil {
				w.t.Fatal(err)
			}
			told = append(told, a.Reason)
		}
		if len(slices.Compact(told)) != 1 {
			w.t.Fatalf("of %s for %s servers say %v", id, purpose, told)
		}
	}
}
