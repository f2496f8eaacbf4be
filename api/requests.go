package api

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/strict"
)

// demandList is the answer of GET /v1/requests.
type demandList struct {
	Requests []demand `json:"requests" doc:"The requests of the page, the oldest first."`
	Next     string   `json:"next,omitempty" doc:"Where there are more: the cursor of the next page."`
}

// demand is one request of a person. What was demanded stands in it only where
// one is asked for by its id.
type demand struct {
	ID          string        `json:"id" format:"uuid" doc:"Its id, which is that of the receipt it began with."`
	Subject     string        `json:"subject" doc:"Whose it is: masked in a list, kind:value where one is asked for."`
	Kind        request.Kind  `json:"kind" enum:"access|correction|erasure|portability|objection|restriction|complaint|pause|permission" doc:"What is demanded."`
	State       request.State `json:"state" enum:"open|waiting|working|done|refused|cancelled" doc:"Where it stands: open waits for the company's answer."`
	Asked       string        `json:"asked" format:"date-time" doc:"When it was asked."`
	Due         string        `json:"due,omitempty" format:"date-time" doc:"By when it has to be answered."`
	DueBy       string        `json:"due_by,omitempty" doc:"What sets that: promise, the policy's own, or the id of a regime."`
	Late        bool          `json:"late,omitempty" doc:"It should have been answered."`
	Acts        string        `json:"acts,omitempty" format:"date-time" doc:"When the program goes on with it by itself."`
	Ended       string        `json:"ended,omitempty" format:"date-time" doc:"When it was over."`
	Linked      []string      `json:"linked,omitempty" doc:"The person's other identifiers, which it is about as well."`
	Corrections []correction  `json:"corrections,omitempty" doc:"Of a correction: how it should be, by category of data."`
	Purposes    []string      `json:"purposes,omitempty" doc:"Of an objection, a pause or a permission: the purposes."`
	Text        string        `json:"text,omitempty" doc:"What the person wrote."`
	Answer      string        `json:"answer,omitempty" doc:"What the company answered."`
}

// correction is one thing as it should be.
type correction struct {
	Data  string `json:"data" doc:"The category of data, as the policy has it."`
	Value string `json:"value" doc:"How it should be, in the person's words: at most 300 characters, one line."`
}

// demandWanted is the body of POST /v1/requests/get.
type demandWanted struct {
	ID string `json:"id" need:"yes" doc:"Of the request."`
}

// demandOutcome is the body of POST /v1/requests/outcome.
type demandOutcome struct {
	ID      string `json:"id" need:"yes" doc:"Of the request."`
	Outcome string `json:"outcome" need:"yes" enum:"done|refused" doc:"What became of it."`
	Words   string `json:"words" doc:"What the person is told, in their language; a refusal needs its reason."`
}

// requestParameters are the query parameters of GET /v1/requests.
var requestParameters = []string{"state", "limit", "cursor"}

// listDemands gives a page of everybody's requests.
func (d *door) listDemands(w http.ResponseWriter, r *http.Request) error {
	q, err := requestQuery(r.URL.Query())
	if err != nil {
		return err
	}
	list, next, err := d.Store.ListRequests(r.Context(), q)
	if err != nil {
		return err
	}
	out := demandList{Requests: []demand{}, Next: next}
	for _, o := range list {
		one := d.demand(o.Request)
		one.Subject = o.Owner.Masked()
		out.Requests = append(out.Requests, one)
	}
	return reply(w, http.StatusOK, out)
}

func requestQuery(v url.Values) (q store.RequestQuery, err error) {
	q = store.RequestQuery{State: request.State(v.Get("state")), Cursor: v.Get("cursor")}
	if q.State != "" && !slices.Contains(request.States(), q.State) {
		return q, fault.At(fault.Invalid, "state", "must be one of open, waiting, working, done, refused, cancelled")
	}
	if s := v.Get("limit"); s != "" {
		q.Limit, err = strconv.Atoi(s)
		if err != nil || q.Limit < 1 || q.Limit > store.MaxHistory {
			return q, fault.At(fault.Invalid, "limit", "must be a number from 1 to %d", store.MaxHistory)
		}
	}
	return q, nil
}

// demand gives a request its form, without what was demanded.
func (d *door) demand(r request.Request) demand {
	out := demand{ID: r.ID, Kind: r.Kind, State: r.State, Asked: stamp(r.At), Late: r.Late(d.Store.Now())}
	if !r.Due.IsZero() && !r.State.Over() {
		out.Due, out.DueBy = stamp(r.Due), r.By
	}
	if !r.Acts.IsZero() {
		out.Acts = stamp(r.Acts)
	}
	if !r.Ended.IsZero() {
		out.Ended = stamp(r.Ended)
	}
	return out
}

// getDemand gives one request with what was demanded.
func (d *door) getDemand(w http.ResponseWriter, r *http.Request) error {
	raw, err := d.body(w, r)
	if err != nil {
		return err
	}
	var in demandWanted
	if err := strict.Decode(raw, &in); err != nil {
		return err
	}
	return d.showDemand(w, r, in.ID)
}

func (d *door) showDemand(w http.ResponseWriter, r *http.Request, id string) error {
	one, owner, err := d.Store.RequestAny(r.Context(), id)
	if fault.KindOf(err) == fault.Unknown {
		return fault.At(fault.Unknown, "id", "there is no such request")
	}
	if err != nil {
		return err
	}
	out := d.demand(one)
	out.Subject, out.Linked = string(owner), one.Demand.Linked
	out.Purposes, out.Text, out.Answer = one.Demand.Purposes, one.Demand.Text, one.Answer
	for _, id := range slices.Sorted(maps.Keys(one.Demand.Corrections)) {
		out.Corrections = append(out.Corrections, correction{id, one.Demand.Corrections[id]})
	}
	return reply(w, http.StatusOK, out)
}

// endDemand sets what became of a request, with words for the person, who gets
// a receipt of it.
func (d *door) endDemand(w http.ResponseWriter, r *http.Request) error {
	raw, err := d.body(w, r)
	if err != nil {
		return err
	}
	var in demandOutcome
	if err := strict.Decode(raw, &in); err != nil {
		return err
	}
	words, err := request.CleanText("words", in.Words)
	if err != nil {
		return err
	}
	_, _, err = d.Store.Outcome(r.Context(), in.ID, request.State(in.Outcome), words)
	if fault.KindOf(err) == fault.Unknown {
		return fault.At(fault.Unknown, "id", "there is no such request")
	}
	if err != nil {
		return err
	}
	return d.showDemand(w, r, in.ID)
}
