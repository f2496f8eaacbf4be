package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/store"
)

// tested is the answer to POST /v1/webhooks/{id}/test.
type tested struct {
	Delivered bool `json:"delivered" doc:"Whether it was answered with 2xx."`
	Attempt   try  `json:"attempt" doc:"How it went."`
}

// try is how an attempt ended.
type try struct {
	At      string `json:"at" format:"date-time" doc:"When it began."`
	Status  int    `json:"status,omitempty" doc:"The status of the answer; absent where none came."`
	Outcome string `json:"outcome" doc:"How it ended, in a few words."`
	Took    int    `json:"took_ms" doc:"How long it took, in milliseconds."`
}

func tryOf(a store.Attempt) try {
	return try{stamp(a.At), a.Status, a.Outcome, int(a.Took.Milliseconds())}
}

// delivery is one message to one webhook.
type delivery struct {
	ID       string              `json:"id" doc:"The message's id, which is its header webhook-id."`
	Kind     string              `json:"kind" doc:"What kind of event it tells of."`
	State    store.DeliveryState `json:"state" enum:"waiting|delivered|failed|dropped" doc:"waiting: for its first attempt or another. failed: after the last attempt. dropped: the person was erased before it was delivered, and nothing is left to say."`
	Made     string              `json:"made" format:"date-time" doc:"When it was made."`
	Attempts int                 `json:"attempts" doc:"How many attempts there were."`
	Next     string              `json:"next_attempt,omitempty" format:"date-time" doc:"When it is tried next; while an attempt is under way, when it is given up."`
	Last     *try                `json:"last,omitempty" doc:"How the last attempt ended."`
}

// deliveries is a page of them.
type deliveries struct {
	Deliveries []delivery `json:"deliveries" doc:"The newest first. What ended is kept for 30 days."`
	Next       string     `json:"next,omitempty" doc:"Where there are more: the cursor of the next page."`
}

func deliveryOf(d store.Delivery) delivery {
	out := delivery{ID: d.ID, Kind: d.Kind, State: d.State, Made: stamp(d.Made), Attempts: d.Attempts, Next: stamp(d.Due)}
	if !d.Last.At.IsZero() {
		out.Last = new(tryOf(d.Last))
	}
	return out
}

// deliveryStates are the states by their words.
var deliveryStates = []store.DeliveryState{store.DeliveryWaiting, store.DeliveryDone, store.DeliveryFailed, store.DeliveryDropped}

func (d *door) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	h, err := d.Store.Webhook(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	q := store.DeliveryQuery{Webhook: h.ID, State: store.DeliveryState(r.FormValue("state")), Cursor: r.FormValue("cursor")}
	if q.State != "" && !slices.Contains(deliveryStates, q.State) {
		return fault.At(fault.Invalid, "state", "must be one of waiting, delivered, failed, dropped")
	}
	if s := r.FormValue("limit"); s != "" {
		if q.Limit, err = strconv.Atoi(s); err != nil || q.Limit < 1 || q.Limit > store.MaxHistory {
			return fault.At(fault.Invalid, "limit", "must be a number from 1 to %d", store.MaxHistory)
		}
	}
	page, err := d.Store.Deliveries(r.Context(), q)
	if err != nil {
		return err
	}
	out := deliveries{Deliveries: []delivery{}, Next: page.Next}
	for _, x := range page.Deliveries {
		out.Deliveries = append(out.Deliveries, deliveryOf(x))
	}
	return reply(w, http.StatusOK, out)
}

func (d *door) redeliver(w http.ResponseWriter, r *http.Request) error {
	again, err := d.Store.Redeliver(r.Context(), r.PathValue("id"), r.PathValue("delivery"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, deliveryOf(again))
}

func (d *door) testWebhook(w http.ResponseWriter, r *http.Request) error {
	h, err := d.Store.Webhook(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	a := d.Courier.Test(r.Context(), h)
	return reply(w, http.StatusOK, tested{strings.HasPrefix(strconv.Itoa(a.Status), "2"), tryOf(a)})
}
