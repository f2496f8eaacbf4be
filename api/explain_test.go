package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// link is one of an answer's chain.
type link struct{ Step, State, Value, En, Ar string }

func TestDetailTellsTheChain(t *testing.T) {
	w := newWorld(t)
	w.agree("customer:10042")
	a := w.decide(`{"subject":"customer:10042","purpose":"tailored_offers","detail":true}`)
	if len(a.Chain) != 5 {
		t.Fatalf("%+v", a.Chain)
	}
	for i, want := range []link{
		{"policy", "holds", a.Policy, "The policy in force since 1 March 2026", "السياسة السارية"},
		{"scope", "holds", "", "It needs a yes.", "يحتاج إلى موافقة"},
		{"event", "holds", a.Since, "Said yes", "جواب"},
		{"receipt", "holds", a.Receipt, "The receipt holds the words", "الإيصال"},
		{"ledger", "holds", "1", "Entry 2 of 2 in the public log.", "القيد رقم 2 من 2"},
	} {
		l := a.Chain[i]
		if l.Step != want.Step || l.State != want.State || want.Value != "" && l.Value != want.Value || !strings.Contains(strings.ReplaceAll(l.En, "\u00a0", " "), want.En) || !strings.Contains(l.Ar, want.Ar) {
			t.Errorf("%+v, want %+v", l, want)
		}
	}
	receipts := string(w.post(200, "/v1/receipts/get", `{"ids":["`+a.Receipt+`"]}`).body)
	if !strings.Contains(receipts, `"scope":"`+a.Chain[1].Value+`"`) || !strings.Contains(receipts, `"index":1`) {
		t.Errorf("the receipt says otherwise: %s", receipts)
	}
	if a := w.decide(`{"subject":"customer:10042","purpose":"tailored_offers"}`); a.Chain != nil {
		t.Error("a chain that nobody asked for")
	}
	for question, want := range map[string]string{
		`"subject":"customer:1","purpose":"tailored_offers"`:                             "holds holds against none none",
		`"subject":"customer:10042","purpose":"nothing"`:                                 "against none none none none",
		`"subject":"customer:10042","purpose":"tailored_offers","recipient":"institute"`: "holds against holds holds holds",
		`"subject":"customer:10042","purpose":"billing"`:                                 "holds holds none none none",
	} {
		var states []string
		for _, l := range w.decide(`{` + question + `,"detail":true}`).Chain {
			states = append(states, l.State)
		}
		if got := strings.Join(states, " "); got != want {
			t.Errorf("%s: %s, want %s", question, got, want)
		}
	}
}

// explains posts the form of the page.
func (w *world) explains(status int, path, token string, more ...string) string {
	w.t.Helper()
	form := url.Values{"subject": {"customer:10042"}, "purpose": {"tailored_offers"}, "token": {token}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	a := w.do("POST", path, form.Encode(), "Authorization:", "Content-Type: application/x-www-form-urlencoded")
	if a.status != status {
		w.t.Fatalf("%s: %d, want %d\n%s", path, a.status, status, a.body)
	}
	return string(a.body)
}

func TestThePageDrawsTheChain(t *testing.T) {
	w := newWorld(t)
	w.agree("customer:10042")
	decides := w.newToken("decide")
	for path, want := range map[string][]string{
		"/en/explain": {`<html lang="en" dir="ltr">`, "<svg", `role="img"`, "Policy (holds), Scope (holds), Answer (holds), Receipt (holds) and Log (holds)", "Entry 2 of 2", `value="customer:10042"`, `<h2 id="answer">Yes</h2>`},
		"/ar/explain": {`<html lang="ar" dir="rtl">`, "<svg", "السياسة (تحقّق ذلك)", "القيد رقم 2 من 2", `<h2 id="answer">نعم</h2>`},
	} {
		page := w.explains(200, path, decides)
		for _, s := range want {
			if !strings.Contains(page, s) {
				t.Errorf("%s: no %q", path, s)
			}
		}
		if strings.Contains(page, decides) || strings.Contains(page, "<script") {
			t.Errorf("%s repeats the token, or brings a script", path)
		}
	}
	if page := w.explains(200, "/en/explain", decides, "recipient", "institute"); !strings.Contains(page, `class="against"`) || !strings.Contains(page, `<h2 id="answer">No</h2>`) {
		t.Error("a no is not drawn")
	}
	if page := w.explains(200, "/en/explain", decides, "data", "nothing, name"); !strings.Contains(page, "does not name this category") {
		t.Error("data is not asked about")
	}
}

func TestThePageWantsItsToken(t *testing.T) {
	w := newWorld(t)
	w.agree("customer:10042")
	for token, status := range map[string]int{"": 401, "amana_x": 401, w.newToken("consent:write"): 403} {
		page := w.explains(status, "/en/explain", token)
		if !strings.Contains(page, "The token is not one that may ask.") || strings.Contains(page, "<svg") {
			t.Errorf("%d: %s", status, page)
		}
	}
	if page := w.explains(422, "/ar/explain", w.newToken("decide"), "subject", "10042"); !strings.Contains(page, "هذا ليس معرّفًا") {
		t.Error("what is no identifier is not told")
	}
	if page := w.explains(401, "/en/explain?token="+w.token+"&subject=customer:10042", ""); strings.Contains(page, "<svg") {
		t.Error("what stands in the address is taken")
	}
	must(t, w.db.Close())
	if page := w.explains(500, "/en/explain", w.token); strings.Contains(page, "<svg") {
		t.Error("an answer without a store")
	}
	if strings.Contains(w.log.String(), "customer") {
		t.Error("the log names the customer")
	}
}

func TestThePageIsAFormFirst(t *testing.T) {
	w := newWorld(t)
	for language, want := range map[string]string{"": "/en/explain", "ar-SA,en;q=0.5": "/ar/explain", "fr": "/en/explain"} {
		a := w.do("GET", "/explain", "", "Authorization:", "Accept-Language: "+language)
		if a.status != http.StatusSeeOther || a.header.Get("Location") != want {
			t.Errorf("%q: %d %s", language, a.status, a.header.Get("Location"))
		}
	}
	a := w.do("GET", "/ar/explain", "", "Authorization:")
	for name, want := range map[string]string{"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Content-Language": "ar"} {
		if a.header.Get(name) != want {
			t.Errorf("%s: %q", name, a.header.Get(name))
		}
	}
	if csp := a.header.Get("Content-Security-Policy"); a.status != 200 || !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("%d %s", a.status, csp)
	}
	if strings.Contains(string(a.body), "<svg") {
		t.Error("an answer to nothing")
	}
}

// TestThePageCountsAsThePolicySays reads the digits and the calendar of the
// policy in force.
func TestThePageCountsAsThePolicySays(t *testing.T) {
	w := newWorld(t)
	w.publish(strings.NewReplacer("digits: latin", "digits: arabic", "calendar: gregorian", "calendar: both").Replace(cascoFiber(t)))
	w.agree("customer:10042")
	page := w.explains(200, "/ar/explain", w.newToken("decide"))
	for _, s := range []string{"القيد رقم ٣ من ٣", "هـ، الموافق "} {
		if !strings.Contains(page, s) {
			t.Errorf("no %q", s)
		}
	}
}
