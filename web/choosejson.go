package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/amana-privacy/amana/banner"
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/edge"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/strict"
)

// choiceRequest is the body of POST /v1/choices: the form of the choices for
// programs that run in the browser.
type choiceRequest struct {
	Choices  []singleChoice   `json:"choices" max:"1000"`               // single answers …
	Choice   string           `json:"choice" enum:"accept|reject|save"` // … or all
	Purposes []string         `json:"purposes" max:"1000"`              // said yes to, with save: ID or ID/RECIPIENT
	Version  policy.VersionID `json:"version" need:"yes"`               // that was shown, or its revision as the cookie names it
	Language string           `json:"language"`                         // it was shown in; the master where absent
	GPC      bool             `json:"gpc"`                              // the browser's signal, where only a script can see it
}

type singleChoice struct {
	Purpose   string         `json:"purpose" need:"yes"`
	Recipient string         `json:"recipient"`
	Decision  consent.Answer `json:"decision" need:"yes" enum:"given|refused|withdrawn"`
}

// choiceAnswer is what comes back.
type choiceAnswer struct {
	Receipts []receipt.Receipt `json:"receipts"`
	Left     []string          `json:"left_to_signal,omitempty"` // purposes that a yes to everything left unanswered, because the browser's signal is a no to them
	Cookie   string            `json:"cookie"`                   // its value as it was set, for a page on another host
	Granted  []string          `json:"granted"`                  // switches that count now
	Consent  map[string]string `json:"consent,omitempty"`        // what Google Consent Mode is told
}

// chooseJSON answers with the receipts and sets the cookie. The subject is never
// named: it is the browser of the cookie.
func (s *site) chooseJSON(w http.ResponseWriter, r *http.Request) error {
	ed, err := s.edition()
	if err != nil {
		return err
	}
	if ed == nil {
		return fault.New(fault.Overloaded, "no policy is in force yet")
	}
	q, err := readJSON(r)
	if err != nil {
		return err
	}
	if q.Language == "" {
		q.Language = ed.version.Policy.Master()
	}
	f := ed.faces[q.Language]
	if f == nil {
		return fault.At(fault.Invalid, "language", "the policy is not in that language")
	}
	if v := s.versionOf(string(q.Version)); v != nil {
		q.Version = v.ID
	}
	shown, err := s.shownAs(q.Version)
	if err != nil {
		return err
	}
	if q.GPC {
		r.Header.Set("Sec-GPC", "1")
	}
	a, err := q.said(shown.Policy, signalsOf(r).GPC)
	if err != nil {
		return err
	}
	a.shown, a.language, a.surface = shown, q.Language, consent.SurfaceBanner
	receipts, err := s.answer(w, r, f, a)
	if errors.Is(err, errAge) {
		err = elsewhere{err, s.PublicURL + f.path("/choices")}
	}
	if err != nil {
		return err
	}
	out := choiceAnswer{Receipts: append([]receipt.Receipt{}, receipts...), Left: a.left}
	s.counts(&out, w.Header(), r, f)
	return writeJSON(w, http.StatusOK, "application/json", out)
}

// counts says what counts by the cookie that the answer sets, or by the one that
// came where it sets none.
func (s *site) counts(out *choiceAnswer, h http.Header, r *http.Request, f *face) {
	for _, line := range h.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == cookie.Name && c.MaxAge > 0 {
			out.Cookie = c.Value
			r = &http.Request{Header: http.Header{"Cookie": {cookie.Name + "=" + c.Value}, "Sec-Gpc": r.Header.Values("Sec-GPC")}}
		}
	}
	read := s.visitorOf(r, f.version)
	out.Granted = []string{}
	for _, k := range read.Granted {
		out.Granted = append(out.Granted, banner.Value(k))
	}
	out.Consent = banner.ConsentMode(f.version.Policy, read.Granted)
}

func (q choiceRequest) said(p *policy.Policy, gpc bool) (said, error) {
	if (q.Choice == "") == (len(q.Choices) == 0) {
		return said{}, fault.At(fault.Invalid, "choices", "send either choices or choice")
	}
	if q.Choice != "" {
		return everything(q.Choice, q.Purposes, p, gpc)
	}
	yes, err := singles(q.Choices, p)
	return said{yes: yes}, err
}

func singles(choices []singleChoice, p *policy.Policy) (map[consent.Key]bool, error) {
	yes := map[consent.Key]bool{}
	for i, c := range choices {
		at := fmt.Sprintf("choices[%d]", i)
		k, err := keyOf(valueOf(consent.Key{Purpose: c.Purpose, Recipient: c.Recipient}), p)
		if err != nil {
			return nil, fault.At(fault.Invalid, at+".purpose", "this is not asked of a browser")
		}
		if _, twice := yes[k]; twice {
			return nil, fault.At(fault.Invalid, at, "this is answered twice; send one answer")
		}
		yes[k] = c.Decision == consent.Given
	}
	return yes, nil
}

// readJSON reads the body strictly, as the company door does. It may come as
// plain text, too: of that browsers ask no leave beforehand (a preflight), and who
// may send is held by the origin (admit), not by the type.
func readJSON(r *http.Request) (q choiceRequest, err error) {
	if r.Header.Get("Content-Type") != "text/plain;charset=UTF-8" { // as fetch sends a text
		if err := edge.JSON(r.Header); err != nil {
			return q, err
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return q, tooLargeOr(err, fault.Malformed)
	}
	return q, strict.Decode(body, &q)
}

func writeJSON(w http.ResponseWriter, status int, kind string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", never)
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
	return nil
}

// json makes a route that answers POST with JSON, and errors as problem+json
// (RFC 9457).
func (s *site) json(answer func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := errMethod
		switch r.Method {
		case http.MethodPost:
			err = answer(w, r)
		case http.MethodOptions:
			preflight(w)
			return
		default:
			w.Header().Set("Allow", http.MethodPost)
		}
		if err != nil {
			s.problem(w, r, err)
		}
	})
}
