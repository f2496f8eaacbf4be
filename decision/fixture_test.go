package decision_test

import (
	"slices"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/consent/consenttest"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/decision/decisiontest"
	"github.com/amana-privacy/amana/policy"
)

func TestDecide(t *testing.T) {
	seen := map[decision.Reason]int{}
	decisiontest.Each(t, "testdata", func(t *testing.T, asked []decisiontest.Ask, w decision.World, now time.Time) {
		for _, want := range asked {
			seen[want.Reason]++
			got := decision.Decide(w, want.Question, now)
			if got.Reason != want.Reason {
				t.Errorf("%s: got %s", want.Line, got.Reason)
			}
			if want.Until != "" && !got.Ends().Equal(consenttest.Time(t, want.Until)) {
				t.Errorf("%s: ends %v", want.Line, got.Ends())
			}
			if want.Since != "" && !got.State.Since.Equal(consenttest.Time(t, want.Since)) {
				t.Errorf("%s: since %v", want.Line, got.State.Since)
			}
			if got.Allowed != want.Allowed() {
				t.Errorf("%s: allowed is %v", want.Line, got.Allowed)
			}
			if (got.Yes != nil) != (got.Reason == decision.Given) {
				t.Errorf("%s: the yes it rests on is %v", want.Line, got.Yes)
			}
		}
	})
	for _, r := range decision.Reasons() {
		if seen[r] == 0 {
			t.Errorf("no fixture asks for %s", r)
		}
	}
	if len(seen) != len(decision.Reasons()) {
		t.Errorf("fixtures name %d reasons, the set has %d", len(seen), len(decision.Reasons()))
	}
}

// The order in which identifiers are linked tells nothing.
func TestDecideIsBlindToTheOrderOfLinking(t *testing.T) {
	decisiontest.Each(t, "testdata", func(t *testing.T, asked []decisiontest.Ask, w decision.World, now time.Time) {
		turned := w
		turned.Linked = slices.Clone(w.Linked)
		slices.Reverse(turned.Linked)
		for _, one := range asked {
			a, b := decision.Decide(w, one.Question, now), decision.Decide(turned, one.Question, now)
			if a.Reason != b.Reason || !a.Ends().Equal(b.Ends()) || !a.State.Since.Equal(b.State.Since) {
				t.Errorf("%s: %s until %v, turned round %s until %v", one.Line, a.Reason, a.Ends(), b.Reason, b.Ends())
			}
		}
	})
}

// A state that does not say when its no was spoken is taken at its word.
func TestANoWithoutItsTimeStillCrosses(t *testing.T) {
	v := consenttest.Versions{{ID: "v1", Purposes: map[string]consenttest.Purpose{"letters": {Data: []string{"email"}, Keep: "P1Y"}}}}.Publish(t)["v1"]
	said := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	key := consent.Key{Purpose: "letters"}
	yes := &consent.Yes{Policy: "v1", Since: said, Until: said.AddDate(1, 0, 0)}
	w := decision.World{
		Policy: v, Version: func(policy.VersionID) *policy.Version { return v },
		Subject: &decision.Subject{Kind: "email", States: map[consent.Key]consent.State{key: {Status: consent.StatusGiven, Since: said, Yes: yes}}},
		Linked: []decision.Subject{
			{Kind: "email", States: map[consent.Key]consent.State{key: {Status: consent.StatusRefused, Since: said.AddDate(0, 1, 0)}}},
		},
	}
	if a := decision.Decide(w, decision.Question{Purpose: "letters"}, said.AddDate(0, 2, 0)); a.Reason != decision.Withdrawn {
		t.Errorf("reason %s, want withdrawn", a.Reason)
	}
}

// An answer about an unknown version or without a policy is no.
func TestWhatCannotBeFoundIsNo(t *testing.T) {
	v := consenttest.Versions{{ID: "v1", Purposes: map[string]consenttest.Purpose{"letters": {Data: []string{"email"}, Keep: "P1Y"}}}}.Publish(t)["v1"]
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := decision.World{
		Policy: v, Version: func(policy.VersionID) *policy.Version { return nil },
		Subject: &decision.Subject{Kind: "email", States: map[consent.Key]consent.State{
			{Purpose: "letters"}: {Status: consent.StatusGiven, Yes: &consent.Yes{Policy: "v0", Since: now, Until: now.Add(time.Hour)}},
		}},
	}
	if a := decision.Decide(w, decision.Question{Purpose: "letters"}, now); a.Reason != decision.OutsideScope {
		t.Errorf("a yes to a version that is lost: %s, want outside_scope", a.Reason)
	}
	w.Policy = nil
	if a := decision.Decide(w, decision.Question{Purpose: "letters"}, now); a.Reason != decision.UnknownPurpose {
		t.Errorf("no policy: %s, want unknown_purpose", a.Reason)
	}
}
