package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/transfer"
)

// exports gives an export in lines.
func (w *world) exports() []transfer.Line {
	w.t.Helper()
	w.settled()
	var out []transfer.Line
	if err := w.db.Export(w.t.Context(), "Mona Haddad", func(l transfer.Line) error { out = append(out, l); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// peopled says something for many: more than are held at once.
func (w *world) peopled() {
	w.t.Helper()
	w.publish(strings.Replace(w.source(), "Once a month we write", "Twice a month we write", 1), "newsletter")
	for i := range personsAtOnce + 20 {
		w.say(subject.ID(fmt.Sprintf("customer:%d", i)), "tailored_offers", []consent.Answer{consent.Given, consent.Refused}[i%2])
	}
	w.say(sara, "newsletter", consent.Given)
	w.pass(time.Hour)
	if _, err := w.db.Confirm(w.t.Context(), sara, "newsletter", consent.SurfaceDemo); err != nil {
		w.t.Fatal(err)
	}
	w.say("customer:0", "tailored_offers", consent.Withdrawn)
	w.say("email:omar@example.com", "newsletter", consent.Given) // and does not confirm
	w.imports(listed("customer:old", "coverage_study", consent.Given, "2026-05-01"))
	if err := w.db.CountRefusal(w.t.Context(), consent.SurfaceBanner, "ar"); err != nil {
		w.t.Fatal(err)
	}
	w.say("email:gone@example.com", "newsletter", consent.Given)
	if _, err := w.db.Erase(w.t.Context(), "email:gone@example.com", BySubject); err != nil {
		w.t.Fatal(err)
	}
}

func TestAnExportHasEverything(t *testing.T) { each(t, testAnExportHasEverything) }

func testAnExportHasEverything(t *testing.T, w *world) {
	w.peopled()
	lines := w.exports()
	persons, receipts := map[subject.ID]transfer.Person{}, 0
	var kinds []string
	for _, l := range lines {
		switch {
		case l.Person != nil:
			if _, twice := persons[l.Person.Subject]; twice {
				t.Fatalf("a person stands twice")
			}
			persons[l.Person.Subject] = *l.Person
		case l.Receipt != nil:
			receipts++
			if receipts%50 == 0 {
				w.valid(*l.Receipt)
			}
		case l.Publication != nil:
			kinds = append(kinds, "publication")
			if string(l.Publication.Policy) != string(w.db.Version(l.Publication.Version).Canonical) {
				t.Fatal("a policy is not its bytes")
			}
		case l.Evidence != nil:
			kinds = append(kinds, l.Evidence.Set.Name)
		case l.Refusals != nil:
			kinds = append(kinds, fmt.Sprint(*l.Refusals))
		}
	}
	slices.Sort(kinds)
	if d := cmp.Diff([]string{"letter", "offers", "publication", "publication", "study", "{2026-11-21 banner ar 1}"}, kinds); d != "" {
		t.Error(d)
	}
	if n := personsAtOnce + 23; len(persons) != n || receipts != personsAtOnce+20+5 {
		t.Errorf("%d persons, %d receipts", len(persons), receipts)
	}
	if end := lines[len(lines)-1].End; end == nil || end.Persons != len(persons) || end.Receipts != receipts {
		t.Errorf("the end: %+v", end)
	}
	if d := cmp.Diff([]transfer.Standings{{Purpose: "newsletter", Status: "given", Since: "2026-11-21T10:00:00.000Z", Until: "2028-11-21T10:00:00.000Z"}}, persons[sara].States); d != "" {
		t.Error(d)
	}
	if _, there := persons["email:gone@example.com"]; there {
		t.Error("an erased person is exported")
	}
	leaves, err := w.db.PublicLeaves(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	w.settled()
	last, err := w.db.PublicRecord(t.Context(), leaves[len(leaves)-1])
	if err != nil || !strings.Contains(string(last.Record), `"by":"Mona Haddad"`) || !strings.Contains(string(last.Record), `"type":"export"`) {
		t.Errorf("nobody can see who took it out: %s, %v", last.Record, err)
	}
	w.check()
}

func TestAnExportIsByANamedPerson(t *testing.T) {
	w := newWorld(t)
	said := false
	err := w.db.Export(t.Context(), " ", func(transfer.Line) error { said = true; return nil })
	if fault.KindOf(err) != fault.Invalid || said {
		t.Errorf("%v", err)
	}
	full := errors.New("no space left on device")
	if err := w.db.Export(t.Context(), "Mona Haddad", func(transfer.Line) error { return full }); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

func TestWhatStandsIsAList(t *testing.T) { each(t, testWhatStandsIsAList) }

func testWhatStandsIsAList(t *testing.T, w *world) {
	w.say(customer, "tailored_offers", consent.Given)
	w.say(sara, "newsletter", consent.Given)
	w.say("customer:2", "tailored_offers", consent.Withdrawn)
	w.say("customer:3", "tailored_offers", consent.Refused)
	w.imports(listed("customer:4", "coverage_study", consent.Given, "2026-05-01"))
	w.pass(300 * 24 * time.Hour)
	var got []transfer.Row
	if err := w.db.ExportConsents(t.Context(), "Mona Haddad", func(r transfer.Row) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b transfer.Row) int { return strings.Compare(string(a.Subject), string(b.Subject)) })
	row := func(id subject.ID, purpose, decision string) transfer.Row {
		return transfer.Row{Subject: id, Choice: consent.Choice{Purpose: purpose, Decision: consent.Answer(decision)}, Said: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	}
	given, expired := row(customer, "tailored_offers", "given"), row("customer:4", "coverage_study", "expired")
	given.Language, expired.Language, expired.Evidence = "en", "en", "study"
	expired.Said = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	want := []transfer.Row{given, row("customer:2", "tailored_offers", "withdrawn"), row("customer:3", "tailored_offers", "refused"), expired, row(sara, "newsletter", "unconfirmed")}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Whoever takes everything out may be slow: a pipe into a pager, a tape.
func TestAnExportWaitsForItsReader(t *testing.T) {
	eachPostgres(t, func(t *testing.T, w *world) {
		w.say(customer, "tailored_offers", consent.Given)
		w.db.Close()
		dsn := w.dsn
		sign := "?"
		if strings.Contains(dsn, sign) {
			sign = "&"
		}
		w.dsn += sign + "idle_in_transaction_session_timeout=300"
		w.open()
		defer func() { w.dsn = dsn }()
		persons := 0
		if err := w.db.Export(t.Context(), "Mona Haddad", func(l transfer.Line) error {
			if l.Publication != nil {
				time.Sleep(time.Second)
			}
			if l.Person != nil {
				persons++
			}
			return nil
		}); err != nil || persons != 1 {
			t.Errorf("%d persons, %v", persons, err)
		}
	})
}
