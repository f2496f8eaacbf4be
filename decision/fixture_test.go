package decision_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/consent/consenttest"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
)

// fixture is one file of testdata.
type fixture struct {
	Now      string               `yaml:"now"`
	Versions consenttest.Versions `yaml:"versions"`
	Cases    []scene              `yaml:"cases"`
}

// scene is a world in short, and what is asked in it.
type scene struct {
	Name      string       `yaml:"name"`
	Now       string       `yaml:"now"`
	InForce   string       `yaml:"in_force"`
	Stale     bool         `yaml:"stale"`
	By        string       `yaml:"by"`
	Since     string       `yaml:"since"`
	Said      []string     `yaml:"said"`
	Linked    []identifier `yaml:"linked"`
	Person    person       `yaml:"person"`
	Suspended []string     `yaml:"suspended"`
	Forbidden []string     `yaml:"forbidden"`
	Ask       []string     `yaml:"ask"`
}

type identifier struct {
	Kind  string   `yaml:"kind"`
	Since string   `yaml:"since"`
	Said  []string `yaml:"said"`
}

type person struct {
	Erased     bool     `yaml:"erased"`
	Restricted bool     `yaml:"restricted"`
	Named      []string `yaml:"named"`
	Objected   []string `yaml:"objected"`
	Overruled  []string `yaml:"overruled"`
	BelowAge   bool     `yaml:"below_age"`
	Parent     bool     `yaml:"parent"`
	GPC        bool     `yaml:"gpc"`
}

// world builds the world of a scene; what was said is folded from its events.
func (s scene) world(t testing.TB, versions consenttest.Versions) decision.World {
	all := versions.Publish(t)
	inForce := policy.VersionID(s.InForce)
	if inForce == "" {
		inForce = policy.VersionID(versions[len(versions)-1].ID)
	}
	w := decision.World{
		Stale: s.Stale, Policy: all[inForce],
		Version: func(id policy.VersionID) *policy.Version { return all[id] },
		Person: decision.Person{
			Erased: s.Person.Erased, Restricted: s.Person.Restricted, Named: set(s.Person.Named), Objected: set(s.Person.Objected),
			Overruled: set(s.Person.Overruled), BelowAge: s.Person.BelowAge, ParentVerified: s.Person.Parent, GPC: s.Person.GPC,
		},
		Suspended: set(s.Suspended),
	}
	if s.Forbidden != nil {
		w.Forbidden = func(id string, _ policy.Purpose) bool { return slices.Contains(s.Forbidden, id) }
	}
	if s.By != "" {
		w.Subject = new(identifier{s.By, s.Since, s.Said}.read(t, w.Version))
	}
	for _, id := range s.Linked {
		w.Linked = append(w.Linked, id.read(t, w.Version))
	}
	return w
}

func (id identifier) read(t testing.TB, versions func(policy.VersionID) *policy.Version) decision.Subject {
	return decision.Subject{
		Kind: id.Kind, Since: consenttest.Time(t, id.Since),
		States: consent.Fold(consenttest.Meant(consenttest.Events(t, id.Said), versions), versions),
	}
}

func set(list []string) map[string]bool {
	m := map[string]bool{}
	for _, s := range list {
		m[s] = true
	}
	return m
}

// expected is the reason, and where the line names them the end of the answer
// and the time of the state it tells of.
type expected struct {
	reason       decision.Reason
	until, since string
}

// question reads "PURPOSE [data=a,b] [to=RECIPIENT] [gpc] -> REASON [until TIME] [since TIME]".
func question(t testing.TB, line string) (decision.Question, expected) {
	t.Helper()
	ask, want, ok := strings.Cut(line, " -> ")
	if !ok {
		t.Fatalf("question %q names no reason", line)
	}
	want, since, _ := strings.Cut(want, " since ")
	reason, until, _ := strings.Cut(want, " until ")
	words := strings.Fields(ask)
	q := decision.Question{Purpose: words[0]}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "data":
			q.Data = strings.Split(value, ",")
		case "to":
			q.Recipient = value
		case "gpc":
			q.Signals.GPC = true
		default:
			t.Fatalf("question %q: unknown word %q", line, w)
		}
	}
	return q, expected{decision.Reason(reason), until, since}
}

// each runs over every scene of every fixture.
func each(t *testing.T, do func(t *testing.T, s scene, w decision.World, now time.Time)) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures (%v)", err)
	}
	for _, file := range files {
		var f fixture
		consenttest.Load(t, file, &f)
		for _, s := range f.Cases {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml")+"/"+s.Name, func(t *testing.T) {
				now := s.Now
				if now == "" {
					now = f.Now
				}
				do(t, s, s.world(t, f.Versions), consenttest.Time(t, now))
			})
		}
	}
}

func TestDecide(t *testing.T) {
	seen := map[decision.Reason]int{}
	each(t, func(t *testing.T, s scene, w decision.World, now time.Time) {
		for _, line := range s.Ask {
			q, want := question(t, line)
			seen[want.reason]++
			got := decision.Decide(w, q, now)
			if got.Reason != want.reason {
				t.Errorf("%s: got %s", line, got.Reason)
			}
			if want.until != "" && !got.Ends().Equal(consenttest.Time(t, want.until)) {
				t.Errorf("%s: ends %v", line, got.Ends())
			}
			if want.since != "" && !got.State.Since.Equal(consenttest.Time(t, want.since)) {
				t.Errorf("%s: since %v", line, got.State.Since)
			}
			if got.Allowed != (want.reason == decision.Given || want.reason == decision.Basis) {
				t.Errorf("%s: allowed is %v", line, got.Allowed)
			}
			if (got.Yes != nil) != (got.Reason == decision.Given) {
				t.Errorf("%s: the yes it rests on is %v", line, got.Yes)
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
	each(t, func(t *testing.T, s scene, w decision.World, now time.Time) {
		turned := w
		turned.Linked = slices.Clone(w.Linked)
		slices.Reverse(turned.Linked)
		for _, line := range s.Ask {
			q, _ := question(t, line)
			a, b := decision.Decide(w, q, now), decision.Decide(turned, q, now)
			if a.Reason != b.Reason || !a.Ends().Equal(b.Ends()) || !a.State.Since.Equal(b.State.Since) {
				t.Errorf("%s: %s until %v, turned round %s until %v", line, a.Reason, a.Ends(), b.Reason, b.Ends())
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
