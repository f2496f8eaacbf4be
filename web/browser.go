package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
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
	b := browser{signals: consent.Signals{GPC: slices.Contains(r.Header.Values("Sec-GPC"), "1")}}
	for _, c := range r.CookiesNamed(cookie.Name) {
		value, err := cookie.Parse(c.Value)
		if err != nil {
			continue
		}
		b.refused = value.Refused() && value.Answers(v.ID)
		if value.ID == "" {
			return b, nil
		}
		return s.known(r.Context(), b, value.ID)
	}
	return b, nil
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

// stands reports whether a yes to the key stands or waits.
func (b browser) stands(k consent.Key) bool {
	st := b.states[k]
	return st.Yes != nil || st.Pending != nil
}

// granted gives the switches that decisions answer with yes.
func granted(ctx context.Context, db *store.DB, b browser, switches []consent.Key) ([]consent.Key, error) {
	var list []consent.Key
	for _, k := range switches {
		a, err := db.Decide(ctx, b.id, decision.Question{Purpose: k.Purpose, Recipient: k.Recipient, Signals: b.signals})
		if err != nil {
			return nil, err
		}
		if a.Allowed {
			list = append(list, k)
		}
	}
	return list, nil
}

// remember gives the browser its answer back as a cookie.
func (s *site) remember(w http.ResponseWriter, f *face, c cookie.Cookie) {
	http.SetCookie(w, &http.Cookie{Name: cookie.Name, Value: cookie.Format(c), Path: "/", MaxAge: f.life(s.Now()),
		SameSite: http.SameSiteLaxMode, Secure: s.secure()}) // not HttpOnly: the banner reads it
}
