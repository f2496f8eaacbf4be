package store

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/transfer"
)

const (
	leaving subject.ID = "customer:77"
	loginOf subject.ID = "customer:sara" // known by its links alone
)

// before puts somebody's lines before those of all others.
func before(id subject.ID, lines []transfer.Line) []transfer.Line {
	at := slices.IndexFunc(lines, func(l transfer.Line) bool { return l.Person != nil && l.Person.Subject == id })
	begin := slices.IndexFunc(lines, func(l transfer.Line) bool { return l.Person != nil })
	one := slices.Clone(lines[at : at+1+lines[at].Person.Receipts])
	return slices.Insert(slices.Delete(slices.Clone(lines), at, at+len(one)), begin, one...)
}

// bound has people of whom each kind of fact holds, and stops what can be stopped.
func (w *world) bound() {
	w.t.Helper()
	w.mailing()
	w.say(sara, "offers", consent.Given)
	w.say(second, "text_updates", consent.Given)
	w.linked(sara, second)
	w.linked(sara, loginOf)
	w.demand(request.Restriction, request.Demand{}, sara)
	w.demand(request.Objection, request.Demand{Purposes: []string{"network_security"}}, "customer:objects") // and nothing else
	w.say(leaving, "tailored_offers", consent.Given)
	w.demand(request.Erasure, request.Demand{}, leaving)
	w.say(laptop, "analytics", consent.Given)
	w.pass(time.Second)
	w.say("email:omar@example.com", "analytics", consent.Refused)
	w.meets(laptop, true, "email:omar@example.com")
	w.sendsAll()
	r := w.signed(w.asks(lina, "coverage_study"), []string{"coverage_study"})
	w.second(r)
	if _, err := w.db.Permit(w.t.Context(), r.ID); err != nil {
		w.t.Fatal(err)
	}
	w.wants(w.ask(lina, "coverage_study"), decision.Given)
	w.say(customer, "coverage_study", consent.Given)
	if err := w.db.Stop(w.t.Context(), []string{"mailer"}, []string{"ad_measurement"}); err != nil {
		w.t.Fatal(err)
	}
}

// boundOf gives people as an export has them, but for how many receipts they have:
// demands were made of the other installation.
func boundOf(lines []transfer.Line) map[subject.ID]transfer.Person {
	all := people(lines)
	for id, p := range all {
		if p.Receipts = 0; p.Facts == nil && len(p.Linked)+len(p.States) == 0 { // of whom nothing else is known, as of a parent
			delete(all, id)
			continue
		}
		all[id] = p
	}
	return all
}

func TestNobodyIsFreerWhereTheyMove(t *testing.T) {
	t.Parallel()
	for from, to := range map[string]string{"sqlite": "postgres18", "postgres15": "sqlite"} {
		t.Run(from+" to "+to, func(t *testing.T) {
			t.Parallel()
			dsn := ""
			if to != "sqlite" {
				dsn = pgtest.Database(t, "18")
			}
			testNobodyIsFreerWhereTheyMove(t, newWorldOn(t, from), dsn)
		})
	}
}

func testNobodyIsFreerWhereTheyMove(t *testing.T, w *world, dsn string) {
	const guest subject.ID = "email:guest@example.org"
	w.both()
	w.say(guest, "analytics", consent.Given)
	w.bound()
	lines := before(loginOf, w.exports())
	n := w.elsewhere(dsn)
	n.moves(lines)
	n.settled()
	n.check()
	if d := cmp.Diff(boundOf(lines), boundOf(n.exports())); d != "" {
		t.Errorf("what holds of people is another:\n%s", d)
	}
	for _, q := range []struct {
		id      subject.ID
		purpose string
		want    decision.Reason
	}{
		{sara, "offers", decision.Restricted},
		{second, "text_updates", decision.Restricted},
		{"customer:objects", "network_security", decision.Objected},
		{leaving, "tailored_offers", decision.Restricted},
		{laptop, "analytics", decision.Withdrawn},
		{customer, "ad_measurement", decision.ForbiddenByLaw},
		{customer, "coverage_study", decision.Given},
	} {
		w.wants(w.ask(q.id, q.purpose), q.want)
		n.wants(n.ask(q.id, q.purpose), q.want)
	}
	n.wants(n.ask(lina, "coverage_study"), decision.Child) // the parent's word was to the other
	if s := n.db.Stops(); !slices.Equal(s.Recipients, []string{"mailer"}) || !slices.Equal(s.Purposes, []string{"ad_measurement"}) {
		t.Errorf("stopped: %+v", s)
	}
	if members, err := n.db.Person(t.Context(), second); err != nil || len(members) != 3 {
		t.Errorf("%v, %v", members, err)
	}
	n.meets(laptop, false, guest) // what it heard goes on to nobody
	events := n.events()
	if n.moves(lines); n.events() != events {
		t.Errorf("a second time is not nothing: %d events", n.events()-events)
	}
	n.pass(request.ToThink)
	due, err := n.db.DueRequests(t.Context(), 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("%v, %v", due, err)
	}
	if _, err := n.db.EraseRequested(t.Context(), due[0].ID); err != nil {
		t.Fatal(err)
	}
	n.wants(n.ask(leaving, "tailored_offers"), decision.Erased)
	if out := n.moves(lines); out[Erased] != 1 {
		t.Errorf("%v", out)
	}
	n.settled()
	n.check()
}

// Who is known in the new place is bound by what held for them in the old one, and
// what they said and took back here stands.
func TestTheStricterHoldsWhereSomebodyIsKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.both()
	w.bound()
	w.demand(request.Access, request.Demand{Text: "What do you know?"}, "customer:asks") // and nothing comes of it here
	w.demand(request.Erasure, request.Demand{}, "customer:asks")
	lines := w.exports()
	n := w.elsewhere("")
	n.moves(slices.DeleteFunc(slices.Clone(lines), func(l transfer.Line) bool { return l.Person != nil || l.Receipt != nil || l.Stops != nil }))
	n.say("customer:objects", "tailored_offers", consent.Given)
	n.say(leaving, "tailored_offers", consent.Given)
	n.say(sara, "offers", consent.Given)
	n.linked(sara, "customer:of-sara") // the others come to this one too
	if err := n.db.Stop(t.Context(), []string{"texter"}, nil); err != nil {
		t.Fatal(err)
	}
	if out := n.moves(lines); out[Standing] != 3 {
		t.Fatal(out)
	}
	n.wants(n.ask("customer:objects", "network_security"), decision.Objected)
	n.wants(n.ask("customer:objects", "tailored_offers"), decision.Given)
	n.wants(n.ask(sara, "offers"), decision.Restricted)
	n.wants(n.ask("customer:of-sara", "tailored_offers"), decision.Restricted)
	if s := n.db.Stops(); !slices.Equal(s.Recipients, []string{"mailer", "texter"}) {
		t.Errorf("stopped: %+v", s)
	}
	asked, err := n.db.Requests(t.Context(), leaving)
	if err != nil || len(asked) != 1 {
		t.Fatalf("%v, %v", asked, err)
	}
	if _, _, err := n.db.Cancel(t.Context(), asked[0].ID, leaving); err != nil {
		t.Fatal(err)
	}
	n.moves(lines)
	n.wants(n.ask(leaving, "tailored_offers"), decision.Given) // they changed their mind here
	n.check()
}

// A list holds no yes that may not be used.
func TestAListHasNoYesThatIsBarred(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.bound()
		const other subject.ID = "phone:+12075550150"
		w.say(other, "text_updates", consent.Given)
		w.linked(lina, other)
		if err := w.db.Stop(t.Context(), nil, []string{"tailored_offers"}); err != nil {
			t.Fatal(err)
		}
		w.say("customer:3", "tailored_offers", consent.Given)
		got := map[string]consent.Answer{}
		if err := w.db.ExportConsents(t.Context(), "Mona Haddad", func(r transfer.Row) error {
			got[string(r.Subject)+" "+r.Choice.Purpose] = r.Choice.Decision
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for what, want := range map[string]consent.Answer{
			string(second) + " text_updates":     "restricted",
			string(other) + " text_updates":      "child",
			string(lina) + " coverage_study":     "given",
			string(customer) + " coverage_study": "given",
			string(leaving) + " tailored_offers": "restricted",
			"customer:3 tailored_offers":         "forbidden_by_law",
			string(laptop) + " analytics":        "withdrawn",
		} {
			if got[what] != want {
				t.Errorf("%s: %q, want %q", what, got[what], want)
			}
		}
	})
}
