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
	if err := w.db.AskParent(w.t.Context(), ParentAsk{Child: child, Parent: parent, Purposes: purposes, Language: "ar"}); err != nil {
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
