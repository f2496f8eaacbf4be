package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/proof"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// link links two identifiers that somebody proved both.
func (w *world) link(first, second subject.ID) ([]Notice, error) {
	w.t.Helper()
	_, told, err := w.db.Link(w.t.Context(), Linking{First: first, Second: second, Proved: []subject.ID{first, second}, Language: "en", Path: "/en/me/undo/"})
	return told, err
}

func (w *world) linked(first, second subject.ID) {
	w.t.Helper()
	if _, err := w.link(first, second); err != nil {
		w.t.Fatal(err)
	}
	w.pass(time.Millisecond)
}

func (w *world) unlinked(id subject.ID) {
	w.t.Helper()
	if _, _, err := w.db.Unlink(w.t.Context(), id, id, "en"); err != nil {
		w.t.Fatal(err)
	}
	w.pass(time.Millisecond)
}

// slowPerson is what should come of links, yeses and noes, written down as
// plainly as it is said: a no reaches everybody who is linked, at once or when
// they are linked; a yes is one identifier's own.
type slowPerson struct {
	set  map[subject.ID]int    // which identifiers are one person's
	said map[subject.ID]string // yes, no
}

func (m *slowPerson) of(id subject.ID) (all []subject.ID) {
	for other, set := range m.set {
		if set == m.set[id] {
			all = append(all, other)
		}
	}
	slices.Sort(all)
	return all
}

func (m *slowPerson) no(id subject.ID) {
	for _, other := range m.of(id) {
		m.said[other] = "no"
	}
}

func (m *slowPerson) link(a, b subject.ID) {
	as, bs := m.of(a), m.of(b)
	if m.set[a] == m.set[b] || len(as) > 1 && len(bs) > 1 {
		return
	}
	isNo := func(id subject.ID) bool { return m.said[id] == "no" }
	left, right := slices.ContainsFunc(as, isNo), slices.ContainsFunc(bs, isNo)
	for _, id := range as {
		if m.set[id] = m.set[b]; right {
			m.said[id] = "no"
		}
	}
	for _, id := range bs {
		if left {
			m.said[id] = "no"
		}
	}
}

// allowed answers for a purpose that acts on phones.
func (m *slowPerson) allowed(id subject.ID) bool {
	if id.Kind() == subject.Phone {
		return m.said[id] == "yes"
	}
	phones := 0
	for _, other := range m.of(id) {
		if other.Kind() == subject.Phone {
			phones++
			if m.said[other] != "yes" {
				return false
			}
		}
	}
	return phones > 0
}

func TestLinksAgreeWithASlowModel(t *testing.T) { each(t, testLinksAgreeWithASlowModel) }

func testLinksAgreeWithASlowModel(t *testing.T, w *world) {
	ids := []subject.ID{"phone:+12075550101", "phone:+12075550102", "phone:+12075550103", "customer:1", "customer:2", "email:a@example.com"}
	m := &slowPerson{map[subject.ID]int{}, map[subject.ID]string{}}
	for i, id := range ids {
		m.set[id] = i
	}
	f := &follower{w: w, q: PermitQuery{Question: decision.Question{Purpose: "text_updates"}, By: "tok", Limit: 3}}
	rnd := rand.New(rand.NewPCG(11, uint64(len(t.Name()))))
	rounds, next := 120, len(ids)
	for i := range rounds {
		id, other := ids[rnd.IntN(len(ids))], ids[rnd.IntN(len(ids))]
		switch n := rnd.IntN(10); {
		case n < 3 && id != other:
			_, err := w.link(id, other)
			if err == nil {
				m.link(id, other)
			} else if fault.KindOf(err) != fault.Conflict || m.set[id] == m.set[other] {
				t.Fatal(err)
			}
		case n == 3:
			w.unlinked(id)
			m.set[id], next = next, next+1
		case n < 7 && id.Kind() == subject.Phone:
			w.say(id, "text_updates", consent.Given)
			m.said[id] = "yes"
		case n >= 7:
			w.say(id, "text_updates", []consent.Answer{consent.Refused, consent.Withdrawn}[rnd.IntN(2)])
			m.no(id)
		}
		w.pass(time.Millisecond)
		for _, id := range ids {
			a, err := w.db.Decide(t.Context(), id, decision.Question{Purpose: "text_updates"})
			if err != nil {
				t.Fatal(err)
			}
			if a.Allowed != m.allowed(id) {
				t.Fatalf("round %d: %s is %s; the model says %t of %v", i, id, a.Reason, m.allowed(id), m.said)
			}
		}
		if i%20 == 19 {
			f.agrees(ids)
		}
	}
	w.settled()
	w.check()
}

func TestANoCrossesAYesDoesNot(t *testing.T) { each(t, testANoCrossesAYesDoesNot) }

func testANoCrossesAYesDoesNot(t *testing.T, w *world) {
	const two, third subject.ID = "phone:+12075550199", "customer:77"
	w.say(second, "text_updates", consent.Given)
	w.linked(sara, second)
	w.linked(sara, third)
	w.wants(w.ask(third, "text_updates"), decision.Given)
	w.wants(w.ask(sara, "text_updates"), decision.Given)
	w.linked(sara, two)
	w.wants(w.ask(third, "text_updates"), decision.NotAsked) // the other phone never said yes
	w.wants(w.ask(second, "text_updates"), decision.Given)
	w.say(two, "text_updates", consent.Given)
	w.wants(w.ask(third, "text_updates"), decision.Given)
	w.pass(time.Second)
	slip := w.say(sara, "text_updates", consent.Withdrawn) // by an identifier that the purpose does not act on
	w.valid(slip)
	for _, id := range []subject.ID{sara, second, two, third} {
		if a := w.ask(id, "text_updates"); a != decision.Withdrawn && a != decision.Refused {
			t.Errorf("%s: %s", id, a)
		}
	}
	w.unlinked(second) // takes nothing back
	w.wants(w.ask(second, "text_updates"), decision.Withdrawn)
	w.pass(time.Second)
	w.say(second, "text_updates", consent.Given) // a later word of its own
	w.wants(w.ask(second, "text_updates"), decision.Given)
	w.wants(w.ask(third, "text_updates"), decision.Withdrawn)
	w.linked(second, sara) // and the stricter wins again
	w.wants(w.ask(second, "text_updates"), decision.Withdrawn)
	w.settled()
	w.check()
}

func TestALinkIsAnEventAndIsUndone(t *testing.T) { each(t, testALinkIsAnEventAndIsUndone) }

func testALinkIsAnEventAndIsUndone(t *testing.T, w *world) {
	done, told, err := w.db.Link(t.Context(), Linking{First: sara, Second: second, Proved: []subject.ID{sara, second}, Language: "en", Path: "/en/me/undo/"})
	if err != nil || len(told) != 2 {
		t.Fatalf("%+v, %v", told, err)
	}
	if err := done.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	slips, err := done.Receipts(t.Context())
	if err != nil || len(slips) != 2 {
		t.Fatal(len(slips), err)
	}
	for _, slip := range slips {
		w.valid(slip)
		if d := slip.Record.HasDemand; d.Kind != "link" || d.Step != receipt.DemandDone || d.Request != slips[0].ID {
			t.Errorf("%+v", d)
		}
	}
	pass, err := w.db.Use(t.Context(), Undo, told[0].Path[len("/en/me/undo/"):], "")
	if err != nil || subject.ID(pass.Data) != second {
		t.Fatalf("%+v, %v", pass, err)
	}
	if again, told, err := w.db.Link(t.Context(), Linking{First: second, Second: sara, Proved: []subject.ID{sara, second}}); err != nil || len(again.IDs())+len(told) != 0 {
		t.Errorf("linked twice: %v, %v", told, err)
	}
	ended, _, err := w.db.Unlink(t.Context(), subject.ID(pass.Data), pass.Owner, "en")
	if err != nil || len(ended.IDs()) != 2 {
		t.Fatal(ended.IDs(), err)
	}
	for _, id := range []subject.ID{sara, second} {
		if members, err := w.db.Person(t.Context(), id); err != nil || members != nil {
			t.Errorf("%s: %v, %v", id, members, err)
		}
	}
	if page, err := w.db.Events(t.Context(), HistoryQuery{Subject: second}); err != nil || len(page.Events) != 2 || page.Events[0].Kind != "link.undone" || page.Events[1].Kind != "link.made" {
		t.Errorf("%+v, %v", page, err)
	}
	w.settled()
	w.check()
}

func TestWhatHoldsForOneHoldsForAll(t *testing.T) { each(t, testWhatHoldsForOneHoldsForAll) }

func testWhatHoldsForOneHoldsForAll(t *testing.T, w *world) {
	const late subject.ID = "customer:88"
	w.say(sara, "offers", consent.Given)
	w.say(second, "text_updates", consent.Given)
	w.linked(sara, second)
	r, _ := w.demand(request.Erasure, request.Demand{}, sara)
	w.wants(w.ask(second, "text_updates"), decision.Restricted)
	w.linked(sara, late) // while it waits
	w.wants(w.ask(late, "tailored_offers"), decision.Restricted)
	if _, _, err := w.db.ConfirmRequest(t.Context(), r.ID, second); err == nil {
		t.Fatal("a phone that was linked a moment ago confirms an erasure")
	}
	if _, _, err := w.db.Cancel(t.Context(), r.ID, sara); err != nil {
		t.Fatal(err)
	}
	w.wants(w.ask(second, "text_updates"), decision.Given)
	w.wants(w.ask(late, "tailored_offers"), decision.NotAsked)
	w.demand(request.Objection, request.Demand{Purposes: []string{"network_security"}}, second)
	w.wants(w.ask(sara, "network_security"), decision.Objected)
	w.erase(second) // takes the set
	for _, id := range []subject.ID{sara, second, late} {
		w.wants(w.ask(id, "text_updates"), decision.Erased)
	}
	w.settled()
	w.check()
}

func TestASecondIdentifierConfirmsWhenItIsLinkedForLongEnough(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.say(sara, "offers", consent.Given)
		w.linked(sara, second) // a phone that nothing was known of
		w.pass(proof.Settles)
		r, _ := w.demand(request.Erasure, request.Demand{}, sara)
		if _, _, err := w.db.ConfirmRequest(t.Context(), r.ID, second); err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.EraseRequested(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		w.wants(w.ask(second, "text_updates"), decision.Erased)
		w.check()
	})
}

func TestErasingOneAloneLeavesNoTraceWithTheOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.say(second, "text_updates", consent.Given)
		w.linked(sara, second)
		w.linked(sara, "customer:5")
		_, done, err := w.db.Ask(t.Context(), Ask{Subjects: []subject.ID{second}, Kind: request.Erasure, Alone: true})
		if err != nil {
			t.Fatal(err)
		}
		w.wants(w.ask(sara, "network_security"), decision.Basis)
		w.pass(request.ToThink)
		if _, err := w.db.EraseRequested(t.Context(), done.IDs()[0]); err != nil {
			t.Fatal(err)
		}
		members, err := w.db.Person(t.Context(), sara)
		if err != nil || len(members) != 2 || members[1].ID != "customer:5" {
			t.Errorf("%v, %v", members, err)
		}
		w.wants(w.ask("customer:5", "text_updates"), decision.NotAsked)
		w.check()
	})
}

func TestWhoMayNotBeLinked(t *testing.T) { each(t, testWhoMayNotBeLinked) }

func testWhoMayNotBeLinked(t *testing.T, w *world) {
	const mine subject.ID = "email:thief@example.com"
	w.say(second, "text_updates", consent.Given)
	w.linked(sara, second)
	if _, err := w.link(mine, second); !errors.Is(err, ErrPhoneAlone) {
		t.Errorf("by a phone alone: %v", err)
	}
	w.linked(mine, "phone:+12075550177")
	if _, err := w.link(mine, sara); fault.KindOf(err) != fault.Conflict {
		t.Errorf("two that belong with others: %v", err)
	}
	members, err := w.db.Person(t.Context(), sara)
	if err != nil || len(members) != 2 {
		t.Fatal(members, err)
	}
	for _, m := range members {
		if m.Unsure != (m.ID == second) { // something was known of the phone
			t.Errorf("%+v", m)
		}
	}
	for i := range MaxLinked - 2 {
		w.linked(sara, subject.ID(fmt.Sprint("customer:", i)))
	}
	if _, err := w.link(sara, "customer:99"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("too many: %v", err)
	}
	w.erase("customer:3")
	if _, _, err := w.db.Link(t.Context(), Linking{First: "customer:3", Second: "email:new@example.com", Company: true}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("erased, by the company's word: %v", err)
	}
}

// What a parent permitted for one identifier of a child is permitted for no other,
// and whom a child's identifier is linked with is a child: the stricter holds.
func TestAParentPermitsOneIdentifierOfSeveral(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const other subject.ID = "phone:+12075550150"
		w.mailing()
		w.say(other, "text_updates", consent.Given)
		r := w.signed(w.asks(lina, "coverage_study"), []string{"coverage_study"})
		w.second(r)
		if _, err := w.db.Permit(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		w.linked(lina, other)
		w.claimed()
		w.wants(w.ask(lina, "coverage_study"), decision.Given)
		for _, purpose := range []string{"text_updates", "coverage_study"} {
			w.wants(w.ask(other, purpose), decision.Child)
		}
		w.wants(w.ask(lina, "text_updates"), decision.NotAsked) // the other's own yes is none of a child's
		if _, err := w.db.Submit(t.Context(), Submission{Subject: other, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "text_updates", Decision: consent.Given}}}); !errors.Is(err, ErrBelowAge) {
			t.Errorf("the other's yes: %v", err)
		}
		w.say(other, "coverage_study", consent.Refused) // a no reaches what the parent permitted
		w.wants(w.ask(lina, "coverage_study"), decision.Withdrawn)
		w.unlinked(other)
		w.wants(w.ask(other, "text_updates"), decision.Child) // it goes on to hold
		w.settled()
		w.check()
	})
}

// A pause ends by itself: a no said meanwhile by the link of a mail has to end
// what is paused too.
func TestANoEndsWhatIsPaused(t *testing.T) { each(t, testANoEndsWhatIsPaused) }

func testANoEndsWhatIsPaused(t *testing.T, w *world) {
	w.say(customer, "tailored_offers", consent.Given)
	token, _, err := w.db.LeaveToken(t.Context(), customer, "tailored_offers")
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := w.db.Pause(t.Context(), customer, []string{"tailored_offers"}, w.clock().Add(24*time.Hour), "en")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.LeaveBy(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	w.pass(25 * time.Hour)
	if _, err := w.db.EndPause(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	w.wants(w.ask(customer, "tailored_offers"), decision.Withdrawn)
	w.check()
}

// On PostgreSQL each of them holds a connection, and looks up what was shown to them
// by another.
func TestManyWhoAreLinkedAnswerAtOnce(t *testing.T) {
	eachPostgres(t, func(t *testing.T, w *world) {
		const many = 40
		for i := range many {
			w.linked(subject.ID(fmt.Sprintf("email:p%d@example.com", i)), subject.ID(fmt.Sprintf("customer:p%d", i)))
		}
		w.db.Close()
		w.open()
		var wg sync.WaitGroup
		errs := make([]error, many)
		for i := range many {
			wg.Go(func() {
				_, errs[i] = w.db.Submit(t.Context(), Submission{Subject: subject.ID(fmt.Sprintf("customer:p%d", i)), Surface: consent.SurfaceAPI,
					Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Refused}}})
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		w.settled()
		w.check()
	})
}

// A no that meets a no ends the recipients' own permissions there all the same.
func TestANoEndsPermissionsWhereItIsNoAlready(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const other subject.ID = "customer:77"
		w.linked(customer, other)
		w.say(other, "coverage_study", consent.Refused)
		institute := Submission{Subject: other, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "coverage_study", Recipient: "institute", Decision: consent.Given}}}
		if _, err := w.db.Submit(t.Context(), institute); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		w.say(customer, "coverage_study", consent.Refused)
		w.unlinked(other)
		w.say(other, "coverage_study", consent.Given)
		w.wants(w.ask(other, "coverage_study"), decision.Given)
		w.wants(w.shares(other, "coverage_study", "institute"), decision.RecipientNotPermitted)
		w.settled()
		w.check()
	})
}

// Two that both belong with others are joined one by one: taken away there first.
func TestTwoSetsAreJoinedOneByOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const mine, phone subject.ID = "email:sara.n@example.org", "phone:+12075550177"
		w.say(second, "text_updates", consent.Given)
		w.linked(sara, second)
		w.linked(mine, phone)
		w.say(mine, "text_updates", consent.Refused)
		if _, err := w.link(sara, mine); !errors.Is(err, ErrOthers) {
			t.Fatal(err)
		}
		w.wants(w.ask(second, "text_updates"), decision.Given)
		w.unlinked(mine)
		w.linked(sara, mine)
		w.linked(sara, phone)
		members, err := w.db.Person(t.Context(), phone)
		if err != nil || len(members) != 4 {
			t.Fatal(members, err)
		}
		w.wants(w.ask(second, "text_updates"), decision.Withdrawn) // noes cross at the joining
		w.settled()
		w.check()
	})
}

// A session that ended while a code was typed in it links nothing.
func TestASessionThatEndedLinksNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.session("one", sara, "Firefox")
		l := Linking{First: sara, Second: second, Proved: []subject.ID{sara, second}, Session: "one", Path: "/en/me/undo/"}
		if err := w.db.EndSession(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.db.Link(t.Context(), l); !errors.Is(err, ErrEnded) {
			t.Errorf("ended: %v", err)
		}
		if members, err := w.db.Person(t.Context(), sara); err != nil || members != nil {
			t.Errorf("%v, %v", members, err)
		}
		w.session("two", sara, "Firefox")
		l.Session = "two"
		if _, told, err := w.db.Link(t.Context(), l); err != nil || len(told) != 2 {
			t.Errorf("%v, %v", told, err)
		}
		w.check()
	})
}
