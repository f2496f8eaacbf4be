package api

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/strict"
)

// The OpenID AuthZEN Authorization API 1.0, over the same decisions as
// /v1/decide: the subject is who wants to act, the action is use or share for a
// purpose, the resource is the customer whose data it is. Its habits are the
// standard's: a refusal is 200 with false, an error is one line of text, unknown
// members are ignored.

// entity is a subject or a resource.
type entity struct {
	Type       string        `json:"type,omitempty"`
	ID         string        `json:"id,omitempty"`
	Properties strict.Object `json:"properties,omitempty"`
}

// action is what is to be done.
type action struct {
	Name       string        `json:"name"`
	Properties strict.Object `json:"properties,omitempty"`
}

// evaluation is one question. Entities that are absent are nil.
type evaluation struct {
	Subject  *entity       `json:"subject"`
	Action   *action       `json:"action"`
	Resource *entity       `json:"resource"`
	Context  strict.Object `json:"context"`
}

type evaluations struct {
	Subject     *entity       `json:"subject"`
	Action      *action       `json:"action"`
	Resource    *entity       `json:"resource"`
	Context     strict.Object `json:"context"`
	Evaluations []strict.Raw  `json:"evaluations" max:"1000"`
	Options     struct {
		Semantic string `json:"evaluations_semantic"`
	} `json:"options"`
}

// defaults are what stands above all questions.
func (all *evaluations) defaults() evaluation {
	return evaluation{all.Subject, all.Action, all.Resource, all.Context}
}

// The members of what is open that are looked at here.
type (
	actionProperties struct {
		Purpose string `json:"purpose"`
	}
	resourceProperties struct {
		Data []string `json:"data"`
	}
	circumstances struct {
		Signals signals `json:"signals"`
		Detail  bool    `json:"detail"`
	}
)

// opened reads an object that others may add members to. Its errors name the
// place of the object before the member's own.
func opened[T any](at string, text strict.Object) (out T, err error) {
	if text == "" {
		return out, nil
	}
	err = strict.DecodeOpen(text, &out)
	if all, ok := err.(strict.Faults); ok {
		for _, f := range all {
			f.Field = strings.TrimSuffix(at+"."+f.Field, ".")
		}
	}
	return out, err
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
	// each may ask together what can be; its answers hold until that is left.
	each(r *http.Request, defaults evaluation, questions []strict.Raw, together *several) ([]decided, error)
	subjects(*http.Request, search) (results, error)
	resources(http.ResponseWriter, *http.Request, search) (results, error)
	actions(*http.Request, search) (results, error)
}

// badRequest is what AuthZEN has for any request that cannot be read.
func badRequest(words string) error { return fault.New(fault.Malformed, "%s", words) }

// lenient reads a body as the standard wants it: JSON by its media type, unknown
// members ignored.
func (d *door) lenient(w http.ResponseWriter, r *http.Request, into any) error {
	if given := r.Header.Get("Content-Type"); given != "application/json" {
		if kind, _, err := mime.ParseMediaType(given); err != nil || kind != "application/json" {
			return badRequest("the Content-Type must be application/json")
		}
	}
	raw, err := d.read(w, r)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return badRequest("the body is empty")
	}
	return strict.DecodeOpen(raw, into)
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
	body := write()
	body.b, err = appendDecided(body.b, &out)
	return body.sent(w, err)
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
		return d.evaluateOne(w, r, all.defaults())
	}
	together := room(len(all.Evaluations))
	defer together.leave()
	out, err := d.point.each(r, all.defaults(), all.Evaluations, together)
	if err != nil {
		return err
	}
	for i := range out {
		if last(out[i].Decision) {
			out = out[:i+1]
			break
		}
	}
	body := write()
	body.b, err = appendEvaluations(body.b, out)
	return body.sent(w, err)
}

// bad gives the answer to one question of several that would be a bad request
// alone; another error is the whole request's.
func bad(err error) (decided, error) {
	if kind := fault.KindOf(err); kind != fault.Malformed && kind != fault.Invalid {
		return decided{}, err
	}
	var m mistaken
	m.Error.Status, m.Error.Message = http.StatusBadRequest, sentence(problemOf(err))
	return decided{Context: m}, nil
}

// filledIn reads one of several questions: a member that is there takes the whole
// place of the default, whatever it lacks.
func (e *evaluation) filledIn(defaults *evaluation, raw strict.Raw) error {
	*e = *defaults
	if err := strict.DecodeOpen(raw, e); err != nil {
		return err
	}
	return e.whole()
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

// whole refuses a question that lacks what the standard requires: fault.Malformed.
func (e *evaluation) whole() error {
	if err := e.Subject.named("subject", false); err != nil {
		return err
	}
	if err := e.Action.named(); err != nil {
		return err
	}
	return e.Resource.named("resource", false)
}

// evaluated answers one question.
func (d *door) evaluated(r *http.Request, e evaluation) (decided, error) {
	if err := e.whole(); err != nil {
		return decided{}, err
	}
	return d.point.evaluate(r, e)
}

// customers answers by what customers said. What a question names that nobody
// knows is a no.
type customers struct{ *door }

func (d customers) evaluate(r *http.Request, e evaluation) (decided, error) {
	q, detail, known, err := asked(e)
	if err != nil {
		return decided{}, err
	}
	id, err := identifier(e.Resource.ID, d.region())
	if !known || err != nil {
		return decided{}, nil
	}
	if detail && d.Store != nil {
		a, err := d.decided(r, id, q)
		return decided{a.Allowed, &a}, err
	}
	a, err := d.told(r, id, q)
	return decided{a.allowed, &a}, err
}

// each answers several questions. Those that need nothing from the store are
// asked of the memory together.
func (d customers) each(r *http.Request, defaults evaluation, questions []strict.Raw, together *several) ([]decided, error) {
	out := make([]decided, len(questions))
	var before understood
	region := d.region()
	var e evaluation
	for i, raw := range questions {
		err := e.filledIn(&defaults, raw)
		if err == nil {
			err = before.understand(e)
		}
		switch {
		case err != nil:
			if out[i], err = bad(err); err != nil {
				return nil, err
			}
		case before.detail:
			if out[i], err = d.evaluate(r, e); err != nil {
				return nil, err
			}
		case before.known:
			_ = together.add(i, e.Resource.ID, region, before.q) // what is no identifier is a no
		}
	}
	answers, err := together.decide(r.Context(), d.decider)
	for n := range answers {
		out[together.at[n]] = decided{answers[n].allowed, &answers[n]}
	}
	return out, err
}

// understood is a question as it was understood last: of several, most ask the
// same about others.
type understood struct {
	of     evaluation
	q      decision.Question
	detail bool
	known  bool
	once   bool
}

func (u *understood) understand(e evaluation) (err error) {
	same := u.once && u.of.Subject == e.Subject && u.of.Action == e.Action && u.of.Context == e.Context &&
		u.of.Resource.Type == e.Resource.Type && u.of.Resource.Properties == e.Resource.Properties
	if same {
		return nil
	}
	u.of, u.once = e, false
	u.q, u.detail, u.known, err = asked(e)
	u.once = err == nil
	return err
}

// asked turns an evaluation into a question; known is false where it is about
// something this decision point does not know. A member of another type than this
// decision point takes is fault.Invalid.
func asked(e evaluation) (q decision.Question, detail, known bool, err error) {
	known = slices.Contains([]string{"service", "staff", "recipient"}, e.Subject.Type) && (e.Action.Name == "use" || e.Action.Name == "share") && e.Resource.Type == "customer"
	if e.Subject.Type == "recipient" {
		q.Recipient = e.Subject.ID
	}
	if e.Subject.Type != "recipient" && e.Action.Name == "share" { // with whom?
		known = false
	}
	what, err := opened[actionProperties]("action.properties", e.Action.Properties)
	if err != nil {
		return q, false, false, err
	}
	of, err := opened[resourceProperties]("resource.properties", e.Resource.Properties)
	if err != nil {
		return q, false, false, err
	}
	now, err := opened[circumstances]("context", e.Context)
	q.Purpose, q.Data, q.Signals = what.Purpose, of.Data, consent.Signals(now.Signals)
	return q, now.Detail, known, err
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
	io.WriteString(w, sentence(p)+"\n")
}

// sentence is a problem in one line: where, and what.
func sentence(p problem) string {
	if p.Field == "" || strings.HasPrefix(p.Detail, p.Field) {
		return p.Detail
	}
	return p.Field + ": " + p.Detail
}
