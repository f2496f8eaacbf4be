package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/strict"
	"github.com/amana-privacy/amana/subject"
)

// search is the body of a search: one of subject, action and resource is what
// is looked for, and its id is ignored.
type search struct {
	Subject  *entity       `json:"subject"`
	Action   *action       `json:"action"`
	Resource *entity       `json:"resource"`
	Context  strict.Object `json:"context"`
	Page     *struct {
		Token string `json:"token"`
		Limit int    `json:"limit"` // 0: as many as fit
	} `json:"page"`
}

// question is what is asked of each that may be found.
func (s search) question() evaluation {
	return evaluation{s.Subject, s.Action, s.Resource, s.Context}
}

// results is a page of what was found.
type results struct {
	Results []any `json:"results"`
	Page    *page `json:"page,omitempty"` // absent where nobody asked for one and all is here
}

type page struct {
	Next string `json:"next_token"` // "" = the end
}

// searchSubjects answers "who may receive it?".
func (d *door) searchSubjects(w http.ResponseWriter, r *http.Request) error {
	return d.search(w, r, func(s search) []error {
		return []error{s.Subject.named("subject", true), s.Action.named(), s.Resource.named("resource", false)}
	}, func(s search) (results, error) { return d.point.subjects(r, s) })
}

// searchResources answers "whom may I write to for this?".
func (d *door) searchResources(w http.ResponseWriter, r *http.Request) error {
	return d.search(w, r, func(s search) []error {
		return []error{s.Subject.named("subject", false), s.Action.named(), s.Resource.named("resource", true)}
	}, func(s search) (results, error) { return d.point.resources(w, r, s) })
}

// searchActions answers "what is open for this person?".
func (d *door) searchActions(w http.ResponseWriter, r *http.Request) error {
	return d.search(w, r, func(s search) []error {
		return []error{s.Subject.named("subject", false), s.Resource.named("resource", false)}
	}, func(s search) (results, error) { return d.point.actions(r, s) })
}

// search reads a search, refuses one that lacks what the standard requires, and
// answers with what find gives.
func (d *door) search(w http.ResponseWriter, r *http.Request, lacks func(search) []error, find func(search) (results, error)) error {
	var s search
	if err := d.lenient(w, r, &s); err != nil {
		return err
	}
	for _, err := range lacks(s) {
		if err != nil {
			return err
		}
	}
	if s.Page != nil && s.Page.Limit < 0 {
		return badRequest("page.limit is less than 0")
	}
	out, err := find(s)
	if err != nil {
		return err
	}
	if out.Results == nil {
		out.Results = []any{}
	}
	if s.Page != nil && out.Page == nil {
		out.Page = &page{}
	}
	return reply(w, http.StatusOK, out)
}

// most is how many results of a search a page has at most.
func (s search) most() int {
	if s.Page == nil || s.Page.Limit == 0 {
		return store.MaxAllowed
	}
	return min(s.Page.Limit, store.MaxAllowed)
}

// resources runs through everybody.
func (d customers) resources(w http.ResponseWriter, r *http.Request, s search) (out results, err error) {
	q, _, known, err := asked(s.question())
	if err != nil {
		return out, err
	}
	if err := d.maySearch(w, callOf(r).token, q.Purpose); err != nil || !known {
		return out, err
	}
	token := ""
	if s.Page != nil {
		token = s.Page.Token
	}
	found, err := d.Store.Search(r.Context(), q, callOf(r).token.ID, s.most(), token)
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Field == "cursor" {
		return out, badToken
	}
	if err != nil {
		return out, err
	}
	for _, id := range found.Subjects {
		out.Results = append(out.Results, entity{Type: "customer", ID: string(id)})
	}
	if found.Next != "" {
		out.Page = &page{found.Next}
	}
	return out, nil
}

// maySearch says whether a token may search for a purpose; if not, which scope it
// lacks. What the policy does not name is not said back: it may be anything.
func (d *door) maySearch(w http.ResponseWriter, t store.Token, purpose string) error {
	scope := "search:" + purpose
	if t.Has(scope) {
		return nil
	}
	named := false
	if v := d.InForce(); v != nil {
		_, named = v.Policy.Purposes[purpose]
	}
	if !named {
		scope = "search:PURPOSE"
	}
	return allowed(w, t, scope)
}

// candidate is what may be found: a result under its name, and the question
// that has to be answered with yes.
type candidate struct {
	name   string
	result any
	asked  evaluation
}

// actions tries every purpose the token may search for.
func (d customers) actions(r *http.Request, s search) (results, error) {
	name := "use"
	if s.Subject.Type == "recipient" {
		name = "share"
	}
	return d.among(r, s, func(v *policy.Version) (list []candidate) {
		for purpose := range v.Policy.Purposes {
			text, _ := json.Marshal(actionProperties{purpose}) // a string
			a := &action{Name: name, Properties: strict.Object(text)}
			list = append(list, candidate{purpose, a, evaluation{s.Subject, a, s.Resource, s.Context}})
		}
		return list
	})
}

// subjects tries every recipient of the purpose.
func (d customers) subjects(r *http.Request, s search) (results, error) {
	return d.among(r, s, func(v *policy.Version) (list []candidate) {
		what, err := opened[actionProperties]("action.properties", s.Action.Properties)
		if s.Subject.Type != "recipient" || err != nil {
			return nil
		}
		for _, id := range v.Policy.Purposes[what.Purpose].Recipients {
			e := entity{Type: "recipient", ID: id}
			list = append(list, candidate{id, e, evaluation{&e, s.Action, s.Resource, s.Context}})
		}
		return list
	})
}

// among searches among what the policy declares, for one person, by name.
func (d customers) among(r *http.Request, s search, declared func(*policy.Version) []candidate) (results, error) {
	v := d.InForce()
	id, err := subject.Parse(s.Resource.ID, d.region())
	if err != nil || v == nil {
		return results{}, nil
	}
	var found []candidate
	for _, c := range declared(v) {
		q, _, known, err := asked(c.asked)
		if err != nil {
			return results{}, err
		}
		if !known || !callOf(r).token.Has("search:"+q.Purpose) {
			continue
		}
		a, err := d.told(r, id, q)
		if err != nil {
			return results{}, err
		}
		if a.allowed {
			found = append(found, c)
		}
	}
	return s.paged(found)
}

// badToken refuses the token of a page.
var badToken = badRequest("page.token is none that was given out for this search")

// afterName begins the token of a page of what has names: it goes on after one.
const afterName = "after:"

// paged gives the page of all that was found which was asked for.
func (s search) paged(found []candidate) (out results, err error) {
	slices.SortStableFunc(found, func(a, b candidate) int { return strings.Compare(a.name, b.name) })
	if s.Page != nil && s.Page.Token != "" {
		after, ok := strings.CutPrefix(s.Page.Token, afterName)
		if !ok {
			return out, badToken
		}
		found = slices.DeleteFunc(found, func(c candidate) bool { return c.name <= after })
	}
	for i, c := range found {
		if i == s.most() {
			out.Page = &page{afterName + found[i-1].name}
			break
		}
		out.Results = append(out.Results, c.result)
	}
	return out, nil
}
