package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// said is what a request answers to the switches of its browser.
type said struct {
	version  policy.VersionID     // that was shown
	yes      map[consent.Key]bool // false: a no; absent: nothing was said
	all      bool                 // a no to everything that stands, asked about or not
	language string
	surface  consent.Surface
}

// errChanged tells that the answer is to a version that is not in force.
var errChanged = fault.At(fault.Conflict, "version", "the policy has changed since this was shown; nothing was saved")

// answer takes an answer: it records what has to be recorded, sets the cookie,
// and gives the receipts in the order of the switches.
//
// A yes needs the version in force, because it covers exactly what was shown. A
// no needs only a version that was ever published: whoever leaves a page open
// while the policy changes can still take everything back with one click.
func (s *site) answer(w http.ResponseWriter, r *http.Request, f *face, a said) ([]receipt.Receipt, error) {
	v := f.version
	if a.version != v.ID && (a.agrees() || s.Store.Version(a.version) == nil) {
		return nil, errChanged
	}
	b, err := s.browserOf(r, v)
	if err != nil {
		return nil, err
	}
	if b.id == "" && !a.agrees() {
		return nil, s.refuse(w, r, f, b, a)
	}
	if b.id == "" {
		b.cookieID, b.id = subject.NewDevice()
	}
	receipts, err := s.record(r.Context(), v, b, a)
	if err != nil {
		return nil, err
	}
	return receipts, s.settle(w, r, f, b)
}

func (a said) agrees() bool {
	for _, yes := range a.yes {
		if yes {
			return true
		}
	}
	return false
}

// refuse answers a browser that never said yes: the same cookie for everybody,
// and a number a day.
func (s *site) refuse(w http.ResponseWriter, r *http.Request, f *face, b browser, a said) error {
	if !b.refused {
		if err := s.Store.CountRefusal(r.Context(), a.surface, a.language); err != nil {
			return err
		}
	}
	s.remember(w, f, cookie.Refusal(f.version))
	return nil
}

// record writes the answers that say something new.
func (s *site) record(ctx context.Context, v *policy.Version, b browser, a said) ([]receipt.Receipt, error) {
	sub := store.Submission{Subject: b.id, Policy: a.version, Language: a.language, Surface: a.surface, Signals: b.signals}
	if a.version != v.ID {
		sub.Policy = "" // what was on the old page is not evidenced
	}
	for _, k := range cookie.Switches(v.Policy) {
		if yes, spoken := a.yes[k]; spoken {
			if c, news := b.choice(k, yes, a.all); news {
				sub.Choices = append(sub.Choices, c)
			}
		}
	}
	var receipts []receipt.Receipt
	if len(sub.Choices) > 0 {
		var err error
		if receipts, err = s.Store.Record(ctx, sub); err != nil {
			return nil, err
		}
	}
	if !a.all {
		return receipts, nil
	}
	more, err := s.leftover(ctx, v, b, sub)
	return append(receipts, more...), err
}

// leftover withdraws what stands on purposes that have left the policy, under
// the version to which each yes was given: were the purpose to come back, the
// old yes must not.
func (s *site) leftover(ctx context.Context, v *policy.Version, b browser, sub store.Submission) ([]receipt.Receipt, error) {
	asked := cookie.Switches(v.Policy)
	old := map[policy.VersionID][]consent.Choice{}
	for k, st := range b.states {
		if y := cmp.Or(st.Yes, st.Pending); y != nil && !slices.Contains(asked, k) {
			old[y.Policy] = append(old[y.Policy], consent.Choice{Purpose: k.Purpose, Recipient: k.Recipient, Decision: consent.Withdrawn})
		}
	}
	var receipts []receipt.Receipt
	for id, choices := range old {
		sub.Policy, sub.Choices, sub.Language = id, choices, ""
		more, err := s.Store.Record(ctx, sub)
		if err != nil {
			return nil, err
		}
		receipts = append(receipts, more...)
	}
	return receipts, nil
}

// choice puts an answer in the words of the log; false if it says nothing new.
// Taking everything back writes what is taken back and no more: that the rest
// was never allowed need not be kept about anybody.
func (b browser) choice(k consent.Key, yes, all bool) (consent.Choice, bool) {
	c := consent.Choice{Purpose: k.Purpose, Recipient: k.Recipient, Decision: consent.Given}
	switch {
	case yes:
		return c, true
	case b.stands(k):
		c.Decision = consent.Withdrawn
		return c, true
	}
	c.Decision = consent.Refused
	return c, !all && b.states[k].Status == consent.NotAsked
}

// settle sets the cookie to what stands now.
func (s *site) settle(w http.ResponseWriter, r *http.Request, f *face, b browser) error {
	var err error
	if b.states, err = s.Store.States(r.Context(), b.id); err != nil {
		return err
	}
	c, err := s.memory(r.Context(), f.version, b)
	if err != nil {
		return err
	}
	s.remember(w, f, c)
	return nil
}
