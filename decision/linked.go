package decision

import (
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
)

// Voice is what one identifier comes to for a key after the noes of the
// person's other identifiers reached it.
type Voice struct {
	Kind  string // of the identifier; "" for one that has said nothing itself
	Asked bool   // it is the identifier asked by
	State consent.State
}

// Voices gives the voice of each identifier for a key: first that of the one
// asked by, where there is one, then those of the linked ones, and last that of
// one that has said nothing, which speaks where no other may. Which of them
// have to say yes depends on the kinds that the purpose acts on.
func (w World) Voices(key consent.Key) []Voice {
	all := w.identifiers()
	var voices []Voice
	for _, s := range all {
		voices = append(voices, Voice{s.Kind, s == w.Subject, heard(s, all, key)})
	}
	return append(voices, Voice{State: heard(&Subject{}, all, key)})
}

// voices gives the states that have to say yes for a key.
//
// Asked by an identifier of a kind the purpose acts on, that one speaks: a yes
// never crosses to another. Asked by any other kind, every linked identifier of
// an acting kind speaks; where there is none, only a no can be told.
func (c *inquiry) voices(key consent.Key) []consent.State {
	all := c.Voices(key)
	nobody := len(all) - 1
	var acting []consent.State
	for _, v := range all[:nobody] {
		if !slices.Contains(c.p.Acts(), v.Kind) {
			continue
		}
		if v.Asked {
			return []consent.State{v.State}
		}
		acting = append(acting, v.State)
	}
	if len(acting) == 0 {
		return []consent.State{all[nobody].State}
	}
	return acting
}

// identifiers gives the one asked by, where there is one, and those linked with it.
func (w World) identifiers() []*Subject {
	var all []*Subject
	if w.Subject != nil {
		all = append(all, w.Subject)
	}
	for i := range w.Linked {
		all = append(all, &w.Linked[i])
	}
	return all
}

// heard gives one identifier's state for a key after the latest no that
// reached it from the others. That no acts as if it had been said here: what
// was said before it is taken back, what was said after it stands.
func heard(s *Subject, all []*Subject, key consent.Key) consent.State {
	own := s.States[key]
	var last consent.State
	for _, other := range all {
		if other == s {
			continue
		}
		for _, k := range reaching(key) {
			no := other.States[k]
			no.No = reached(no, later(s.Since, other.Since))
			if no.No.After(last.No) || no.No.Equal(last.No) && no.Status == consent.StatusGone {
				last = no
			}
		}
	}
	if last.No.IsZero() {
		return own
	}
	return after(own, last)
}

// reaching gives the keys whose no reaches a key: a no to a purpose takes back
// the permissions of its recipients too.
func reaching(key consent.Key) []consent.Key {
	if key.Recipient == "" {
		return []consent.Key{key}
	}
	return []consent.Key{key, {Purpose: key.Purpose}}
}

// reached gives the time at which a no of one identifier reached another that
// has been linked with it since a time; zero if none did. A no from before the
// linking reaches at the linking, where the stricter of the two wins, unless
// it had been taken back by then. A no from after the linking has reached, even
// if it was taken back where it was said: that yes does not cross.
func reached(s consent.State, linked time.Time) time.Time {
	no := s.No
	if s.Status == consent.StatusRefused || s.Status == consent.StatusGone {
		no = later(no, s.Since)
	}
	if no.IsZero() || !no.Before(linked) {
		return no
	}
	if s.Yes != nil && s.Yes.Since.Before(linked) {
		return time.Time{}
	}
	return linked
}

// after folds a no from elsewhere, at no.No, into a state. A confirmation is a
// word of its own time. As in the fold, a refusal after a yes is a withdrawal.
func after(own, no consent.State) consent.State {
	if own.Status == consent.StatusRefused || own.Status == consent.StatusGone {
		return own
	}
	if own.Yes != nil && own.Yes.Since.After(no.No) {
		return own
	}
	if p := own.Pending; p != nil && p.Since.After(no.No) {
		return consent.State{Status: consent.StatusPending, Since: p.Since, Event: p.Event, Pending: p, No: no.No}
	}
	next := consent.State{Status: consent.StatusGone, Since: no.No, No: no.No}
	if no.Yes == nil && no.Pending == nil { // else the event is that of a later yes
		next.Event = no.Event
	}
	if own.Status == consent.NotAsked && no.Status != consent.StatusGone {
		next.Status = consent.StatusRefused
	}
	return next
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
