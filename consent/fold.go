package consent

import (
	"cmp"
	"slices"
	"time"

	"github.com/amana-privacy/amana/policy"
)

// Fold gives the states that a subject's events come to, ordered by Seq. It is
// Apply, event by event, from nothing. events is not changed.
func Fold(events []Event, versions func(policy.VersionID) *policy.Version) map[Key]State {
	states := make(map[Key]State)
	for _, e := range slices.SortedFunc(slices.Values(events), func(a, b Event) int { return cmp.Compare(a.Seq, b.Seq) }) {
		Apply(states, versions, e)
	}
	return states
}

// Apply folds one more event into a subject's states, in place. versions finds
// any version ever published, nil where there is none; it is asked for the
// event's version and for those of the yes that stands. Values reached through
// a State are replaced, never changed.
//
// A yes to a version, purpose or recipient that cannot be found counts for
// nothing; a no always counts.
func Apply(states map[Key]State, versions func(policy.VersionID) *policy.Version, e Event) {
	key := Key{e.Purpose, e.Recipient}
	old, v := states[key], versions(e.Policy)
	next := old
	switch e.Act {
	case ActGiven:
		if offered(v, key) {
			next = given(old, versions, v, e)
		}
	case ActConfirmed:
		if offered(v, key) {
			next = confirmed(old, v, e)
		}
	case ActPaused:
		if y := old.Yes; y != nil && e.Time.Before(y.Until) {
			next = State{Status: StatusGone, Since: e.Time, Event: e.ID, Paused: y, Resumes: e.Until, No: old.No}
		}
	case ActResumed:
		if old.Paused != nil {
			next = State{Status: StatusGiven, Since: e.Time, Event: e.ID, Yes: old.Paused, No: old.No}
		}
	case ActRefused, ActWithdrawn:
		next = no(old, e)
		takeBack(states, e)
	}
	if next != (State{}) {
		states[key] = next
	}
}

// offered reports whether a version has the purpose, and the recipient where one is named.
func offered(v *policy.Version, key Key) bool {
	if v == nil {
		return false
	}
	p, ok := v.Policy.Purposes[key.Purpose]
	return ok && (key.Recipient == "" || slices.Contains(p.Recipients, key.Recipient))
}

// given folds a yes. Without double opt-in it takes the place of whatever
// stood; with it, it waits.
func given(old State, versions func(policy.VersionID) *policy.Version, v *policy.Version, e Event) State {
	p := v.Policy.Purposes[e.Purpose]
	yes := &Yes{
		Event: e.ID, Policy: e.Policy, Meaning: e.Meaning, Since: e.Time, Until: p.Keep.After(counted(e)),
		Topics: topicsOf(p, e), Often: oftenOf(p, e), Signals: e.Signals, Language: e.Language, Shown: e.Shown, Attested: e.Attested, Evidence: e.Claim.Evidence, Said: e.Claim.Said,
	}
	if p.Double() {
		yes.Until = v.Policy.Confirm.Within.After(e.Time)
		return wait(old, versions, v, yes, e)
	}
	return State{Status: StatusGiven, Since: e.Time, Event: e.ID, Yes: yes, No: old.No}
}

// counted is from when the keeping time of a yes counts: an imported one is as
// old as it claims to be.
func counted(e Event) time.Time {
	if said := e.Claim.Said; !said.IsZero() && said.Before(e.Time) {
		return said
	}
	return e.Time
}

// wait folds a yes that has to be confirmed. Anyone can type an address, so it
// takes nothing from a confirmed yes that stands; only topics that it no longer
// names go at once, and so does how often beyond what it names: that much is a no.
func wait(old State, versions func(policy.VersionID) *policy.Version, v *policy.Version, yes *Yes, e Event) State {
	next := old
	next.Yes, next.Pending = slower(narrow(old.Yes, yes.Topics), yes.Often), slower(narrow(old.Pending, yes.Topics), yes.Often)
	if next.Yes != nil && e.Time.Before(next.Yes.Until) {
		if !saysEnough(next.Yes, versions(next.Yes.Policy), yes, v, Key{e.Purpose, e.Recipient}) {
			next.Pending = yes
		}
		return next
	}
	return State{Status: StatusPending, Since: e.Time, Event: e.ID, Pending: yes, No: old.No}
}

// confirmed turns the yes that waits into one that stands, counted from now.
func confirmed(old State, v *policy.Version, e Event) State {
	if MayConfirm(old, e.Time) != nil || old.Pending.Policy != e.Policy {
		return old
	}
	yes := *old.Pending
	yes.Since, yes.Until = e.Time, v.Policy.Purposes[e.Purpose].Keep.After(counted(e))
	return State{Status: StatusGiven, Since: e.Time, Event: e.ID, Yes: &yes, No: old.No}
}

// no folds a refusal or a withdrawal. Refused after a yes that was given, even
// one that waits or has run out, is a withdrawal.
func no(old State, e Event) State {
	next := State{Status: StatusGone, Since: e.Time, Event: e.ID, No: e.Time}
	if e.Act == ActWithdrawn {
		return next
	}
	switch old.Status {
	case NotAsked, StatusRefused:
		next.Status = StatusRefused
	case StatusGone: // stays what it was; only the no is newer
		next.Since, next.Event = old.Since, old.Event
	}
	return next
}

// takeBack withdraws, with a no to a purpose, every permission of a recipient
// of that purpose that stands or waits.
func takeBack(states map[Key]State, e Event) {
	if e.Recipient != "" {
		return
	}
	for key, s := range states {
		if key.Purpose == e.Purpose && key.Recipient != "" && (s.Status == StatusGiven || s.Status == StatusPending || s.Paused != nil) {
			states[key] = no(s, e)
		}
	}
}
