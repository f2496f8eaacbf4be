package api

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

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
	Type       string                     `json:"type,omitempty"`
	ID         string                     `json:"id,omitempty"`
	Properties map[string]json.RawMessage `json:"properties,omitempty"`
}

// action is what is to be done.
type action struct {
	Name       string                     `json:"name"`
	Properties map[string]json.RawMessage `json:"properties,omitempty"`
}

// evaluation is one question. Members that are absent are nil.
type evaluation struct {
	Subject  *entity                    `json:"subject"`
	Action   *action                    `json:"action"`
	Resource *entity                    `json:"resource"`
	Context  map[string]json.RawMessage `json:"context"`
}

type evaluations struct {
	evaluation
	Evaluations []json.RawMessage `json:"evaluations"`
	Options     struct {
		Semantic string `json:"evaluations_semantic"`
	} `json:"options"`
}

// decided is one answer; its context has the members of /v1/decide, or says what
// was wrong with one question of several.
type decided struct {
	Decision bool `json:"decision"`
	Context  any  `json:"context,omitempty"`
}

// mistaken is the context of a question that cannot be answered.
type mistaken struct {
	Error struct {
		Status  int    `json:"status"`
		Message string `json:"message"`
	} `json:"error"`
}

// point answers the standard's questions, which are whole when they come to it.
type point interface {
	evaluate(*http.Request, evaluation) (decided, error)
	subjects(*http.Request, search) (results, error)
	resources(http.ResponseWriter, *http.Request, search) (results, error)
	actions(*http.Request, search) (results, error)
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
	return d.evaluateOne(w, r, e)
}

func (d *door) evaluateOne(w http.ResponseWriter, r *http.Request, e evaluation) error {
	out, err := d.evaluated(r, e)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, out)
}

// semantics say after which answers no further question is asked.
var semantics = map[string]func(yes bool) bool{
	"":                       func(bool) bool { return false },
	"execute_all":            func(bool) bool { return false },
	"deny_on_first_deny":     func(yes bool) bool { return !yes },
	"permit_on_first_permit": func(yes bool) bool { return yes },
}

// evaluateAll answers several questions, in order; a semantic may end them early.
func (d *door) evaluateAll(w http.ResponseWriter, r *http.Request) error {
	var all evaluations
	if err := d.lenient(w, r, &all); err != nil {
		return err
	}
	last, ok := semantics[all.Options.Semantic]
	switch {
	case !ok:
		return badRequest("options.evaluations_semantic is none of execute_all, deny_on_first_deny, permit_on_first_permit")
	case len(all.Evaluations) == 0:
		return d.evaluateOne(w, r, all.evaluation)
	case len(all.Evaluations) > mostQuestions:
		return badRequest("too many evaluations at once")
	}
	out := struct {
		Evaluations []decided `json:"evaluations"`
	}{[]decided{}}
	for _, raw := range all.Evaluations {
		a, err := d.oneOf(r, all, raw)
		if err != nil {
			return err
		}
		out.Evaluations = append(out.Evaluations, a)
		if last(a.Decision) {
			break
		}
	}
	return reply(w, http.StatusOK, out)
}

// oneOf answers one of several. What would be a bad request alone is a no here.
func (d *door) oneOf(r *http.Request, all evaluations, raw json.RawMessage) (decided, error) {
	e, err := all.filled(raw)
	if err == nil {
		var a decided
		if a, err = d.evaluated(r, e); err == nil {
			return a, nil
		}
	}
	if fault.KindOf(err) != fault.Malformed {
		return decided{}, err
	}
	p := problemOf(err)
	var m mistaken
	m.Error.Status, m.Error.Message = p.Status, p.Detail
	return decided{Context: m}, nil
}

// filled gives one question with what stands above all: a member that is there
// takes the whole place of the default, whatever it lacks.
func (all evaluations) filled(raw json.RawMessage) (evaluation, error) {
	var there map[string]json.RawMessage
	var e evaluation
	if json.Unmarshal(raw, &there) != nil || there == nil || json.Unmarshal(raw, &e) != nil {
		return e, badRequest("this evaluation is not of the form of one")
	}
	for member, at := range map[string]func(){
		"subject": func() { e.Subject = all.Subject }, "action": func() { e.Action = all.Action },
		"resource": func() { e.Resource = all.Resource }, "context": func() { e.Context = all.Context },
	} {
		if _, ok := there[member]; !ok {
			at()
		}
	}
	return e, nil
}

// named refuses an entity that lacks what the standard requires; of the one that
// is searched for, that is the type alone.
func (e *entity) named(what string, searched bool) error {
	if e == nil || e.Type == "" || e.ID == "" && !searched {
		if searched {
			return badRequest(what + " needs a type")
		}
		return badRequest(what + " needs a type and an id")
	}
	return nil
}

func (a *action) named() error {
	if a == nil || a.Name == "" {
		return badRequest("action needs a name")
	}
	return nil
}

// evaluated answers one question. One that lacks what the standard requires is
// fault.Malformed.
func (d *door) evaluated(r *http.Request, e evaluation) (decided, error) {
	for _, err := range []error{e.Subject.named("subject", false), e.Action.named(), e.Resource.named("resource", false)} {
		if err != nil {
			return decided{}, err
		}
	}
	return d.point.evaluate(r, e)
}

// customers answers by what customers said. What a question names that nobody
// knows is a no.
type customers struct{ *door }

func (d customers) evaluate(r *http.Request, e evaluation) (decided, error) {
	q, known := asked(e)
	id, err := subject.Parse(e.Resource.ID, d.region())
	if !known || err != nil {
		return decided{}, nil
	}
	detail := false
	if !member(e.Context, "detail", &detail) {
		return decided{}, nil
	}
	a, err := d.decided(r, id, q, detail && d.Store != nil)
	if err != nil {
		return decided{}, err
	}
	return decided{a.Allowed, &a}, nil
}

// asked turns an evaluation into a question; false where it is about something
// this decision point does not know.
func asked(e evaluation) (q decision.Question, known bool) {
	known = slices.Contains([]string{"service", "staff", "recipient"}, e.Subject.Type) && (e.Action.Name == "use" || e.Action.Name == "share") && e.Resource.Type == "customer"
	if e.Subject.Type == "recipient" {
		q.Recipient = e.Subject.ID
	}
	shared := e.Subject.Type == "recipient" || e.Action.Name != "share" // with whom?
	read := []bool{known, shared, member(e.Action.Properties, "purpose", &q.Purpose), member(e.Resource.Properties, "data", &q.Data), member(e.Context, "signals", &q.Signals)}
	return q, !slices.Contains(read, false)
}

// member reads a member that may be absent; false where it is of another type.
func member(of map[string]json.RawMessage, name string, into any) bool {
	raw, ok := of[name]
	return !ok || json.Unmarshal(raw, into) == nil
}

// wellKnown is where the metadata stands.
const wellKnown = "/.well-known/authzen-configuration"

// configuration is the metadata of the decision point.
func (d *door) configuration(w http.ResponseWriter, r *http.Request) error {
	base := d.URL
	if base == "" {
		base = "http://" + r.Host
	}
	out := map[string]string{"policy_decision_point": base, "access_evaluation_endpoint": base + "/access/v1/evaluation", "access_evaluations_endpoint": base + "/access/v1/evaluations"}
	if d.Replica == nil {
		for _, what := range []string{"subject", "resource", "action"} {
			out["search_"+what+"_endpoint"] = base + "/access/v1/search/" + what
		}
	}
	return reply(w, http.StatusOK, out)
}

// isAccess says whether a path is the standard's, with its habits.
func isAccess(path string) bool { return strings.HasPrefix(path, "/access/v1/") || path == wellKnown }

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
