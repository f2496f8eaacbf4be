package consent_test

import (
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
)

// slowFold is a second reading of the same rules, written as a question instead
// of a step: for each key it looks at the whole list of what was said, cuts it
// at the last no that reached the key, and reads what is left. It shares no
// code with the fold.
func slowFold(events []consent.Event, versions func(policy.VersionID) *policy.Version) map[consent.Key]consent.State {
	list := slices.Clone(events)
	slices.SortFunc(list, func(a, b consent.Event) int { return int(a.Seq - b.Seq) })
	states := map[consent.Key]consent.State{}
	for _, e := range list {
		key := consent.Key{Purpose: e.Purpose, Recipient: e.Recipient}
		if _, done := states[key]; done {
			continue
		}
		if s := slowState(list, versions, key); s.Status != consent.NotAsked {
			states[key] = s
		}
	}
	return states
}

func slowState(list []consent.Event, versions func(policy.VersionID) *policy.Version, key consent.Key) consent.State {
	var nos []int
	for i, e := range list {
		if slowIsNo(e) && (e.Purpose == key.Purpose && e.Recipient == key.Recipient) {
			nos = append(nos, i)
		}
		// A no to the purpose reaches a permission of it that was said to be given.
		if slowIsNo(e) && e.Purpose == key.Purpose && e.Recipient == "" && key.Recipient != "" {
			before := slowState(list[:i], versions, key)
			if before.Status == consent.StatusGiven || before.Status == consent.StatusPending {
				nos = append(nos, i)
			}
		}
	}
	from, s := 0, consent.State{}
	if len(nos) > 0 {
		from = nos[len(nos)-1] + 1
		s = slowNo(list, versions, key, nos)
	}
	after := slowYes(list[from:], versions, key)
	if after.Status == consent.NotAsked {
		return s
	}
	after.No = s.No
	return after
}

func slowIsNo(e consent.Event) bool {
	return e.Act == consent.ActRefused || e.Act == consent.ActWithdrawn
}

// slowNo names the last of several noes.
func slowNo(list []consent.Event, versions func(policy.VersionID) *policy.Version, key consent.Key, nos []int) consent.State {
	i := nos[len(nos)-1]
	e := list[i]
	s := consent.State{Status: consent.StatusGone, Since: e.Time, Event: e.ID, No: e.Time}
	if e.Act == consent.ActWithdrawn {
		return s
	}
	var before consent.State
	if len(nos) > 1 || slices.ContainsFunc(list[:i], func(e consent.Event) bool { return e.Act == consent.ActGiven }) {
		before = slowState(list[:i], versions, key)
	}
	switch before.Status {
	case consent.StatusGone:
		s.Since, s.Event = before.Since, before.Event
	case consent.NotAsked, consent.StatusRefused:
		s.Status = consent.StatusRefused
	}
	return s
}

// slowYes reads a stretch in which no no is said.
func slowYes(list []consent.Event, versions func(policy.VersionID) *policy.Version, key consent.Key) consent.State {
	var s consent.State
	for _, e := range list {
		v := versions(e.Policy)
		if e.Purpose != key.Purpose || e.Recipient != key.Recipient || v == nil {
			continue
		}
		p, ok := v.Policy.Purposes[key.Purpose]
		if !ok || key.Recipient != "" && !slices.Contains(p.Recipients, key.Recipient) {
			continue
		}
		if e.Act == consent.ActConfirmed {
			if s.Pending != nil && s.Pending.Policy == e.Policy && e.Time.Before(s.Pending.Until) {
				y := *s.Pending
				y.Since, y.Until = e.Time, p.Keep.After(slowAge(e))
				s = consent.State{Status: consent.StatusGiven, Since: e.Time, Event: e.ID, Yes: &y}
			}
			continue
		}
		y := consent.Yes{Event: e.ID, Policy: e.Policy, Meaning: e.Meaning, Since: e.Time, Signals: e.Signals, Shown: e.Shown, Attested: e.Attested, Evidence: e.Claim.Evidence, Said: e.Claim.Said}
		y.Topics = slowTopics(p, e, key)
		y.Often = slowOften(p, e, key)
		if p.Confirm != "double" {
			y.Until = p.Keep.After(slowAge(e))
			s = consent.State{Status: consent.StatusGiven, Since: e.Time, Event: e.ID, Yes: &y}
			continue
		}
		y.Until = v.Policy.Confirm.Within.After(e.Time)
		s.Yes, s.Pending = slowLess(s.Yes, y.Topics), slowLess(s.Pending, y.Topics)
		s.Yes, s.Pending = slowSeldom(s.Yes, y.Often), slowSeldom(s.Pending, y.Often)
		if s.Yes == nil || !s.Yes.Until.After(e.Time) {
			s = consent.State{Status: consent.StatusPending, Since: e.Time, Event: e.ID, Pending: &y}
			continue
		}
		if slowWider(s.Yes, versions, &y, key, e.Time) {
			s.Pending = &y
		}
	}
	return s
}

// slowAge is how old a yes is: as old as its list claims, never younger than its event.
func slowAge(e consent.Event) time.Time {
	if e.Claim.Said == (time.Time{}) || e.Claim.Said.After(e.Time) {
		return e.Time
	}
	return e.Claim.Said
}

// slowWider reports whether a new yes says anything that a confirmed one did not.
func slowWider(old *consent.Yes, versions func(policy.VersionID) *policy.Version, y *consent.Yes, key consent.Key, now time.Time) bool {
	was, is := versions(old.Policy), versions(y.Policy)
	a, b := was.Policy.Purposes[key.Purpose], is.Policy.Purposes[key.Purpose]
	if a.Confirm != "double" || old.Meaning != y.Meaning || old.Evidence != y.Evidence {
		return true
	}
	if b.Keep.After(now).After(a.Keep.After(now)) || y.Signals.GPC && !old.Signals.GPC {
		return true
	}
	for _, d := range b.Data {
		if !slices.Contains(a.Data, d) {
			return true
		}
	}
	for _, r := range b.Recipients {
		inside := is.Policy.Recipients[r].PermissionOf() == policy.WithPurpose
		before := slices.Contains(a.Recipients, r) && was.Policy.Recipients[r].PermissionOf() == policy.WithPurpose
		if key.Recipient == "" && inside && !before {
			return true
		}
	}
	for _, t := range y.Topics {
		if old.Topics != nil && !slices.Contains(old.Topics, t) {
			return true
		}
	}
	return y.Topics == nil && old.Topics != nil || slowDays(y.Often) < slowDays(old.Often)
}

// slowDays is how many days pass at least from one time to the next.
func slowDays(often string) int {
	return map[string]int{"": 0, "daily": 1, "weekly": 7, "monthly": 30, "quarterly": 91, "yearly": 365}[often]
}

func slowOften(p policy.Purpose, e consent.Event, key consent.Key) string {
	often := e.Frequency
	if key.Recipient != "" || often != "" {
		return often
	}
	for _, f := range p.Frequency {
		if often == "" || slowDays(f) < slowDays(often) {
			often = f
		}
	}
	return often
}

func slowSeldom(y *consent.Yes, often string) *consent.Yes {
	if y == nil || slowDays(often) <= slowDays(y.Often) {
		return y
	}
	less := *y
	less.Often = often
	return &less
}

func slowTopics(p policy.Purpose, e consent.Event, key consent.Key) []string {
	if key.Recipient != "" {
		return nil
	}
	var topics []string
	for _, t := range p.Topics {
		if len(e.Topics) == 0 || slices.Contains(e.Topics, t.ID) {
			topics = append(topics, t.ID)
		}
	}
	slices.Sort(topics)
	return topics
}

func slowLess(y *consent.Yes, named []string) *consent.Yes {
	if y == nil || named == nil {
		return y
	}
	less := *y
	less.Topics = nil
	for _, t := range named {
		if y.Topics == nil || slices.Contains(y.Topics, t) {
			less.Topics = append(less.Topics, t)
		}
	}
	if less.Topics == nil {
		return nil
	}
	return &less
}
