package table_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/consent/consenttest"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// history is a policy whose purposes change in every way that an answer can
// depend on: data and recipients come and go, words change with and without
// their meaning, a basis, the kinds acted on, a permission, a mark change.
var history = consenttest.Versions{
	{ID: "v1", Within: "P7D", Data: []string{"unused"},
		Recipients: map[string]policy.Permission{"mailer": policy.WithPurpose, "printer": policy.WithPurpose, "partner": policy.Own, "bank": policy.Own},
		Purposes: map[string]consenttest.Purpose{
			"letters": {Text: "one", Data: []string{"email"}, Recipients: []string{"mailer", "partner", "lost"}, Keep: "P1Y"},
			"digest":  {Text: "one", Data: []string{"email", "name"}, Recipients: []string{"mailer"}, Keep: "P2Y", Confirm: "double"},
			"adverts": {Text: "one", Data: []string{"page"}, Recipients: []string{"partner"}, Keep: "P6M", ActsOn: []string{"device", "email"}, Marks: []policy.Mark{policy.TargetedAds}},
			"resale":  {Text: "one", Data: []string{"email"}, Recipients: []string{"partner", "bank"}, Keep: "P1Y", Marks: []policy.Mark{policy.Sale}},
			"service": {Text: "one", Basis: policy.Contract, Data: []string{"email", "line"}, Recipients: []string{"printer", "bank"}, Keep: "P1Y", ActsOn: []string{"customer"}},
			"winback": {Text: "one", Basis: policy.LegitimateInterest, Data: []string{"email"}, Keep: "P1Y", Marks: []policy.Mark{policy.Marketing}},
			"fraud":   {Text: "one", Basis: policy.LegitimateInterest, Data: []string{"line"}, Recipients: []string{"bank"}, Keep: "P1Y", Marks: []policy.Mark{policy.Sharing}},
			"books":   {Text: "one", Basis: policy.LegalObligation, Data: []string{"tax"}, Recipients: []string{"bank"}, Keep: "P10Y"},
			"nothing": {Text: "one", Keep: "P1D"},
		}},
	{ID: "v2", Within: "P7D", Data: []string{"unused"},
		Recipients: map[string]policy.Permission{"mailer": policy.WithPurpose, "printer": policy.WithPurpose, "partner": policy.Own, "bank": policy.Own},
		Purposes: map[string]consenttest.Purpose{
			"letters": {Text: "one", Data: []string{"email", "phone"}, Recipients: []string{"mailer", "printer", "partner"}, Keep: "P2Y"},
			"digest":  {Text: "two", Same: true, Data: []string{"name", "email"}, Recipients: []string{"mailer", "printer"}, Keep: "P1Y", Confirm: "double"},
			"adverts": {Text: "two", Data: []string{"page"}, Recipients: []string{"partner"}, Keep: "P6M", ActsOn: []string{"device"}, Marks: []policy.Mark{policy.TargetedAds}},
			"resale":  {Text: "one", Data: []string{"email"}, Recipients: []string{"partner"}, Keep: "P1Y"},
			"service": {Text: "one", Data: []string{"email"}, Recipients: []string{"printer", "bank"}, Keep: "P1Y", ActsOn: []string{"customer", "email"}},
			"fraud":   {Text: "one", Basis: policy.LegitimateInterest, Data: []string{"line"}, Recipients: []string{"bank"}, Keep: "P1Y"},
			"nothing": {Text: "one", Data: []string{"email"}, Keep: "P1D"},
		}},
	{ID: "v3", Within: "P7D",
		Recipients: map[string]policy.Permission{"mailer": policy.Own, "printer": policy.WithPurpose, "partner": policy.WithPurpose},
		Purposes: map[string]consenttest.Purpose{
			"letters": {Text: "one", Data: []string{"email"}, Recipients: []string{"mailer", "printer", "partner"}, Keep: "P1M", ActsOn: []string{"customer", "phone"}},
			"digest":  {Text: "two", Same: true, Data: []string{"email"}, Recipients: []string{"mailer", "printer"}, Keep: "P1Y", Marks: []policy.Mark{policy.Sharing}},
			"adverts": {Text: "one", Basis: policy.LegitimateInterest, Data: []string{"page"}, Keep: "P6M", Marks: []policy.Mark{policy.Marketing}},
			"resale":  {Text: "two", Data: []string{"email"}, Recipients: []string{"partner"}, Keep: "P1Y", Marks: []policy.Mark{policy.Sale}},
			"winback": {Text: "one", Data: []string{"email"}, Keep: "P1Y", Marks: []policy.Mark{policy.Marketing}},
		}},
}

var (
	purposes   = []string{"letters", "digest", "adverts", "resale", "service", "winback", "fraud", "books", "nothing"}
	recipients = []string{"mailer", "printer", "partner", "bank", "lost"}
	kinds      = []string{subject.Email, subject.Email, subject.Phone, subject.Customer, subject.Device}
	newYear    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// maker draws worlds.
type maker struct {
	*rand.Rand
	all map[policy.VersionID]*policy.Version
	ids []policy.VersionID
}

func newMaker(t testing.TB, seed uint64) maker {
	all := history.Publish(t)
	return maker{rand.New(rand.NewPCG(seed, 1)), all, slices.Sorted(maps.Keys(all))}
}

func (m maker) find(id policy.VersionID) *policy.Version { return m.all[id] }

func (m maker) one(list []string) string { return list[m.IntN(len(list))] }

func (m maker) chance(percent int) bool { return m.IntN(100) < percent }

func (m maker) some(list []string, percent int) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		if m.chance(percent) {
			set[s] = m.chance(90) // a fact that is not so is no fact
		}
	}
	return set
}

// moments are times of day at which things are said; some are of no whole
// millisecond.
var moments = []time.Duration{0, 0, 0, time.Hour, 3*time.Hour + 7*time.Millisecond, 999_999 * time.Nanosecond}

// said draws what one identifier may have said in some months.
func (m maker) said() map[consent.Key]consent.State {
	at := newYear.Add(moments[m.IntN(len(moments))])
	acts := []consent.Act{consent.ActGiven, consent.ActGiven, consent.ActGiven, consent.ActConfirmed, consent.ActRefused, consent.ActWithdrawn}
	var events []consent.Event
	for i := range m.IntN(9) {
		at = at.AddDate(0, 0, []int{0, 0, 1, 5, 40}[m.IntN(5)])
		if m.chance(15) {
			at = at.Add(moments[m.IntN(len(moments))])
		}
		e := consent.Event{
			ID: fmt.Sprint(i + 1), Seq: int64(i + 1), Time: at, Act: acts[m.IntN(len(acts))],
			Purpose: m.one(purposes), Policy: m.ids[m.IntN(len(m.ids))], Signals: consent.Signals{GPC: m.chance(50)},
		}
		if m.chance(35) {
			e.Recipient = m.one(recipients)
		}
		events = append(events, e)
	}
	states := consent.Fold(consenttest.Meant(events, m.find), m.find)
	for key, s := range states {
		if s.Yes != nil && m.chance(3) { // of a version that is lost
			yes := *s.Yes
			yes.Policy, s.Yes = "v0", &yes
			states[key] = s
		}
		if s.Yes != nil && m.chance(2) { // beyond what a word can hold
			yes := *s.Yes
			yes.Until, s.Yes = []time.Time{{}, newYear.AddDate(-30, 0, 0), newYear.AddDate(60, 0, 0), newYear.AddDate(400, 0, 0)}[m.IntN(4)], &yes
			states[key] = s
		}
	}
	return states
}

func (m maker) subject() decision.Subject {
	since := time.Time{}
	if m.chance(50) {
		since = newYear.AddDate(0, 1, 0)
	}
	return decision.Subject{Kind: m.one(kinds), Since: since, States: m.said()}
}

func (m maker) world() decision.World {
	w := decision.World{Version: m.find}
	if m.chance(95) {
		w.Subject = new(m.subject())
	}
	if m.chance(40) {
		for range 1 + m.IntN(2) {
			w.Linked = append(w.Linked, m.subject())
		}
	}
	if m.chance(30) {
		w.Person = decision.Person{
			Erased: m.chance(10), Restricted: m.chance(15), BelowAge: m.chance(20), ParentVerified: m.chance(30), GPC: m.chance(40),
			Named: m.some(purposes, 20), Objected: m.some(purposes, 30), Overruled: m.some(purposes, 30),
		}
	}
	return w
}

// laws draws what holds for everybody into a world.
func (m maker) laws(w *decision.World) {
	w.Policy = m.all[m.ids[m.IntN(len(m.ids))]]
	w.Suspended, w.Forbidden = m.some(recipients, 30), nil
	if m.chance(30) {
		forbidden := m.some(purposes, 20)
		w.Forbidden = func(id string, _ policy.Purpose) bool { return forbidden[id] }
	}
	if m.chance(2) {
		w.Policy = nil
	}
}

func (m maker) question() decision.Question {
	q := decision.Question{Purpose: m.one(purposes), Signals: consent.Signals{GPC: m.chance(30)}}
	if m.chance(50) {
		q.Recipient = m.one(append([]string{"stranger"}, recipients...))
	}
	if m.chance(40) {
		q.Data = [][]string{{"email"}, {"phone"}, {"email", "phone"}, {"name", "email", "name"}, {"page"}, {"unused"}, {"nonsense"}, {"line", "nonsense"}, {}}[m.IntN(9)]
	}
	if m.chance(3) {
		q.Purpose = "raffle"
	}
	return q
}

// moment draws a time to ask at: some day, or about the end of a yes.
func (m maker) moment(w decision.World) time.Time {
	var ends []time.Time
	for _, s := range append([]decision.Subject{}, w.Linked...) {
		ends = append(ends, endsOf(s)...)
	}
	if w.Subject != nil {
		ends = append(ends, endsOf(*w.Subject)...)
	}
	if len(ends) == 0 || m.chance(40) {
		return newYear.AddDate(0, 0, m.IntN(900)).Add(time.Duration(m.Int64N(int64(24 * time.Hour))))
	}
	slices.SortFunc(ends, time.Time.Compare) // states come in no order
	near := []time.Duration{0, 0, -time.Millisecond, time.Millisecond, -1, 1}
	return ends[m.IntN(len(ends))].Add(near[m.IntN(len(near))])
}

func endsOf(s decision.Subject) []time.Time {
	var ends []time.Time
	for _, state := range s.States {
		if state.Yes != nil && state.Yes.Until.Year() > 1700 && state.Yes.Until.Year() < 2200 {
			ends = append(ends, state.Yes.Until)
		}
	}
	return ends
}

// town is a table and the worlds of those who live in it.
type town struct {
	maker
	tab   *table.Table
	laws  decision.World
	homes []decision.World
	known map[int]bool // was ever put
	clock time.Time

	asked, quick int
}

func (tn *town) id(i int) subject.ID { return subject.ID(fmt.Sprintf("customer:%d", i)) }

func (tn *town) move(i int) {
	tn.homes[i] = tn.world()
	p, times := table.ProfileOf(tn.homes[i])
	tn.tab.Put(tn.tab.Tag(tn.id(i)), p, times, !tn.known[i])
	tn.known[i] = true
}

func (tn *town) here(i int) decision.World {
	w := tn.homes[i]
	w.Policy, w.Version, w.Suspended, w.Forbidden = tn.laws.Policy, tn.find, tn.laws.Suspended, tn.laws.Forbidden
	return w
}

func newTown(t testing.TB, seed uint64, size int) *town {
	tn := &town{maker: newMaker(t, seed), homes: make([]decision.World, size), known: map[int]bool{}, clock: newYear}
	tn.maker.laws(&tn.laws)
	tn.laws.Version = tn.find
	tn.tab = table.New(key, rules(tn.laws), newYear)
	return tn
}

// step lets something happen, as it comes: somebody answers, leaves or is asked
// about, rules change, time is noted, everything is loaded anew.
func (tn *town) step(t testing.TB) {
	i := tn.IntN(len(tn.homes))
	switch n := tn.IntN(1000); {
	case n < 3:
		tn.maker.laws(&tn.laws)
		tn.tab.Rule(rules(tn.laws))
	case n < 4:
		tn.load()
	case n < 6:
		tn.tab.Turn(tn.clock.Add(time.Duration(tn.Int64N(int64(12 * time.Hour)))))
	case n < 15:
		tn.homes[i] = decision.World{}
		tn.tab.Remove(tn.tab.Tag(tn.id(i)))
	default:
		tn.move(i)
	}
	for range 2 {
		tn.ask(t, i)
	}
	tn.ask(t, tn.IntN(len(tn.homes)))
}

// time is mostly the clock, which goes on, with or without the table being told;
// sometimes it is any other time.
func (tn *town) time(w decision.World) time.Time {
	next := tn.moment(w)
	switch {
	case tn.chance(20):
		return next
	case tn.chance(50) && next.After(tn.clock) && next.Before(tn.clock.AddDate(0, 0, 3)):
		tn.clock = next
	default:
		tn.clock = tn.clock.Add(time.Duration(tn.Int64N(int64(4 * time.Hour))))
	}
	if tn.chance(80) {
		tn.tab.Turn(tn.clock)
	}
	return tn.clock
}

func (tn *town) load() {
	l := tn.tab.Loader(len(tn.homes), rules(tn.laws), tn.clock)
	for i, w := range tn.homes {
		if tn.known[i] {
			p, times := table.ProfileOf(w)
			l.Add(tn.tab.Tag(tn.id(i)), l.Shape(p), times)
		}
	}
	l.Swap()
}

func (tn *town) ask(t testing.TB, i int) {
	w := tn.here(i)
	q, now := tn.question(), tn.time(w)
	tn.asked++
	if tn.tab.Quick(now) {
		tn.quick++
	}
	want := decision.Decide(w, q, now)
	for way, got := range inEveryWay(tn.tab, tn.id(i), q, now) {
		if got.Reason != want.Reason || got.Allowed != want.Allowed {
			t.Fatalf("%s: %s, want %s, of %+v at %v in\n%+v", way, got.Reason, want.Reason, q, now, w)
		}
	}
}

// The table answers as the reference does, in every world, at every time.
func TestAgreesWithTheReference(t *testing.T) {
	worlds := 100_000
	if os.Getenv("AMANA_SOAK") != "" {
		worlds = 5_000_000
	}
	const parts, size, each = 8, 300, 2_500
	for part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			for n := range worlds / each / parts {
				tn := newTown(t, uint64(n*parts+part), size)
				for range each {
					tn.step(t)
				}
				if tn.quick < tn.asked/4 || tn.quick > tn.asked*9/10 {
					t.Errorf("%d of %d questions were answered without looking at times", tn.quick, tn.asked)
				}
			}
		})
	}
}

// The same with worlds that a fuzzer looks for.
func FuzzAgreesWithTheReference(f *testing.F) {
	f.Add(uint64(1), uint16(100))
	f.Fuzz(func(t *testing.T, seed uint64, steps uint16) {
		tn := newTown(t, seed, 8)
		for range steps % 256 {
			tn.step(t)
		}
	})
}
