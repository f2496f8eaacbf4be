package consent_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/consent/consenttest"
	"github.com/amana-privacy/amana/policy"
)

// history draws what a subject may have said over some years, to versions that
// exist and one that does not.
func history(versions map[policy.VersionID]*policy.Version) *rapid.Generator[[]consent.Event] {
	ids := append(slices.Sorted(maps.Keys(versions)), "v9")
	acts := []consent.Act{consent.ActGiven, consent.ActGiven, consent.ActConfirmed, consent.ActRefused, consent.ActWithdrawn}
	return rapid.Custom(func(t *rapid.T) []consent.Event {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var events []consent.Event
		for i := range rapid.IntRange(0, 12).Draw(t, "length") {
			at = at.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 24, 24 * 7, 24 * 200}).Draw(t, "hours")) * time.Hour)
			e := consent.Event{
				ID: fmt.Sprint(i + 1), Seq: int64(i + 1), Time: at,
				Act:       rapid.SampledFrom(acts).Draw(t, "act"),
				Purpose:   rapid.SampledFrom([]string{"newsletter", "newsletter", "offers", "digest", "survey", "brief"}).Draw(t, "purpose"),
				Recipient: rapid.SampledFrom([]string{"", "", "", "partner", "club"}).Draw(t, "recipient"),
				Policy:    rapid.SampledFrom(ids).Draw(t, "version"),
				Signals:   consent.Signals{GPC: rapid.Bool().Draw(t, "gpc")},
				Shown:     rapid.Bool().Draw(t, "shown"),
			}
			if rapid.IntRange(0, 3).Draw(t, "imported") == 0 {
				e.Claim = consent.Claim{Evidence: "letter", Said: at.Add(time.Duration(rapid.SampledFrom([]int{-5000, -100, 0, 100}).Draw(t, "said")) * time.Hour)}
			}
			if v := versions[e.Policy]; v != nil && e.Act == consent.ActGiven && e.Recipient == "" {
				e.Topics = topics(t, v.Policy.Purposes[e.Purpose])
				if offered := v.Policy.Purposes[e.Purpose].Frequency; len(offered) > 0 {
					e.Frequency = rapid.SampledFrom(append([]string{""}, offered...)).Draw(t, "frequency")
				}
			}
			events = append(events, e)
		}
		return consenttest.Meant(events, func(id policy.VersionID) *policy.Version { return versions[id] })
	})
}

func topics(t *rapid.T, p policy.Purpose) []string {
	var some []string
	for _, topic := range p.Topics {
		if rapid.Bool().Draw(t, topic.ID) {
			some = append(some, topic.ID)
		}
	}
	return some
}

func foldVersions(t testing.TB) map[policy.VersionID]*policy.Version {
	var fixture struct {
		Versions consenttest.Versions `yaml:"versions"`
		Cases    any                  `yaml:"cases"`
	}
	consenttest.Load(t, "testdata/fold.yaml", &fixture)
	return fixture.Versions.Publish(t)
}

// check runs a property over random histories.
func check(t *testing.T, property func(t *rapid.T, events []consent.Event, versions func(policy.VersionID) *policy.Version)) {
	all := foldVersions(t)
	find := func(id policy.VersionID) *policy.Version { return all[id] }
	rapid.Check(t, func(t *rapid.T) { property(t, history(all).Draw(t, "events"), find) })
}

// An import cannot make a yes longer than the person's own word would be.
func TestAClaimNeverLengthensAYes(t *testing.T) {
	check(t, func(t *rapid.T, events []consent.Event, versions finds) {
		for key, s := range consent.Fold(events, versions) {
			if s.Yes != nil && s.Yes.Until.After(versions(s.Yes.Policy).Policy.Purposes[key.Purpose].Keep.After(s.Yes.Since)) {
				t.Fatalf("%v holds longer than its keeping time from %v: %+v", key, s.Yes.Since, s.Yes)
			}
		}
	})
}

type finds = func(policy.VersionID) *policy.Version

func TestFoldAgreesWithTheModel(t *testing.T) {
	check(t, func(t *rapid.T, events []consent.Event, versions finds) {
		if diff := cmp.Diff(slowFold(events, versions), consent.Fold(events, versions)); diff != "" {
			t.Fatalf("states (-model +fold):\n%s", diff)
		}
	})
}

// The order in which events are handed over does not matter, and what was
// folded once is not changed by what comes later.
func TestFoldIsApplyStepByStep(t *testing.T) {
	check(t, func(t *rapid.T, events []consent.Event, versions finds) {
		states := map[consent.Key]consent.State{}
		var kept []map[consent.Key]consent.State
		for _, e := range events {
			consent.Apply(states, versions, e)
			kept = append(kept, maps.Clone(states))
		}
		for i := range kept {
			mixed := rapid.Permutation(events[:i+1]).Draw(t, "mixed")
			if diff := cmp.Diff(kept[i], consent.Fold(mixed, versions)); diff != "" {
				t.Fatalf("after %d events (-apply +fold):\n%s", i+1, diff)
			}
		}
	})
}

func TestANoAlwaysEndsWhatStands(t *testing.T) {
	check(t, func(t *rapid.T, events []consent.Event, versions finds) {
		if len(events) == 0 {
			return
		}
		last := events[len(events)-1]
		last.ID, last.Seq, last.Recipient = "last", last.Seq+1, ""
		last.Act = rapid.SampledFrom([]consent.Act{consent.ActRefused, consent.ActWithdrawn}).Draw(t, "no")
		before := consent.Fold(events, versions)
		for key, s := range consent.Fold(append(events, last), versions) {
			if key.Purpose == last.Purpose && (s.Yes != nil || s.Pending != nil) {
				t.Fatalf("%v stands after a no: %+v", key, s)
			}
			if was := before[key]; key.Purpose != last.Purpose && !cmp.Equal(was, s) {
				t.Fatalf("a no to %s changed %v", last.Purpose, key)
			}
			if s.Status == consent.StatusRefused && before[key].Status == consent.StatusGiven {
				t.Fatalf("%v was given and is refused, not withdrawn", key)
			}
		}
	})
}

// Whatever was said, a state is one of the shapes its comment promises.
func TestStatesAreWellFormed(t *testing.T) {
	check(t, func(t *rapid.T, events []consent.Event, versions finds) {
		said := map[string]consent.Event{}
		for _, e := range events {
			said[e.ID] = e
		}
		for key, s := range consent.Fold(events, versions) {
			if (s.Yes != nil) != (s.Status == consent.StatusGiven) {
				t.Fatalf("%v: yes and status disagree: %+v", key, s)
			}
			if s.Status == consent.StatusPending && s.Pending == nil || s.Status == consent.NotAsked {
				t.Fatalf("%v: %q with nothing behind it", key, s.Status)
			}
			if e, ok := said[s.Event]; !ok || !e.Time.Equal(s.Since) {
				t.Fatalf("%v: since %v is not the time of event %s", key, s.Since, s.Event)
			}
			for _, y := range []*consent.Yes{s.Yes, s.Pending} {
				if y != nil && (said[y.Event].Act != consent.ActGiven || said[y.Event].Policy != y.Policy || said[y.Event].Time.After(y.Since)) {
					t.Fatalf("%v: the yes does not follow from event %s", key, y.Event)
				}
			}
		}
	})
}

// No yes to a double opt-in stands unless a confirmation of that version
// followed it, in time, with no no between.
func TestNothingDoubleStandsUnconfirmed(t *testing.T) {
	check(t, func(t *rapid.T, events []consent.Event, versions finds) {
		for key, s := range consent.Fold(events, versions) {
			if s.Yes == nil || !versions(s.Yes.Policy).Policy.Purposes[key.Purpose].Double() {
				continue
			}
			if !followedByConfirmation(events, key, s.Yes) {
				t.Fatalf("%v stands unconfirmed: %+v", key, s.Yes)
			}
		}
	})
}

func followedByConfirmation(events []consent.Event, key consent.Key, y *consent.Yes) bool {
	for _, e := range events {
		if e.Act == consent.ActConfirmed && e.Purpose == key.Purpose && e.Recipient == key.Recipient &&
			e.Policy == y.Policy && e.Time.Equal(y.Since) {
			return true
		}
	}
	return false
}
