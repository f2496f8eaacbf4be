package web

import (
	"errors"
	"net/http"
	"net/url"
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
	a, anchor, err := formOf(v.PostForm, v.version.Policy)
	if err != nil {
		return err
	}
	a.language, a.surface = v.Tag, consent.SurfaceChoices
	receipts, err := s.answer(v.ResponseWriter, v.Request, v.face, a)
	if errors.Is(err, errChanged) {
		return s.showChoices(v, http.StatusConflict, true)
	}
	if err != nil {
		return err
	}
	return v.redirect(http.StatusSeeOther, v.path("/choices?saved="+s.links.make(s.Now(), idsOf(receipts)...)+anchor))
}

func idsOf(receipts []receipt.Receipt) []string {
	ids := make([]string, len(receipts))
	for i, r := range receipts {
		ids[i] = r.ID
	}
	return ids
}

// formOf reads the form: one answer by a button (answer=yes:ID, no:ID/RECIPIENT),
// or all of them (choice=accept, reject, or save with the purposes said yes to).
// The anchor leads back to the question of a single answer.
func formOf(form url.Values, p *policy.Policy) (a said, anchor string, err error) {
	a.version = policy.VersionID(form.Get("version"))
	if a.version == "" {
		return a, "", fault.At(fault.Invalid, "version", "name the version that was shown")
	}
	if one := form.Get("answer"); one != "" {
		return single(a, one, p)
	}
	a.yes, err = everything(form.Get("choice"), form["purpose"], p)
	a.all = form.Get("choice") == "reject"
	return a, "", err
}

func single(a said, answer string, p *policy.Policy) (said, string, error) {
	word, value, _ := strings.Cut(answer, ":")
	if word != "yes" && word != "no" {
		return a, "", fault.At(fault.Invalid, "answer", "say yes or no")
	}
	k, err := keyOf(value, p)
	if err != nil {
		return a, "", err
	}
	a.yes = map[consent.Key]bool{k: word == "yes"}
	return a, "#p-" + k.Purpose, nil
}

// everything answers every switch: all with yes, all with no, or with yes those
// named and with no the rest.
func everything(choice string, named []string, p *policy.Policy) (map[consent.Key]bool, error) {
	if choice != "accept" && choice != "reject" && choice != "save" {
		return nil, fault.At(fault.Invalid, "choice", "say accept, reject or save")
	}
	if choice != "save" && len(named) > 0 {
		return nil, fault.At(fault.Invalid, "purpose", "only save takes purposes")
	}
	yes := map[consent.Key]bool{}
	for _, k := range cookie.Switches(p) {
		yes[k] = choice == "accept"
	}
	for _, value := range named {
		k, err := keyOf(value, p)
		if err != nil {
			return nil, err
		}
		yes[k] = true
	}
	return yes, nil
}

// keyOf reads ID or ID/RECIPIENT; it has to be a switch of the policy.
func keyOf(value string, p *policy.Policy) (consent.Key, error) {
	purpose, recipient, _ := strings.Cut(value, "/")
	k := consent.Key{Purpose: purpose, Recipient: recipient}
	for _, s := range cookie.Switches(p) {
		if s == k {
			return k, nil
		}
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
