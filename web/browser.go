package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// browser is who asks: a browser that said yes before and has an id, or one
// that nobody knows.
type browser struct {
	cookieID string     // "" if it is not known
	id       subject.ID // "" if it is not known
	states   map[consent.Key]consent.State
	refused  bool // its cookie says no to everything of the version in force
	signals  consent.Signals
}

// browserOf reads who asks. Only an id that this server gave out, and that said
// yes, counts; every other cookie is as good as none.
func (s *site) browserOf(r *http.Request, v *policy.Version) (browser, error) {
	b := browser{signals: signalsOf(r)}
	value, ok := cookieOf(r)
	if cookieID, id := s.asksFor(r); id != "" && value.ID == "" { // a parent may have permitted it meanwhile
		if known, err := s.known(r.Context(), b, cookieID); err != nil || known.id != "" {
			return known, err
		}
	}
	if !ok {
		return b, nil
	}
	b.refused = value.Refused() && value.Answers(v.ID) && !value.Untold
	if value.ID == "" {
		return b, nil
	}
	return s.known(r.Context(), b, value.ID)
}

// cookieOf reads the first cookie that is one of ours; false without one. Of two,
// which a change of its domain can leave, one that was taken back counts.
func cookieOf(r *http.Request) (first cookie.Cookie, ok bool) {
	for _, c := range r.CookiesNamed(cookie.Name) {
		value, err := cookie.Parse(c.Value)
		if err != nil {
			continue
		}
		if !ok || value.Untold {
			first, ok = value, true
		}
	}
	return first, ok
}

// signalsOf reads what the browser says of itself (Global Privacy Control: the
// header is exactly 1).
func signalsOf(r *http.Request) consent.Signals {
	return consent.Signals{GPC: slices.Contains(r.Header.Values("Sec-GPC"), "1")}
}

func (s *site) known(ctx context.Context, b browser, cookieID string) (browser, error) {
	id, err := subject.DeviceOf(cookieID)
	if err != nil {
		return b, nil // Parse holds it to the same form
	}
	states, err := s.Store.States(ctx, id)
	if err != nil || len(states) == 0 {
		return b, err
	}
	b.cookieID, b.id, b.states = cookieID, id, states
	return b, nil
}

// stands reports whether a yes to the key stands, waits or is paused.
func (b browser) stands(k consent.Key) bool { return b.states[k].Ended() != nil }

// memory is the cookie of a known browser: what it said yes to that the version
// in force asks. A signal has no part in it, because it is judged anew at each
// visit. A yes that covers only an earlier version stands in a cookie that
// answers to that one. With no yes at all it is the refusal, and the id is gone
// from the browser.
//
// Its time is that of the oldest yes in it, so that nobody who reads the cookie
// alone takes one for good that is over.
func (s *site) memory(ctx context.Context, v *policy.Version, b browser) (cookie.Cookie, error) {
	var given []consent.Key
	for _, k := range cookie.Switches(v.Policy) {
		covered, err := s.covered(ctx, b, k)
		if err != nil {
			return cookie.Cookie{}, err
		}
		if covered {
			given = append(given, k)
		}
	}
	if old := s.earlier(b); len(given) == 0 && old != nil {
		v, given = old, slices.DeleteFunc(cookie.Switches(old.Policy), func(k consent.Key) bool { return b.states[k].Yes == nil })
	}
	return b.cookieOf(v, given, s.Now())
}

// cookieOf is the cookie for some keys with a yes; now stands for the time of
// one that is not known here.
func (b browser) cookieOf(v *policy.Version, given []consent.Key, now time.Time) (cookie.Cookie, error) {
	var against []string
	for _, k := range given {
		yes := b.states[k].Yes
		if yes == nil {
			continue
		}
		if yes.Since.Before(now) {
			now = yes.Since
		}
		if yes.Signals.GPC && k.Recipient == "" {
			against = append(against, k.Purpose)
		}
	}
	return cookie.New(v, given, against, now, b.cookieID)
}

// covered reports whether a yes stands that covers what is asked now. A
// recipient's is its own, whatever the purpose's answer is.
func (s *site) covered(ctx context.Context, b browser, k consent.Key) (bool, error) {
	if b.states[k].Yes == nil {
		return false, nil
	}
	a, err := s.Store.Decide(ctx, b.id, decision.Question{Purpose: k.Purpose, Recipient: k.Recipient})
	return err == nil && a.Reason != decision.OutsideScope && a.Reason != decision.Expired, err
}

// earlier gives the version of the newest yes that stands; nil if none does.
func (s *site) earlier(b browser) *policy.Version {
	var newest *consent.Yes
	for _, st := range b.states {
		if st.Yes != nil && (newest == nil || st.Yes.Since.After(newest.Since)) {
			newest = st.Yes
		}
	}
	if newest == nil {
		return nil
	}
	return s.Store.Version(newest.Policy)
}

// remember gives the browser its answer back as a cookie.
func (s *site) remember(w http.ResponseWriter, r *http.Request, f *face, c cookie.Cookie) {
	domain := f.domains.of(r.Host)
	set := &http.Cookie{Name: cookie.Name, Value: cookie.Format(c), Path: "/", MaxAge: f.life(s.Now()), Domain: domain,
		SameSite: http.SameSiteLaxMode, Secure: s.secure()} // not HttpOnly: the banner reads it
	http.SetCookie(w, set)
	if domain != "" { // one set before the sites shared it would hide this one
		http.SetCookie(w, &http.Cookie{Name: cookie.Name, Path: "/", MaxAge: -1, SameSite: http.SameSiteLaxMode, Secure: s.secure()})
	}
}
