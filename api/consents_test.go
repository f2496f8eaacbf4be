package api_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
)

type receipts struct {
	Receipts []receipt.Receipt
}

const saraTexts = `{"subject":"phone:(207) 555-0134","choices":[{"purpose":"text_updates","decision":"given"}]}`

func TestConsentsGivesReceiptsInOrder(t *testing.T) {
	w := newWorld(t)
	a := w.post(201, "/v1/consents", `{"subject":"email:Sara@Example.com","choices":[{"purpose":"offers","decision":"refused"},`+
		`{"purpose":"newsletter","decision":"given","topics":["works","bay"]}],"policy":"`+string(w.db.InForce().ID)+`","language":"ar","surface":"banner","signals":{"gpc":true}}`)
	var got []receipt.Consent
	for _, r := range into[receipts](t, a).Receipts {
		if r.Record.HasNotice.Language != "ar" || r.Record.HasNotice.Shown != "evidenced" || r.Subject.Value != "email:sara@example.com" {
			t.Errorf("the record says %+v of %q", r.Record.HasNotice, r.Subject.Value)
		}
		c := r.Record.HasConsent
		c.Scope, c.Meaning = "", ""
		got = append(got, *c)
	}
	yes := &consent.Signals{GPC: true}
	want := []receipt.Consent{
		{Purpose: "offers", Decision: "refused", Status: "ConsentRefused", Type: "ExpressedConsent", Time: "2026-03-01T09:00:00.000Z", By: "company", Surface: "banner", Signals: yes},
		{Purpose: "newsletter", Topics: []string{"works", "bay"}, Decision: "given", Status: "ConsentRequested", Type: "ExpressedConsent", Time: "2026-03-01T09:00:00.000Z", By: "company", Surface: "banner", Signals: yes},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Type") != "application/json" {
		t.Error(a.header)
	}
}

// A receipt is verified as it lies in the answer, cut out or formatted anew.
func TestReceiptOfAnAnswerVerifies(t *testing.T) {
	w := newWorld(t)
	var raw struct{ Receipts []json.RawMessage }
	must(t, json.Unmarshal(w.post(201, "/v1/consents", saraTexts).body, &raw))
	pretty, err := json.MarshalIndent(raw.Receipts[0], "", "  ")
	must(t, err)
	for _, form := range [][]byte{raw.Receipts[0], pretty} {
		v, err := receipt.Verify(form, w.db.LogKey())
		if err != nil || v.Outcome != receipt.Valid {
			t.Errorf("%s %s %v", v.Outcome, v.Detail, err)
		}
	}
}

func TestConsentsDefaults(t *testing.T) {
	w := newWorld(t)
	r := into[receipts](t, w.post(201, "/v1/consents", saraTexts)).Receipts[0]
	n, c := r.Record.HasNotice, r.Record.HasConsent
	if n.Shown != "not_evidenced" || n.Policy != w.db.InForce().ID || n.Language != "en" || c.Surface != "api" || c.By != "company" || c.Signals != nil {
		t.Errorf("%+v %+v", n, c)
	}
}

func TestConsentsAreDecidedOnAtOnce(t *testing.T) {
	w := newWorld(t)
	ask := `{"subject":"phone:+12075550134","purpose":"text_updates","detail":true}`
	if d := w.decide(ask); d.Allowed || d.Reason != "unknown_subject" {
		t.Errorf("before: %+v", d)
	}
	w.post(201, "/v1/consents", saraTexts)
	if d := w.decide(ask); !d.Allowed || d.Reason != "given" {
		t.Errorf("after a yes: %+v", d)
	}
	w.post(201, "/v1/consents", strings.Replace(saraTexts, "given", "withdrawn", 1))
	if d := w.decide(ask); d.Allowed || d.Reason != "withdrawn" {
		t.Errorf("after taking it back: %+v", d)
	}
}

func TestConsentsAreAllOrNothing(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct{ body, field string }{
		"a purpose that is not there":  {`{"subject":"email:a@example.com","choices":[{"purpose":"newsletter","decision":"given"},{"purpose":"news","decision":"given"}]}`, "choices[1].purpose"},
		"a purpose of another basis":   {`{"subject":"email:a@example.com","choices":[{"purpose":"account","decision":"given"}]}`, "choices[0].purpose"},
		"a decision that is none":      {`{"subject":"email:a@example.com","choices":[{"purpose":"newsletter","decision":"refused"},{"purpose":"offers","decision":"yes"}]}`, "choices[1].decision"},
		"a yes by the wrong kind":      {`{"subject":"phone:+12075550134","choices":[{"purpose":"newsletter","decision":"given"}]}`, "choices[0]"},
		"a recipient inside the scope": {`{"subject":"email:a@example.com","choices":[{"purpose":"newsletter","recipient":"mailer","decision":"given"}]}`, "choices[0].recipient"},
		"a topic that is not there":    {`{"subject":"email:a@example.com","choices":[{"purpose":"newsletter","decision":"given","topics":["pigs"]}]}`, "choices[0].topics"},
		"no choices":                   {`{"subject":"email:a@example.com","choices":[]}`, "choices"},
		"a subject that is none":       {`{"subject":"email:sara","choices":[{"purpose":"newsletter","decision":"given"}]}`, "subject"},
		"a version never published":    {`{"subject":"email:a@example.com","policy":"sha256:00","choices":[{"purpose":"newsletter","decision":"given"}]}`, "policy"},
		"a language not declared":      {`{"subject":"email:a@example.com","language":"fr","choices":[{"purpose":"newsletter","decision":"given"}]}`, "language"},
		"a surface not known":          {`{"subject":"email:a@example.com","surface":"shop","choices":[{"purpose":"newsletter","decision":"given"}]}`, "surface"},
		"a signal that is none":        {`{"subject":"email:a@example.com","signals":{"gpc":1},"choices":[{"purpose":"newsletter","decision":"given"}]}`, "signals.gpc"},
		"a member that is not there":   {`{"subject":"email:a@example.com","choices":[{"purpose":"newsletter","decision":"given","because":"I like it"}]}`, "choices[0].because"},
	} {
		t.Run(name, func(t *testing.T) {
			p := into[problem](t, w.post(422, "/v1/consents", c.body))
			if p.Field != c.field && !strings.HasPrefix(p.Field, c.field+"[") || p.Type != "/problems/invalid" {
				t.Errorf("%+v, want field %s", p, c.field)
			}
		})
	}
	if got := into[receipts](t, w.post(200, "/v1/receipts/get", `{"subject":"email:a@example.com"}`)); len(got.Receipts) > 0 {
		t.Errorf("%d receipts of refused submissions", len(got.Receipts))
	}
}

func TestConsentsToAPastVersion(t *testing.T) {
	w := newWorld(t)
	past := w.db.InForce().ID
	w.clock.forward(time.Hour)
	w.publish(strings.Replace(cascoFiber(t), "keep: P90D", "keep: P60D", 1))
	a := w.post(201, "/v1/consents", strings.Replace(saraTexts, `"choices"`, `"policy":"`+string(past)+`","choices"`, 1))
	if n := into[receipts](t, a).Receipts[0].Record.HasNotice; n.Policy != past || n.Shown != "evidenced" {
		t.Errorf("%+v", n)
	}
}

func TestConsentsBeforeAnyPolicy(t *testing.T) {
	w := emptyWorld(t)
	w.token = w.newToken("*")
	for _, path := range []string{"/v1/consents", "/v1/decide"} {
		body := saraTexts
		if path == "/v1/decide" {
			body = `{"subject":"phone:+12075550134","purpose":"text_updates"}`
		} else {
			body = strings.Replace(body, "(207) 555-0134", "+12075550134", 1)
		}
		if p := into[problem](t, w.post(409, path, body)); p.Type != "/problems/conflict" {
			t.Errorf("%+v", p)
		}
	}
}

func TestConsentsPrefer(t *testing.T) {
	w := newWorld(t)
	for given, want := range map[string]string{
		"return=minimal":                        "return=minimal",
		`Return="minimal" ; x=y, wait=10`:       "return=minimal, wait",
		"respond-async, wait":                   "wait",
		"wait=0, wait=5":                        "",
		"return=representation":                 "",
		"return=representation, return=minimal": "",
	} {
		a := w.post(201, "/v1/consents", saraTexts, "Prefer: "+given)
		if got := a.header.Get("Preference-Applied"); got != want {
			t.Errorf("%s: applied %q, want %q", given, got, want)
		}
		if !strings.HasPrefix(want, "return=minimal") {
			if r := into[receipts](t, a).Receipts[0]; r.Proof == nil {
				t.Errorf("%s: a receipt without its proof", given)
			}
			continue
		}
		ids := into[struct{ Receipts []string }](t, a).Receipts
		got := into[receipts](t, w.post(200, "/v1/receipts/get", `{"ids":["`+ids[0]+`"]}`)).Receipts
		if len(ids) != 1 || len(got) != 1 || got[0].ID != ids[0] {
			t.Errorf("%s: %v is not the id of a receipt", given, ids)
		}
	}
}

// On PostgreSQL the ledger takes an entry after the answer, unless the answer waits.
func TestConsentsWaitForTheirProof(t *testing.T) {
	w := emptyWorldOn(t, pgtest.Database(t, "15"))
	w.publish(cascoFiber(t))
	w.token = w.newToken("*")
	for given, proved := range map[string]bool{"": false, "wait=0": false, "wait": true, "wait=5": true, "wait=5, return=minimal": true} {
		a := w.post(201, "/v1/consents", saraTexts, "Prefer: "+given)
		if got := strings.Contains(a.header.Get("Preference-Applied"), "wait"); got != proved {
			t.Errorf("%q: Preference-Applied: %s", given, a.header.Get("Preference-Applied"))
		}
		if strings.Contains(given, "minimal") {
			continue
		}
		if r := into[receipts](t, a).Receipts[0]; (r.Proof != nil) != proved {
			t.Errorf("%q: proof %v", given, r.Proof)
		}
	}
}

func TestIdempotencyKeyActsOnce(t *testing.T) {
	w := newWorld(t)
	const key = `Idempotency-Key: "8e03978e-40d5-43dd-bc93-6894a57f9324"`
	first := w.post(201, "/v1/consents", saraTexts, key)
	w.clock.forward(time.Hour)
	for _, again := range []string{key, "Idempotency-Key: 8e03978e-40d5-43dd-bc93-6894a57f9324"} {
		if second := w.post(201, "/v1/consents", saraTexts, again); string(second.body) != string(first.body) {
			t.Errorf("%s gives another answer\n%s\n%s", again, first.body, second.body)
		}
	}
	p := into[problem](t, w.post(422, "/v1/consents", strings.Replace(saraTexts, "given", "refused", 1), key))
	if p.Field != "Idempotency-Key" {
		t.Errorf("%+v", p)
	}
	w.token = w.newToken("consent:write", "subject:read") // a key is its client's own
	w.post(201, "/v1/consents", strings.Replace(saraTexts, "given", "refused", 1), key)
	if got := into[receipts](t, w.post(200, "/v1/receipts/get", `{"subject":"phone:+12075550134"}`)); len(got.Receipts) != 2 {
		t.Errorf("%d receipts, want one of each client", len(got.Receipts))
	}
}

func TestIdempotencyKeyInFlight(t *testing.T) {
	w := newWorld(t)
	bodies := make([]string, 16)
	var wg sync.WaitGroup
	for i := range bodies {
		wg.Go(func() {
			a := w.do("POST", "/v1/consents", saraTexts, `Idempotency-Key: "k"`)
			if a.status != 201 && a.status != 409 {
				t.Errorf("%d %s", a.status, a.body)
			}
			if a.status == 201 {
				bodies[i] = string(a.body)
			}
		})
	}
	wg.Wait()
	want := string(w.post(201, "/v1/consents", saraTexts, `Idempotency-Key: "k"`).body)
	for _, b := range bodies {
		if b != "" && b != want {
			t.Errorf("one key, two answers:\n%s\n%s", b, want)
		}
	}
	if got := into[receipts](t, w.post(200, "/v1/receipts/get", `{"subject":"phone:+12075550134"}`)); len(got.Receipts) != 1 {
		t.Errorf("%d receipts of one key", len(got.Receipts))
	}
}

func TestIdempotencyKeyAfterErasure(t *testing.T) {
	w := newWorld(t)
	w.post(201, "/v1/consents", saraTexts, "Idempotency-Key: k")
	if _, err := w.db.Erase(t.Context(), "phone:+12075550134", "subject"); err != nil {
		t.Fatal(err)
	}
	if p := into[problem](t, w.post(409, "/v1/consents", saraTexts, "Idempotency-Key: k")); p.Field != "subject" { // the key is forgotten with the person, who is not brought back
		t.Errorf("%+v", p)
	}
}

func TestIdempotencyKeyForms(t *testing.T) {
	w := newWorld(t)
	for _, bad := range []string{`"`, `""`, `"a`, `"a"b`, `"a";b=1`, `a"b`, `"a\b"`, `"\`, "a b", `a\b`, "ключ", strings.Repeat("k", 256), `"` + strings.Repeat("k", 256) + `"`} {
		if p := into[problem](t, w.post(400, "/v1/consents", saraTexts, "Idempotency-Key: "+bad)); p.Field != "Idempotency-Key" {
			t.Errorf("%s: %+v", bad, p)
		}
	}
	for _, good := range []string{"k", `"a b"`, `"a\"b\\c"`, strings.Repeat("k", 255)} {
		w.post(201, "/v1/consents", saraTexts, "Idempotency-Key: "+good)
	}
}

func TestConsentsNameTheVersionAnswered(t *testing.T) {
	w := newWorld(t)
	r := into[receipts](t, w.post(201, "/v1/consents", saraTexts)).Receipts[0]
	if policy.VersionID(w.decide(`{"subject":"phone:+12075550134","purpose":"text_updates"}`).Policy) != r.Record.HasNotice.Policy {
		t.Error("the answer and the receipt name different versions")
	}
}

func TestHowOftenComesInAndIsGivenBack(t *testing.T) {
	w := newWorld(t)
	w.publish(strings.Replace(cascoFiber(t), "\n  text_updates:\n", "\n  text_updates:\n    frequency: [weekly, monthly]\n", 1))
	const ask = `{"subject":"phone:+12075550134","purpose":"text_updates","detail":true}`
	for chosen, want := range map[string]string{"": "weekly", "monthly": "monthly"} {
		w.post(201, "/v1/consents", `{"subject":"phone:+12075550134","choices":[{"purpose":"text_updates","decision":"given","frequency":"`+chosen+`"}]}`)
		if got := string(w.post(200, "/v1/decide", ask).body); !strings.Contains(got, `"frequency":"`+want+`"`) {
			t.Errorf("%q: %s", chosen, got)
		}
	}
	p := into[problem](t, w.post(422, "/v1/consents", `{"subject":"phone:+12075550134","choices":[{"purpose":"text_updates","decision":"given","frequency":"daily"}]}`))
	if p.Field != "choices[0].frequency" {
		t.Errorf("%+v", p)
	}
}
