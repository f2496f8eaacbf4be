package table_test

import (
	"testing"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/decision/decisiontest"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// rules gives the part of a world that holds for everybody.
func rules(w decision.World) table.Rules {
	return table.Rules{Policy: w.Policy, Version: w.Version, Suspended: w.Suspended, Forbidden: w.Forbidden}
}

var key = table.Key{1, 2}

// The fixtures that hold the reference hold the table, asked in each of its ways.
func TestFixtures(t *testing.T) {
	decisiontest.Each(t, "../decision/testdata", func(t *testing.T, asked []decisiontest.Ask, w decision.World, now time.Time) {
		id := subject.ID("email:sara@example.com")
		tab := table.New(key, rules(w), now)
		p, times := table.ProfileOf(w)
		tab.Put(tab.Tag(id), p, times, true)
		if w.Stale {
			tab.StaleAfter(now)
		}
		for _, want := range asked {
			for way, got := range inEveryWay(tab, id, want.Question, now) {
				if got.Reason != want.Reason || got.Allowed != want.Allowed() {
					t.Errorf("%s, %s: %s, allowed is %v", way, want.Line, got.Reason, got.Allowed)
				}
			}
		}
	})
}

// inEveryWay asks one question in each way there is.
func inEveryWay(tab *table.Table, id subject.ID, q decision.Question, now time.Time) map[string]table.Answer {
	ready := tab.Question(q)
	three, two := make([]table.Answer, 3), make([]table.Answer, 2)
	ready.DecideEach([]subject.ID{id, "email:nobody@example.com", id}, three, now)
	tab.DecideEach([]table.Query{{id, ready}, {id, ready}}, two, now)
	return map[string]table.Answer{
		"by name": tab.Decide(id, q, now), "made ready": ready.Decide(id, now),
		"of many": three[2], "among many": two[1],
	}
}
