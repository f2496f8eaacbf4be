package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

const news = `{"subject":"email:sara@example.com","purpose":"newsletter","language":"ar","mail":{"subject":"News","text":"See https://www.cascofiber.example/7."}}`

// subscribed lets somebody confirm the newsletter.
func (w *world) subscribed(s string) {
	w.t.Helper()
	w.post(201, "/v1/consents", `{"subject":"`+s+`","choices":[{"purpose":"newsletter","decision":"given"}]}`)
	id := "email:" + strings.TrimPrefix(s, "email:")
	if _, err := w.db.Confirm(w.t.Context(), subject.ID(id), "newsletter", consent.SurfaceMail); err != nil {
		w.t.Fatal(err)
	}
}

func TestAMailIsSentWhereItMayBe(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ reason string }{{"unknown_subject"}} {
		if a := w.post(409, "/v1/mail", news); !strings.Contains(string(a.body), c.reason) || !strings.Contains(string(a.body), `"field":"purpose"`) {
			t.Errorf("%s", a.body)
		}
	}
	w.post(201, "/v1/consents", `{"subject":"email:sara@example.com","choices":[{"purpose":"newsletter","decision":"given"}]}`)
	if a := w.post(409, "/v1/mail", news); !strings.Contains(string(a.body), "unconfirmed") {
		t.Errorf("%s", a.body)
	}
	w.drain()
	w.subscribed("email:sara@example.com")
	w.drain()
	w.post(202, "/v1/mail", news)
	l := w.drain()
	if len(l) != 1 || l[0].Kind != letter.Company || l[0].Purpose != "newsletter" || l[0].Leave == "" || l[0].Language != "ar" || l[0].To != "sara@example.com" {
		t.Fatalf("%+v", l)
	}
	if err := w.db.LeaveBy(t.Context(), l[0].Leave); err != nil {
		t.Fatal(err)
	}
	if a := w.post(409, "/v1/mail", news); !strings.Contains(string(a.body), "withdrawn") {
		t.Errorf("%s", a.body)
	}
	if got := w.drain(); len(got) != 0 {
		t.Errorf("%d mails", len(got))
	}
}

func TestAMailOfAContractHasNoWayOut(t *testing.T) {
	w := newWorld(t)
	if a := w.do("POST", "/v1/mail", `{"subject":"email:sara@example.com","purpose":"billing","mail":{"subject":"Your bill","text":"It is 30 dollars."}}`,
		"Authorization: Bearer "+w.token, "Content-Type: application/json"); a.status != 202 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if l := w.drain(); len(l) != 1 || l[0].Leave != "" {
		t.Errorf("%+v", l)
	}
}

func TestWhatNoMailMayBe(t *testing.T) {
	w := newWorld(t)
	w.subscribed("email:sara@example.com")
	for field, body := range map[string]string{
		"mail.subject": strings.Replace(news, `"News"`, `"News\r\nBcc: eve@example.com"`, 1),
		"mail.html":    strings.Replace(news, `"text"`, `"html":"<form>","text"`, 1),
		"mail.text":    strings.Replace(news, `See`, `\u202eSee`, 1),
		"language":     strings.Replace(news, `"ar"`, `"fr"`, 1),
		"subject":      strings.Replace(news, "email:sara@example.com", "phone:+12075550134", 1),
	} {
		var p struct{ Field string }
		a := w.post(422, "/v1/mail", body)
		if err := json.Unmarshal(a.body, &p); err != nil || p.Field != field {
			t.Errorf("%s: %s", field, a.body)
		}
	}
	w.post(413, "/v1/mail", strings.Replace(news, "See", strings.Repeat("n", 2<<20), 1))
	if a := w.do("POST", "/v1/mail", news, "Authorization: Bearer "+w.newToken("decide"), "Content-Type: application/json"); a.status != 403 {
		t.Errorf("without the scope: %d", a.status)
	}
}

func TestOtherSendersGetTheWayOut(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.PublicURL = "https://privacy.cascofiber.example" })
	w.subscribed("email:sara@example.com")
	var out struct {
		Links []struct {
			Allowed bool
			Reason  string
			URL     string
			Headers map[string]string
		}
	}
	a := w.post(200, "/v1/unsubscribe-links", `{"purpose":"newsletter","subjects":["email:sara@example.com","email:omar@example.com"]}`)
	if err := json.Unmarshal(a.body, &out); err != nil || len(out.Links) != 2 {
		t.Fatalf("%v %s", err, a.body)
	}
	sara, omar := out.Links[0], out.Links[1]
	if !sara.Allowed || sara.Headers["List-Unsubscribe"] != "<"+sara.URL+">" || sara.Headers["List-Unsubscribe-Post"] != "List-Unsubscribe=One-Click" ||
		!strings.HasPrefix(sara.URL, "https://privacy.cascofiber.example/u/") || strings.Contains(sara.URL, "newsletter") {
		t.Errorf("%+v", sara)
	}
	if omar.Allowed || omar.URL != "" || omar.Reason != "unknown_subject" {
		t.Errorf("%+v", omar)
	}
	if err := w.db.LeaveBy(t.Context(), strings.TrimPrefix(sara.URL, "https://privacy.cascofiber.example/u/")); err != nil {
		t.Fatal(err)
	}
	if b := w.post(200, "/v1/decide", `{"subject":"email:sara@example.com","purpose":"newsletter"}`); !strings.Contains(string(b.body), "withdrawn") {
		t.Errorf("%s", b.body)
	}
}

// drain ends the mails that wait, and gives them.
func (w *world) drain() (out []letter.Letter) {
	w.t.Helper()
	list, err := w.db.ClaimMail(w.t.Context(), 100, time.Minute)
	must(w.t, err)
	for _, m := range list {
		out = append(out, m.Letter)
		must(w.t, w.db.EndMail(w.t.Context(), m, store.MailSent, nil))
	}
	return out
}
