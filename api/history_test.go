package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// happened is an event as the door shows it.
type happened struct {
	ID, Time, Kind, Purpose, Recipient, Decision, Subject, Policy, Language, Surface, By string
}

type historyPage struct {
	Events []happened
	Next   string
}

// remember lets two people answer, an hour apart.
func (w *world) remember() {
	for _, said := range []string{
		`{"subject":"email:sara@example.com","choices":[{"purpose":"newsletter","decision":"given"}],"language":"ar"}`,
		`{"subject":"customer:100427","choices":[{"purpose":"tailored_offers","decision":"given"}]}`,
		`{"subject":"email:sara@example.com","choices":[{"purpose":"newsletter","decision":"withdrawn"}]}`,
	} {
		w.post(http.StatusCreated, "/v1/consents", said)
		w.clock.forward(time.Hour)
	}
}

func (w *world) history(query string) historyPage {
	w.t.Helper()
	a := w.do("GET", "/v1/events"+query, "")
	if a.status != http.StatusOK {
		w.t.Fatalf("%s: %d %s", query, a.status, a.body)
	}
	return into[historyPage](w.t, a)
}

func summary(list []happened) []string {
	out := []string{}
	for _, e := range list {
		out = append(out, fmt.Sprintf("%.13s %s %s by %s", e.Time, e.Decision, e.Subject, e.By))
	}
	return out
}

func TestEventsByPages(t *testing.T) {
	w := newWorld(t)
	w.remember()
	given, offers, gone := "2026-03-01T09 given email:s…@….com by company", "2026-03-01T10 given customer:…27 by company", "2026-03-01T11 withdrawn email:s…@….com by company"
	for query, want := range map[string][]string{
		"":                                  {gone, offers, given},
		"?order=oldest":                     {given, offers, gone},
		"?purpose=newsletter":               {gone, given},
		"?from=2026-03-01T12:00:00%2B02:00": {gone, offers},
		"?until=2026-03-01T11:00:00Z":       {offers, given},
		"?limit=1":                          {gone},
		"?purpose=palm_reading":             {},
		"?identifiers=clear&limit=1":        {"2026-03-01T11 withdrawn email:sara@example.com by company"},
	} {
		if diff := cmp.Diff(want, summary(w.history(query).Events)); diff != "" {
			t.Errorf("%s:\n%s", query, diff)
		}
	}
	first := w.history("?limit=2")
	second := w.history("?limit=2&cursor=" + url.QueryEscape(first.Next))
	if diff := cmp.Diff([]string{given}, summary(second.Events)); diff != "" || second.Next != "" {
		t.Error(diff, second.Next)
	}
	whole := w.history("?limit=1&order=oldest").Events[0]
	want := happened{ID: whole.ID, Time: "2026-03-01T09:00:00.000Z", Kind: "consent.given", Purpose: "newsletter", Decision: "given", Subject: "email:s…@….com",
		Policy: string(w.db.InForce().ID), Language: "ar", Surface: "api", By: "company"}
	if diff := cmp.Diff(want, whole); diff != "" {
		t.Error(diff)
	}
	w.post(http.StatusOK, "/v1/receipts/get", `{"ids":["`+whole.ID+`"]}`)
}

func TestEventsOfASubject(t *testing.T) {
	w := newWorld(t)
	w.remember()
	ask := func(body string) historyPage {
		t.Helper()
		return into[historyPage](t, w.post(http.StatusOK, "/v1/events/get", body))
	}
	first := ask(`{"subject":"email: Sara@Example.com","limit":1,"identifiers":"clear"}`)
	if diff := cmp.Diff([]string{"2026-03-01T11 withdrawn email:sara@example.com by company"}, summary(first.Events)); diff != "" {
		t.Error(diff)
	}
	second := ask(`{"subject":"email:sara@example.com","limit":1,"cursor":"` + first.Next + `"}`)
	if diff := cmp.Diff([]string{"2026-03-01T09 given email:s…@….com by company"}, summary(second.Events)); diff != "" || second.Next != "" {
		t.Error(diff)
	}
	if oldest := ask(`{"subject":"email:sara@example.com","order":"oldest"}`); len(oldest.Events) != 2 || oldest.Events[0].Decision != "given" {
		t.Errorf("the oldest first: %+v", oldest)
	}
	if none := ask(`{"subject":"email:nobody@example.com"}`); none.Events == nil || len(none.Events) > 0 {
		t.Errorf("nobody: %+v", none)
	}
}

func TestEventsMistakes(t *testing.T) {
	w := newWorld(t)
	w.remember()
	for _, c := range []struct {
		query, field string
		status       int
	}{
		{"?limit=0", "limit", 422}, {"?limit=201", "limit", 422}, {"?limit=ten", "limit", 422}, {"?order=up", "order", 422}, {"?identifiers=all", "identifiers", 422},
		{"?from=yesterday", "from", 422}, {"?until=0001-01-01T00:00:00Z", "until", 422}, {"?from=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z", "until", 422},
		{"?cursor=none", "cursor", 422}, {"?subject=email:sara@example.com", "subject", 422}, {"?limit=1&limit=2", "limit", 422}, {"?limit=%zz", "", 400},
	} {
		a := w.do("GET", "/v1/events"+c.query, "")
		if p := into[problem](t, a); a.status != c.status || p.Field != c.field {
			t.Errorf("%s: %d at %q, want %d at %q", c.query, a.status, p.Field, c.status, c.field)
		}
		if strings.Contains(string(a.body), "sara") {
			t.Errorf("%s: a person's data comes back: %s", c.query, a.body)
		}
	}
	for body, field := range map[string]string{
		`{"limit":1}`: "subject", `{"subject":"sara"}`: "subject", `{"subject":"email:sara@example.com","limit":0}`: "limit",
		`{"subject":"email:sara@example.com","limit":1.5}`: "limit", `{"subject":"email:sara@example.com","cursor":"x"}`: "cursor",
	} {
		if p := into[problem](t, w.post(422, "/v1/events/get", body)); p.Field != field {
			t.Errorf("%s: at %q, want %q", body, p.Field, field)
		}
	}
}

func TestReceiptsOfASubjectByPages(t *testing.T) {
	w := newWorld(t)
	w.remember()
	type answered struct {
		Receipts []map[string]any
		Next     string
	}
	get := func(body string) (ids []string, next string) {
		t.Helper()
		out := into[answered](t, w.post(http.StatusOK, "/v1/receipts/get", body))
		for _, r := range out.Receipts {
			ids = append(ids, r["id"].(string))
		}
		return ids, out.Next
	}
	all, next := get(`{"subject":"email:sara@example.com"}`)
	if len(all) != 2 || next != "" {
		t.Fatalf("%v, next %q", all, next)
	}
	first, next := get(`{"subject":"email:sara@example.com","limit":1}`)
	second, end := get(`{"subject":"email:sara@example.com","limit":1,"cursor":"` + next + `"}`)
	if diff := cmp.Diff(all, append(first, second...)); diff != "" || end != "" {
		t.Error(diff, end)
	}
	for body, field := range map[string]string{
		`{"ids":["` + all[0] + `"],"limit":1}`:                  "limit",
		`{"ids":["` + all[0] + `"],"cursor":"` + next + `"}`:    "cursor",
		`{"subject":"customer:100427","cursor":"` + next + `"}`: "cursor",
		`{"subject":"email:sara@example.com","limit":1001}`:     "limit",
	} {
		if p := into[problem](t, w.post(422, "/v1/receipts/get", body)); p.Field != field {
			t.Errorf("%s: at %q, want %q", body, p.Field, field)
		}
	}
}
