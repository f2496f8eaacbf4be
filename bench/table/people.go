package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// The purposes: fourteen by consent, two on another basis.
var purposes = []string{
	"newsletter", "offers", "events", "surveys", "reminders", "recommendations", "statistics", "advertising", "partners", "research",
	"personal_prices", "product_tests", "birthday", "magazine", "service", "bookkeeping",
}

const byConsent = 14

var (
	now  = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	keep = []string{"P2Y", "P1Y", "P2Y", "P1Y", "P2Y", "P1Y", "P6M", "P6M", "P1Y", "P2Y", "P1Y", "P1Y", "P2Y", "P1Y", "P1Y", "P10Y"}
)

// versions gives three versions of the policy; the second adds a category of
// data to a purpose, the third a recipient.
func versions() map[policy.VersionID]*policy.Version {
	all := map[policy.VersionID]*policy.Version{}
	var last *policy.Version
	for n := range 3 {
		p := &policy.Policy{
			Data: map[string]policy.Data{"email": {}, "name": {}, "orders": {}}, Purposes: map[string]policy.Purpose{},
			Recipients: map[string]policy.Recipient{
				"mailer": {Role: policy.Processor}, "printer": {Role: policy.Processor}, "broker": {Role: policy.ThirdParty},
			},
		}
		for i, id := range purposes {
			u := policy.Purpose{Text: policy.Text{"en": id}, Basis: policy.Consent, Data: []string{"email"}, Recipients: []string{"mailer"}, Keep: duration(keep[i])}
			switch {
			case id == "service":
				u.Basis = policy.Contract
			case id == "bookkeeping":
				u.Basis = policy.LegalObligation
			case id == "partners":
				u.Recipients, u.Marks = []string{"broker"}, []policy.Mark{policy.Sale}
			case id == "magazine" && n > 0:
				u.Data = []string{"email", "name"}
			case id == "events" && n > 1:
				u.Recipients = []string{"mailer", "printer"}
			}
			p.Purposes[id] = u
		}
		meanings, err := policy.MeaningsAfter(last, p, nil)
		must(err)
		last = &policy.Version{ID: policy.VersionID(fmt.Sprint("sha256:", n)), Policy: p, Meanings: meanings}
		all[last.ID] = last
	}
	return all
}

func duration(s string) policy.Duration {
	d, err := policy.ParseDuration(s)
	must(err)
	return d
}

// crowd draws how people answer. Most say all or nothing in one act; some move
// a few switches; a few come back, take back, wait for their confirmation, are
// children or restricted. Mixed: everybody moves every switch for himself, the
// worst a table of interned sets can meet.
type crowd struct {
	*rand.Rand
	all   map[policy.VersionID]*policy.Version
	mixed bool
}

func newCrowd(mixed bool) *crowd { return &crowd{rand.New(rand.NewPCG(7, 7)), versions(), mixed} }

func (c *crowd) rules() table.Rules {
	return table.Rules{Policy: c.all["sha256:2"], Version: func(id policy.VersionID) *policy.Version { return c.all[id] }}
}

// person draws one.
func (c *crowd) person() decision.World {
	s := decision.Subject{Kind: subject.Email, States: map[consent.Key]consent.State{}}
	w := decision.World{Subject: &s}
	act := func(yes func(purpose int) bool) {
		at := now.Add(-time.Duration(c.Int64N(int64(700 * 24 * time.Hour)))).Truncate(time.Millisecond)
		v := c.all[policy.VersionID(fmt.Sprint("sha256:", max(0, c.IntN(5)-2)))]
		for i, id := range purposes[:byConsent] {
			e := consent.Event{Time: at, Act: consent.ActRefused, Purpose: id, Policy: v.ID, Meaning: v.Meanings[id]}
			if yes(i) {
				e.Act = consent.ActGiven
			}
			consent.Apply(s.States, func(id policy.VersionID) *policy.Version { return c.all[id] }, e)
		}
	}
	n := c.IntN(100)
	switch {
	case c.mixed:
		act(func(int) bool { return c.IntN(2) == 0 })
	case n < 50:
		act(func(int) bool { return true })
	case n < 75:
		act(func(int) bool { return false })
	default:
		flipped, yes := map[int]bool{}, c.IntN(3) > 0
		for range 1 + c.IntN(3) {
			flipped[c.IntN(byConsent)] = true
		}
		act(func(i int) bool { return yes != flipped[i] })
	}
	if c.IntN(100) < 5 { // came back for one purpose
		id := purposes[c.IntN(byConsent)]
		e := consent.Event{Time: now.Add(-time.Duration(c.Int64N(int64(200 * 24 * time.Hour)))).Truncate(time.Millisecond), Purpose: id, Policy: "sha256:2", Meaning: c.all["sha256:2"].Meanings[id]}
		e.Act = []consent.Act{consent.ActGiven, consent.ActWithdrawn}[c.IntN(2)]
		consent.Apply(s.States, func(id policy.VersionID) *policy.Version { return c.all[id] }, e)
	}
	switch n := c.IntN(1000); {
	case n < 5:
		w.Person.BelowAge = true
	case n < 8:
		w.Person.Restricted = true
	case n < 10:
		w.Person.Objected = map[string]bool{"service": true}
	case n < 30:
		w.Person.GPC = true
	}
	return w
}

// sample is people drawn beforehand; every identifier takes after one of them.
type sample struct {
	profiles []table.Profile
	times    [][]int64
	reasons  []uint64 // four bits a purpose: what a peer's table holds of a person
	allowed  []uint16 // one bit a purpose
}

func (c *crowd) sample(n int) sample {
	var s sample
	codes := map[decision.Reason]uint64{}
	r := c.rules()
	for range n {
		w := c.person()
		w.Policy, w.Version = r.Policy, r.Version
		p, times := table.ProfileOf(w)
		s.profiles, s.times = append(s.profiles, p), append(s.times, times)
		var reasons uint64
		var allowed uint16
		for i, id := range purposes {
			a := decision.Decide(w, decision.Question{Purpose: id}, now)
			if _, ok := codes[a.Reason]; !ok {
				codes[a.Reason] = uint64(len(codes)) + 1
			}
			reasons |= codes[a.Reason] << (4 * i)
			if a.Allowed {
				allowed |= 1 << i
			}
		}
		s.reasons, s.allowed = append(s.reasons, reasons), append(s.allowed, allowed)
	}
	return s
}

// times gives the times of one who takes after a person of the sample, so long later.
func shifted(times []int64, by int64, into []int64) []int64 {
	into = into[:0]
	for _, t := range times {
		into = append(into, t+by)
	}
	return into
}

// name gives the identifier of a number; all are equally long.
func name(i int) string { return fmt.Sprintf("email:customer%08d@example.com", i) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}
