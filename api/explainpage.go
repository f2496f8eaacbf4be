package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"golang.org/x/text/language"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/explain"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/subject"
)

// The page on which a colleague sees what an answer rests on. The question and
// the token go in the body of a POST: no address names a customer, and no other
// site's page can ask.

//go:embed explain.css
var explainStyle string

//go:embed explain.html
var explainSource string

var explainTemplate = template.Must(template.New("explain").Parse(explainSource))

var explainPolicy = func() string {
	sum := sha256.Sum256([]byte(explainStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

// explainPage is the form, and the answer where one was asked for.
type explainPage struct {
	Lang                              string
	Words, Other                      *lang.Words
	Style                             template.CSS
	Problem                           string
	Answer                            *drawn
	Subject, Purpose, Data, Recipient string
	GPC                               bool
}

// drawn is an answer with its chain drawn: a circle for each link, under one
// another, on the side where a line of the language begins.
type drawn struct {
	Allowed bool
	Reason  decision.Reason
	Height  int
	Drawn   string // the picture in words
	Links   []drawnLink
}

type drawnLink struct {
	explain.Link
	X, Y, TextX int
	Way         int    // where the line from the link above begins; 0: there is none
	Anchor      string // of what is written from left to right
	Short       string
}

// The picture's measures, in its own units.
const (
	drawnWidth, drawnStep, drawnSide, drawnText, drawnLetters = 336, 72, 24, 56, 34
)

// marks are a tick, a cross and a stroke, about the middle of a circle.
var marks = map[explain.State]string{explain.Holds: "M-8 1l5 6L8-6", explain.Against: "M-6-6L6 6M6-6L-6 6", explain.None: "M-6 0H6"}

// Mark is what stands in the link's circle.
func (l drawnLink) Mark() string { return marks[l.State] }

var explainLanguages = language.NewMatcher([]language.Tag{language.English, language.Arabic})

// explainAnywhere leads to the page in the reader's language.
func (d *door) explainAnywhere(w http.ResponseWriter, r *http.Request) error {
	_, i := language.MatchStrings(explainLanguages, r.Header.Get("Accept-Language"))
	w.Header().Set("Vary", "Accept-Language")
	http.Redirect(w, r, []string{"/en/explain", "/ar/explain"}[i], http.StatusSeeOther)
	return nil
}

func (d *door) explainForm(w http.ResponseWriter, r *http.Request) error {
	return showExplained(w, http.StatusOK, d.pageOf(r))
}

func (d *door) pageOf(r *http.Request) explainPage {
	tag, other := "en", "ar"
	if strings.HasPrefix(r.URL.Path, "/ar/") {
		tag, other = other, tag
	}
	p := explainPage{Lang: tag, Style: template.CSS(explainStyle)}
	p.Words, p.Other = d.words(tag), d.words(other)
	return p
}

func (d *door) explainAnswer(w http.ResponseWriter, r *http.Request) error {
	p := d.pageOf(r)
	r.Body = http.MaxBytesReader(w, r.Body, largestBody)
	if err := r.ParseForm(); err != nil {
		return fault.New(fault.Malformed, "the form cannot be read")
	}
	f := r.PostForm
	p.Subject, p.Purpose, p.Data, p.Recipient, p.GPC = f.Get("subject"), f.Get("purpose"), f.Get("data"), f.Get("recipient"), f.Get("gpc") == "1"
	answer, err := d.explainTo(w, r, p)
	if err == nil {
		p.Answer = answer
		return showExplained(w, http.StatusOK, p)
	}
	status := problemOf(err).Status
	switch status {
	case noToken.status, denied.status:
		p.Problem = p.Words.T("explain.refused.token")
	case invalid.status, malformed.status:
		p.Problem = p.Words.T("explain.refused.subject")
	default:
		d.Log.ErrorContext(r.Context(), "failed", "request", callOf(r).id, "route", callOf(r).pattern, "err", err)
		p.Problem = p.Words.T("explain.refused.other")
	}
	return showExplained(w, status, p)
}

// explainTo asks with the token of the form, which counts against that token's
// limits as any request does.
func (d *door) explainTo(w http.ResponseWriter, r *http.Request, p explainPage) (*drawn, error) {
	leave, err := d.places.Enter(r.Context())
	if err != nil {
		return nil, retryAfter(w, 1, err)
	}
	defer leave()
	r.Header = http.Header{"Authorization": {"Bearer " + strings.TrimSpace(r.PostForm.Get("token"))}}
	token, err := d.authenticate(w, r)
	if err != nil {
		return nil, err
	}
	callOf(r).token = token
	if err := d.limits.take(token.ID, d.Now()); err != nil {
		return nil, retryAfter(w, 1, err)
	}
	if err := allowed(w, token, "decide"); err != nil {
		return nil, err
	}
	id, err := subject.Parse(p.Subject, d.region())
	if err != nil {
		return nil, err
	}
	q := decision.Question{Purpose: strings.TrimSpace(p.Purpose), Recipient: strings.TrimSpace(p.Recipient), Signals: consent.Signals{GPC: p.GPC}}
	q.Data = append(q.Data, strings.FieldsFunc(p.Data, func(r rune) bool { return r == ',' || r == '،' || r == ' ' })...)
	a, err := d.decided(r, id, q)
	if err != nil {
		return nil, err
	}
	whole, err := explained(r.Context(), d.Store, q, a)
	if err != nil {
		return nil, err
	}
	return draw(a, explain.Chain(whole, p.Words), p.Words), nil
}

// draw lays the chain out.
func draw(a answer, chain []explain.Link, w *lang.Words) *drawn {
	out := &drawn{Allowed: a.Allowed, Reason: a.Reason, Height: len(chain) * drawnStep}
	var told []string
	for i, l := range chain {
		if l.Step == explain.Ledger {
			l.Value = "" // its words have the number, as people count
		}
		told = append(told, fmt.Sprintf("%s (%s)", w.Of("step", l.Step), w.Of("state", l.State)))
		d := drawnLink{Link: l, X: drawnSide, TextX: drawnText, Y: i*drawnStep + drawnStep/2, Anchor: "start", Short: short(l.Value)}
		if w.Dir() == "rtl" {
			d.X, d.TextX, d.Anchor = drawnWidth-d.X, drawnWidth-d.TextX, "end"
		}
		if i > 0 {
			d.Way = d.Y - drawnStep + 20
		}
		out.Links = append(out.Links, d)
	}
	out.Drawn = w.List(told)
	return out
}

// short cuts what would not fit into the picture; the list beside it has all.
func short(s string) string {
	if len(s) <= drawnLetters {
		return s
	}
	return s[:drawnLetters-1] + "…"
}

func showExplained(w http.ResponseWriter, status int, p explainPage) error {
	var b bytes.Buffer
	if err := explainTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", explainPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Language", p.Lang)
	h.Del("WWW-Authenticate") // a browser has nothing to ask for: the form did
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // whoever does not read it has gone
	return nil
}
