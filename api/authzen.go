package api

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/subject"
)

// The OpenID AuthZEN Authorization API 1.0, over the same decisions as
// /v1/decide: the subject is who wants to act, the action is use or share for a
// purpose, the resource is the customer whose data it is. Its habits are the
// standard's: a refusal is 200 with false, an error is one line of text, unknown
// members are ignored.

// entity is a subject or a resource.
type entity struct {
	Type       string          `json:"type,omitempty"`
	ID         string          `json:"id,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"`
}

// action is what is to be done.
type action struct {
	Name       string      `json:"name"`
	Properties *actionKeys `json:"properties,omitempty"`
}

type actionKeys struct {
	Purpose string `json:"purpose,omitempty"`
}

// evaluation is one question. Members that are absent are nil.
type evaluation struct {
	Subject  *entity         `json:"subject"`
	Action   *action         `json:"action"`
	Resource *entity         `json:"resource"`
	Context  json.RawMessage `json:"context"`
}

type evaluations struct {
	evaluation
	Evaluations []evaluation `json:"evaluations"`
	Options     struct {
		Semantic string `json:"evaluations_semantic"`
	} `json:"options"`
}

// decided is one answer; its context has the members of /v1/decide.
type decided struct {
	Decision bool    `json:"decision"`
	Context  *answer `json:"context,omitempty"`
}

// badRequest is what AuthZEN has for any request that cannot be read.
func badRequest(words string) error { return fault.New(fault.Malformed, "%s", words) }

// lenient reads a body as the standard wants it: JSON by its media type, unknown
// members ignored.
func (d *door) lenient(w http.ResponseWriter, r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return badRequest("the Content-Type must be application/json")
	}
	raw, err := d.read(w, r)
	if err != nil {
		return err
	}
	if len(strings.TrimSpace(string(raw))) == 0 {
		return badRequest("the body is empty")
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	if err := dec.Decode(into); err != nil {
		return badRequest("the body is not JSON of this form")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badRequest("something follows the body")
	}
	return nil
}

func (d *door) evaluate(w http.ResponseWriter, r *http.Request) error {
	var e evaluation
	if err := d.lenient(w, r, &e); err != nil {
		return err
	}
	out, err := d.evaluated(r, e)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, out)
}

// evaluateAll answers several questions, in order; a semantic may end them early.
func (d *door) evaluateAll(w http.ResponseWriter, r *http.Request) error {
	var all evaluations
	if err := d.lenient(w, r, &all); err != nil {
		return err
	}
	if len(all.Evaluations) == 0 {
		out, err := d.evaluated(r, all.evaluation)
		if err != nil {
			return err
		}
		return reply(w, http.StatusOK, out)
	}
	if len(all.Evaluations) > mostQuestions {
		return badRequest("too many evaluations at once")
	}
	stop, ok := map[string]func(bool) bool{"": never, "execute_all": never, "deny_on_first_deny": func(yes bool) bool { return !yes }, "permit_on_first_permit": func(yes bool) bool { return yes }}[all.Options.Semantic]
	if !ok {
		return badRequest("options.evaluations_semantic is none of execute_all, deny_on_first_deny, permit_on_first_permit")
	}
	out := struct {
		Evaluations []decided `json:"evaluations"`
	}{[]decided{}}
	for _, e := range all.Evaluations {
		a, err := d.evaluated(r, all.filled(e))
		if fault.KindOf(err) == fault.Malformed { // of one alone: it is a no
			a, err = decided{}, nil
		}
		if err != nil {
			return err
		}
		out.Evaluations = append(out.Evaluations, a)
		if stop(a.Decision) {
			break
		}
	}
	return reply(w, http.StatusOK, out)
}

func never(bool) bool { return false }

// filled gives one question with what stands above all: a member that is there
// takes the whole place of the default.
func (all evaluations) filled(e evaluation) evaluation {
	if e.Subject == nil {
		e.Subject = all.Subject
	}
	if e.Action == nil {
		e.Action = all.Action
	}
	if e.Resource == nil {
		e.Resource = all.Resource
	}
	if e.Context == nil {
		e.Context = all.Context
	}
	return e
}

// evaluated answers one question. One that lacks what the standard requires is
// fault.Malformed; what it names that nobody knows is a no.
func (d *door) evaluated(r *http.Request, e evaluation) (decided, error) {
	switch {
	case e.Subject == nil || e.Subject.Type == "" || e.Subject.ID == "":
		return decided{}, badRequest("subject needs a type and an id")
	case e.Action == nil || e.Action.Name == "":
		return decided{}, badRequest("action needs a name")
	case e.Resource == nil || e.Resource.Type == "" || e.Resource.ID == "":
		return decided{}, badRequest("resource needs a type and an id")
	}
	q, known := asked(e)
	id, err := subject.Parse(e.Resource.ID, d.region())
	if !known || err != nil {
		return decided{}, nil
	}
	a, err := d.decided(r, id, q, true)
	if err != nil {
		return decided{}, err
	}
	return decided{a.Allowed, &a}, nil
}

// asked turns an evaluation into a question; false where it is about something
// this decision point does not know.
func asked(e evaluation) (q decision.Question, known bool) {
	known = slices.Contains([]string{"service", "staff", "recipient"}, e.Subject.Type) && (e.Action.Name == "use" || e.Action.Name == "share") && e.Resource.Type == "customer"
	if e.Action.Properties != nil {
		q.Purpose = e.Action.Properties.Purpose
	}
	if e.Subject.Type == "recipient" {
		q.Recipient = e.Subject.ID
	} else if e.Action.Name == "share" {
		return q, false // shared with whom?
	}
	var of struct {
		Data []string `json:"data"`
	}
	if len(e.Resource.Properties) > 0 && json.Unmarshal(e.Resource.Properties, &of) != nil {
		return q, false
	}
	var seen struct {
		Signals consent.Signals `json:"signals"`
	}
	if len(e.Context) > 0 && json.Unmarshal(e.Context, &seen) != nil {
		return q, false
	}
	q.Data, q.Signals = of.Data, seen.Signals
	return q, known
}

// configuration is the metadata of the decision point.
func (d *door) configuration(w http.ResponseWriter, r *http.Request) error {
	base := d.URL
	if base == "" {
		base = "http://" + r.Host
	}
	return reply(w, http.StatusOK, map[string]string{
		"policy_decision_point":       base,
		"access_evaluation_endpoint":  base + "/access/v1/evaluation",
		"access_evaluations_endpoint": base + "/access/v1/evaluations",
		"search_subject_endpoint":     base + "/access/v1/search/subject",
		"search_resource_endpoint":    base + "/access/v1/search/resource",
		"search_action_endpoint":      base + "/access/v1/search/action",
	})
}

// isAccess says whether a path is the standard's, with its habits.
func isAccess(path string) bool { return strings.HasPrefix(path, "/access/v1/") }

// plainly answers an error as the standard does: one line of text.
func plainly(w http.ResponseWriter, p problem) {
	status := p.Status
	if status == 413 || status == 415 || status == 422 {
		status = http.StatusBadRequest
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, p.Detail+"\n")
}
