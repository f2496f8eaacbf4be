package cookie

import (
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
)

// Reading is what a cookie says under the version in force. The zero value says
// that nothing is granted; Read says whether anything has to be asked.
type Reading struct {
	Granted []consent.Key // what counts, in the order of the switches in force
	Heeding []consent.Key // those of Granted that a signal would take away
	Ask     bool          // something was never asked, or a yes covers it no more
}

// Read reads a cookie by the version it answers to, nil where that is not known,
// under the version in force. gpc is a Global Privacy Control signal.
//
// A yes counts for what it covers, until its keeping time is over; a recipient's
// counts only with its purpose's. Where it does not count any more, or where a
// switch is new, the person is asked; a no is never asked about again.
//
// It needs no database, so that any server, and any page, can read for itself;
// what was withdrawn by another way than this browser it cannot know.
func (c Cookie) Read(answered, inForce *policy.Version, gpc bool, now time.Time) Reading {
	if answered == nil || c.Untold {
		return Reading{Ask: !c.Untold}
	}
	granted, ok := c.Granted(answered)
	if !ok {
		return Reading{Ask: true}
	}
	r, before := Reading{}, Switches(answered.Policy)
	for _, k := range Switches(inForce.Policy) {
		purpose := consent.Key{Purpose: k.Purpose}
		switch {
		case !slices.Contains(before, k):
			r.Ask = true
		case !granted[k]: // a no
		case !c.holds(answered, inForce, k, now):
			r.Ask = true
		case !granted[purpose] || !c.holds(answered, inForce, purpose, now):
		default:
			r.grant(k, inForce.Policy.Purposes[k.Purpose].HeedsSignal() && !c.against(answered, k.Purpose), gpc)
		}
	}
	return r
}

func (r *Reading) grant(k consent.Key, heeds, gpc bool) {
	if heeds && gpc {
		return
	}
	r.Granted = append(r.Granted, k)
	if heeds {
		r.Heeding = append(r.Heeding, k)
	}
}

// holds reports whether a yes of the cookie covers what is asked now, and is not
// over: it keeps the time that it showed.
func (c Cookie) holds(answered, inForce *policy.Version, k consent.Key, now time.Time) bool {
	yes, was := answered.ScopeOf(k.Purpose)
	all, is := inForce.ScopeOf(k.Purpose)
	if !was || !is || !now.Before(answered.Policy.Purposes[k.Purpose].Keep.After(c.Time)) {
		return false
	}
	if answered.ID == inForce.ID {
		return true
	}
	for _, r := range append([]policy.ScopeRecipient{{}}, all.Recipients...) {
		if !consent.Covers(yes, all.Data, r.ID, all) {
			return false
		}
	}
	return true
}
