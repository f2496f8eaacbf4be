package api

import (
	"net/http"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/strict"
)

// permitsWanted is the body of POST /v1/permits.
type permitsWanted struct {
	Purpose   string   `json:"purpose" need:"yes" min:"1" doc:"The id of the purpose."`
	Data      []string `json:"data" max:"200" doc:"The ids of the data categories to be used; all of the purpose's if absent."`
	Recipient string   `json:"recipient" doc:"The id of the recipient the data is to be handed to."`
	Kind      string   `json:"kind" enum:"email|phone|customer|device" doc:"The kind of identifiers; all of them if absent."`
	Limit     int      `json:"limit" min:"1" max:"1000" doc:"How many people at most; 1000 if absent."`
	Cursor    string   `json:"cursor" min:"1" max:"4000" doc:"The next of the page before, with the same other members but limit and wait_ms; from the beginning if absent."`
	Wait      int      `json:"wait_ms" min:"1" max:"10000" doc:"Where nothing has changed: how long to wait for a change before saying so."`
}

// permits is the answer.
type permits struct {
	Permits []permit         `json:"permits" doc:"While filling: people who are permitted. Afterwards: everybody about whom something happened, as they stand now."`
	Filling bool             `json:"filling" doc:"Not everybody has been told yet."`
	Reset   bool             `json:"reset" doc:"What was told is worth nothing any more, for another policy is in force: forget it, and begin anew with next."`
	Next    string           `json:"next" doc:"The cursor of the next page. There always is one."`
	Policy  policy.VersionID `json:"policy" doc:"The version in force by which it was decided."`
	Time    string           `json:"time" format:"date-time" doc:"The server's clock. What is said held then or later."`
}

// permit is what is known of one identifier.
type permit struct {
	Ref     string `json:"ref" doc:"Names the subject for this question alone; the same on every page, also when it is erased."`
	Allowed bool   `json:"allowed" doc:"Whether it is permitted."`
	Subject string `json:"subject,omitempty" doc:"Where it is: kind:value, in its normal form."`
	Expires string `json:"expires_at,omitempty" format:"date-time" doc:"Where it is: when it stops by itself; at that instant it is already no."`
}

// watch is how often it is looked whether something has changed.
const watch = 150 * time.Millisecond

// listPermits gives who is permitted, and then what changes.
func (d *door) listPermits(w http.ResponseWriter, r *http.Request) error {
	raw, err := d.body(w, r)
	if err != nil {
		return err
	}
	var in permitsWanted
	if err := strict.Decode(raw, &in); err != nil {
		return err
	}
	if err := d.maySearch(w, callOf(r).token, in.Purpose); err != nil {
		return err
	}
	q := store.PermitQuery{Question: decision.Question{Purpose: in.Purpose, Data: in.Data, Recipient: in.Recipient}, Kind: in.Kind,
		By: callOf(r).token.ID, Limit: in.Limit, Cursor: in.Cursor}
	found, err := d.permitsWithin(r, q, time.Duration(in.Wait)*time.Millisecond)
	if err != nil {
		return err
	}
	out := permits{Permits: []permit{}, Filling: found.Filling, Reset: found.Reset, Next: found.Next, Policy: found.Policy, Time: stamp(found.At)}
	for _, p := range found.List {
		out.Permits = append(out.Permits, permit{p.Ref, p.Allowed, string(p.Subject), stamp(p.Until)})
	}
	return reply(w, http.StatusOK, out)
}

// permitsWithin asks until there is something to say, or the time is over.
func (d *door) permitsWithin(r *http.Request, q store.PermitQuery, wait time.Duration) (store.Permits, error) {
	over := time.After(min(wait, d.Timeout/2))
	tick := time.NewTicker(watch)
	defer tick.Stop()
	for {
		found, err := d.Store.Permits(r.Context(), q)
		if err != nil || found.Filling || found.Reset || len(found.List) > 0 || q.Cursor == "" {
			return found, err
		}
		q.Cursor = found.Next
		select {
		case <-over:
			return found, nil
		case <-r.Context().Done():
			return store.Permits{}, r.Context().Err()
		case <-tick.C:
		}
	}
}
