package store

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/webhook"
)

func (w *world) hook(kinds ...string) Webhook {
	w.t.Helper()
	h, err := w.db.AddWebhook(w.t.Context(), "https://crm.example.com/in", kinds)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// planned makes the deliveries there are to make.
func (w *world) planned(db *DB, h Webhook) {
	w.t.Helper()
	for more := true; more; {
		var err error
		if more, err = db.PlanDeliveries(w.t.Context(), h); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) claims(db *DB, h Webhook, limit int) []Claimed {
	w.t.Helper()
	list, err := db.ClaimDeliveries(w.t.Context(), h.ID, limit, time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func (w *world) settles(c Claimed, s Settled) {
	w.t.Helper()
	if s.At.IsZero() {
		s.At = w.clock()
	}
	if err := w.db.SettleDelivery(w.t.Context(), c, s); err != nil {
		w.t.Fatal(err)
	}
}

// heardOf shortens claims.
func heardOf(list []Claimed) (out []string) {
	for _, c := range list {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %d", c.Message.Type, c.Message.Data.Purpose, c.Message.Data.Sequence)))
	}
	slices.Sort(out)
	return out
}

func (w *world) deliveries(h Webhook, state DeliveryState) []Delivery {
	w.t.Helper()
	page, err := w.db.Deliveries(w.t.Context(), DeliveryQuery{Webhook: h.ID, State: state, Limit: MaxHistory})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Deliveries
}

func TestEveryKindOfEventIsTold(t *testing.T) { each(t, testEveryKindOfEventIsTold) }

func testEveryKindOfEventIsTold(t *testing.T, w *world) {
	w.say(customer, "tailored_offers", consent.Given) // before: nobody hears of it
	all, some := w.hook(), w.hook(webhook.SubjectErased)
	w.say(sara, "newsletter", consent.Given)
	if _, err := w.db.Confirm(t.Context(), sara, "newsletter", consent.SurfaceDemo); err != nil {
		t.Fatal(err)
	}
	w.say(sara, "newsletter", consent.Withdrawn)
	w.say(customer, "coverage_study", consent.Refused)
	w.publish(strings.Replace(w.source(), "P2Y", "P1Y", 1))
	w.planned(w.db, all)
	first := w.claims(w.db, all, 3)
	second := w.claims(w.db, all, 10)
	want := []string{"consent.confirmed newsletter 2", "consent.given newsletter 1", "consent.refused coverage_study 2", "consent.withdrawn newsletter 3", "policy.published  0"}
	if got := heardOf(append(first, second...)); !slices.Equal(got, want) {
		t.Errorf("told %q", got)
	}
	subjects := map[string]bool{}
	for _, c := range append(first, second...) {
		d := c.Message.Data
		if c.Kind == webhook.PolicyPublished {
			if d != (webhook.Data{Policy: string(w.db.InForce().ID)}) {
				t.Errorf("%+v", d)
			}
			continue
		}
		subjects[d.Subject] = true
		if list, err := w.db.Receipts(t.Context(), []string{d.Event}); err != nil || len(list) != 1 {
			t.Errorf("the event cannot be read: %v", err)
		}
		if s := string(webhook.Write(c.Message)); strings.Contains(s, "sara") || strings.Contains(s, "10042") {
			t.Errorf("a message names a person: %s", s)
		}
		w.settles(c, Settled{State: DeliveryDone})
	}
	if len(subjects) != 2 {
		t.Errorf("two subjects have %d names", len(subjects))
	}
	w.erase(sara)
	w.planned(w.db, all)
	w.planned(w.db, some)
	gone, also := w.claims(w.db, all, 10), w.claims(w.db, some, 10)
	if got := heardOf(gone); !slices.Equal(got, []string{"subject.erased  0"}) || !slices.Equal(heardOf(also), got) {
		t.Fatalf("told %q", got)
	}
	if !subjects[gone[0].Message.Data.Subject] || subjects[also[0].Message.Data.Subject] {
		t.Error("an erased subject has another name, or the same for another webhook")
	}
	if n := len(w.deliveries(all, DeliveryDone)); n != 4 {
		t.Errorf("%d are delivered", n)
	}
	w.check()
}

// Whatever can be said, and whatever can become of a request, has its kind.
func TestEveryActHasItsKind(t *testing.T) {
	for _, a := range []consent.Act{consent.ActGiven, consent.ActRefused, consent.ActWithdrawn, consent.ActConfirmed, consent.ActPaused, consent.ActResumed} {
		if !webhook.Known("consent." + string(a)) {
			t.Errorf("nobody can be told that something was %s", a)
		}
	}
	for _, s := range []receipt.DemandStep{receipt.DemandAsked, receipt.DemandConfirmed, receipt.DemandCancelled, receipt.DemandDone, receipt.DemandRefused} {
		if !webhook.Known("request." + string(s)) {
			t.Errorf("nobody can be told that a request was %s", s)
		}
	}
}

func TestDeliveriesAreSharedAmongServers(t *testing.T) {
	eachPostgres(t, testDeliveriesAreSharedAmongServers)
}

// Several servers plan and take the same events at once: each delivery is one
// server's.
func testDeliveriesAreSharedAmongServers(t *testing.T, w *world) {
	h := w.hook()
	const n = 40
	for i := range n {
		w.say(sara, "newsletter", []consent.Answer{consent.Given, consent.Withdrawn}[i%2])
	}
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for _, db := range w.servers(2) {
		for range 2 {
			wg.Go(func() {
				for range 12 {
					if _, err := db.PlanDeliveries(t.Context(), h); err != nil {
						t.Error(err)
					}
					list, err := db.ClaimDeliveries(t.Context(), h.ID, 3, time.Minute)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					for _, c := range list {
						got[c.ID]++
					}
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	for _, c := range w.claims(w.db, h, n) {
		got[c.ID]++
	}
	for id, times := range got {
		if times != 1 {
			t.Errorf("%s was taken %d times", id, times)
		}
	}
	if len(got) != n {
		t.Errorf("%d of %d were taken", len(got), n)
	}
}

func TestALeaseEnds(t *testing.T) { each(t, testALeaseEnds) }

// A server dies with deliveries in its hands, and everything is opened again:
// they are taken once the lease is over, and what the dead server still says of
// them counts for nothing.
func testALeaseEnds(t *testing.T, w *world) {
	h := w.hook()
	w.say(sara, "newsletter", consent.Given)
	w.planned(w.db, h)
	dead := w.claims(w.db, h, 10)
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.pass(59 * time.Second)
	if list := w.claims(w.db, h, 10); len(list) != 0 {
		t.Fatal("taken before the lease was over")
	}
	w.pass(time.Second)
	again := w.claims(w.db, h, 10)
	if len(again) != 1 || again[0].ID != dead[0].ID || again[0].Attempts != 2 {
		t.Fatalf("%+v", again)
	}
	w.settles(dead[0], Settled{State: DeliveryFailed})
	w.settles(again[0], Settled{State: DeliveryDone, Attempt: Attempt{Status: 204, Outcome: "answered 204", Took: 3 * time.Millisecond}})
	d := w.deliveries(h, "")[0]
	if d.State != DeliveryDone || d.Last.Status != 204 || d.Last.Took != 3*time.Millisecond || !d.Due.IsZero() {
		t.Errorf("%+v", d)
	}
	if d, err := w.db.Redeliver(t.Context(), h.ID, d.ID); err != nil || d.State != DeliveryWaiting || d.Attempts != 0 {
		t.Errorf("%+v %v", d, err)
	}
	if list := w.claims(w.db, h, 10); len(list) != 1 || list[0].ID != dead[0].ID {
		t.Errorf("%+v", list)
	}
}

func TestWhatIsLeftOfAnErasedPersonIsNotSent(t *testing.T) {
	each(t, testWhatIsLeftOfAnErasedPersonIsNotSent)
}

func testWhatIsLeftOfAnErasedPersonIsNotSent(t *testing.T, w *world) {
	h := w.hook(webhook.ConsentGiven, webhook.ConsentRefused)
	w.say(sara, "newsletter", consent.Given)
	w.say(customer, "coverage_study", consent.Refused)
	w.planned(w.db, h)
	w.erase(sara)
	if got := heardOf(w.claims(w.db, h, 10)); !slices.Equal(got, []string{"consent.refused coverage_study 1"}) {
		t.Errorf("told %q", got)
	}
	dropped := w.deliveries(h, DeliveryDropped)
	if len(dropped) != 1 {
		t.Fatalf("%d are dropped", len(dropped))
	}
	if _, err := w.db.Redeliver(t.Context(), h.ID, dropped[0].ID); fault.KindOf(err) != fault.Unknown {
		t.Error(err)
	}
}

func TestStoppingAndForgetting(t *testing.T) { each(t, testStoppingAndForgetting) }

func testStoppingAndForgetting(t *testing.T, w *world) {
	h := w.hook()
	w.say(sara, "newsletter", consent.Given)
	w.planned(w.db, h)
	c := w.claims(w.db, h, 1)[0]
	w.settles(c, Settled{State: DeliveryWaiting, Next: w.clock(), Stop: StoppedGone, Hold: w.clock().Add(time.Hour)})
	is := func() Webhook {
		got, err := w.db.Webhook(t.Context(), h.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := is(); got.Stopped != StoppedGone || !got.Failing.Equal(w.clock()) || !got.Held.Equal(w.clock().Add(time.Hour)) || got.URL != h.URL || got.Secrets[0] != h.Secrets[0] {
		t.Errorf("%+v", got)
	}
	if _, err := w.db.ChangeWebhook(t.Context(), h.ID, func(h *Webhook, _ time.Time) error { h.Stopped = ""; return nil }); err != nil {
		t.Fatal(err)
	}
	if got := is(); got.Stopped != "" || !got.Failing.IsZero() || !got.Held.IsZero() {
		t.Errorf("%+v", got)
	}
	c = w.claims(w.db, h, 1)[0]
	w.settles(c, Settled{State: DeliveryFailed})
	w.pass(time.Hour)
	w.say(sara, "newsletter", consent.Refused)
	w.planned(w.db, h)
	if err := w.db.ForgetDeliveries(t.Context(), h.ID, w.clock()); err != nil {
		t.Fatal(err)
	}
	if list := w.deliveries(h, ""); len(list) != 1 || list[0].State != DeliveryWaiting {
		t.Errorf("%+v", list)
	}
	if err := w.db.RemoveWebhook(t.Context(), h.ID); err != nil {
		t.Fatal(err)
	}
	if n := w.number(`SELECT (SELECT count(*) FROM webhook) + (SELECT count(*) FROM webhook_place) + (SELECT count(*) FROM webhook_delivery)`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	for range MaxWebhooks {
		w.hook()
	}
	if _, err := w.db.AddWebhook(t.Context(), "https://crm.example.com/", nil); fault.KindOf(err) != fault.Conflict {
		t.Error(err)
	}
}
