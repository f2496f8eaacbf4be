package store

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/transfer"
)

// elsewhere is an empty store of another log, on SQLite or on the database of dsn.
func (w *world) elsewhere(dsn string) *world {
	w.t.Helper()
	n := &world{t: w.t, dir: w.t.TempDir(), dsn: dsn, now: w.clock()}
	if _, err := keyring.Create(filepath.Join(n.dir, "keys"), "casco.example/log-2"); err != nil {
		w.t.Fatal(err)
	}
	n.open()
	w.t.Cleanup(func() { n.db.Close() })
	return n
}

// moves takes an export in, and counts outcomes.
func (w *world) moves(lines []transfer.Line) map[Outcome]int {
	w.t.Helper()
	out := map[Outcome]int{}
	var policies []transfer.Publication
	for _, l := range lines {
		if l.Publication != nil {
			policies = append(policies, *l.Publication)
		}
	}
	if err := w.db.MovePolicies(w.t.Context(), policies); err != nil {
		w.t.Fatal(err)
	}
	for i, l := range lines {
		var err error
		switch {
		case l.Evidence != nil:
			err = w.db.MoveEvidence(w.t.Context(), *l.Evidence)
		case l.Refusals != nil:
			err = w.db.MoveRefusals(w.t.Context(), *l.Refusals)
		case l.Stops != nil:
			err = w.db.MoveStops(w.t.Context(), *l.Stops)
		case l.Person != nil:
			var o Outcome
			o, err = w.db.Move(w.t.Context(), lines[0].Head.Log, *l.Person, receiptsOf(lines, i))
			out[o]++
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return out
}

// receiptsOf gives the receipts of the person in a line.
func receiptsOf(lines []transfer.Line, i int) (out []receipt.Receipt) {
	for _, l := range lines[i+1 : i+1+lines[i].Person.Receipts] {
		out = append(out, *l.Receipt)
	}
	return out
}

// people gives the persons of an export, by identifier.
func people(lines []transfer.Line) map[subject.ID]transfer.Person {
	out := map[subject.ID]transfer.Person{}
	for _, l := range lines {
		if l.Person != nil {
			out[l.Person.Subject] = *l.Person
		}
	}
	return out
}

func TestAnInstallationMovesByItsExport(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to string }{{"sqlite", "sqlite"}, {"sqlite", "postgres18"}, {"postgres15", "sqlite"}} {
		t.Run(c.from+" to "+c.to, func(t *testing.T) {
			t.Parallel()
			dsn := ""
			if version, ok := strings.CutPrefix(c.to, "postgres"); ok {
				dsn = pgtest.Database(t, version)
			}
			testAnInstallationMovesByItsExport(t, newWorldOn(t, c.from), dsn)
		})
	}
}

func testAnInstallationMovesByItsExport(t *testing.T, w *world, dsn string) {
	w.peopled()
	lines := w.exports()
	n := w.elsewhere(dsn)
	n.pass(24 * time.Hour)
	if d := cmp.Diff(map[Outcome]int{Taken: len(people(lines))}, n.moves(lines)); d != "" {
		t.Fatal(d)
	}
	n.check()
	moved := n.exports()
	if d := cmp.Diff(people(lines), people(moved)); d != "" {
		t.Fatalf("people came to other states:\n%s", d)
	}
	for _, q := range []struct {
		id      subject.ID
		purpose string
	}{{sara, "newsletter"}, {"email:omar@example.com", "newsletter"}, {"customer:0", "tailored_offers"}, {"customer:1", "tailored_offers"}, {"customer:2", "tailored_offers"}, {"customer:old", "coverage_study"}} {
		n.wants(n.ask(q.id, q.purpose), w.ask(q.id, q.purpose))
	}
	n.wants(n.ask("email:gone@example.com", "newsletter"), decision.UnknownSubject)
	old, _, err := w.db.ReceiptsOf(t.Context(), sara, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := n.db.ReceiptsOf(t.Context(), sara, 0, "")
	if err != nil || len(all) != len(old) {
		t.Fatalf("%d receipts, %v", len(all), err)
	}
	for i, r := range all {
		n.valid(r)
		w.valid(old[i]) // the old ones hold as before, by the old log
		if c := r.Record.HasConsent; c.Moved != "casco.example/log/"+old[i].ID || c.Time != old[i].Record.HasConsent.Time || c.Surface != old[i].Record.HasConsent.Surface {
			t.Fatalf("%+v", c)
		}
	}
	events := n.events()
	if d := cmp.Diff(map[Outcome]int{Standing: len(people(lines))}, n.moves(lines)); d != "" || n.events() != events {
		t.Fatalf("a second time is not nothing: %s", d)
	}
	again := n.elsewhere("") // and on from there: the first log stays the one that is named
	again.moves(n.exports())
	all, _, err = again.db.ReceiptsOf(t.Context(), sara, 0, "")
	if err != nil || all[0].Record.HasConsent.Moved != "casco.example/log/"+old[0].ID {
		t.Fatalf("%+v, %v", all, err)
	}
}

// What people said in the new place stands, and so does an erasure there.
func TestMovingBringsNobodyBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(sara, "newsletter", consent.Given)
	w.say(customer, "tailored_offers", consent.Given)
	lines := w.exports()
	n := w.elsewhere("")
	n.moves(slices.DeleteFunc(slices.Clone(lines), func(l transfer.Line) bool { return l.Person != nil || l.Receipt != nil }))
	n.pass(time.Hour)
	n.say(customer, "tailored_offers", consent.Withdrawn)
	n.say(sara, "newsletter", consent.Given)
	if _, err := n.db.Erase(t.Context(), sara, BySubject); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[Outcome]int{Standing: 1, Erased: 1}, n.moves(lines)); d != "" {
		t.Fatal(d)
	}
	n.wants(n.ask(customer, "tailored_offers"), decision.Withdrawn)
	n.wants(n.ask(sara, "newsletter"), decision.Erased)
	n.check()
}

func TestAnExportThatContradictsItselfIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.say(customer, "tailored_offers", consent.Given)
	w.imports(listed("customer:old", "coverage_study", consent.Given, "2026-05-01"))
	lines := w.exports()
	n := w.elsewhere("")
	n.moves(slices.DeleteFunc(slices.Clone(lines), func(l transfer.Line) bool { return l.Person != nil || l.Receipt != nil }))
	at := slices.IndexFunc(lines, func(l transfer.Line) bool { return l.Person != nil && l.Person.Subject == customer })
	for name, spoil := range map[string]func(*transfer.Person, *receipt.Receipt){
		"other states":       func(p *transfer.Person, _ *receipt.Receipt) { p.States[0].Status = "refused" },
		"more states":        func(p *transfer.Person, _ *receipt.Receipt) { p.States = append(p.States, p.States[0]) },
		"an unknown version": func(_ *transfer.Person, r *receipt.Receipt) { r.Record.HasNotice.Policy = "sha256:1" },
		"a time to come": func(p *transfer.Person, r *receipt.Receipt) {
			r.Record.HasConsent.Time = "2036-11-21T10:00:00.000Z"
			p.States[0].Since, p.States[0].Until = r.Record.HasConsent.Time, "2037-11-21T10:00:00.000Z"
		},
		"no answer":           func(_ *transfer.Person, r *receipt.Receipt) { r.Record.HasConsent = nil },
		"no time":             func(_ *transfer.Person, r *receipt.Receipt) { r.Record.HasConsent.Time = "" },
		"an act that is none": func(p *transfer.Person, r *receipt.Receipt) { r.Record.HasConsent.Decision, p.States = "hoped", nil },
	} {
		p, all := *lines[at].Person, receiptsOf(lines, at)
		p.States = slices.Clone(p.States)
		all[0].Record.HasConsent, all[0].Record.HasNotice = new(*all[0].Record.HasConsent), new(*all[0].Record.HasNotice)
		spoil(&p, &all[0])
		if o, err := n.db.Move(t.Context(), "casco.example/log", p, all); err == nil {
			t.Errorf("%s: %s", name, o)
		}
	}
	n.wants(n.ask(customer, "tailored_offers"), decision.UnknownSubject)
	n.check()
	wrong := *lines[slices.IndexFunc(lines, func(l transfer.Line) bool { return l.Evidence != nil })].Evidence
	wrong.Set.Source = "another"
	if err := n.db.MoveEvidence(t.Context(), wrong); fault.KindOf(err) != fault.Malformed {
		t.Errorf("evidence under another's id: %v", err)
	}
	n.say(customer, "tailored_offers", consent.Given)
	other := *lines[1].Publication
	other.Meanings = map[string]string{}
	if err := n.db.MovePolicies(t.Context(), []transfer.Publication{other}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("policies into an installation that has people: %v", err)
	}
}
