package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/strict"
)

// handOver is the body of POST /v1/portal-links.
type handOver struct {
	Subjects []string `json:"subjects" need:"yes" min:"1" max:"20" doc:"Who is signed in at yours: their identifiers, of which you vouch for every one. The first names them."`
	Language string   `json:"language" doc:"The language of the page, one of the policy's; its master language if absent."`
	To       string   `json:"to" doc:"The page to lead to, below the language: /me or below it; /me if absent."`
}

// handedOver is the answer to it.
type handedOver struct {
	URL       string `json:"url" doc:"Where to send the person, at once: it works one time, in one browser."`
	ExpiresAt string `json:"expires_at" doc:"When it ends, exclusive."`
}

// portalLink hands somebody who is signed in at the company over to their own
// pages, without a second sign-in.
func (d *door) portalLink(w http.ResponseWriter, r *http.Request) error {
	raw, err := d.body(w, r)
	if err != nil {
		return err
	}
	var in handOver
	if err := strict.Decode(raw, &in); err != nil {
		return err
	}
	language, h, err := d.handed(in)
	if err != nil {
		return err
	}
	token, until, err := d.Store.IssueHandOver(r.Context(), h)
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, handedOver{d.PublicURL + "/" + language + "/me/in/" + token, receipt.Stamp(until)})
}

// handed reads whom to hand over, and in what language.
func (d *door) handed(in handOver) (language string, h store.Handed, err error) {
	v := d.Store.InForce()
	if v == nil {
		return "", h, fault.New(fault.Conflict, "no policy is in force yet")
	}
	if language = in.Language; language == "" {
		language = v.Policy.Master()
	}
	if !slices.Contains(v.Policy.Languages, language) {
		return "", h, fault.At(fault.Invalid, "language", "the policy is not in that language")
	}
	if in.To != "" && in.To != "/me" && !strings.HasPrefix(in.To, "/me/") {
		return "", h, fault.At(fault.Invalid, "to", "must be /me, or a page below it")
	}
	h.To = in.To
	for i, s := range in.Subjects {
		id, err := subjectAt(fmt.Sprintf("subjects[%d]", i), s, d.region())
		if err != nil {
			return "", h, err
		}
		if slices.Contains(h.Subjects, id) {
			return "", h, fault.At(fault.Invalid, fmt.Sprintf("subjects[%d]", i), "this identifier stands here twice")
		}
		h.Subjects = append(h.Subjects, id)
	}
	return language, h, nil
}
