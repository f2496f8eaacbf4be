package web

import (
	"errors"
	"net/http"
	"slices"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// POST /v1/subscriptions takes a plain HTML form on the company's own site:
//
//	email     the address
//	purpose   what it is for; once for each
//	version   the version of the policy that was shown
//	language  the language it was shown in; the reader's where absent
//	again     yes: send the mail that asks once more
//	nickname  a trap: people do not see it, programs fill it in
//	back      a page of the company's site to go on with, instead of ours
//
// The answer is the same whoever is known, and whatever stands.

// mostPurposes is how many a form may name.
const mostPurposes = 50

type subscribedPage struct {
	base
	Wrong  bool
	Fields []field // of the form, to send it again
}

type field struct{ Name, Value string }

func (s *site) subscribe(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	v.speak(v.PostForm.Get("language"))
	sub, err := s.subscription(v)
	if fault.KindOf(err) == fault.Conflict {
		return err
	}
	if err == nil {
		if err := s.aged(v.ResponseWriter, v.Request, v.version.Policy, v.PostForm["purpose"]...); err != nil {
			return err
		}
	}
	if err == nil && !s.signs.allow(v.Request, s.Now()) {
		return errRate
	}
	if err == nil && v.PostForm.Get("nickname") == "" {
		if _, err = s.Store.Submit(v.Context(), sub); errors.Is(err, store.ErrBelowAge) {
			err = nil // anybody can type an address: nobody learns whose it is
		}
	}
	page := subscribedPage{base: v.base, Fields: again(v)}
	page.base = v.linkBase("/subscribed", v.T("subscribed.title"))
	page.Tongues = nil // the form is not sent twice for another language
	switch e, refused := errors.AsType[*fault.Error](err); {
	case refused && (e.Kind == fault.Invalid || e.Kind == fault.Malformed):
		page.Wrong, page.Fields, page.Title = true, nil, v.T("subscribed.wrong")
		return v.show(http.StatusUnprocessableEntity, never, "subscribed", page)
	case err != nil:
		return err
	}
	if to := s.backTo(v.Request); to != "" {
		return v.redirect(http.StatusSeeOther, to)
	}
	return v.show(200, never, "subscribed", page)
}

// subscription reads the form.
func (s *site) subscription(v *visit) (store.Submission, error) {
	form := v.PostForm
	shown, err := s.shownAs(policy.VersionID(form.Get("version")))
	if err != nil {
		return store.Submission{}, err
	}
	if shown.ID != v.version.ID {
		return store.Submission{}, errChanged
	}
	id, err := subject.Parse(subject.Email+":"+form.Get("email"), "")
	if err != nil {
		return store.Submission{}, err
	}
	sub := store.Submission{Subject: id, Policy: shown.ID, Language: v.Tag, Surface: consent.SurfaceForm, Signals: signalsOf(v.Request), Again: form.Get("again") == "yes"}
	for i, purpose := range form["purpose"] {
		if i >= mostPurposes {
			return sub, fault.At(fault.Invalid, "purpose", "at most %d", mostPurposes)
		}
		p := shown.Policy.Purposes[purpose]
		if !p.Double() { // anybody can type an address: what is not confirmed from it does not come by this way
			return sub, fault.At(fault.Invalid, "purpose", "a form can ask for purposes with confirm: double alone")
		}
		if !slices.ContainsFunc(sub.Choices, func(c consent.Choice) bool { return c.Purpose == purpose }) {
			sub.Choices = append(sub.Choices, consent.Choice{Purpose: purpose, Decision: consent.Given})
		}
	}
	return sub, nil
}

// again gives the fields by which the same form is sent once more.
func again(v *visit) []field {
	fields := []field{{"email", v.PostForm.Get("email")}, {"version", v.PostForm.Get("version")}, {"language", v.Tag}}
	for _, p := range v.PostForm["purpose"][:min(len(v.PostForm["purpose"]), mostPurposes)] {
		fields = append(fields, field{"purpose", p})
	}
	return fields
}
