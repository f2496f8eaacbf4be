package store

import (
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

func (w *world) cancels(r request.Request, by subject.ID) {
	w.t.Helper()
	if _, _, err := w.db.Cancel(w.t.Context(), r.ID, by); err != nil {
		w.t.Fatal(err)
	}
}

// What two requests restrict is free when neither does any more.
func TestARestrictionStandsAsLongAsOneNeedsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.say(sara, "offers", consent.Given)
		w.say(second, "text_updates", consent.Given)
		one, _ := w.demand(request.Erasure, request.Demand{}, sara)
		two, _ := w.demand(request.Erasure, request.Demand{}, second)
		w.linked(sara, second)
		w.cancels(one, sara)
		w.wants(w.ask(second, "text_updates"), decision.Restricted)
		w.wants(w.ask(sara, "network_security"), decision.Restricted) // the stricter, since they are one person's
		w.cancels(two, second)
		w.wants(w.ask(second, "text_updates"), decision.Given)
		w.wants(w.ask(sara, "network_security"), decision.Basis)

		one, _ = w.demand(request.Erasure, request.Demand{}, sara)
		w.demand(request.Restriction, request.Demand{}, sara)
		w.cancels(one, sara)
		for _, id := range []subject.ID{sara, second} {
			w.wants(w.ask(id, "network_security"), decision.Restricted)
		}
		w.settled()
		w.check()
	})
}

// An erasure that somebody asked by a phone number alone neither is the person's own
// nor keeps theirs from beginning; with it, what it restricted besides ends.
func TestAnErasureOfOneAloneIsNotTheWholes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.say(second, "text_updates", consent.Given)
		w.say(sara, "offers", consent.Given)
		w.linked(sara, second)
		alone, _, err := w.db.Ask(t.Context(), Ask{Subjects: []subject.ID{second}, Kind: request.Erasure, Alone: true})
		if err != nil {
			t.Fatal(err)
		}
		w.pass(time.Hour)
		whole, _ := w.demand(request.Erasure, request.Demand{}, sara)
		if whole.ID == alone.ID {
			t.Fatal("the person's erasure is that of a phone number alone")
		}
		if again, _, err := w.db.Ask(t.Context(), Ask{Subjects: []subject.ID{sara}, Kind: request.Erasure}); err != nil || again.ID != whole.ID {
			t.Errorf("asked twice: %+v, %v", again, err)
		}
		w.cancels(alone, second) // whoever has the number
		w.wants(w.ask(second, "text_updates"), decision.Restricted)
		w.pass(request.ToThink)
		if _, err := w.db.EraseRequested(t.Context(), whole.ID); err != nil {
			t.Fatal(err)
		}
		for _, id := range []subject.ID{sara, second} {
			w.wants(w.ask(id, "text_updates"), decision.Erased)
		}
		w.check()
	})
}

// Who is linked while an erasure waits is restricted with it, and free when it is done.
func TestWhoIsLinkedWhileAnErasureWaitsIsNotLeftRestricted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const late subject.ID = "customer:88"
		w.say(sara, "offers", consent.Given)
		r, _ := w.demand(request.Erasure, request.Demand{}, sara)
		w.say(late, "tailored_offers", consent.Given)
		w.linked(sara, late)
		w.wants(w.ask(late, "tailored_offers"), decision.Restricted)
		w.pass(request.ToThink)
		if _, err := w.db.EraseRequested(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		w.wants(w.ask(sara, "offers"), decision.Erased)
		w.wants(w.ask(late, "tailored_offers"), decision.Given)
		w.settled()
		w.check()
	})
}
