package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
)

// choose takes the form of the choices. It answers with the page again, by an
// address that a reload does not send twice.
func (s *site) choose(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	receipts, anchor, err := s.chosen(v)
	if errors.Is(err, errChanged) {
		return s.showChoices(v, http.StatusConflict, true)
	}
	if err != nil {
		return err
	}
	if to := s.backTo(v.Request); to != "" {
		return v.redirect(http.StatusSeeOther, to)
	}
	return v.redirect(http.StatusSeeOther, v.path("/choices?saved="+s.links.make(s.Now(), idsOf(receipts)...)+anchor))
}

// backTo is the page of the company's own site that a form came from: the one it
// names under back, else the one that the browser names. It is "" for forms of
// the door's own pages, and for any other site's.
func (s *site) backTo(r *http.Request) string {
	named, ok := r.PostForm["back"]
	if !ok {
		return ""
	}
	to := named[0]
	if to == "" {
		to = r.Referer()
	}
	if o := originOf(to); o != "" && (s.trusts(o) || o == originOf(s.PublicURL)) {
		return to
	}
	return ""
}

// chosen reads the form against the version it was shown with. The anchor leads
// back to the question of a single answer, where it is still asked.
func (s *site) chosen(v *visit) (_ []receipt.Receipt, anchor string, err error) {
	shown, err := s.shownAs(policy.VersionID(v.PostForm.Get("version")))
	if err != nil {
		return nil, "", err
	}
	a, err := formOf(v.PostForm, shown.Policy, signalsOf(v.Request).GPC)
	if err != nil {
		return nil, "", err
	}
	a.shown, a.language, a.surface = shown, v.Tag, consent.SurfaceChoices
	if v.PostForm.Get("answer") != "" {
		for k := range a.yes {
			if slices.Contains(cookie.Switches(v.version.Policy), k) {
				anchor = "#p-" + k.Purpose
			}
		}
	}
	receipts, err := s.answer(v.ResponseWriter, v.Request, v.face, a)
	return receipts, anchor, err
}

func idsOf(receipts []receipt.Receipt) []string {
	ids := make([]string, len(receipts))
	for i, r := range receipts {
		ids[i] = r.ID
	}
	return ids
}

// formOf reads the form: one answer by a button (answer=yes:ID, no:ID/RECIPIENT, yes:ID@FREQUENCY),
// or all of them (choice=accept, reject, or save with the purposes said yes to).
func formOf(form url.Values, p *policy.Policy, gpc bool) (said, error) {
	if len(form["answer"])+len(form["choice"]) != 1 {
		return said{}, fault.At(fault.Invalid, "choice", "say one thing: an answer or a choice, once")
	}
	if one := form.Get("answer"); one != "" {
		return single(one, p)
	}
	return everything(form.Get("choice"), form["purpose"], p, gpc)
}

func single(answer string, p *policy.Policy) (said, error) {
	word, value, _ := strings.Cut(answer, ":")
	if word != "yes" && word != "no" {
		return said{}, fault.At(fault.Invalid, "answer", "say yes or no")
	}
	value, often, _ := strings.Cut(value, "@")
	k, err := keyOf(value, p)
	return said{yes: map[consent.Key]bool{k: word == "yes"}, often: often}, err
}

// everything answers every switch: all with yes, all with no, or with yes those
// named and with no the rest. What heeds a Global Privacy Control signal is not
// part of a yes to everything that is said under it: only a yes to the purpose
// itself goes before the signal.
func everything(choice string, named []string, p *policy.Policy, gpc bool) (said, error) {
	if choice != "accept" && choice != "reject" && choice != "save" {
		return said{}, fault.At(fault.Invalid, "choice", "say accept, reject or save")
	}
	if choice != "save" && len(named) > 0 {
		return said{}, fault.At(fault.Invalid, "purpose", "only save takes purposes")
	}
	a := said{yes: map[consent.Key]bool{}, all: choice == "reject", sweeping: choice == "accept"}
	for _, k := range cookie.Switches(p) {
		if a.sweeping && gpc && p.Purposes[k.Purpose].HeedsSignal() {
			a.left = append(a.left, k.Purpose)
			continue
		}
		a.yes[k] = a.sweeping
	}
	a.left = slices.Compact(slices.Sorted(slices.Values(a.left)))
	for _, value := range named {
		k, err := keyOf(value, p)
		if err != nil {
			return said{}, err
		}
		a.yes[k] = true
	}
	return a, nil
}

// keyOf reads ID or ID/RECIPIENT; it has to be a switch of the policy.
func keyOf(value string, p *policy.Policy) (consent.Key, error) {
	purpose, recipient, named := strings.Cut(value, "/")
	k := consent.Key{Purpose: purpose, Recipient: recipient}
	if slices.Contains(cookie.Switches(p), k) && named == (recipient != "") {
		return k, nil
	}
	return k, fault.At(fault.Invalid, "purpose", "this is not asked of a browser")
}

// tooLargeOr gives an error in reading a body its kind.
func tooLargeOr(err error, k fault.Kind) error {
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return fault.New(fault.TooLarge, "the body is too large")
	}
	return &fault.Error{Kind: k, Words: "the body cannot be read", Err: err}
}
