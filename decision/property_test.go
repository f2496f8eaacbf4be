package decision_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/consent/consenttest"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/decision/decisiontest"
	"github.com/amana-privacy/amana/policy"
)

var newYear = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// history draws what one identifier may have said in some months.
func history(t *rapid.T, all map[policy.VersionID]*policy.Version) []consent.Event {
	at := newYear
	var events []consent.Event
	for i := range rapid.IntRange(0, 8).Draw(t, "events") {
		at = at.AddDate(0, 0, rapid.SampledFrom([]int{0, 1, 5, 40}).Draw(t, "days"))
		events = append(events, consent.Event{
			ID: fmt.Sprint(i + 1), Seq: int64(i + 1), Time: at,
			Act:       rapid.SampledFrom([]consent.Act{consent.ActGiven, consent.ActGiven, consent.ActGiven, consent.ActConfirmed, consent.ActRefused, consent.ActWithdrawn}).Draw(t, "act"),
			Purpose:   rapid.SampledFrom([]string{"letters", "letters", "digest", "resale"}).Draw(t, "purpose"),
			Recipient: rapid.SampledFrom([]string{"", "", "partner"}).Draw(t, "recipient"),
			Policy:    rapid.SampledFrom(slices.Sorted(maps.Keys(all))).Draw(t, "version"),
			Signals:   consent.Signals{GPC: rapid.Bool().Draw(t, "gpc")},
		})
	}
	return consenttest.Meant(events, func(id policy.VersionID) *policy.Version { return all[id] })
}

func drawSubject(t *rapid.T, all map[policy.VersionID]*policy.Version, find finds) decision.Subject {
	return decision.Subject{
		Kind:   rapid.SampledFrom([]string{"email", "email", "customer"}).Draw(t, "kind"),
		Since:  rapid.SampledFrom([]time.Time{{}, newYear.AddDate(0, 1, 0)}).Draw(t, "since"),
		States: consent.Fold(history(t, all), find),
	}
}

func drawWorld(t *rapid.T, all map[policy.VersionID]*policy.Version) decision.World {
	find := func(id policy.VersionID) *policy.Version { return all[id] }
	w := decision.World{
		Policy: all[rapid.SampledFrom(slices.Sorted(maps.Keys(all))).Draw(t, "in force")], Version: find,
		Subject:   new(drawSubject(t, all, find)),
		Suspended: map[string]bool{"mailer": rapid.Bool().Draw(t, "suspended")},
	}
	for range rapid.IntRange(0, 2).Draw(t, "linked") {
		w.Linked = append(w.Linked, drawSubject(t, all, find))
	}
	return w
}

func drawQuestion(t *rapid.T) decision.Question {
	return decision.Question{
		Purpose:   rapid.SampledFrom([]string{"letters", "digest", "resale"}).Draw(t, "asked"),
		Data:      rapid.SampledFrom([][]string{nil, {"email"}, {"phone"}, {"email", "phone"}}).Draw(t, "data"),
		Recipient: rapid.SampledFrom([]string{"", "", "mailer", "printer", "partner"}).Draw(t, "to"),
		Signals:   consent.Signals{GPC: rapid.Bool().Draw(t, "asked with gpc")},
	}
}

type finds = func(policy.VersionID) *policy.Version

// check runs a property over random worlds and questions, some weeks after the
// first answer or some years.
func check(t *testing.T, property func(t *rapid.T, w decision.World, q decision.Question, now time.Time)) {
	all := decisiontest.Load(t, "testdata/scope.yaml").Versions.Publish(t)
	rapid.Check(t, func(t *rapid.T) {
		now := newYear.AddDate(0, 0, rapid.IntRange(0, 500).Draw(t, "now"))
		property(t, drawWorld(t, all), drawQuestion(t), now)
	})
}

func TestAnswersAreOfTheClosedSet(t *testing.T) {
	check(t, func(t *rapid.T, w decision.World, q decision.Question, now time.Time) {
		a := decision.Decide(w, q, now)
		if !slices.Contains(decision.Reasons(), a.Reason) || a.Allowed != (a.Reason == decision.Given || a.Reason == decision.Basis) {
			t.Fatalf("%+v", a)
		}
	})
}

// Whoever may use more may use less.
func TestLessIsNeverWorse(t *testing.T) {
	check(t, func(t *rapid.T, w decision.World, q decision.Question, now time.Time) {
		if !decision.Decide(w, q, now).Allowed {
			return
		}
		less := q
		less.Recipient, less.Signals = "", consent.Signals{}
		if len(q.Data) > 1 {
			less.Data = q.Data[:1]
		}
		if got := decision.Decide(w, less, now); !got.Allowed {
			t.Fatalf("%+v is allowed, %+v is not: %s", q, less, got.Reason)
		}
	})
}

// Publishing more data for a purpose changes no answer about the data it had,
// and answers about the new data with no until somebody says yes to it.
func TestAddedDataWorsensNothingAndGetsNothing(t *testing.T) {
	check(t, func(t *rapid.T, w decision.World, q decision.Question, now time.Time) {
		p, ok := w.Policy.Policy.Purposes[q.Purpose]
		if !ok || p.Basis != policy.Consent {
			return
		}
		if len(q.Data) == 0 {
			q.Data = p.Data // by name, for omitting means all that are in force
		}
		wider := w
		wider.Policy = with(w.Policy, q.Purpose, "added")
		before, after := decision.Decide(w, q, now), decision.Decide(wider, q, now)
		if len(q.Data) > 0 && before.Reason != after.Reason {
			t.Fatalf("%+v: %s became %s", q, before.Reason, after.Reason)
		}
		if a := decision.Decide(wider, decision.Question{Purpose: q.Purpose, Data: []string{"added"}}, now); a.Allowed {
			t.Fatalf("the added data may be used: %+v", a)
		}
	})
}

// with gives a version with one more category of data in a purpose.
func with(v *policy.Version, purpose, data string) *policy.Version {
	p := *v.Policy
	p.Data, p.Purposes = maps.Clone(p.Data), maps.Clone(p.Purposes)
	p.Data[data] = policy.Data{}
	wider := p.Purposes[purpose]
	wider.Data = append(slices.Clone(wider.Data), data)
	p.Purposes[purpose] = wider
	return &policy.Version{ID: v.ID + "+", Policy: &p, Meanings: v.Meanings}
}

// A no by any identifier of the person, said now, is the end of it.
func TestANoEndsIt(t *testing.T) {
	check(t, func(t *rapid.T, w decision.World, q decision.Question, _ time.Time) {
		if w.Policy.Policy.Purposes[q.Purpose].Basis != policy.Consent {
			return
		}
		now := newYear.AddDate(2, 0, 0) // after everything that was said
		speaker := w.Subject
		if n := rapid.IntRange(0, len(w.Linked)).Draw(t, "who says no"); n > 0 {
			speaker = &w.Linked[n-1]
		}
		act := rapid.SampledFrom([]consent.Act{consent.ActRefused, consent.ActWithdrawn}).Draw(t, "no")
		consent.Apply(speaker.States, w.Version, consent.Event{ID: "no", Seq: 99, Time: now, Act: act, Purpose: q.Purpose})
		if a := decision.Decide(w, q, now); a.Allowed {
			t.Fatalf("allowed after a no: %+v", a)
		}
	})
}

// Linking one more identifier never turns a no into a yes for one that acts itself.
func TestLinkingNeverWidens(t *testing.T) {
	check(t, func(t *rapid.T, w decision.World, q decision.Question, now time.Time) {
		if w.Subject.Kind != "email" {
			return
		}
		alone := w
		alone.Linked = nil
		if a := decision.Decide(w, q, now); a.Allowed && !decision.Decide(alone, q, now).Allowed {
			t.Fatalf("a yes crossed: %+v", a)
		}
	})
}

// No fact that speaks against a use makes it allowed.
func TestFactsAgainstNeverWiden(t *testing.T) {
	check(t, func(t *rapid.T, w decision.World, q decision.Question, now time.Time) {
		if decision.Decide(w, q, now).Allowed {
			return
		}
		for name, worsen := range map[string]func(w *decision.World){
			"stale":      func(w *decision.World) { w.Stale = true },
			"erased":     func(w *decision.World) { w.Person.Erased = true },
			"restricted": func(w *decision.World) { w.Person.Restricted = true },
			"objected":   func(w *decision.World) { w.Person.Objected = map[string]bool{q.Purpose: true} },
			"below age":  func(w *decision.World) { w.Person.BelowAge = true },
			"signal":     func(w *decision.World) { w.Person.GPC = true },
			"suspended":  func(w *decision.World) { w.Suspended = map[string]bool{q.Recipient: true} },
			"unknown":    func(w *decision.World) { w.Subject, w.Linked = nil, nil },
			"law":        func(w *decision.World) { w.Forbidden = func(string, policy.Purpose) bool { return true } },
		} {
			worse := w
			worsen(&worse)
			if a := decision.Decide(worse, q, now); a.Allowed {
				t.Fatalf("%s made it allowed: %+v", name, a)
			}
		}
	})
}

// An allowed answer holds until it ends, and not at its end.
func TestAnAnswerEndsWhenItSays(t *testing.T) {
	check(t, func(t *rapid.T, w decision.World, q decision.Question, now time.Time) {
		a := decision.Decide(w, q, now)
		end := a.Ends()
		if end.IsZero() {
			if a.Reason == decision.Given {
				t.Fatalf("a yes without an end: %+v", a)
			}
			return
		}
		if !now.Before(end) {
			t.Fatalf("ended at %v, asked at %v", end, now)
		}
		if !decision.Decide(w, q, end.Add(-1)).Allowed || decision.Decide(w, q, end).Allowed {
			t.Fatalf("does not end at %v", end)
		}
	})
}
