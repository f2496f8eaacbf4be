package consent_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/consent/consenttest"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
)

// yes is a Yes as a fixture writes it.
type yes struct {
	Event  string   `yaml:"event"`
	Policy string   `yaml:"policy"`
	Since  string   `yaml:"since"`
	Until  string   `yaml:"until"`
	Topics []string `yaml:"topics"`
	Often  string   `yaml:"often"`
	GPC    bool     `yaml:"gpc"`
	List   string   `yaml:"evidence"`
	Said   string   `yaml:"said"`
}

// state is a State as a fixture writes it.
type state struct {
	Status  consent.Status `yaml:"status"`
	Since   string         `yaml:"since"`
	Event   string         `yaml:"event"`
	Yes     *yes           `yaml:"yes"`
	Pending *yes           `yaml:"pending"`
	No      string         `yaml:"no"`
}

func (s state) read(t *testing.T) consent.State {
	return consent.State{
		Status: s.Status, Since: consenttest.Time(t, s.Since), Event: s.Event,
		Yes: s.Yes.read(t), Pending: s.Pending.read(t), No: consenttest.Time(t, s.No),
	}
}

func (y *yes) read(t *testing.T) *consent.Yes {
	if y == nil {
		return nil
	}
	return &consent.Yes{
		Event: y.Event, Policy: policy.VersionID(y.Policy), Topics: y.Topics, Often: y.Often, Signals: consent.Signals{GPC: y.GPC},
		Since: consenttest.Time(t, y.Since), Until: consenttest.Time(t, y.Until), Evidence: y.List, Said: consenttest.Time(t, y.Said),
	}
}

// finder gives the versions of a fixture by id.
func finder(t testing.TB, vs consenttest.Versions) func(policy.VersionID) *policy.Version {
	all := vs.Publish(t)
	return func(id policy.VersionID) *policy.Version { return all[id] }
}

func TestFold(t *testing.T) {
	var fixture struct {
		Versions consenttest.Versions `yaml:"versions"`
		Cases    []struct {
			Name   string           `yaml:"name"`
			Events []string         `yaml:"events"`
			Then   map[string]state `yaml:"then"`
		} `yaml:"cases"`
	}
	consenttest.Load(t, "testdata/fold.yaml", &fixture)
	versions := finder(t, fixture.Versions)
	for _, c := range fixture.Cases {
		t.Run(c.Name, func(t *testing.T) {
			want := map[consent.Key]consent.State{}
			for key, s := range c.Then {
				want[consenttest.Key(key)] = s.read(t)
			}
			events := consenttest.Meant(consenttest.Events(t, c.Events), versions)
			meanings := cmpopts.IgnoreFields(consent.Yes{}, "Meaning")
			if diff := cmp.Diff(want, consent.Fold(events, versions), meanings); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, slowFold(events, versions), meanings); diff != "" {
				t.Errorf("states of the model (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	var fixture struct {
		Versions consenttest.Versions `yaml:"versions"`
		Cases    []struct {
			Name    string   `yaml:"name"`
			Kind    string   `yaml:"kind"`
			Choices []string `yaml:"choices"`
			Want    string   `yaml:"want"`
		} `yaml:"cases"`
	}
	consenttest.Load(t, "testdata/check.yaml", &fixture)
	v := finder(t, fixture.Versions)("v1")
	for _, c := range fixture.Cases {
		t.Run(c.Name, func(t *testing.T) {
			var choices []consent.Choice
			for _, line := range c.Choices {
				choices = append(choices, consenttest.Choice(t, line))
			}
			err := consent.Check(v, c.Kind, choices)
			field := ""
			if e, ok := errors.AsType[*fault.Error](err); ok {
				field = e.Field
			}
			if field != c.Want || (err != nil) != (c.Want != "") {
				t.Fatalf("field at fault %q, want %q (error: %v)", field, c.Want, err)
			}
			if err != nil && fault.KindOf(err) != fault.Invalid {
				t.Errorf("kind %v, want Invalid", fault.KindOf(err))
			}
		})
	}
}

func TestMayConfirm(t *testing.T) {
	end := time.Date(2026, 1, 8, 0, 0, 0, 0, time.UTC)
	waits := consent.State{Status: consent.StatusPending, Pending: &consent.Yes{Until: end}}
	for name, c := range map[string]struct {
		state consent.State
		now   time.Time
		want  error
	}{
		"in time":              {waits, end.Add(-time.Nanosecond), nil},
		"at the end":           {waits, end, consent.ErrLapsed},
		"never said":           {consent.State{}, end, consent.ErrNothingWaits},
		"confirmed before":     {consent.State{Status: consent.StatusGiven, Yes: &consent.Yes{}}, end, consent.ErrNothingWaits},
		"wider yes that waits": {consent.State{Status: consent.StatusGiven, Yes: &consent.Yes{}, Pending: waits.Pending}, end.Add(-1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := consent.MayConfirm(c.state, c.now); !errors.Is(err, c.want) {
				t.Errorf("MayConfirm: %v, want %v", err, c.want)
			}
		})
	}
}

func TestWaitingNamesThePurposeFirst(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	open, over := &consent.Yes{Until: now.Add(1)}, &consent.Yes{Until: now}
	got := consent.Waiting(map[consent.Key]consent.State{
		{Purpose: "news", Recipient: "z"}: {Pending: open},
		{Purpose: "news"}:                 {Pending: open},
		{Purpose: "news", Recipient: "a"}: {Pending: open},
		{Purpose: "news", Recipient: "b"}: {Pending: over},
		{Purpose: "other"}:                {Pending: open},
	}, "news", now)
	want := []consent.Key{{Purpose: "news"}, {Purpose: "news", Recipient: "a"}, {Purpose: "news", Recipient: "z"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestCovers(t *testing.T) {
	with := func(id string) policy.ScopeRecipient {
		return policy.ScopeRecipient{ID: id, Permission: policy.WithPurpose}
	}
	own := func(id string) policy.ScopeRecipient { return policy.ScopeRecipient{ID: id, Permission: policy.Own} }
	scope := func(meaning string, data []string, rs ...policy.ScopeRecipient) policy.Scope {
		return policy.Scope{Purpose: "news", Meaning: meaning, Data: data, Recipients: rs, Keep: "P1Y"}
	}
	e, en := []string{"email"}, []string{"email", "name"}
	longer := scope("m", e)
	longer.Keep = "P9Y"
	other := scope("m", e)
	other.Purpose = "ads"
	for name, c := range map[string]struct {
		yes, inForce policy.Scope
		data         []string
		recipient    string
		want         bool
	}{
		"the same":                         {scope("m", e), scope("m", e), e, "", true},
		"less than was shown":              {scope("m", en), scope("m", e), e, "", true},
		"the old data after some is added": {scope("m", e), scope("m", en), e, "", true},
		"the data added":                   {scope("m", e), scope("m", en), en, "", false},
		"another meaning":                  {scope("m", e), scope("n", e), e, "", false},
		"another purpose":                  {scope("m", e), other, e, "", false},
		"a longer keeping time":            {scope("m", e), longer, e, "", true},
		"a recipient that was shown":       {scope("m", e, with("r")), scope("m", e, with("r")), e, "r", true},
		"a recipient added":                {scope("m", e), scope("m", e, with("r")), e, "r", false},
		"a recipient added, not asked":     {scope("m", e), scope("m", e, with("r")), e, "", true},
		"one that had its own switch then": {scope("m", e, own("r")), scope("m", e, with("r")), e, "r", false},
		"one that has its own switch now":  {scope("m", e, with("r")), scope("m", e, own("r")), e, "r", true},
		"one of no purpose":                {scope("m", e), scope("m", e), e, "r", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := consent.Covers(c.yes, c.data, c.recipient, c.inForce); got != c.want {
				t.Errorf("Covers = %v, want %v", got, c.want)
			}
		})
	}
}
