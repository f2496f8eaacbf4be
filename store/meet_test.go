package store

import (
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/subject"
)

const (
	laptop  subject.ID = "device:AAECAwQFBgcICQoLDA0ODw"
	desktop subject.ID = "device:AQECAwQFBgcICQoLDA0ODw"
)

// meets lets a browser meet who is signed in with it, and holds whether anything
// was taken back.
func (w *world) meets(device subject.ID, changes bool, ids ...subject.ID) {
	w.t.Helper()
	w.pass(time.Millisecond)
	changed, err := w.db.Meet(w.t.Context(), device, ids...)
	if err != nil || changed != changes {
		w.t.Fatalf("%s and %v: changed %t, %v", device, ids, changed, err)
	}
	w.pass(time.Millisecond)
}

// both makes analytics a purpose of browsers and mailboxes.
func (w *world) both() {
	w.t.Helper()
	w.publish(strings.Replace(w.source(), "keep: P13M\n    acts_on: [device]", "keep: P13M\n    acts_on: [device, email]", 1))
}

func TestANoOfThePersonReachesTheBrowser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.meets(laptop, false, sara) // of neither is anything known, and nothing is kept
		w.say(laptop, "analytics", consent.Given)
		w.say(laptop, "comfort", consent.Given)
		w.meets(laptop, false, sara)
		w.pass(time.Second)
		w.say(sara, "analytics", consent.Refused)
		w.meets(laptop, true, sara)
		w.wants(w.ask(laptop, "analytics"), decision.Withdrawn)
		w.wants(w.ask(laptop, "comfort"), decision.Given)
		page, err := w.db.Events(t.Context(), HistoryQuery{Subject: laptop})
		if err != nil || len(page.Events) != 3 || page.Events[0].Purpose != "analytics" || page.Events[0].Kind != "consent.withdrawn" {
			t.Errorf("%+v, %v", page, err)
		}
		w.meets(laptop, false, sara)
		w.say(laptop, "analytics", consent.Given) // a later word
		w.meets(laptop, false, sara)
		w.wants(w.ask(laptop, "analytics"), decision.Given)
		if members, err := w.db.Person(t.Context(), laptop); err != nil || members != nil {
			t.Errorf("it is linked: %v, %v", members, err)
		}
		w.settled()
		w.check()
	})
}

func TestANoOfTheBrowserReachesThePersonAndAYesDoesNot(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.both()
		w.say(laptop, "analytics", consent.Given)
		w.say(laptop, "comfort", consent.Given)
		w.linked(sara, customer)
		w.meets(laptop, false, customer)
		w.wants(w.ask(sara, "analytics"), decision.NotAsked) // a yes does not cross
		w.say(sara, "analytics", consent.Given)
		w.pass(time.Second)
		w.say(laptop, "analytics", consent.Withdrawn)
		w.meets(laptop, true, customer) // and to all that is linked
		w.wants(w.ask(sara, "analytics"), decision.Withdrawn)
		w.wants(w.ask(customer, "analytics"), decision.Withdrawn)
		w.say(sara, "analytics", consent.Given)
		w.meets(laptop, false, sara)
		w.wants(w.ask(sara, "analytics"), decision.Given)
		w.settled()
		w.check()
	})
}

// What one person said is no word of the browser: the next does not get it by it,
// neither a no nor anything else that holds for the first.
func TestASharedBrowserCarriesNothingFromOneToTheNext(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const guest subject.ID = "email:guest@example.org"
		w.both()
		w.say(guest, "analytics", consent.Given)
		w.say(guest, "newsletter", consent.Refused)
		w.say(laptop, "analytics", consent.Given)
		w.say(laptop, "comfort", consent.Given)
		w.pass(time.Second)
		w.say(sara, "analytics", consent.Refused)
		if err := w.db.write(t.Context(), func(tx *tx) error {
			if err := tx.lockPerson(sara); err != nil {
				return err
			}
			p, err := tx.db.lookup(tx.row, sara)
			if err == nil {
				p.facts.Child = true
				err = tx.saveFacts(p)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w.meets(laptop, true, sara)
		w.wants(w.ask(laptop, "analytics"), decision.Withdrawn)
		w.wants(w.ask(laptop, "comfort"), decision.Given)
		w.meets(laptop, false, guest)
		w.wants(w.ask(guest, "analytics"), decision.Given)
		w.say(laptop, "analytics", consent.Given) // the guest's, at this browser
		w.pass(time.Second)
		w.say(laptop, "analytics", consent.Withdrawn)
		w.meets(laptop, true, guest) // which is the browser's own
		w.wants(w.ask(guest, "analytics"), decision.Withdrawn)
		w.settled()
		w.check()
	})
}

// A no to everything ends what the browser allowed too, and is no word of the browser.
func TestANoToEverythingReachesTheBrowser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const guest subject.ID = "email:guest@example.org"
		w.both()
		w.say(laptop, "analytics", consent.Given)
		w.say(laptop, "comfort", consent.Given)
		w.say(guest, "analytics", consent.Given)
		w.pass(time.Second)
		for i, want := range []int{2, 0} {
			ids, err := w.db.MeetNo(t.Context(), laptop, sara)
			if err != nil || len(ids) != want {
				t.Fatalf("%d: %v, %v", i, ids, err)
			}
		}
		for _, purpose := range []string{"analytics", "comfort"} {
			w.wants(w.ask(laptop, purpose), decision.Withdrawn)
		}
		w.meets(laptop, false, guest) // the next one
		w.wants(w.ask(guest, "analytics"), decision.Given)
		w.say(laptop, "comfort", consent.Given)
		w.wants(w.ask(laptop, "comfort"), decision.Given)
		w.settled()
		w.check()
	})
}
