package table_test

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
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// fixture is one file of the decision's hand-written fixtures; order.yaml there
// says how they are written.
type fixture struct {
	Now      string               `yaml:"now"`
	Versions consenttest.Versions `yaml:"versions"`
	Cases    []scene              `yaml:"cases"`
}

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
		Forbidden: func(id string, _ policy.Purpose) bool { return slices.Contains(s.Forbidden, id) },
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

// question reads "PURPOSE [data=a,b] [to=RECIPIENT] [gpc] -> REASON …".
func question(line string) (decision.Question, decision.Reason) {
	ask, want, _ := strings.Cut(line, " -> ")
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
		}
	}
	return q, decision.Reason(strings.Fields(want)[0])
}

// rules gives the part of a world that holds for everybody.
func rules(w decision.World) table.Rules {
	return table.Rules{Policy: w.Policy, Version: w.Version, Suspended: w.Suspended, Forbidden: w.Forbidden}
}

var key = table.Key{1, 2}

// The fixtures that hold the reference hold the table, asked in each of its ways.
func TestFixtures(t *testing.T) {
	files, err := filepath.Glob("../decision/testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		var f fixture
		consenttest.Load(t, file, &f)
		for _, s := range f.Cases {
			t.Run(filepath.Base(file)+"/"+s.Name, func(t *testing.T) {
				w := s.world(t, f.Versions)
				now := consenttest.Time(t, f.Now)
				if s.Now != "" {
					now = consenttest.Time(t, s.Now)
				}
				id := subject.ID("email:sara@example.com")
				tab := table.New(key, rules(w), now)
				p, times := table.ProfileOf(w)
				tab.Put(tab.Tag(id), p, times, true)
				if w.Stale {
					tab.StaleAfter(now)
				}
				for _, line := range s.Ask {
					q, want := question(line)
					for way, got := range inEveryWay(tab, id, q, now) {
						if got.Reason != want {
							t.Errorf("%s, %s: %s", way, line, got.Reason)
						}
						if got.Allowed != (want == decision.Given || want == decision.Basis) {
							t.Errorf("%s, %s: allowed is %v", way, line, got.Allowed)
						}
					}
				}
			})
		}
	}
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
