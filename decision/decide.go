package decision

import (
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
)

// Decide answers a question. The steps are tried in the order of their numbers
// and the first that has something against it gives the reason:
//
//  1. the replica is behind its bound;
//  2. the question is not one the policy in force knows;
//  3. the person is erased or restricted;
//  4. a law forbids it;
//  5. basis other than consent: an objection stands; else on to 9;
//  6. consent: nobody is known, or a child;
//  7. what was said, and a signal against it;
//  8. what the yes covers;
//  9. the recipient;
//  10. yes.
//
// It is pure and safe for concurrent use; w and q are only read.
func Decide(w World, q Question, now time.Time) Answer {
	if w.Stale {
		return Answer{Reason: Stale} // 1
	}
	c, reason := understand(w, q, now) // 2
	if reason == "" {
		reason = c.barred() // 3, 4
	}
	if reason != "" {
		return Answer{Reason: reason}
	}
	a := Answer{Allowed: true, Reason: Basis}
	switch {
	case c.p.Basis == policy.Consent:
		a = c.consented() // 6, 7, 8
	case c.objected():
		return Answer{Reason: Objected} // 5
	}
	if !a.Allowed || q.Recipient == "" {
		return a
	}
	return c.handOver(a) // 9
}

// inquiry is a question that was understood: its data filled in, its purpose found.
type inquiry struct {
	World
	Question
	now   time.Time
	p     policy.Purpose
	scope policy.Scope // in force
}

// understand is step 2.
func understand(w World, q Question, now time.Time) (*inquiry, Reason) {
	c := &inquiry{World: w, Question: q, now: now}
	if w.Policy == nil {
		return nil, UnknownPurpose
	}
	scope, ok := w.Policy.ScopeOf(q.Purpose)
	if !ok {
		return nil, UnknownPurpose
	}
	c.p, c.scope = w.Policy.Policy.Purposes[q.Purpose], scope
	if len(q.Data) == 0 {
		c.Data = scope.Data
	}
	for _, d := range c.Data {
		if _, ok := w.Policy.Policy.Data[d]; !ok {
			return nil, UnknownData
		}
	}
	for _, d := range c.Data {
		if !slices.Contains(scope.Data, d) {
			return nil, OutsideScope
		}
	}
	return c, ""
}

// barred is steps 3 and 4. Erasing and restricting both spare what a law
// commands, and the contract purposes that were named to the person beforehand.
func (c *inquiry) barred() Reason {
	spared := c.p.Basis == policy.LegalObligation || c.p.Basis == policy.Contract && c.Person.Named[c.Purpose]
	switch {
	case c.Person.Erased && !spared:
		return Erased
	case c.Person.Restricted && !spared:
		return Restricted
	case c.Forbidden != nil && c.Forbidden(c.Purpose, c.p):
		return ForbiddenByLaw
	}
	return ""
}

// objected is step 5. An objection stands until it is overruled; for marketing
// it always stands. Against what a law commands there is none.
func (c *inquiry) objected() bool {
	if !c.Person.Objected[c.Purpose] {
		return false
	}
	if slices.Contains(c.p.Marks, policy.Marketing) {
		return true
	}
	return c.p.Basis != policy.LegalObligation && !c.Person.Overruled[c.Purpose]
}

// child reports whether an answer does not count for the person's age.
func (c *inquiry) child() bool { return c.Person.BelowAge && !c.Person.ParentVerified }

// consented is steps 6 to 8.
func (c *inquiry) consented() Answer {
	switch {
	case c.Subject == nil:
		return Answer{Reason: UnknownSubject}
	case c.child():
		return Answer{Reason: Child}
	}
	s, reason := c.answer(consent.Key{Purpose: c.Purpose})
	if reason != Given {
		return Answer{Reason: reason, State: s}
	}
	return Answer{Allowed: true, Reason: Given, Yes: s.Yes, State: s}
}

// answer gives what the person's identifiers come to for a key: the reason that
// is looked for first among them. Of equal ones it shows the yes that ends
// first, or the latest no.
func (c *inquiry) answer(key consent.Key) (consent.State, Reason) {
	var first consent.State
	reason := Reason("")
	for _, s := range c.voices(key) {
		r := c.judge(key, s)
		if reason == "" || before(r, s, reason, first) {
			first, reason = s, r
		}
	}
	return first, reason
}

func before(r Reason, s consent.State, than Reason, t consent.State) bool {
	if r != than {
		return slices.Index(order, r) < slices.Index(order, than)
	}
	if r == Given && !s.Yes.Until.Equal(t.Yes.Until) {
		return s.Yes.Until.Before(t.Yes.Until)
	}
	if !s.Since.Equal(t.Since) {
		return s.Since.After(t.Since)
	}
	return s.Event < t.Event // the order in which identifiers are linked tells nothing
}

// judge is steps 7 and 8 for one state.
func (c *inquiry) judge(key consent.Key, s consent.State) Reason {
	switch s.Status {
	case consent.StatusRefused:
		return Refused
	case consent.StatusGone:
		return Withdrawn
	case consent.StatusPending:
		return Unconfirmed
	case consent.StatusGiven:
	default:
		return NotAsked
	}
	switch {
	case !c.now.Before(s.Yes.Until):
		return Expired
	case c.signalled() && !s.Yes.Signals.GPC:
		return Signal
	case !c.covered(key, s.Yes):
		return OutsideScope
	}
	return Given
}

// signalled reports whether a Global Privacy Control signal speaks against the
// purpose: one in the question, or one known of the person.
func (c *inquiry) signalled() bool {
	return (c.Signals.GPC || c.Person.GPC) && c.p.HeedsSignal()
}

// covered is step 8. A yes to a version that cannot be found covers nothing. A
// permission covers the data that was shown with it.
func (c *inquiry) covered(key consent.Key, yes *consent.Yes) bool {
	v := c.Version(yes.Policy)
	if v == nil {
		return false
	}
	scope, ok := v.ScopeOf(c.Purpose)
	if !ok {
		return false
	}
	recipient := c.Recipient
	if key.Recipient != "" {
		recipient = ""
	}
	return consent.Covers(scope, c.Data, recipient, c.scope)
}

// handOver is step 9, for an answer that is yes up to there.
func (c *inquiry) handOver(a Answer) Answer {
	r, known := c.Policy.Policy.Recipients[c.Recipient]
	permitted := known && slices.Contains(c.p.Recipients, c.Recipient)
	if permitted && r.PermissionOf() == policy.Own {
		// A permission is a consent even where its purpose rests on something
		// else: a child's does not count, a signal speaks against it.
		s, reason := c.answer(consent.Key{Purpose: c.Purpose, Recipient: c.Recipient})
		permitted = reason == Given && !c.child()
		a.Permission = s.Yes
	}
	switch {
	case !permitted:
		return Answer{Reason: RecipientNotPermitted, State: a.State}
	case c.Suspended[c.Recipient]:
		return Answer{Reason: RecipientSuspended, State: a.State}
	}
	return a
}
