package api

import (
	"net/http"
	"slices"

	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// search is the body of a search: one of subject, action and resource is what
// is looked for, and its id is ignored.
type search struct {
	evaluation
	Page struct {
		Token string `json:"token"`
		Limit int    `json:"limit"`
	} `json:"page"`
}

// results is a page of what was found.
type results struct {
	Results []any `json:"results"`
	Page    struct {
		Next string `json:"next_token"` // "" = the end
	} `json:"page"`
}

// searchResources answers "whom may I write to for this?".
func (d *door) searchResources(w http.ResponseWriter, r *http.Request) error {
	s, err := d.search(w, r)
	if err != nil {
		return err
	}
	if s.Subject == nil || s.Action == nil || s.Resource == nil {
		return badRequest("a search for resources needs subject, action and resource")
	}
	out := results{Results: []any{}}
	q, known := asked(s.evaluation)
	if err := searches(w, r, q.Purpose); err != nil {
		return err
	}
	if !known {
		return reply(w, http.StatusOK, out)
	}
	limit := s.Page.Limit
	if limit <= 0 || limit > store.MaxAllowed {
		limit = store.MaxAllowed
	}
	found, err := d.Store.Search(r.Context(), q, callOf(r).token.ID, limit, s.Page.Token)
	if err != nil {
		return err
	}
	for _, id := range found.Subjects {
		out.Results = append(out.Results, entity{Type: "customer", ID: string(id)})
	}
	out.Page.Next = found.Next
	return reply(w, http.StatusOK, out)
}

// searchActions answers "what is open for this person?".
func (d *door) searchActions(w http.ResponseWriter, r *http.Request) error {
	return d.searchOne(w, r, func(s search, v *policy.Version) (list []evaluation, entities []any) {
		for _, purpose := range purposesOf(v) {
			name := "use"
			if s.Subject.Type == "recipient" {
				name = "share"
			}
			a := &action{Name: name, Properties: &actionKeys{purpose}}
			list, entities = append(list, evaluation{s.Subject, a, s.Resource, s.Context}), append(entities, a)
		}
		return list, entities
	}, func(s search) bool { return s.Subject != nil && s.Resource != nil })
}

// searchSubjects answers "who may receive it?".
func (d *door) searchSubjects(w http.ResponseWriter, r *http.Request) error {
	return d.searchOne(w, r, func(s search, v *policy.Version) (list []evaluation, entities []any) {
		if s.Subject.Type != "recipient" || s.Action.Properties == nil {
			return nil, nil
		}
		for _, id := range v.Policy.Purposes[s.Action.Properties.Purpose].Recipients {
			e := entity{Type: "recipient", ID: id}
			list, entities = append(list, evaluation{&e, s.Action, s.Resource, s.Context}), append(entities, e)
		}
		return list, entities
	}, func(s search) bool { return s.Subject != nil && s.Action != nil && s.Resource != nil })
}

// searchOne searches among what the policy declares, for one person.
func (d *door) searchOne(w http.ResponseWriter, r *http.Request, candidates func(search, *policy.Version) ([]evaluation, []any), whole func(search) bool) error {
	s, err := d.search(w, r)
	if err != nil {
		return err
	}
	if !whole(s) {
		return badRequest("the search lacks a subject, an action or a resource")
	}
	out := results{Results: []any{}}
	v := d.Store.InForce()
	id, err := subject.Parse(s.Resource.ID, d.region())
	if err != nil || v == nil {
		return reply(w, http.StatusOK, out)
	}
	list, entities := candidates(s, v)
	for i, e := range list {
		q, known := asked(e)
		if !known || searches(w, r, q.Purpose) != nil {
			continue
		}
		a, err := d.decided(r, id, q, false)
		if err != nil {
			return err
		}
		if a.Allowed {
			out.Results = append(out.Results, entities[i])
		}
	}
	w.Header().Del("WWW-Authenticate")
	return reply(w, http.StatusOK, out)
}

func (d *door) search(w http.ResponseWriter, r *http.Request) (s search, err error) {
	return s, d.lenient(w, r, &s)
}

// searches says whether the token may search for a purpose: that is a scope of
// its own, for a list of people says more than an answer about one.
func searches(w http.ResponseWriter, r *http.Request, purpose string) error {
	return allowed(w, callOf(r).token, "search:"+purpose)
}

func purposesOf(v *policy.Version) []string {
	var out []string
	for id := range v.Policy.Purposes {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
