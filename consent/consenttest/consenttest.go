// Package consenttest reads the short policies and event lines of the
// hand-written rule fixtures. It asks nothing of completeness: a fixture says
// only what its rules depend on.
package consenttest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
)

// Load reads a fixture strictly into out.
func Load(t testing.TB, file string, out any) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Load(src, out, yaml.WithKnownFields()); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// Version is one policy in short. Text stands for all words of a purpose; Same
// publishes an edit of it as the same meaning. A recipient is its permission,
// and Data, where given, declares more categories than the purposes use.
type Version struct {
	ID         string                       `yaml:"id"`
	Within     string                       `yaml:"within"`
	Data       []string                     `yaml:"data"`
	Recipients map[string]policy.Permission `yaml:"recipients"`
	Purposes   map[string]Purpose           `yaml:"purposes"`
}

// Purpose is one purpose in short; its basis is consent where none is said.
type Purpose struct {
	Text       string        `yaml:"text"`
	Same       bool          `yaml:"same"`
	Basis      policy.Basis  `yaml:"basis"`
	Data       []string      `yaml:"data"`
	Recipients []string      `yaml:"recipients"`
	Keep       string        `yaml:"keep"`
	Confirm    string        `yaml:"confirm"`
	ActsOn     []string      `yaml:"acts_on"`
	Marks      []policy.Mark `yaml:"marks"`
	Topics     []string      `yaml:"topics"`
	Frequency  []string      `yaml:"frequency"`
}

// Versions is a history of policies, oldest first.
type Versions []Version

// Publish gives the versions by their short ids, each following the one before.
func (vs Versions) Publish(t testing.TB) map[policy.VersionID]*policy.Version {
	t.Helper()
	all := make(map[policy.VersionID]*policy.Version)
	var last *policy.Version
	for _, short := range vs {
		p, same := short.policy(t)
		meanings, err := policy.MeaningsAfter(last, p, same)
		if err != nil {
			t.Fatalf("version %s: %v", short.ID, err)
		}
		last = &policy.Version{ID: policy.VersionID(short.ID), Policy: p, Meanings: meanings, SameMeaning: same}
		all[last.ID] = last
	}
	return all
}

func (v Version) policy(t testing.TB) (*policy.Policy, []string) {
	p := &policy.Policy{
		Data: map[string]policy.Data{}, Purposes: map[string]policy.Purpose{}, Recipients: map[string]policy.Recipient{},
		Confirm: policy.Confirm{Within: duration(t, v.Within)},
	}
	for id, permission := range v.Recipients {
		p.Recipients[id] = policy.Recipient{Role: policy.Processor, Permission: permission}
	}
	for _, d := range v.Data {
		p.Data[d] = policy.Data{}
	}
	var same []string
	for id, short := range v.Purposes {
		p.Purposes[id] = short.purpose(t)
		for _, d := range short.Data {
			p.Data[d] = policy.Data{}
		}
		if short.Same {
			same = append(same, id)
		}
	}
	return p, same
}

func (s Purpose) purpose(t testing.TB) policy.Purpose {
	p := policy.Purpose{
		Text: policy.Text{"en": s.Text}, Basis: s.Basis, Data: s.Data, Recipients: s.Recipients,
		Keep: duration(t, s.Keep), Confirm: s.Confirm, ActsOn: s.ActsOn, Marks: s.Marks,
	}
	if p.Basis == "" {
		p.Basis = policy.Consent
	}
	p.Frequency = s.Frequency
	for _, id := range s.Topics {
		p.Topics = append(p.Topics, policy.Topic{ID: id})
	}
	return p
}

func duration(t testing.TB, s string) policy.Duration {
	t.Helper()
	if s == "" {
		return policy.Duration{}
	}
	d, err := policy.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Events reads lines "ACT PURPOSE[/RECIPIENT] VERSION TIME [topics=a,b] [often=weekly] [gpc]
// [said=DAY] [evidence=ID]", the last two of what was imported. The number of a line, from 1, is the sequence and the id of its event.
func Events(t testing.TB, lines []string) []consent.Event {
	t.Helper()
	var events []consent.Event
	for i, line := range lines {
		f := strings.Fields(line)
		if len(f) < 4 {
			t.Fatalf("event %q: want ACT KEY VERSION TIME", line)
		}
		key := Key(f[1])
		e := consent.Event{
			ID: fmt.Sprint(i + 1), Seq: int64(i + 1), Act: consent.Act(f[0]), Purpose: key.Purpose, Recipient: key.Recipient,
			Policy: policy.VersionID(f[2]), Time: Time(t, f[3]),
		}
		e.Topics, e.Signals, e.Claim = options(t, f[4:])
		e.Frequency = often(f[4:])
		events = append(events, e)
	}
	return events
}

// Meant gives events the meaning that their purposes have in their versions, as
// a store does when it writes them.
func Meant(events []consent.Event, versions func(policy.VersionID) *policy.Version) []consent.Event {
	for i, e := range events {
		if v := versions(e.Policy); v != nil {
			events[i].Meaning = v.Meanings[e.Purpose]
		}
	}
	return events
}

// Choice reads a line "ANSWER PURPOSE[/RECIPIENT] [topics=a,b] [often=weekly]"; "-" is empty.
func Choice(t testing.TB, line string) consent.Choice {
	t.Helper()
	f := strings.Fields(line)
	key := Key(strings.TrimPrefix(f[1], "-"))
	topics, _, _ := options(t, f[2:])
	return consent.Choice{
		Purpose: key.Purpose, Recipient: key.Recipient, Topics: topics, Frequency: often(f[2:]),
		Decision: consent.Answer(strings.TrimPrefix(f[0], "-")),
	}
}

// often gives the option often=FREQUENCY.
func often(words []string) string {
	for _, w := range words {
		if value, ok := strings.CutPrefix(w, "often="); ok {
			return value
		}
	}
	return ""
}

func options(t testing.TB, words []string) (topics []string, s consent.Signals, c consent.Claim) {
	t.Helper()
	for _, w := range words {
		switch name, value, _ := strings.Cut(w, "="); name {
		case "topics":
			topics = strings.Split(value, ",")
		case "often": // read apart
		case "gpc":
			s.GPC = true
		case "said":
			c.Said = Time(t, value)
		case "evidence":
			c.Evidence = value
		default:
			t.Fatalf("unknown option %q", w)
		}
	}
	return topics, s, c
}

// Key reads PURPOSE[/RECIPIENT].
func Key(s string) consent.Key {
	purpose, recipient, _ := strings.Cut(s, "/")
	return consent.Key{Purpose: purpose, Recipient: recipient}
}

// Time reads a day or an RFC 3339 instant, in UTC; "" is the zero time.
func Time(t testing.TB, s string) time.Time {
	t.Helper()
	if s == "" {
		return time.Time{}
	}
	layout := time.DateOnly
	if strings.Contains(s, "T") {
		layout = time.RFC3339
	}
	at, err := time.Parse(layout, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}
