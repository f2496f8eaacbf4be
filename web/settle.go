package web

import (
	"maps"
	"net/http"
	"slices"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
)

// settle sets the cookie to what stands now. Where that cannot be read, it is
// set from what was just recorded: a browser never loses the id under which it
// said yes, which is its way to take it back.
func (s *site) settle(w http.ResponseWriter, r *http.Request, f *face, b browser, recorded []receipt.Receipt) error {
	before := b.states
	var err error
	if b.states, err = s.Store.States(r.Context(), b.id); err == nil {
		var c cookie.Cookie
		if c, err = s.memory(r.Context(), f.version, b); err == nil {
			s.remember(w, r, f, c)
			return nil
		}
	}
	b.states = before
	if given := b.after(f.version, recorded); len(given) > 0 {
		if c, cerr := b.cookieOf(f.version, given, s.Now()); cerr == nil {
			s.remember(w, r, f, c)
		}
	}
	return err
}

// after gives the switches with a yes once the receipts are added to what stood.
func (b browser) after(v *policy.Version, recorded []receipt.Receipt) []consent.Key {
	given := map[consent.Key]bool{}
	for k, st := range b.states {
		given[k] = st.Yes != nil
	}
	for _, r := range recorded {
		c := r.Record.HasConsent
		given[consent.Key{Purpose: c.Purpose, Recipient: c.Recipient}] = c.Decision == consent.ActGiven
	}
	maps.DeleteFunc(given, func(_ consent.Key, yes bool) bool { return !yes })
	return slices.DeleteFunc(cookie.Switches(v.Policy), func(k consent.Key) bool { return !given[k] })
}
