// Package decisiontest reads the hand-written fixtures of decisions
// (decision/testdata; order.yaml there says how they are written), by which the
// reference and each faster way to the same answer are held.
package decisiontest

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

// Fixture is one file.
type Fixture struct {
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

// Load reads one file strictly.
func Load(t testing.TB, file string) (f Fixture) {
	t.Helper()
	consenttest.Load(t, file, &f)
	return f
}

// Each runs a subtest over every scene of every file of a folder.
func Each(t *testing.T, folder string, do func(t *testing.T, asked []Ask, w decision.World, now time.Time)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures (%v)", err)
	}
	for _, file := range files {
		f := Load(t, file)
		for _, s := range f.Cases {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml")+"/"+s.Name, func(t *testing.T) {
				now := s.Now
				if now == "" {
					now = f.Now
				}
				var asked []Ask
				for _, line := range s.Ask {
					asked = append(asked, ask(t, line))
				}
				do(t, asked, s.world(t, f.Versions), consenttest.Time(t, now))
			})
		}
	}
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
			Erased: s.Person.Erased, Restricted: s.Person.Restricted, Named: Set(s.Person.Named), Objected: Set(s.Person.Objected),
			Overruled: Set(s.Person.Overruled), BelowAge: s.Person.BelowAge, ParentVerified: s.Person.Parent, GPC: s.Person.GPC,
		},
		Suspended: Set(s.Suspended),
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

// Set gives what stands in a list.
func Set(list []string) map[string]bool {
	m := map[string]bool{}
	for _, s := range list {
		m[s] = true
	}
	return m
}

// Ask is a question with the answer that is expected: the reason, and where the
// line names them the end of the answer and the time of the state it tells of.
type Ask struct {
	Line         string
	Question     decision.Question
	Reason       decision.Reason
	Until, Since string
}

// Allowed reports whether the expected answer is a yes.
func (a Ask) Allowed() bool { return a.Reason == decision.Given || a.Reason == decision.Basis }

// ask reads "PURPOSE [data=a,b] [to=RECIPIENT] [gpc] -> REASON [until TIME] [since TIME]".
func ask(t testing.TB, line string) Ask {
	t.Helper()
	question, want, ok := strings.Cut(line, " -> ")
	if !ok {
		t.Fatalf("question %q names no reason", line)
	}
	want, since, _ := strings.Cut(want, " since ")
	reason, until, _ := strings.Cut(want, " until ")
	words := strings.Fields(question)
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
	return Ask{line, q, decision.Reason(reason), until, since}
}
