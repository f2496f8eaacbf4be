package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/transfer"
)

// registered are two sets: of the letter, whose yeses wait for nobody, and of
// the offers to customers.
func (w *world) registered() []Evidence {
	w.t.Helper()
	var out []Evidence
	for _, set := range []transfer.EvidenceSet{
		{Name: "letter", Purpose: "newsletter", Text: map[string]string{"en": "Yes, the letter.", "ar": "نعم، أريد الرسالة.", "fr": "Oui, la lettre."},
			From: "2025-06-01", Until: "2026-10-31", Source: "the old form", By: "Mona Haddad"},
		{Name: "offers", Purpose: "tailored_offers", Text: map[string]string{"en": "Yes, offers."}, From: "2026-01-01", Until: "2026-10-31", Source: "the old form", By: "Mona Haddad"},
		{Name: "study", Purpose: "coverage_study", Text: map[string]string{"en": "Yes, the study."}, From: "2025-01-01", Until: "2026-10-31", Source: "the old form", By: "Mona Haddad"},
	} {
		e, err := w.db.RegisterEvidence(w.t.Context(), set)
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// listed is a row of a list in short; day is when it says it was said.
func listed(id subject.ID, purpose string, a consent.Answer, day string) transfer.Row {
	r := transfer.Row{Subject: id, Choice: consent.Choice{Purpose: purpose, Decision: a}}
	r.Said, _ = time.Parse(time.DateOnly, day)
	if a == consent.Given {
		r.Evidence = map[string]string{"newsletter": "letter", "tailored_offers": "offers", "coverage_study": "study"}[purpose]
	}
	return r
}

func (w *world) imports(rows ...transfer.Row) []Outcome {
	w.t.Helper()
	out, err := w.db.Import(w.t.Context(), rows, w.registered(), false)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) outcomes(want []Outcome, rows ...transfer.Row) {
	w.t.Helper()
	if d := cmp.Diff(want, w.imports(rows...)); d != "" {
		w.t.Fatal(d)
	}
}

// events counts what is written of persons.
func (w *world) events() (n int) {
	w.t.Helper()
	if err := w.db.reads.QueryRow(`SELECT count(*) FROM event`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestAnImportedYesSaysSo(t *testing.T) { each(t, testAnImportedYesSaysSo) }

func testAnImportedYesSaysSo(t *testing.T, w *world) {
	row := listed(customer, "tailored_offers", consent.Given, "2026-05-01")
	row.Source = "استمارة ورقية"
	french := listed(sara, "newsletter", consent.Given, "2026-05-01")
	french.Language, french.Confirmed = "fr", true
	w.outcomes([]Outcome{Taken, Taken}, row, french)
	w.settled()
	w.wants(w.ask(customer, "tailored_offers"), decision.Given)
	w.wants(w.ask(sara, "newsletter"), decision.Given)
	states, err := w.db.States(t.Context(), customer)
	if err != nil {
		t.Fatal(err)
	}
	yes, set := states[consent.Key{Purpose: "tailored_offers"}].Yes, w.registered()[1]
	if yes.Evidence != set.ID || yes.Shown || !yes.Attested || !yes.Until.Equal(time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC)) {
		t.Fatalf("%+v", yes)
	}
	for id, text := range map[subject.ID]string{customer: "Yes, offers.", sara: "Oui, la lettre."} {
		all, _, err := w.db.ReceiptsOf(t.Context(), id, 0, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			w.valid(r)
			n, c, e := r.Record.HasNotice, r.Record.HasConsent, r.Process.Value.Evidence
			if n.Shown != "imported" || n.Evidence != e.ID || c.By != "company" || c.Surface != "import" || c.Said != "2026-05-01T00:00:00.000Z" || e.Text != text || e.By != "Mona Haddad" {
				t.Fatalf("%+v %+v %+v", n, c, e)
			}
		}
	}
	w.pass(300 * 24 * time.Hour) // longer than is left, shorter than a year from the import
	w.wants(w.ask(customer, "tailored_offers"), decision.Expired)
	w.check()
}

func TestWhatAListCannotDo(t *testing.T) { each(t, testWhatAListCannotDo) }

func testWhatAListCannotDo(t *testing.T, w *world) {
	gone, never, again := subject.ID("customer:1"), subject.ID("customer:2"), subject.ID("customer:3")
	w.say(gone, "tailored_offers", consent.Given)
	w.say(gone, "tailored_offers", consent.Withdrawn)
	w.say(never, "tailored_offers", consent.Refused)
	w.say(again, "tailored_offers", consent.Withdrawn)
	w.pass(24 * time.Hour)
	w.say(again, "tailored_offers", consent.Given)
	w.say("customer:4", "tailored_offers", consent.Given)
	if _, err := w.db.Erase(t.Context(), "customer:4", BySubject); err != nil {
		t.Fatal(err)
	}
	before := w.events()
	double := listed(sara, "newsletter", consent.Given, "2026-05-01")
	topics := double
	topics.Confirmed, topics.Choice.Topics = true, []string{"gossip"}
	for _, c := range []struct {
		name string
		row  transfer.Row
		want Outcome
	}{
		{"a yes after a withdrawal", listed(gone, "tailored_offers", consent.Given, "2026-10-01"), NoStands},
		{"a yes after a refusal", listed(never, "tailored_offers", consent.Given, "2026-10-01"), NoStands},
		{"a yes after a yes", listed(again, "tailored_offers", consent.Given, "2026-10-01"), Standing},
		{"a no of before the person's own yes", listed(again, "tailored_offers", consent.Withdrawn, "2026-10-01"), NewerYes},
		{"a no after a no", listed(gone, "tailored_offers", consent.Refused, "2026-10-01"), Standing},
		{"a yes of an erased person", listed("customer:4", "tailored_offers", consent.Given, "2026-10-01"), Erased},
		{"a no of an erased person", listed("customer:4", "tailored_offers", consent.Withdrawn, "2026-10-01"), Erased},
		{"a yes that nobody confirmed", double, Unconfirmed},
		{"a yes that has run out", listed("customer:5", "coverage_study", consent.Given, "2025-11-20"), Expired},
		{"a yes of nobody knows when, whose evidence is older than its time", listed("customer:5", "coverage_study", consent.Given, ""), Expired},
		{"a topic that is none", topics, NoTopic},
		{"a purpose that is none", listed(sara, "gossip", consent.Refused, ""), NoPurpose},
		{"a purpose on another basis", listed(sara, "billing", consent.Refused, ""), NoPurpose},
		{"an identifier that cannot say yes", listed(sara, "tailored_offers", consent.Given, "2026-05-01"), WrongKind},
	} {
		if got := w.imports(c.row)[0]; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if n := w.events(); n != before {
		t.Errorf("%d events were written", n-before)
	}
	w.outcomes([]Outcome{Taken}, listed(again, "tailored_offers", consent.Withdrawn, "")) // nobody knows when: the stricter
	w.wants(w.ask(again, "tailored_offers"), decision.Withdrawn)
	w.wants(w.ask("customer:4", "tailored_offers"), decision.Erased)
	w.check()
}

func TestNoesOfAListWin(t *testing.T) { each(t, testNoesOfAListWin) }

func testNoesOfAListWin(t *testing.T, w *world) {
	give, take := listed(customer, "tailored_offers", consent.Given, "2026-10-01"), listed(customer, "tailored_offers", consent.Withdrawn, "2026-02-01")
	w.outcomes([]Outcome{Taken, Taken, NoStands}, give, take, give)
	w.wants(w.ask(customer, "tailored_offers"), decision.Withdrawn)
	w.outcomes([]Outcome{NoStands, Standing}, give, take)
	other := subject.ID("customer:9")
	give.Subject, take.Subject = other, other
	w.outcomes([]Outcome{Taken}, give)
	w.outcomes([]Outcome{Taken}, take)
	w.wants(w.ask(other, "tailored_offers"), decision.Withdrawn)
	w.check()
}

func TestADryRunWritesNothing(t *testing.T) { each(t, testADryRunWritesNothing) }

func testADryRunWritesNothing(t *testing.T, w *world) {
	rows := []transfer.Row{listed(customer, "tailored_offers", consent.Given, "2026-10-01"), listed(customer, "coverage_study", consent.Refused, ""), listed(customer, "tailored_offers", consent.Refused, "")}
	out, err := w.db.Import(t.Context(), rows, w.registered(), true)
	if err != nil || !slices.Equal(out, []Outcome{Taken, Taken, Taken}) || w.events() != 0 {
		t.Fatalf("%v, %v, %d events", out, err, w.events())
	}
	w.wants(w.ask(customer, "tailored_offers"), decision.UnknownSubject)
	w.check()
}

// A list read twice, or again from where a crash cut it, comes to the same as
// once; and whatever it says, no no becomes a yes (I10).
func TestImportingIsIdempotentAndBringsNothingBack(t *testing.T) {
	each(t, testImportingIsIdempotentAndBringsNothingBack)
}

func testImportingIsIdempotentAndBringsNothingBack(t *testing.T, w *world) {
	rng := rand.New(rand.NewPCG(3, 4))
	purposes := []string{"tailored_offers", "coverage_study", "newsletter"}
	answers := []consent.Answer{consent.Given, consent.Given, consent.Refused, consent.Withdrawn}
	who := func() subject.ID { return subject.ID(fmt.Sprintf("customer:%d", rng.IntN(40))) }
	for range 30 { // what people said before
		w.db.Submit(t.Context(), Submission{Subject: who(), Surface: consent.SurfaceChoices, Choices: []consent.Choice{{Purpose: purposes[rng.IntN(2)], Decision: answers[rng.IntN(4)]}}})
	}
	for range 3 {
		if _, err := w.db.Erase(t.Context(), who(), BySubject); err != nil && fault.KindOf(err) != fault.Unknown {
			t.Fatal(err)
		}
	}
	var list []transfer.Row
	for range 200 {
		r := listed(who(), purposes[rng.IntN(3)], answers[rng.IntN(4)], []string{"", "2026-02-01", "2026-09-01"}[rng.IntN(3)])
		if r.Choice.Purpose == "newsletter" {
			r.Subject, r.Confirmed = subject.ID("email:"+strings.ReplaceAll(string(r.Subject), ":", "")+"@example.com"), true
		}
		list = append(list, r)
	}
	before := w.standings(list)
	w.imports(list[:120]...) // here a crash cuts it
	w.imports(list...)
	after, n := w.standings(list), w.events()
	w.imports(list...)
	if d := cmp.Diff(after, w.standings(list)); d != "" || w.events() != n {
		t.Fatalf("a second run changed something: %s", d)
	}
	for key, was := range before {
		if now := after[key]; (was == decision.Refused || was == decision.Withdrawn || was == decision.Erased) && now != was && now != decision.Withdrawn {
			t.Errorf("%s was %s and is %s", key, was, now)
		}
	}
	w.check()
}

// standings gives the answer for every person and purpose of a list.
func (w *world) standings(list []transfer.Row) map[string]decision.Reason {
	out := map[string]decision.Reason{}
	for _, r := range list {
		out[string(r.Subject)+" "+r.Choice.Purpose] = w.ask(r.Subject, r.Choice.Purpose)
	}
	return out
}

func TestEvidenceIsDeclaredInPublic(t *testing.T) { each(t, testEvidenceIsDeclaredInPublic) }

func testEvidenceIsDeclaredInPublic(t *testing.T, w *world) {
	look := transfer.EvidenceSet{Name: "letter", Purpose: "newsletter", Text: map[string]string{"en": "Yes."}, From: "2025-06-01", Until: "2026-10-31", Source: "a look", By: "Mona Haddad"}
	if e, err := w.db.CheckEvidence(t.Context(), look); err != nil || e.ID != look.ID() || e.Version != w.db.InForce().ID {
		t.Fatalf("%+v, %v", e, err)
	}
	first := w.registered()
	w.settled()
	if again := w.registered(); !first[0].At.Equal(again[0].At) || first[0].Version != w.db.InForce().ID {
		t.Fatal("registering twice is not registering once")
	}
	leaves, err := w.db.PublicLeaves(t.Context(), 0, 100)
	if err != nil || len(leaves) != 4 { // the policy, three sets
		t.Fatalf("%v, %v", leaves, err)
	}
	r, err := w.db.PublicRecord(t.Context(), leaves[1])
	if err != nil || !strings.Contains(string(r.Record), `"by":"Mona Haddad"`) || !strings.Contains(string(r.Record), first[0].ID) {
		t.Fatalf("%s, %v", r.Record, err)
	}
	set := first[0].Set
	for field, change := range map[string]func(*transfer.EvidenceSet){
		"evidence":             func(s *transfer.EvidenceSet) { s.Source = "another" },
		"purpose":              func(s *transfer.EvidenceSet) { s.Name, s.Purpose = "other", "gossip" },
		"choices[0].purpose":   func(s *transfer.EvidenceSet) { s.Name, s.Purpose = "other", "billing" },
		"choices[0].recipient": func(s *transfer.EvidenceSet) { s.Name, s.Recipient = "other", "mailer" },
		"policy":               func(s *transfer.EvidenceSet) { s.Name, s.Policy = "other", string(policy.IDOf(nil)) },
		"by":                   func(s *transfer.EvidenceSet) { s.Name, s.By = "other", "42" },
		"source":               func(s *transfer.EvidenceSet) { s.Name, s.Source = "other", "" },
		"from":                 func(s *transfer.EvidenceSet) { s.Name, s.From, s.Until = "other", "2062-06-01", "2062-06-30" },
	} {
		wrong := set
		change(&wrong)
		_, err := w.db.RegisterEvidence(t.Context(), wrong)
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
		if _, err := w.db.CheckEvidence(t.Context(), wrong); err == nil {
			t.Errorf("%s: a look finds nothing wrong", field)
		}
	}
	w.check()
}

// What a person says on a page after an import stands for itself.
func TestThePersonsOwnWordComesAfterAList(t *testing.T) {
	each(t, testThePersonsOwnWordComesAfterAList)
}

func testThePersonsOwnWordComesAfterAList(t *testing.T, w *world) {
	w.outcomes([]Outcome{Taken}, listed(customer, "tailored_offers", consent.Given, "2026-05-01"))
	r := w.say(customer, "tailored_offers", consent.Withdrawn)
	if n := r.Record.HasNotice; n.Shown != "not_evidenced" || n.Evidence != "" {
		t.Fatalf("%+v", n)
	}
	w.outcomes([]Outcome{NoStands}, listed(customer, "tailored_offers", consent.Given, "2026-05-01"))
	w.pass(time.Hour)
	w.say(customer, "tailored_offers", consent.Given)
	w.outcomes([]Outcome{Standing, NewerYes}, listed(customer, "tailored_offers", consent.Given, "2026-05-01"), listed(customer, "tailored_offers", consent.Withdrawn, "2026-05-01"))
	w.wants(w.ask(customer, "tailored_offers"), decision.Given)
	var last receipt.Receipt
	all, _, err := w.db.ReceiptsOf(t.Context(), customer, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	if last = all[len(all)-1]; last.Record.HasConsent.Surface != consent.SurfaceAPI {
		t.Fatalf("%+v", last.Record)
	}
	w.check()
}
