package web

import (
	"cmp"
	"context"
	"maps"
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
	shown    *policy.Version      // what was answered to
	yes      map[consent.Key]bool // false: a no; absent: nothing was said
	all      bool                 // a no to everything that stands, asked about or not
	sweeping bool                 // one yes for everything: it is said to no purpose in particular
	often    string               // with a single yes, how often at most; "" = as before, or as often as is offered
	left     []string             // purposes it leaves to the browser's signal
	language string
	surface  consent.Surface
}

// errChanged tells that the answer is to a version that is not in force.
var errChanged = fault.At(fault.Conflict, "version", "the policy has changed since this was shown; nothing was saved")

// shownAs gives the version that a request says was shown.
func (s *site) shownAs(id policy.VersionID) (*policy.Version, error) {
	if id == "" {
		return nil, fault.At(fault.Invalid, "version", "name the version that was shown")
	}
	if v := s.Store.Version(id); v != nil {
		return v, nil
	}
	return nil, errChanged
}

// answer takes an answer: it records what has to be recorded, sets the cookie,
// and gives the receipts, those of the switches that were shown first.
//
// A yes needs the version in force, because it covers exactly what was shown. A
// no needs only a version that was ever published: whoever leaves a page open
// while the policy changes can still take everything back with one click.
//
// With an error, what is recorded already stays recorded, and the cookie says so.
func (s *site) answer(w http.ResponseWriter, r *http.Request, f *face, a said) ([]receipt.Receipt, error) {
	if a.shown.ID != f.version.ID && a.agrees() {
		return nil, errChanged
	}
	if err := s.aged(w, r, f.version.Policy, a.wanted()...); err != nil {
		return nil, err
	}
	b, err := s.browserOf(r, f.version)
	if err != nil {
		return nil, err
	}
	switch {
	case len(a.yes) == 0 && !a.all:
		return nil, nil // all of it was left to the signal
	case b.id == "" && !a.agrees():
		return nil, s.refuse(w, r, f, b, a)
	case b.id == "":
		b.cookieID, b.id = subject.NewDevice()
	}
	receipts, err := s.record(r.Context(), b, a)
	if len(receipts) > 0 || err == nil {
		err = cmp.Or(err, s.settle(w, r, f, b, receipts))
	}
	if err == nil {
		err = s.tell(r.Context(), r, b.id)
	}
	return receipts, err
}

func (a said) agrees() bool {
	for _, yes := range a.yes {
		if yes {
			return true
		}
	}
	return false
}

// wanted are the purposes that it says yes to.
func (a said) wanted() (list []string) {
	for k, yes := range a.yes {
		if yes {
			list = append(list, k.Purpose)
		}
	}
	return list
}

// refuse answers a browser that never said yes: the same cookie for everybody,
// and a number a day.
func (s *site) refuse(w http.ResponseWriter, r *http.Request, f *face, b browser, a said) error {
	if !b.refused {
		if err := s.Store.CountRefusal(r.Context(), a.surface, a.language); err != nil {
			return err
		}
	}
	s.remember(w, r, f, cookie.Refusal(f.version))
	return nil
}

// record writes the answers that say something new, in one piece where they are
// to one version. What stands on purposes of other versions is withdrawn before:
// of it nothing can be said any more on the page. The receipts are those of what
// was written, with an error too.
func (s *site) record(ctx context.Context, b browser, a said) ([]receipt.Receipt, error) {
	sub := store.Submission{Subject: b.id, Surface: a.surface, Signals: b.signals}
	if a.sweeping {
		sub.Signals = consent.Signals{} // a signal is overruled by a yes to the purpose itself alone
	}
	var before, last []receipt.Receipt
	old := b.leftover(a)
	for _, id := range slices.Sorted(maps.Keys(old)) {
		sub.Policy, sub.Choices = id, old[id]
		receipts, err := s.Store.Record(ctx, sub)
		if err != nil {
			return before, err
		}
		before = append(before, receipts...)
	}
	sub.Policy, sub.Choices, sub.Language = a.shown.ID, b.news(a), a.shownIn()
	if len(sub.Choices) == 0 {
		return before, nil
	}
	last, err := s.Store.Record(ctx, sub)
	return append(last, before...), err
}

// shownIn is the language of the answer where its version has it; "" is the
// version's master language.
func (a said) shownIn() string {
	if slices.Contains(a.shown.Policy.Languages, a.language) {
		return a.language
	}
	return ""
}

// news are the answers to the version shown that say something new.
func (b browser) news(a said) []consent.Choice {
	var list []consent.Choice
	for _, k := range cookie.Switches(a.shown.Policy) {
		if yes, spoken := a.yes[k]; spoken {
			if c, new := b.choice(k, yes, a.all); new {
				if c.Frequency = a.often; c.Frequency == "" {
					c.Frequency = oftenKept(c, b.states[k], a.shown.Policy.Purposes[k.Purpose])
				}
				list = append(list, c)
			}
		}
	}
	return list
}

// leftover is what a no to everything takes back beside the version shown, by
// the version to which each yes was given: were a purpose that has left the
// policy to come back, the old yes must not.
func (b browser) leftover(a said) map[policy.VersionID][]consent.Choice {
	old := map[policy.VersionID][]consent.Choice{}
	if !a.all {
		return old
	}
	asked := cookie.Switches(a.shown.Policy)
	for k, st := range b.states {
		if y := st.Ended(); y != nil && !slices.Contains(asked, k) {
			old[y.Policy] = append(old[y.Policy], consent.Choice{Purpose: k.Purpose, Recipient: k.Recipient, Decision: consent.Withdrawn})
		}
	}
	return old
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
