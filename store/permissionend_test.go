package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// asksTwice has a parent sign, and the second mail come: what is left is the second step.
func (w *world) asksTwice(child subject.ID, s Signed) request.Request {
	w.t.Helper()
	token := w.asks(child, s.Purposes...)
	s.Name, s.Policy = "Huda Haddad", w.db.InForce().ID
	r, _, err := w.db.SignPermission(w.t.Context(), token, s)
	if err != nil {
		w.t.Fatal(err)
	}
	w.second(r)
	return r
}

// permitted has a parent take both steps.
func (w *world) permitted(child subject.ID, s Signed) request.Request {
	w.t.Helper()
	r := w.asksTwice(child, s)
	if _, err := w.db.Permit(w.t.Context(), r.ID); err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) endsPermission(r request.Request) {
	w.t.Helper()
	if _, err := w.db.EndPermission(w.t.Context(), r.ID); err != nil {
		w.t.Fatal(err)
	}
}

// What a permission gave ends with it, but for what another one gives: a third party
// is another question than its purpose.
func TestAThirdPartyEndsWithItsOwnPermission(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		all := w.permitted(lina, Signed{Purposes: []string{"coverage_study"}, Recipients: []string{"coverage_study/institute"}})
		less := w.permitted(lina, Signed{Purposes: []string{"coverage_study"}})
		w.wants(w.shares(lina, "coverage_study", "institute"), decision.Given)
		w.endsPermission(all)
		w.wants(w.ask(lina, "coverage_study"), decision.Given)
		w.wants(w.shares(lina, "coverage_study", "institute"), decision.RecipientNotPermitted)
		all = w.permitted(lina, Signed{Purposes: []string{"coverage_study"}, Recipients: []string{"coverage_study/institute"}})
		w.endsPermission(less)
		w.wants(w.shares(lina, "coverage_study", "institute"), decision.Given)
		w.endsPermission(all)
		w.wants(w.ask(lina, "coverage_study"), decision.Child)
		w.standsIn(lina, "coverage_study", false)
		w.check()
	})
}

// Of several first permissions at once none leaves what the child itself said yes to,
// nor a third party that no parent permitted.
func TestTheFirstPermissionsEndTheChildsOwnYeses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		w.say(lina, "tailored_offers", consent.Given)
		own := Submission{Subject: lina, Surface: consent.SurfaceAPI, Choices: []consent.Choice{
			{Purpose: "coverage_study", Decision: consent.Given}, {Purpose: "coverage_study", Recipient: "institute", Decision: consent.Given}}}
		if _, err := w.db.Submit(t.Context(), own); err != nil {
			t.Fatal(err)
		}
		one, two := w.asksTwice(lina, Signed{Purposes: []string{"coverage_study"}}), w.asksTwice(lina, Signed{Purposes: []string{"coverage_study"}})
		for _, r := range []request.Request{one, two} { // both before what follows from either
			if err := w.db.write(t.Context(), func(tx *tx) error { return tx.permit(r.ID, new(*appended)) }); err != nil {
				t.Fatal(err)
			}
		}
		w.wants(w.ask(lina, "tailored_offers"), decision.Withdrawn)
		for _, r := range []request.Request{one, two} {
			if err := w.db.Permitted(t.Context(), r.ID); err != nil {
				t.Fatal(err)
			}
		}
		w.wants(w.ask(lina, "tailored_offers"), decision.Withdrawn)
		w.wants(w.ask(lina, "coverage_study"), decision.Given)
		w.wants(w.shares(lina, "coverage_study", "institute"), decision.RecipientNotPermitted)
		w.check()
	})
}

// A permission may begin and end among acts that are written together: what the
// second reads is what the first wrote.
func TestAPermissionEndsInTheMomentItBegins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		child := subject.ID("customer:41")
		r := w.asksTwice(child, Signed{Purposes: []string{"coverage_study"}})
		err := w.db.write(t.Context(), func(tx *tx) error {
			var done *appended
			if err := tx.permit(r.ID, &done); err != nil {
				return err
			}
			_, _, err := tx.unpermitted(r.ID)
			return err
		})
		if err == nil {
			err = w.db.Unpermitted(t.Context(), r.ID)
		}
		f, ferr := w.db.Facts(t.Context(), child)
		if err = errors.Join(err, ferr); err != nil || len(f.Permits) > 0 {
			t.Errorf("%+v, %v", f, err)
		}
		w.wants(w.ask(child, "coverage_study"), decision.Child)
		w.settled()
		w.check()
	})
}

// While a parent is erased nobody confirms a permission that nobody could take back.
func TestAnErasedParentLeavesNoPermission(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		w.say(parent, "newsletter", consent.Refused)
		children := []subject.ID{"customer:31", "customer:32", "customer:33"}
		var list []request.Request
		for _, child := range children {
			list = append(list, w.asksTwice(child, Signed{Purposes: []string{"coverage_study"}}))
		}
		if _, err := w.db.Permit(t.Context(), list[0].ID); err != nil {
			t.Fatal(err)
		}
		err := w.db.write(t.Context(), func(tx *tx) error { // what was permitted since it was looked
			_, err := tx.eraseAll([]subject.ID{parent}, BySubject)
			return err
		})
		if !errors.Is(err, errPermitted) {
			t.Fatalf("a parent whose permission stands is erased: %v", err)
		}
		together(slices.Repeat([]*DB{w.db}, len(list)), func(i int, db *DB) {
			var err error
			if i == 0 {
				_, err = db.Erase(t.Context(), parent, BySubject)
			} else if _, err = db.Permit(t.Context(), list[i].ID); fault.KindOf(err) == fault.Unknown || fault.KindOf(err) == fault.Conflict {
				err = nil // the erasure was sooner
			}
			if err != nil {
				t.Error(err)
			}
		})
		for _, child := range children {
			if f, err := w.db.Facts(t.Context(), child); err != nil || len(f.Permits) > 0 {
				t.Errorf("%s: %+v, %v", child, f, err)
			}
			if got := w.ask(child, "coverage_study"); got != decision.Child && got != decision.UnknownSubject {
				t.Errorf("%s: %s", child, got)
			}
		}
		w.settled()
		w.check()
	})
}

// A parent who signs while something else of theirs is written loses none of it.
func TestAParentSignsBesideOtherActs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		var tokens []string
		for range maxParents {
			tokens = append(tokens, w.asks(lina, "coverage_study"))
		}
		together(slices.Repeat([]*DB{w.db}, 12), func(i int, db *DB) {
			var err error
			if i < len(tokens) {
				_, _, err = db.SignPermission(t.Context(), tokens[i], Signed{Purposes: []string{"coverage_study"}, Name: "Huda Haddad", Policy: db.InForce().ID})
			} else {
				_, err = db.Submit(t.Context(), answer(parent, "newsletter", consent.Refused))
			}
			if err != nil {
				t.Error(err)
			}
		})
		if list, err := w.db.Requests(t.Context(), parent); err != nil || len(list) != len(tokens) {
			t.Errorf("%d permissions, %v", len(list), err)
		}
		w.settled()
		w.check()
	})
}

// A child is one until the year is over that the parent named, and then until their
// own next yes: what the parent permitted stands, and is theirs to take back.
func TestAChildGrowsUp(t *testing.T) { each(t, testAChildGrowsUp) }

func testAChildGrowsUp(t *testing.T, w *world) {
	const phone, late subject.ID = "phone:+12075550150", "customer:88"
	w.mailing()
	token := w.asks(lina, "coverage_study")
	for _, year := range []int{2025, 2043} {
		_, _, err := w.db.SignPermission(t.Context(), token, Signed{Purposes: []string{"coverage_study"}, Name: "Huda Haddad", Grown: year, Policy: w.db.InForce().ID})
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%d: %v", year, err)
		}
	}
	r, _, err := w.db.SignPermission(t.Context(), token, Signed{Purposes: []string{"coverage_study"}, Name: "Huda Haddad", Grown: 2026, Policy: w.db.InForce().ID})
	if err != nil {
		t.Fatal(err)
	}
	w.second(r)
	if _, err := w.db.Permit(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	w.linked(lina, phone)
	w.sendsAll()
	says := func(id subject.ID, purpose string) error {
		_, err := w.db.Submit(t.Context(), answer(id, purpose, consent.Given))
		return err
	}
	end := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	w.pass(end.Add(-time.Millisecond).Sub(w.clock()))
	for id, purpose := range map[subject.ID]string{lina: "tailored_offers", phone: "text_updates"} {
		if err := says(id, purpose); !errors.Is(err, ErrBelowAge) {
			t.Errorf("%s, a moment before: %v", id, err)
		}
	}
	w.pass(time.Millisecond)
	w.wants(w.ask(phone, "text_updates"), decision.Child) // nothing changes by itself
	w.wants(w.ask(lina, "coverage_study"), decision.Given)
	if got := w.imports(listed(lina, "tailored_offers", consent.Given, "2026-05-01")); got[0] != BelowAge {
		t.Errorf("a yes of before is %s", got[0])
	}
	if err := errors.Join(says(lina, "tailored_offers"), says(phone, "text_updates")); err != nil {
		t.Fatal(err)
	}
	for id, purpose := range map[subject.ID]string{lina: "tailored_offers", phone: "text_updates"} {
		w.wants(w.ask(id, purpose), decision.Given)
		if f, err := w.db.Facts(t.Context(), id); err != nil || f.Child || len(f.Permits) > 0 {
			t.Errorf("%s: %+v, %v", id, f, err)
		}
	}
	w.wants(w.ask(lina, "coverage_study"), decision.Given)
	w.linked(lina, late)
	w.wants(w.ask(late, "coverage_study"), decision.NotAsked)
	w.endsPermission(r)
	w.wants(w.ask(lina, "coverage_study"), decision.Withdrawn)
	w.wants(w.ask(lina, "tailored_offers"), decision.Given)
	w.settled()
	w.check()
}

// Of two words about a child the later end counts, and whoever gives none has said
// the latest there is.
func TestTheLaterEndOfAChildhoodCounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		for i, c := range []struct{ year, want int }{{2028, 2029}, {2027, 2029}, {0, 2043}} {
			w.permitted(lina, Signed{Purposes: []string{"coverage_study"}, Grown: c.year})
			if f, err := w.db.Facts(t.Context(), lina); err != nil || !f.Child || f.Grown.Year() != c.want || len(f.Permits) != i+1 {
				t.Errorf("%d: %+v, %v", c.year, f, err)
			}
		}
		const other subject.ID = "customer:40"
		w.pass(25 * time.Hour)
		w.permitted(other, Signed{Purposes: []string{"coverage_study"}, Grown: 2029})
		w.linked(lina, other)
		if f, err := w.db.Facts(t.Context(), other); err != nil || f.Grown.Year() != 2043 {
			t.Errorf("%+v, %v", f, err)
		}
		w.check()
	})
}

// What a stranger typed for an address lapses; what its owner asked for does not.
func TestAStrangersSignUpTakesNothingAlong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		const kept, owed subject.ID = "email:kept@example.com", "email:owed@example.com"
		w.demand(request.Objection, request.Demand{Purposes: []string{"network_security"}}, kept)
		w.demand(request.Access, request.Demand{Text: "What do you know?"}, owed)
		for _, id := range []subject.ID{kept, owed, sara} {
			w.say(id, "newsletter", consent.Given)
		}
		w.pass(31 * 24 * time.Hour)
		if err := w.db.EraseUnconfirmed(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wants(w.ask(kept, "network_security"), decision.Objected)
		if list, err := w.db.Requests(t.Context(), owed); err != nil || len(list) != 1 {
			t.Errorf("%v, %v", list, err)
		}
		w.wants(w.ask(sara, "newsletter"), decision.UnknownSubject)
		for _, id := range []subject.ID{kept, owed} {
			w.wants(w.ask(id, "newsletter"), decision.Unconfirmed)
		}
		w.check()
	})
}

// No parent loses a permission because a stranger types their address.
func TestAParentIsNotForgotten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		w.say(parent, "newsletter", consent.Given)
		w.sendsAll()
		r := w.permitted(lina, Signed{Purposes: []string{"coverage_study"}})
		w.pass(31 * 24 * time.Hour)
		if err := w.db.EraseUnconfirmed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if list := w.claimed(); slices.ContainsFunc(list, func(m Mail) bool { return m.Letter.Kind == letter.Again }) {
			t.Error(list)
		}
		w.endsPermission(r)
		w.wants(w.ask(lina, "coverage_study"), decision.Child)
		w.check()
	})
}

// Whoever restores a backup of before a parent's erasure gets no permission back that
// nobody could end.
func TestARestoreBringsNoPermissionOfAnErasedParentBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		w.permitted(lina, Signed{Purposes: []string{"coverage_study"}})
		w.permitted("customer:31", Signed{Purposes: []string{"coverage_study"}})
		w.settled()
		backup := w.backup()
		w.erase(parent)
		w.settled()
		if err := w.db.Shred(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, v := w.restored("sqlite", backup)
		v.run(r)
		for _, child := range []subject.ID{lina, "customer:31"} {
			if f, err := v.db.Facts(t.Context(), child); err != nil || !f.Child || len(f.Permits) > 0 {
				t.Errorf("%s: %+v, %v", child, f, err)
			}
			v.wants(v.ask(child, "coverage_study"), decision.Child)
		}
		v.check()
	})
}
