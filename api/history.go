package api

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/strict"
)

// eventsWanted is the body of POST /v1/events/get: what of one subject's
// history is asked for. A page of everybody's is asked for by GET.
type eventsWanted struct {
	Subject     string `json:"subject" need:"yes" min:"1" doc:"Whose events: kind:value."`
	Order       string `json:"order" enum:"newest|oldest" doc:"Which come first; the newest if absent."`
	Limit       int    `json:"limit" min:"1" max:"200" doc:"How many at most; 50 if absent."`
	Cursor      string `json:"cursor" min:"1" max:"200" doc:"The next of the page before."`
	Identifiers string `json:"identifiers" enum:"masked|clear" doc:"How identifiers are shown: masked if absent."`
}

// history is the answer: a page of events.
type history struct {
	Events []event `json:"events" doc:"The events of the page, in the order asked for."`
	Next   string  `json:"next,omitempty" doc:"Where there are more: the cursor of the next page."`
}

// event is one of them.
type event struct {
	ID        string           `json:"id,omitempty" format:"uuid" doc:"Its id, which is that of its receipt; absent where it is kept no more."`
	Time      string           `json:"time" format:"date-time" doc:"When it happened. Of one subject it never goes back."`
	Kind      string           `json:"kind" doc:"consent.given, consent.refused, consent.withdrawn, consent.confirmed, consent.paused, consent.resumed; request.asked, request.confirmed, request.cancelled, request.done, request.refused, of what a person demands; subject.erased, somebody was erased then; erased, an event of somebody who is erased since. There will be others."`
	Purpose   string           `json:"purpose,omitempty" doc:"The purpose it is about."`
	Recipient string           `json:"recipient,omitempty" doc:"The recipient it is about, where it is about one alone."`
	Decision  consent.Act      `json:"decision,omitempty" enum:"given|refused|withdrawn|confirmed|paused|resumed" doc:"What was said."`
	Subject   string           `json:"subject,omitempty" doc:"Whose it is: masked, or kind:value where that was asked for."`
	Policy    policy.VersionID `json:"policy,omitempty" doc:"The version that was answered to."`
	Language  string           `json:"language,omitempty" doc:"The language it was asked in."`
	Surface   consent.Surface  `json:"surface,omitempty" doc:"Where it was said."`
	By        string           `json:"by,omitempty" enum:"subject|company" doc:"Who entered it."`
}

// listEvents gives a page of everybody's events, by time, of one purpose or of all.
func (d *door) listEvents(w http.ResponseWriter, r *http.Request) error {
	q, clear, err := historyQuery(r.URL.Query())
	if err != nil {
		return err
	}
	return d.showHistory(w, r, q, clear)
}

// getEvents gives a page of one subject's events.
func (d *door) getEvents(w http.ResponseWriter, r *http.Request) error {
	raw, err := d.body(w, r)
	if err != nil {
		return err
	}
	var in eventsWanted
	if err := strict.Decode(raw, &in); err != nil {
		return err
	}
	id, err := subjectAt("subject", in.Subject, d.region())
	if err != nil {
		return err
	}
	return d.showHistory(w, r, store.HistoryQuery{Subject: id, Oldest: in.Order == "oldest", Limit: in.Limit, Cursor: in.Cursor}, in.Identifiers == "clear")
}

func (d *door) showHistory(w http.ResponseWriter, r *http.Request, q store.HistoryQuery, clear bool) error {
	page, err := d.Store.Events(r.Context(), q)
	if err != nil {
		return err
	}
	out := history{Events: []event{}, Next: page.Next}
	for _, e := range page.Events {
		out.Events = append(out.Events, shown(e, clear))
	}
	return reply(w, http.StatusOK, out)
}

func shown(e store.HistoryEvent, clear bool) event {
	out := event{ID: e.ID, Time: stamp(e.Time), Kind: e.Kind, Purpose: e.Purpose, Recipient: e.Recipient, Decision: e.Decision,
		Policy: e.Policy, Language: e.Language, Surface: e.Surface}
	if e.Subject != "" {
		out.Subject = e.Subject.Masked()
	}
	if e.Subject != "" && clear {
		out.Subject = string(e.Subject)
	}
	if e.Decision != "" {
		out.By = "subject"
	}
	if e.Attested {
		out.By = "company"
	}
	return out
}

// historyParameters are the query parameters of GET /v1/events.
var historyParameters = []string{"purpose", "from", "until", "order", "limit", "cursor", "identifiers"}

func historyQuery(v url.Values) (q store.HistoryQuery, clear bool, err error) {
	q = store.HistoryQuery{Purpose: v.Get("purpose"), Cursor: v.Get("cursor")}
	if q.From, err = timeAt(v, "from"); err != nil {
		return q, false, err
	}
	if q.Until, err = timeAt(v, "until"); err != nil {
		return q, false, err
	}
	if q.Oldest, err = oneOf(v, "order", "newest", "oldest"); err != nil {
		return q, false, err
	}
	if clear, err = oneOf(v, "identifiers", "masked", "clear"); err != nil {
		return q, false, err
	}
	if s := v.Get("limit"); s != "" {
		q.Limit, err = strconv.Atoi(s)
		if err != nil || q.Limit < 1 || q.Limit > store.MaxHistory {
			return q, false, fault.At(fault.Invalid, "limit", "must be a number from 1 to %d", store.MaxHistory)
		}
	}
	return q, clear, nil
}

// timeAt reads a time of RFC 3339; zero where there is none. Events have
// milliseconds: a finer time is one that none of them has.
func timeAt(v url.Values, name string) (time.Time, error) {
	s := v.Get(name)
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Year() < 1970 {
		return time.Time{}, fault.At(fault.Invalid, name, "must be a time such as 2026-03-01T09:00:00Z")
	}
	return t.Truncate(time.Millisecond), nil
}

// oneOf reads a parameter that has one of two words, the first if it is absent;
// it gives whether it is the second.
func oneOf(v url.Values, name, first, second string) (bool, error) {
	switch v.Get(name) {
	case "", first:
		return false, nil
	case second:
		return true, nil
	}
	return false, fault.At(fault.Invalid, name, "must be one of %s, %s", first, second)
}
