package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/courier"
	"github.com/amana-privacy/amana/webhook"
)

// hook is a webhook as the door shows it.
type hook struct {
	ID, URL, State, Stopped, Created, Secret string
	Kinds                                    []string
	Failing                                  string `json:"failing_since"`
	Secrets                                  int
}

// delivery is a message as the door lists it.
type delivery struct {
	ID, Kind, State, Made string
	Attempts              int
	Next                  string `json:"next_attempt"`
	Last                  *struct {
		At, Outcome string
		Status      int
		Took        int `json:"took_ms"`
	}
}

type deliveries struct {
	Deliveries []delivery
	Next       string
}

// hooked makes a webhook that has one delivery waiting.
func (w *world) hooked() (id, message string) {
	w.t.Helper()
	h := into[hook](w.t, w.post(201, "/v1/webhooks", `{"url":"https://crm.example.com/amana"}`))
	w.post(201, "/v1/consents", saraTexts)
	made, err := w.db.Webhook(w.t.Context(), h.ID)
	must(w.t, err)
	_, err = w.db.PlanDeliveries(w.t.Context(), made)
	must(w.t, err)
	return h.ID, into[deliveries](w.t, w.do("GET", "/v1/webhooks/"+h.ID+"/deliveries", "")).Deliveries[0].ID
}

// receiver is another program: a real server that keeps what it gets.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []received
}

type received struct {
	header http.Header
	body   []byte
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{status: 204}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, received{q.Header, body})
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) messages() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// near lets webhooks lie on this machine.
func near(c *api.Config) {
	c.Courier = courier.New(courier.Config{Store: c.Store, Now: time.Now, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
}

func TestAWebhookIsMadeShownChangedAndRemoved(t *testing.T) {
	w := newWorld(t)
	a := w.post(201, "/v1/webhooks", `{"url":"https://crm.example.com/amana?x=1","kinds":["consent.withdrawn"]}`)
	made := into[hook](t, a)
	if _, err := webhook.Keys(made.Secret); err != nil || !strings.HasPrefix(made.ID, "wh_") || made.State != "on" || made.Secrets != 1 {
		t.Fatalf("%+v %v", made.ID, err)
	}
	at := "/v1/webhooks/" + made.ID
	shown := w.do("GET", at, "")
	if h := into[hook](t, shown); h.Secret != "" || h.URL != made.URL || !slices.Equal(h.Kinds, []string{"consent.withdrawn"}) {
		t.Errorf("shown %+v", h)
	}
	if list := into[struct{ Webhooks []hook }](t, w.do("GET", "/v1/webhooks", "")); len(list.Webhooks) != 1 || list.Webhooks[0].Secret != "" {
		t.Errorf("listed %+v", list)
	}
	for _, c := range []struct{ body, state, stopped, kinds string }{
		{`{"state":"stopped"}`, "stopped", "asked", "consent.withdrawn"},
		{`{"kinds":[]}`, "stopped", "asked", ""},
		{`{"state":"on","kinds":["subject.erased"]}`, "on", "", "subject.erased"},
		{`{}`, "on", "", "subject.erased"},
	} {
		h := into[hook](t, w.do("PATCH", at, c.body))
		if h.State != c.state || h.Stopped != c.stopped || strings.Join(h.Kinds, " ") != c.kinds || h.URL != made.URL {
			t.Errorf("%s: %+v", c.body, h)
		}
	}
	rotated := into[hook](t, w.post(200, at+"/rotate", `{"overlap_seconds":60}`))
	if rotated.Secret == made.Secret || rotated.Secret == "" || rotated.Secrets != 2 {
		t.Errorf("rotated: %d secrets", rotated.Secrets)
	}
	w.clock.forward(time.Minute)
	if h := into[hook](t, w.do("GET", at, "")); h.Secrets != 1 {
		t.Errorf("after the overlap %d secrets sign", h.Secrets)
	}
	if a := w.do("DELETE", at, ""); a.status != 204 || len(a.body) > 0 {
		t.Errorf("removed: %d %s", a.status, a.body)
	}
	for _, path := range []string{at, at + "/deliveries"} {
		if a := w.do("GET", path, ""); a.status != 404 {
			t.Errorf("%s afterwards: %d", path, a.status)
		}
	}
	for _, secret := range []string{made.Secret, rotated.Secret} {
		for name, text := range map[string]string{"the log": w.log.String(), "what is shown": string(shown.body)} {
			if strings.Contains(text, secret) || strings.Contains(text, "crm.example") && name == "the log" {
				t.Errorf("%s holds the secret or the address", name)
			}
		}
	}
}

// Neither address nor secret lies in the database in clear.
func TestWebhooksAreSealed(t *testing.T) {
	w := newWorld(t)
	made := into[hook](t, w.post(201, "/v1/webhooks", `{"url":"https://crm.example.com/not-in-clear"}`))
	must(t, w.db.Close())
	raw, err := os.ReadFile(w.file)
	must(t, err)
	if !strings.Contains(string(raw), made.ID) {
		t.Fatal("looked at the wrong file")
	}
	if strings.Contains(string(raw), "not-in-clear") || strings.Contains(string(raw), made.Secret) || strings.Contains(string(raw), "whsec_") {
		t.Error("it lies in clear")
	}
}

func TestWebhooksThatAreRefused(t *testing.T) {
	w := newWorld(t)
	for body, field := range map[string]string{
		`{"url":"http://crm.example.com/"}`:                                              "url",
		`{"url":"https://127.0.0.1/"}`:                                                   "url",
		`{"url":"https://[::ffff:10.0.0.1]/"}`:                                           "url",
		`{"url":"https://169.254.169.254/latest"}`:                                       "url",
		`{"url":"https://u:p@crm.example.com/"}`:                                         "url",
		`{"url":"file:///etc/passwd"}`:                                                   "url",
		`{"url":"https://crm.example.com/","kinds":["consent.widthdrawn"]}`:              "kinds[0]",
		`{"url":"https://crm.example.com/","kinds":["subject.erased","subject.erased"]}`: "kinds[1]",
		`{"kinds":[]}`: "url",
	} {
		if p := into[problem](t, w.post(422, "/v1/webhooks", body)); p.Field != field {
			t.Errorf("%s: %+v", body, p)
		}
	}
	for _, c := range []struct{ method, path, body string }{{"PATCH", "/v1/webhooks/wh_X", `{}`}, {"POST", "/v1/webhooks/wh_X/rotate", `{}`}, {"POST", "/v1/webhooks/wh_X/test", ""},
		{"DELETE", "/v1/webhooks/wh_X", ""}, {"POST", "/v1/webhooks/wh_X/deliveries/msg_X_1_1/redeliver", ""}} {
		if a := w.do(c.method, c.path, c.body); a.status != 404 {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.status, a.body)
		}
	}
	id, _ := w.hooked()
	for _, q := range []string{"?state=lost", "?limit=0", "?limit=x", "?cursor=abc", "?subject=x"} {
		if a := w.do("GET", "/v1/webhooks/"+id+"/deliveries"+q, ""); a.status != 422 {
			t.Errorf("%s: %d", q, a.status)
		}
	}
	for range 4 {
		w.post(200, "/v1/webhooks/"+id+"/rotate", `{}`)
	}
	w.post(409, "/v1/webhooks/"+id+"/rotate", `{}`)
	if a := w.do("GET", "/v1/webhooks", "", "Authorization: Bearer "+w.newToken("decide", "subject:read")); a.status != 403 {
		t.Errorf("without the scope: %d", a.status)
	}
}

// A test message arrives at a real server, signed so that the receiver's side
// takes it; what was not reached is told in words that name no address.
func TestATestMessage(t *testing.T) {
	w, r := newWorld(t, near), newReceiver(t)
	made := into[hook](t, w.post(201, "/v1/webhooks", `{"url":"`+r.URL+`/in"}`))
	out := into[struct {
		Delivered bool
		Attempt   struct {
			At, Outcome string
			Status      int
			Took        int `json:"took_ms"`
		}
	}](t, w.post(200, "/v1/webhooks/"+made.ID+"/test", ""))
	if !out.Delivered || out.Attempt.Status != 204 || out.Attempt.Outcome != "answered 204" {
		t.Errorf("%+v", out)
	}
	got := r.messages()
	if len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	keys, err := webhook.Keys(made.Secret)
	must(t, err)
	if err := keys.Verify(got[0].header.Get, got[0].body, time.Now()); err != nil {
		t.Error(err)
	}
	if m, err := webhook.Read(got[0].body); err != nil || m.Type != webhook.Test || m.Data != (webhook.Data{}) {
		t.Errorf("%+v %v", m, err)
	}
	r.Close()
	a := w.post(200, "/v1/webhooks/"+made.ID+"/test", "")
	if !strings.Contains(string(a.body), `"delivered":false`) || !strings.Contains(string(a.body), "no connection") || strings.Contains(string(a.body), "127.0.0.1") {
		t.Errorf("%s", a.body)
	}
}

func TestDeliveriesAreListedPageByPageAndSentAgain(t *testing.T) {
	w := newWorld(t)
	id, message := w.hooked()
	for i := range 4 {
		w.clock.forward(time.Second)
		w.post(201, "/v1/consents", strings.Replace(saraTexts, "given", []string{"withdrawn", "given"}[i%2], 1))
	}
	h, err := w.db.Webhook(t.Context(), id)
	must(t, err)
	_, err = w.db.PlanDeliveries(t.Context(), h)
	must(t, err)
	var seen []string
	path := "/v1/webhooks/" + id + "/deliveries?limit=2&state=waiting"
	for next := ""; ; {
		page := into[deliveries](t, w.do("GET", path+next, ""))
		for _, d := range page.Deliveries {
			seen = append(seen, d.ID)
		}
		if page.Next == "" {
			break
		}
		next = "&cursor=" + page.Next
	}
	if len(seen) != 5 || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != 5 || seen[4] != message {
		t.Errorf("pages showed %v", seen)
	}
	if page := into[deliveries](t, w.do("GET", "/v1/webhooks/"+id+"/deliveries?state=failed", "")); len(page.Deliveries) != 0 {
		t.Errorf("%+v", page)
	}
	d := into[delivery](t, w.post(200, "/v1/webhooks/"+id+"/deliveries/"+message+"/redeliver", ""))
	if d.ID != message || d.State != "waiting" || d.Attempts != 0 {
		t.Errorf("%+v", d)
	}
	for _, other := range []string{"msg_x", message + "0", strings.Replace(message, "_", "__", 2), "%2e"} {
		if a := w.do("POST", "/v1/webhooks/"+id+"/deliveries/"+other+"/redeliver", ""); a.status != 404 {
			t.Errorf("%s: %d", other, a.status)
		}
	}
	raw, err := json.Marshal(d)
	must(t, err)
	if strings.Contains(string(raw), "sara") || strings.Contains(string(raw), "0134") {
		t.Errorf("a delivery names a person: %s", raw)
	}
}
