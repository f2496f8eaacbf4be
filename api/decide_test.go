package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

func TestDecideAnswersWhatThePolicyDoesNotName(t *testing.T) {
	w := newWorld(t)
	for question, want := range map[string]string{
		`{"subject":"email:a@example.com","purpose":"spying"}`:                                           "unknown_purpose",
		`{"subject":"email:a@example.com","purpose":"newsletter","data":["dreams"]}`:                     "unknown_data",
		`{"subject":"email:a@example.com","purpose":"newsletter","data":["plan"]}`:                       "outside_scope",
		`{"subject":"email:a@example.com","purpose":"newsletter"}`:                                       "unknown_subject",
		`{"subject":"customer:10042","purpose":"billing"}`:                                               "basis",
		`{"subject":"customer:10042","purpose":"billing","recipient":"stats"}`:                           "recipient_not_permitted",
		`{"subject":"customer:10042","purpose":"billing","recipient":"payments","detail":true}`:          "basis",
		`{"subject":"email:a@example.com","purpose":"newsletter","data":[],"signals":{},"detail":false}`: "unknown_subject",
	} {
		got := w.decide(question)
		d := decided{Allowed: want == "basis", Reason: want, Policy: string(w.db.InForce().ID)}
		if diff := cmp.Diff(d, got, cmpopts.IgnoreFields(decided{}, "Chain")); diff != "" {
			t.Errorf("%s: %s", question, diff)
		}
	}
}

func TestDecideDetail(t *testing.T) {
	w := newWorld(t)
	const device = "device:AAECAwQFBgcICQoLDA0ODw"
	hashed, err := subject.Parse(device, "")
	must(t, err)
	given := func(s store.Submission) string {
		s.Subject, s.Surface = hashed, consent.SurfaceBanner
		list, err := w.db.Record(t.Context(), s)
		must(t, err)
		return list[0].ID
	}
	yes := []consent.Choice{{Purpose: "analytics", Decision: consent.Given}}
	id := w.db.InForce().ID
	for name, c := range map[string]struct {
		said store.Submission
		want string
	}{
		"on a page of ours":         {store.Submission{Choices: yes, Policy: id, Surface: "choices"}, "shown"},
		"entered with its version":  {store.Submission{Choices: yes, Policy: id, Surface: "api", Attested: true}, "attested"},
		"entered without a version": {store.Submission{Choices: yes, Surface: "api", Attested: true}, "not_evidenced"},
	} {
		w.clock.forward(time.Minute)
		since := w.clock.Now()
		receipt := given(c.said)
		until := since.AddDate(0, 13, 0)
		want := decided{true, "given", string(id), since.Format("2006-01-02T15:04:05.000Z"), until.Format("2006-01-02T15:04:05.000Z"), receipt, c.want, nil}
		for _, who := range []string{device, string(hashed)} {
			if diff := cmp.Diff(want, w.decide(`{"subject":"`+who+`","purpose":"analytics","detail":true}`), cmpopts.IgnoreFields(decided{}, "Chain")); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
	no := given(store.Submission{Choices: []consent.Choice{{Purpose: "analytics", Decision: consent.Withdrawn}}})
	want := decided{Reason: "withdrawn", Policy: string(id), Since: "2026-03-01T09:03:00.000Z", Receipt: no}
	if diff := cmp.Diff(want, w.decide(`{"subject":"`+device+`","purpose":"analytics","detail":true}`), cmpopts.IgnoreFields(decided{}, "Chain")); diff != "" {
		t.Error(diff)
	}
}

func TestDecideEndsExclusively(t *testing.T) {
	w := newWorld(t)
	w.post(201, "/v1/consents", saraTexts)
	const ask = `{"subject":"phone:2075550134","purpose":"text_updates","detail":true}`
	end, err := time.Parse(time.RFC3339, w.decide(ask).Expires)
	must(t, err)
	w.clock.forward(end.Sub(w.clock.Now()) - time.Millisecond)
	if d := w.decide(ask); !d.Allowed {
		t.Errorf("just before: %+v", d)
	}
	w.clock.forward(time.Millisecond)
	if d := w.decide(ask); d.Allowed || d.Reason != "expired" {
		t.Errorf("at the end: %+v", d)
	}
}

func TestDecideUnconfirmedUntilConfirmed(t *testing.T) {
	w := newWorld(t)
	w.post(201, "/v1/consents", `{"subject":"email:sara@example.com","choices":[{"purpose":"newsletter","decision":"given"}]}`)
	const ask = `{"subject":"email:SARA@example.com","purpose":"newsletter","detail":true}`
	if d := w.decide(ask); d.Allowed || d.Reason != "unconfirmed" || d.Receipt == "" || d.Evidence != "" {
		t.Errorf("%+v", d)
	}
	r, err := w.db.Confirm(t.Context(), "email:sara@example.com", "newsletter", consent.SurfaceDemo)
	must(t, err)
	if d := w.decide(ask); !d.Allowed || d.Reason != "given" || d.Receipt != r.ID {
		t.Errorf("%+v, want the receipt %s of the confirmation", d, r.ID)
	}
}

func TestDecideAList(t *testing.T) {
	w := newWorld(t)
	w.post(201, "/v1/consents", saraTexts)
	got := into[[]decided](t, w.post(200, "/v1/decide", `[{"subject":"phone:+12075550134","purpose":"text_updates"},{"subject":"customer:7","purpose":"text_updates"},{"subject":"customer:7","purpose":"x"}]`))
	var reasons []string
	for _, d := range got {
		reasons = append(reasons, d.Reason)
	}
	if diff := cmp.Diff([]string{"given", "unknown_subject", "unknown_purpose"}, reasons); diff != "" {
		t.Error(diff)
	}
	if empty := w.post(200, "/v1/decide", ` []`); string(empty.body) != "[]\n" {
		t.Errorf("%s", empty.body)
	}
	one := `{"subject":"customer:7","purpose":"x"}`
	most := strings.Repeat(one+",", 999) + one
	if n := len(into[[]decided](t, w.post(200, "/v1/decide", "["+most+"]"))); n != 1000 {
		t.Errorf("%d answers", n)
	}
	if p := into[problem](t, w.post(422, "/v1/decide", "["+most+","+one+"]")); p.Detail != "must have at most 1000 elements" {
		t.Errorf("%+v", p)
	}
	p := into[problem](t, w.post(422, "/v1/decide", `[`+one+`,{"subject":"email:nobody","purpose":"x"}]`))
	if p.Field != "[1].subject" || strings.Contains(p.Detail, "nobody") {
		t.Errorf("%+v", p)
	}
}

// A question is answered by one policy, and names that one.
func TestDecideWhileAPolicyIsPublished(t *testing.T) {
	w := newWorld(t)
	w.post(201, "/v1/consents", saraTexts)
	old := string(w.db.InForce().ID)
	wider := w.publish(strings.Replace(cascoFiber(t), "data: [phone, customer_number, line_quality]", "data: [phone, customer_number, line_quality, town]", 1))
	all := w.decide(`{"subject":"phone:+12075550134","purpose":"text_updates"}`)
	same := w.decide(`{"subject":"phone:+12075550134","purpose":"text_updates","data":["phone","customer_number","line_quality"]}`)
	added := w.decide(`{"subject":"phone:+12075550134","purpose":"text_updates","data":["town"]}`)
	got := fmt.Sprint(all.Reason, " ", same.Reason, " ", added.Reason)
	if got != "outside_scope given outside_scope" || all.Policy != string(wider.ID) || all.Policy == old {
		t.Errorf("%s by %s", got, all.Policy)
	}
}

// The file of normal forms holds over the door: what has one normal form is
// one subject, and what has none is refused.
func TestNormalFormsOverTheDoor(t *testing.T) {
	raw, err := os.ReadFile("../subject/testdata/normal-forms.json")
	must(t, err)
	var vectors []struct {
		In, Region, Out string
		Error           bool
	}
	must(t, json.Unmarshal(raw, &vectors))
	regions := map[string]*world{}
	yes := map[string]string{"email": "newsletter", "phone": "text_updates", "customer": "coverage_study", "device": "analytics"}
	told := map[string]int{} // region + normal form → receipts
	for _, v := range vectors {
		w := regions[v.Region]
		if w == nil {
			w = newWorld(t)
			w.publish(strings.Replace(cascoFiber(t), "default_region: US\n", defaultRegion(v.Region), 1))
			regions[v.Region] = w
		}
		kind, _, _ := strings.Cut(v.In, ":")
		body, err := json.Marshal(map[string]any{"subject": v.In, "choices": []any{map[string]string{"purpose": yes[kind], "decision": "given"}}})
		must(t, err)
		if v.Error {
			if p := into[problem](t, w.post(422, "/v1/consents", string(body))); p.Field != "subject" {
				t.Errorf("%q: %+v", v.In, p)
			}
			continue
		}
		w.post(201, "/v1/consents", string(body))
		told[v.Region+" "+v.Out]++
		body, err = json.Marshal(map[string]string{"subject": v.Out})
		must(t, err)
		got := into[receipts](t, w.post(200, "/v1/receipts/get", string(body))).Receipts
		if len(got) != told[v.Region+" "+v.Out] || got[len(got)-1].Subject.Value != v.Out {
			t.Errorf("%q: %d receipts under the normal form, want %d", v.In, len(got), told[v.Region+" "+v.Out])
		}
	}
	if len(told) < 20 {
		t.Errorf("only %d normal forms", len(told))
	}
}

func defaultRegion(region string) string {
	if region == "" {
		return ""
	}
	return "default_region: " + region + "\n"
}
