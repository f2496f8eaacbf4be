package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
)

// choiceRequest is the body of POST /v1/choices: the form of the choices for
// programs that run in the browser.
type choiceRequest struct {
	Choices  []consent.Choice `json:"choices"`  // single answers …
	Choice   string           `json:"choice"`   // … or all: accept, reject, save
	Purposes []string         `json:"purposes"` // said yes to, with save: ID or ID/RECIPIENT
	Version  policy.VersionID `json:"version"`  // that was shown
	Language string           `json:"language"` // it was shown in
}

// chooseJSON answers {"receipts":[…]} and sets the cookie. The subject is never
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
	f := ed.faces[q.Language]
	if f == nil {
		return fault.At(fault.Invalid, "language", "the policy is not in that language")
	}
	a, err := q.said(f.version.Policy)
	if err != nil {
		return err
	}
	receipts, err := s.answer(w, r, f, a)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, "application/json", map[string]any{"receipts": append([]receipt.Receipt{}, receipts...)})
}

func (q choiceRequest) said(p *policy.Policy) (said, error) {
	a := said{version: q.Version, language: q.Language, surface: consent.SurfaceBanner}
	if a.version == "" {
		return a, fault.At(fault.Invalid, "version", "name the version that was shown")
	}
	if (q.Choice == "") == (len(q.Choices) == 0) {
		return a, fault.At(fault.Invalid, "choices", "send either choices or choice")
	}
	var err error
	if q.Choice != "" {
		a.all = q.Choice == "reject"
		a.yes, err = everything(q.Choice, q.Purposes, p)
		return a, err
	}
	a.yes, err = singles(q.Choices, p)
	return a, err
}

func singles(choices []consent.Choice, p *policy.Policy) (map[consent.Key]bool, error) {
	yes := map[consent.Key]bool{}
	for i, c := range choices {
		at := fmt.Sprintf("choices[%d]", i)
		k, err := keyOf(valueOf(consent.Key{Purpose: c.Purpose, Recipient: c.Recipient}), p)
		_, twice := yes[k]
		switch {
		case err != nil:
			return nil, fault.At(fault.Invalid, at+".purpose", "this is not asked of a browser")
		case twice:
			return nil, fault.At(fault.Invalid, at, "this is answered twice; send one answer")
		case consent.ActOf(c.Decision) == "":
			return nil, fault.At(fault.Invalid, at+".decision", "say given, refused or withdrawn")
		case len(c.Topics) > 0:
			return nil, fault.At(fault.Invalid, at+".topics", "a browser answers to the whole purpose")
		}
		yes[k] = c.Decision == consent.Given
	}
	return yes, nil
}

// readJSON takes one JSON value without unknown or repeated members.
func readJSON(r *http.Request) (choiceRequest, error) {
	var q choiceRequest
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return q, fault.New(fault.Malformed, "send application/json")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return q, tooLargeOr(err, fault.Malformed)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return q, &fault.Error{Kind: fault.Malformed, Words: "the body is not the JSON that is asked for", Err: err}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return q, fault.New(fault.Malformed, "send one JSON value and nothing behind it")
	}
	return q, exact(json.NewDecoder(bytes.NewReader(body)))
}

// exact refuses what the decoder lets pass: a member twice, and a name in
// capitals, which it takes for the same. The document is known to be JSON.
func exact(d *json.Decoder) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for t == json.Delim('{') && d.More() {
		name, _ := d.Token()
		s, _ := name.(string)
		if seen[s] || s != strings.ToLower(s) {
			return fault.New(fault.Malformed, "a member stands twice, or its name in capitals")
		}
		seen[s] = true
		if err := exact(d); err != nil {
			return err
		}
	}
	for t == json.Delim('[') && d.More() {
		if err := exact(d); err != nil {
			return err
		}
	}
	if _, open := t.(json.Delim); open {
		_, err = d.Token()
	}
	return err
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
		if r.Method == http.MethodPost {
			err = answer(w, r)
		} else {
			w.Header().Set("Allow", http.MethodPost)
		}
		if err != nil {
			s.problem(w, r, err)
		}
	})
}
