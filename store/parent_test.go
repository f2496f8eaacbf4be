package store

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

const (
	lina   subject.ID = "customer:20077" // a child
	parent subject.ID = "email:huda@example.com"
)

// asks has the child name the parent, and gives the token of the mail.
func (w *world) asks(child subject.ID, purposes ...string) string {
	w.t.Helper()
	return w.asksAs(ParentAsk{Child: child, Purposes: purposes, Proved: true})
}

func (w *world) asksAs(a ParentAsk) string {
	w.t.Helper()
	a.Parent, a.Language = parent, "ar"
	if err := w.db.AskParent(w.t.Context(), a); err != nil {
		w.t.Fatal(err)
	}
	return w.posted(letter.Parent, "/parent/")
}

// posted gives the token of the one mail that waits.
func (w *world) posted(kind letter.Kind, path string) string {
	w.t.Helper()
	list := w.claimed()
	if len(list) != 1 || list[0].Letter.Kind != kind || list[0].Letter.To != "huda@example.com" {
		w.t.Fatalf("%d mails wait: %v", len(list), list)
	}
	if err := w.db.EndMail(w.t.Context(), list[0], MailSent, nil); err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimPrefix(list[0].Letter.Path, path)
}

func (w *world) signed(token string, purposes []string, recipients ...string) request.Request {
	w.t.Helper()
	r, done, err := w.db.SignPermission(w.t.Context(), token, Signed{Purposes: purposes, Recipients: recipients, Name: "Huda Haddad", Language: "ar", Policy: w.db.InForce().ID})
	if err != nil {
		w.t.Fatal(err)
	}
	if d := w.complete(done).Record.HasDemand; d == nil || d.Signature != "Huda Haddad" || d.Kind != "permission" || !slices.Equal(d.Recipients, recipients) {
		w.t.Errorf("the receipt of the signature says %+v", d)
	}
	return r
}

// second has the second mail come, and gives the token of its link.
func (w *world) second(r request.Request) string {
	w.t.Helper()
	w.pass(request.SecondAfter)
	if err := w.db.AskAgain(w.t.Context(), r.ID); err != nil {
		w.t.Fatal(err)
	}
	return w.posted(letter.Again, "/p/")
}

func (w *world) shares(id subject.ID, purpose, recipient string) decision.Reason {
	w.t.Helper()
	a, err := w.db.Decide(w.t.Context(), id, decision.Question{Purpose: purpose, Recipient: recipient})
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Reason
}

func TestAParentPermitsAndTakesBack(t *testing.T) { each(t, testAParentPermitsAndTakesBack) }

func testAParentPermitsAndTakesBack(t *testing.T, w *world) {
	w.mailing()
	w.say(lina, "tailored_offers", consent.Given) // before anybody knew the age
	token := w.asks(lina, "tailored_offers", "coverage_study")
	if _, _, err := w.db.SignPermission(t.Context(), token, Signed{Purposes: []string{"newsletter"}, Name: "Huda Haddad", Policy: w.db.InForce().ID}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("more is permitted than was asked: %v", err)
	}
	if _, _, err := w.db.SignPermission(t.Context(), token, Signed{Purposes: []string{"coverage_study"}, Name: "H\u202ea", Policy: w.db.InForce().ID}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a name that turns: %v", err)
	}
	r := w.signed(token, []string{"coverage_study"}, "coverage_study/institute")
	if _, _, err := w.db.SignPermission(t.Context(), token, Signed{Purposes: []string{"coverage_study"}, Name: "Huda Haddad", Policy: w.db.InForce().ID}); fault.KindOf(err) != fault.Denied {
		t.Errorf("the link of the first mail opens twice: %v", err)
	}
	w.wants(w.ask(lina, "coverage_study"), decision.NotAsked)
	if _, err := w.db.Permit(t.Context(), r.ID); fault.KindOf(err) != fault.Conflict {
		t.Errorf("both steps at once: %v", err)
	}
	link := w.second(r)
	w.wants(w.ask(lina, "coverage_study"), decision.NotAsked)
	got, err := w.db.PermissionBy(t.Context(), link)
	if err != nil || got.ID != r.ID {
		t.Fatalf("the link leads to %+v, %v", got, err)
	}
	if _, err := w.db.Permit(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	w.wants(w.ask(lina, "coverage_study"), decision.Given)
	w.wants(w.shares(lina, "coverage_study", "institute"), decision.Given)
	w.wants(w.ask(lina, "tailored_offers"), decision.Withdrawn) // not the parent's
	_, err = w.db.Submit(t.Context(), Submission{Subject: lina, Surface: consent.SurfaceAPI, Attested: true, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}})
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("a yes that is not the parent's: %v", err)
	}
	more := w.signed(w.asks(lina, "tailored_offers"), []string{"tailored_offers"})
	w.second(more)
	if _, err := w.db.Permit(t.Context(), more.ID); err != nil {
		t.Fatal(err)
	}
	w.wants(w.ask(lina, "tailored_offers"), decision.Given)
	for range 2 { // done twice it is done once
		if _, err := w.db.EndPermission(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.wants(w.ask(lina, "coverage_study"), decision.Withdrawn)
	w.wants(w.shares(lina, "coverage_study", "institute"), decision.Withdrawn)
	w.wants(w.ask(lina, "tailored_offers"), decision.Given) // another permission's
	if _, err := w.db.Erase(t.Context(), parent, BySubject); err != nil {
		t.Fatal(err)
	}
	w.wants(w.ask(lina, "tailored_offers"), decision.Child) // nobody could take it back any more
	list, _, err := w.db.ReceiptsOf(t.Context(), lina, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	steps := map[string]int{}
	for _, one := range list {
		if d := one.Record.HasDemand; d != nil && d.By == "parent" {
			steps[string(d.Step)]++
		} else if c := one.Record.HasConsent; c != nil && c.Surface == consent.SurfaceParent && c.By == "parent" {
			steps[string(c.Decision)]++
		}
	}
	if steps["confirmed"] != 2 || steps["cancelled"] != 2 || steps["given"] != 3 || steps["withdrawn"] < 3 {
		t.Errorf("the child's receipts tell of %v", steps)
	}
	w.check()
}

// TestNothingIsLeftOfAnUnansweredQuestion reads the bytes: while a parent has not
// answered nothing in the database leads to the child, and afterwards nothing
// opens what the parent was told.
func TestNothingIsLeftOfAnUnansweredQuestion(t *testing.T) {
	for name, answer := range map[string]func(*world, string){
		"no answer": func(*world, string) {},
		"a no": func(w *world, token string) {
			if err := w.db.RefuseParent(w.t.Context(), token); err != nil {
				w.t.Error(err)
			}
		},
		"signed, and not confirmed": func(w *world, token string) { w.second(w.signed(token, []string{"coverage_study"})) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.mailing()
			token := w.asks(lina, "coverage_study")
			w.childless(token)
			answer(w, token)
			w.childless(token)
			for range 3 {
				w.pass(ParentFor)
				due, err := w.db.DueRequests(t.Context(), 10)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range due {
					if err := w.db.AskAgain(t.Context(), d.ID); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.db.EraseUnconfirmed(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for _, table := range []string{"pass", "mail", "request", "subject", "identifier", "unconfirmed"} {
				if n := w.count(`SELECT count(*) FROM ` + table); n != 0 {
					t.Errorf("%d rows of %s are left", n, table)
				}
			}
			if n := w.count(`SELECT count(*) FROM shred`); n == 0 {
				t.Error("the key of what the mail said is not destroyed")
			}
			if err := w.db.Shred(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.childless(token)
			if _, err := w.db.ParentAsked(t.Context(), token); fault.KindOf(err) != fault.Denied {
				t.Errorf("the link opens still: %v", err)
			}
			w.check()
		})
	}
}

// childless holds that nothing in the files of the database, free pages among
// them, leads to the child: no clear text, no tag under any key, no token.
func (w *world) childless(token string) {
	w.t.Helper()
	tags := map[string][]byte{"identifier": []byte(lina), "number": []byte("20077"), "token": []byte(token), "suppression": w.db.suppressionTag(lina),
		"owner": w.db.ownerTag(lina), "index": w.db.placeOf(lina).tag}
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(w.file() + suffix)
		if err != nil && !os.IsNotExist(err) {
			w.t.Fatal(err)
		}
		for what, value := range tags {
			if bytes.Contains(data, value) {
				w.t.Errorf("the database%s holds the child's %s", suffix, what)
			}
		}
	}
}

func TestNobodyIsFloodedInAChildsName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		for range maxParents + 2 {
			if err := w.db.AskParent(t.Context(), ParentAsk{Child: lina, Parent: parent, Purposes: []string{"coverage_study"}, Language: "en"}); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(w.claimed()); n != maxParents {
			t.Errorf("%d mails in a day", n)
		}
		err := w.db.AskParent(t.Context(), ParentAsk{Child: parent, Parent: parent, Purposes: []string{"newsletter"}, Language: "en"})
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("a child is its own parent: %v", err)
		}
		w.pass(25 * time.Hour)
		if err := w.db.AskParent(t.Context(), ParentAsk{Child: lina, Parent: parent, Purposes: []string{"coverage_study"}, Language: "en"}); err != nil {
			t.Fatal(err)
		}
		if n := len(w.claimed()); n != maxParents+1 {
			t.Errorf("%d mails wait a day later", n)
		}
	})
}

// What a parent permitted names the child by the id of a subject: of a child who
// was erased it opens nothing.
func TestAPermissionNamesNobodyWhoWasErased(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		r := w.signed(w.asks(lina, "coverage_study"), []string{"coverage_study"})
		w.second(r)
		if _, err := w.db.Permit(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		if r, _, err := w.db.RequestAny(t.Context(), r.ID); err != nil || r.Demand.Permit.Child != "" {
			t.Fatalf("it names the child by %q, %v", r.Demand.Permit.Child, err)
		}
		w.erase(lina)
		r, _, err := w.db.RequestAny(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if id, err := w.db.ChildOf(t.Context(), r); err != nil || id != "" {
			t.Errorf("it leads to %s, %v", id, err)
		}
		if _, err := w.db.EndPermission(t.Context(), r.ID); err != nil {
			t.Error(err)
		}
		w.check()
	})
}

// A crash between the two writes of a confirmation leaves a permission that is
// gone on with, and no yes that nobody permitted.
func TestAConfirmationIsGoneOnWith(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		r := w.signed(w.asks(lina, "coverage_study"), []string{"coverage_study"})
		w.second(r)
		err := w.db.write(t.Context(), func(tx *tx) error { return tx.permit(r.ID, new(*appended)) })
		if err != nil {
			t.Fatal(err)
		}
		w.wants(w.ask(lina, "coverage_study"), decision.NotAsked)
		due, err := w.db.DueRequests(t.Context(), 10)
		if err != nil || len(due) != 1 || due[0].State != request.Working {
			t.Fatalf("%v, %v", due, err)
		}
		for range 2 {
			if err := w.db.Permitted(t.Context(), r.ID); err != nil {
				t.Fatal(err)
			}
		}
		w.wants(w.ask(lina, "coverage_study"), decision.Given)
		w.check()
	})
}

// Anyone can type an address and a parent's: of whoever has it nothing ends, they
// are no child, and a yes only waits for their mailbox.
func TestATypedAddressIsNoChilds(t *testing.T) { each(t, testATypedAddressIsNoChilds) }

// asStudied asks addresses too for the study.
func asStudied(src string) string {
	return strings.Replace(src, "acts_on: [customer]\n    ask_again_after: P12M\n    dpv: AcademicResearch", "acts_on: [customer, email]\n    ask_again_after: P12M\n    dpv: AcademicResearch", 1)
}

func testATypedAddressIsNoChilds(t *testing.T, w *world) {
	const victim, phone, gone, new subject.ID = "email:sara@example.com", "phone:+12075550150", "email:gone@example.com", "email:new@example.com"
	permitted := func(child subject.ID) request.Request {
		r := w.signed(w.asksAs(ParentAsk{Child: child, Purposes: []string{"newsletter", "coverage_study"}}), []string{"newsletter", "coverage_study"})
		w.second(r)
		_, err := w.db.Permit(t.Context(), r.ID)
		if (child == gone) != (fault.KindOf(err) == fault.Conflict) {
			t.Fatal(child, err)
		}
		w.sendsAll()
		return r
	}
	w.publish(asStudied(w.source()), "coverage_study")
	w.mailing()
	w.say(victim, "offers", consent.Given)
	if _, err := w.db.Confirm(t.Context(), victim, "offers", consent.SurfaceDemo); err != nil {
		t.Fatal(err)
	}
	w.say(phone, "text_updates", consent.Given)
	w.linked(victim, phone)
	w.say(gone, "coverage_study", consent.Given)
	w.erase(gone)
	w.sendsAll()
	r := permitted(victim)
	for _, id := range []subject.ID{victim, phone} {
		if f, err := w.db.Facts(t.Context(), id); err != nil || f.Child || len(f.Permits) > 0 {
			t.Errorf("%s: %+v, %v", id, f, err)
		}
	}
	w.wants(w.ask(victim, "offers"), decision.Given)
	w.wants(w.ask(phone, "text_updates"), decision.Given)
	w.wants(w.ask(victim, "newsletter"), decision.Unconfirmed)
	w.wants(w.ask(victim, "coverage_study"), decision.NotAsked)
	w.say(victim, "coverage_study", consent.Given) // their own
	if _, err := w.db.Confirm(t.Context(), victim, "newsletter", consent.SurfaceDemo); err != nil {
		t.Fatal(err)
	}
	w.wants(w.ask(victim, "newsletter"), decision.Given)
	if _, err := w.db.EndPermission(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	w.wants(w.ask(victim, "newsletter"), decision.Withdrawn)
	w.wants(w.ask(victim, "coverage_study"), decision.Given)
	if f, err := w.db.Facts(t.Context(), victim); err != nil || f.Child {
		t.Errorf("after its end: %+v, %v", f, err)
	}
	permitted(gone)
	w.wants(w.ask(gone, "newsletter"), decision.Erased)
	if n := w.count(`SELECT count(*) FROM suppression`); n != 1 {
		t.Errorf("%d are suppressed", n)
	}
	permitted(new)
	w.wants(w.ask(new, "newsletter"), decision.Unconfirmed)
	w.pass(31 * 24 * time.Hour)
	if err := w.db.EraseUnconfirmed(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wants(w.ask(new, "newsletter"), decision.UnknownSubject)
	w.check()
}

// sendsAll ends every mail that waits.
func (w *world) sendsAll() {
	w.t.Helper()
	for _, m := range w.claimed() {
		if err := w.db.EndMail(w.t.Context(), m, MailSent, nil); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Whoever is cut off between the two writes of an end, or confirms what is ended
// meanwhile, leaves no yes of it.
func TestAnEndIsGoneOnWith(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		for child, proved := range map[subject.ID]bool{lina: true, "email:sara@example.com": false} {
			purpose := map[bool]string{true: "coverage_study", false: "newsletter"}[proved]
			r := w.signed(w.asksAs(ParentAsk{Child: child, Purposes: []string{purpose}, Proved: proved}), []string{purpose})
			w.second(r)
			if err := w.db.write(t.Context(), func(tx *tx) error { return tx.permit(r.ID, new(*appended)) }); err != nil {
				t.Fatal(err)
			}
			r, _, err := w.db.RequestAny(t.Context(), r.ID) // as the one who confirms has read it
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.db.EndPermission(t.Context(), r.ID); err != nil {
				t.Fatal(err)
			}
			if err := w.db.giveFor(t.Context(), child, r); err != nil {
				t.Fatal(err)
			}
			if s, err := w.db.States(t.Context(), child); err != nil || len(s) > 0 {
				t.Errorf("%s: %v, %v", child, s, err)
			}
		}
		r := w.signed(w.asks(lina, "coverage_study"), []string{"coverage_study"})
		w.second(r)
		if _, err := w.db.Permit(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		err := w.db.write(t.Context(), func(tx *tx) error { _, _, err := tx.unpermitted(r.ID); return err })
		if err != nil {
			t.Fatal(err)
		}
		w.standsIn(lina, "coverage_study", true)
		due, err := w.db.DueRequests(t.Context(), 10)
		if err != nil || len(due) != 1 || due[0].State != request.Cancelled {
			t.Fatalf("%v, %v", due, err)
		}
		for range 2 {
			if err := w.db.Unpermitted(t.Context(), r.ID); err != nil {
				t.Fatal(err)
			}
		}
		w.standsIn(lina, "coverage_study", false)
		if due, err = w.db.DueRequests(t.Context(), 10); err != nil || len(due) != 0 {
			t.Errorf("%v, %v", due, err)
		}
		w.check()
	})
}

func (w *world) standsIn(id subject.ID, purpose string, want bool) {
	w.t.Helper()
	s, err := w.db.States(w.t.Context(), id)
	if err != nil || (s[consent.Key{Purpose: purpose}].Yes != nil) != want {
		w.t.Errorf("%v, %v", s, err)
	}
}

// A parent's word ends what is paused as well.
func TestAParentEndsWhatIsPaused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		w.say(lina, "tailored_offers", consent.Given)
		w.pauses(lina, "tailored_offers")
		r := w.signed(w.asks(lina, "coverage_study"), []string{"coverage_study"})
		w.second(r)
		if _, err := w.db.Permit(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		w.wants(w.ask(lina, "tailored_offers"), decision.Withdrawn)
		w.pauses(lina, "coverage_study")
		if _, err := w.db.EndPermission(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		if s, err := w.db.States(t.Context(), lina); err != nil || s[consent.Key{Purpose: "coverage_study"}].Paused != nil {
			t.Errorf("%v, %v", s, err)
		}
	})
}

func (w *world) pauses(id subject.ID, purpose string) {
	w.t.Helper()
	if _, _, err := w.db.Pause(w.t.Context(), id, []string{purpose}, w.clock().Add(14*24*time.Hour), "en"); err != nil {
		w.t.Fatal(err)
	}
}

// Nobody signs as the parent of what is their own.
func TestALinkedAddressIsNoParents(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailing()
		w.say(lina, "tailored_offers", consent.Given)
		w.say(parent, "newsletter", consent.Given)
		w.linked(lina, parent)
		w.sendsAll()
		token := w.asks(lina, "coverage_study")
		_, _, err := w.db.SignPermission(t.Context(), token, Signed{Purposes: []string{"coverage_study"}, Name: "Huda Haddad", Policy: w.db.InForce().ID})
		if fault.KindOf(err) != fault.Invalid {
			t.Error(err)
		}
	})
}
