package web

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/ledger/ledgertest"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// The purposes of Casco Fiber that act on a browser are analytics, comfort and
// ad_measurement, whose ad_network needs a permission of its own.

// device is who the browser is to the store.
func (v *visitor) device() subject.ID {
	v.t.Helper()
	c, err := cookie.Parse(v.cookie())
	if err != nil {
		v.t.Fatal(err)
	}
	id, err := subject.DeviceOf(c.ID)
	if err != nil {
		v.t.Fatal(err)
	}
	return id
}

func (v *visitor) decides(id subject.ID, purpose, recipient string, want decision.Reason) {
	v.t.Helper()
	a, err := v.db.Decide(v.t.Context(), id, decision.Question{Purpose: purpose, Recipient: recipient})
	if err != nil {
		v.t.Fatal(err)
	}
	if a.Reason != want {
		v.t.Errorf("%s %s: %s, want %s", purpose, recipient, a.Reason, want)
	}
}

// follow answers a form and gives the page that it leads to.
func (v *visitor) follow(form url.Values) (page, at string) {
	v.t.Helper()
	a := v.post("/en/choices", form)
	if a.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("%s: %s", form.Encode(), a.Status)
	}
	at, _, _ = strings.Cut(a.Header.Get("Location"), "#")
	return v.see(at), a.Header.Get("Location")
}

var fileLink = regexp.MustCompile(`href="(/en/receipt/[^"]+/json)"`)

func TestYesThenReceiptThenWithdrawal(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	page, at := v.follow(url.Values{"answer": {"yes:analytics"}})
	if !strings.HasSuffix(at, "#p-analytics") || !strings.Contains(page, "Saved") {
		t.Errorf("the answer leads to %s", at)
	}
	id := v.device()
	if len(v.cookie()) > cookie.MaxBytes {
		t.Errorf("the cookie has %d bytes", len(v.cookie()))
	}
	v.decides(id, "analytics", "", decision.Given)
	v.decides(id, "comfort", "", decision.NotAsked)

	link := fileLink.FindStringSubmatch(page)[1]
	file := v.get(link)
	if file.Header.Get("Content-Disposition") == "" || file.Header.Get("Cache-Control") != never {
		t.Errorf("the file: %v", file.Header)
	}
	if got, err := receipt.Verify([]byte(strings.TrimSpace(file.text)), w.db.LogKey()); err != nil || got.Outcome != receipt.Valid {
		t.Errorf("the receipt is %s: %s %v", got.Outcome, got.Detail, err)
	}
	slip := v.get(strings.TrimSuffix(link, "/json"))
	wellFormed(t, slip, "en")
	for _, needed := range []string{"Receipt: you said yes", "Counting visits to our site", w.db.LogKey(), string(id)} {
		if !strings.Contains(strings.ReplaceAll(slip.text, "&#43;", "+"), needed) {
			t.Errorf("the receipt does not say %q", needed)
		}
	}

	page, _ = v.follow(url.Values{"choice": {"reject"}}) // the button at the foot of every page
	v.decides(id, "analytics", "", decision.Withdrawn)
	if v.cookie() != cookie.Format(cookie.Refusal(w.db.InForce())) {
		t.Errorf("the cookie after the withdrawal is %q", v.cookie())
	}
	withdrawn := v.get(fileLink.FindStringSubmatch(page)[1])
	if withdrawn.StatusCode != 200 || !strings.Contains(withdrawn.text, `"decision": "withdrawn"`) {
		t.Error("the withdrawal has no receipt")
	}
	if v.get(link).StatusCode != 200 {
		t.Error("the link to the first receipt no longer works")
	}
	w.pass(linkLife)
	if v.get(link).StatusCode != 404 {
		t.Error("the link to a receipt does not run out")
	}
}

func TestARefusalLeavesNothing(t *testing.T) {
	w := open(t, "casco-fiber")
	for _, form := range []url.Values{{"choice": {"reject"}}, {"answer": {"no:comfort"}}, {"choice": {"save"}}} {
		v := w.visitor()
		page, _ := v.follow(form)
		if v.cookie() != cookie.Format(cookie.Refusal(w.db.InForce())) {
			t.Errorf("%v: the cookie is %q", form, v.cookie())
		}
		if !strings.Contains(page, "there is no receipt") || strings.Contains(page, "/en/receipt/") {
			t.Errorf("%v: the page does not say that nothing was recorded", form)
		}
	}
	if size := strings.Split(w.db.Checkpoint(), "\n")[1]; size != "1" { // the publication
		t.Errorf("the log has %s entries", size)
	}
}

func TestEveryWayToAnswer(t *testing.T) {
	w := open(t, "casco-fiber")
	const yes, no = decision.Given, decision.Refused
	for _, c := range []struct {
		name string
		form url.Values
		want map[string]decision.Reason
	}{
		{"accept", url.Values{"choice": {"accept"}}, map[string]decision.Reason{"analytics": yes, "comfort": yes, "ad_measurement": yes, "ad_measurement/ad_network": yes}},
		{"save some", url.Values{"choice": {"save"}, "purpose": {"comfort", "ad_measurement"}}, map[string]decision.Reason{"analytics": no, "comfort": yes, "ad_measurement": yes, "ad_measurement/ad_network": decision.RecipientNotPermitted}},
		{"save with a recipient", url.Values{"choice": {"save"}, "purpose": {"ad_measurement", "ad_measurement/ad_network"}}, map[string]decision.Reason{"ad_measurement/ad_network": yes, "comfort": no}},
		{"one", url.Values{"answer": {"yes:comfort"}}, map[string]decision.Reason{"comfort": yes, "analytics": decision.NotAsked}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := w.visitor()
			v.t = t
			v.follow(c.form)
			id := v.device()
			given, _ := mustCookie(t, v.cookie()).Granted(w.db.InForce())
			for value, want := range c.want {
				purpose, recipient, _ := strings.Cut(value, "/")
				v.decides(id, purpose, recipient, want)
				k, _ := keyOf(value, w.db.InForce().Policy)
				if given[k] != (want == yes) {
					t.Errorf("the cookie says %v of %s", given[k], value)
				}
			}
		})
	}
}

func mustCookie(t *testing.T, s string) cookie.Cookie {
	t.Helper()
	c, err := cookie.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOnlyAnIdThatWeGaveOutCounts(t *testing.T) {
	w := open(t, "casco-fiber")
	stranger, _ := subject.NewDevice()
	c, err := cookie.New(w.db.InForce(), cookie.Switches(w.db.InForce().Policy), nil, w.now(), stranger)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{cookie.Format(c), "1.zz.1", strings.Repeat("x", 4000), ""} {
		v := w.visitor()
		v.header.Set("Cookie", cookie.Name+"="+value)
		if page := v.see("/en/choices"); strings.Contains(page, "/en/receipt/") || strings.Contains(page, "<b>Yes</b>") {
			t.Errorf("%.20q is taken for an answer", value)
		}
		v.follow(url.Values{"answer": {"yes:comfort"}})
		v.header.Del("Cookie")
		if got := mustCookie(t, v.cookie()); got.ID == stranger || got.ID == "" {
			t.Errorf("%.20q: the id afterwards is %q", value, got.ID)
		}
	}
}

func TestAnswersToAPolicyThatHasChanged(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.follow(url.Values{"answer": {"yes:comfort"}})
	id, old := v.device(), string(w.db.InForce().ID)
	w.publish(strings.Replace(example(t, "casco-fiber"), "keep: P6M", "keep: P5M", 1))
	for _, form := range []url.Values{{"answer": {"yes:analytics"}}, {"choice": {"accept"}}, {"choice": {"save"}, "purpose": {"comfort"}}} {
		form.Set("version", old)
		if a := v.post("/en/choices", form); a.StatusCode != 409 || !strings.Contains(a.text, "has changed since") {
			t.Errorf("%v: %s", form, a.Status)
		}
	}
	v.decides(id, "analytics", "", decision.NotAsked)
	unknown := url.Values{"choice": {"reject"}, "version": {"sha256:" + strings.Repeat("0", 64)}}
	if a := v.post("/en/choices", unknown); a.StatusCode != 409 {
		t.Errorf("a version nobody published: %s", a.Status)
	}
	v.follow(url.Values{"choice": {"reject"}, "version": {old}}) // a page that was left open still takes everything back
	v.decides(id, "comfort", "", decision.Withdrawn)
}

// Nobody loses the way to a yes that stands: not by a recipient's answer alone,
// not by a signal, not by a change that the yes does not cover.
func TestTheBrowserKeepsItsIdWhileAYesStands(t *testing.T) {
	w := open(t, "casco-fiber")
	for _, c := range []struct {
		name, yes string
		between   func(v *visitor)
		now       string // what the page says of the answer
	}{
		{"a recipient alone", "ad_measurement/ad_network", func(*visitor) {}, "It rests on your answer above"},
		{"a signal afterwards", "ad_measurement", func(v *visitor) { v.header.Set("Sec-GPC", "1") }, "signal counts as your no"},
		{"a change afterwards", "analytics", func(v *visitor) {
			v.publish(strings.Replace(example(t, "casco-fiber"), "en: Counting visits to our site", "en: Counting all visits", 1))
		}, "does not cover what was added since"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := w.visitor()
			v.t = t
			v.follow(url.Values{"answer": {"yes:" + c.yes}})
			id := v.device()
			c.between(v)
			page, _ := v.follow(url.Values{"answer": {"no:comfort"}})
			if !strings.Contains(page, c.now) {
				t.Errorf("the page does not say %q", c.now)
			}
			if v.device() != id {
				t.Fatal("the id has changed")
			}
			v.follow(url.Values{"choice": {"reject"}})
			purpose, recipient, _ := strings.Cut(c.yes, "/")
			states, err := w.db.States(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if st := states[consent.Key{Purpose: purpose, Recipient: recipient}]; st.Status != consent.StatusGone {
				t.Errorf("after taking everything back it is %q", st.Status)
			}
		})
	}
}

// Whoever left a page open can still take back what it shows, one by one.
func TestANoToWhatHasLeftThePolicy(t *testing.T) {
	w := open(t, "casco-fiber")
	v, never := w.visitor(), w.visitor()
	v.follow(url.Values{"answer": {"yes:comfort"}})
	id, old, src := v.device(), string(w.db.InForce().ID), example(t, "casco-fiber")
	w.publish(strings.ReplaceAll(src, "acts_on: [device]", "acts_on: [customer]"))
	for _, who := range []*visitor{v, never} {
		a := who.post("/ar/choices", url.Values{"answer": {"no:comfort"}, "version": {old}})
		if a.StatusCode != 303 || strings.Contains(a.Header.Get("Location"), "#") {
			t.Fatalf("%s to %s", a.Status, a.Header.Get("Location"))
		}
		who.see(a.Header.Get("Location"))
	}
	if a := v.post("/en/choices", url.Values{"answer": {"yes:comfort"}, "version": {old}}); a.StatusCode != 409 {
		t.Errorf("a yes to it: %s", a.Status)
	}
	if a := v.post("/en/choices", url.Values{"answer": {"no:comfort"}}); a.StatusCode != 422 {
		t.Errorf("a no to what the version does not ask: %s", a.Status)
	}
	w.publish(strings.ReplaceAll(src, "P6M", "P5M"))
	v.decides(id, "comfort", "", decision.Withdrawn)
}

func TestTheLinkToAnswersThatWereErasedSince(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	_, at := v.follow(url.Values{"answer": {"yes:comfort"}})
	if _, err := w.db.Erase(t.Context(), v.device(), "subject"); err != nil {
		t.Fatal(err)
	}
	at, _, _ = strings.Cut(at, "#")
	if page := v.see(at); !strings.Contains(page, "The links to its receipt have run out") || strings.Contains(page, "/en/receipt/") {
		t.Error("the page does not say that the links have run out")
	}
}

func TestWhatLeftThePolicyIsWithdrawnToo(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.follow(url.Values{"choice": {"save"}, "purpose": {"comfort", "analytics"}})
	id, src := v.device(), example(t, "casco-fiber")
	w.publish(strings.ReplaceAll(src, "acts_on: [device]", "acts_on: [customer]"))
	w.visitor()
	a := v.post("/en/choices", url.Values{"choice": {"reject"}})
	if a.StatusCode != 303 {
		t.Fatal(a.Status)
	}
	w.publish(strings.ReplaceAll(src, "P6M", "P5M"))
	v.decides(id, "comfort", "", decision.Withdrawn)
	v.decides(id, "analytics", "", decision.Withdrawn)
}

func TestGlobalPrivacyControlIsHeededAndShown(t *testing.T) {
	w := open(t, "casco-fiber")
	for value, heeded := range map[string]bool{"1": true, "0": false, "true": false, "1,1": false, "": false} {
		v := w.visitor()
		v.header.Set("Sec-GPC", value)
		if got := strings.Contains(v.see("/en/choices"), "Your browser says no for you"); got != heeded {
			t.Errorf("Sec-GPC %q: shown %v", value, got)
		}
	}
}

// Only a yes to the purpose itself goes before the signal, and carries it.
func TestASignalIsOverruledByNameAlone(t *testing.T) {
	w := open(t, "casco-fiber")
	const given, signal = decision.Given, decision.Signal
	for _, c := range []struct {
		name, gpc string
		form      url.Values
		says      bool                       // what the signal still says no to
		want      map[string]decision.Reason // asked with the signal
	}{
		{"everything", "1", url.Values{"choice": {"accept"}}, true, map[string]decision.Reason{"ad_measurement": decision.NotAsked, "comfort": given, "analytics": given}},
		{"everything without a signal", "0", url.Values{"choice": {"accept"}}, false, map[string]decision.Reason{"ad_measurement": signal, "comfort": given}},
		{"saved by name", "1", url.Values{"choice": {"save"}, "purpose": {"comfort", "ad_measurement"}}, false, map[string]decision.Reason{"ad_measurement": given, "comfort": given}},
		{"saved without it", "1", url.Values{"choice": {"save"}, "purpose": {"comfort"}}, true, map[string]decision.Reason{"ad_measurement": decision.Refused, "comfort": given}},
		{"alone", "1", url.Values{"answer": {"yes:ad_measurement"}}, false, map[string]decision.Reason{"ad_measurement": given, "comfort": decision.NotAsked}},
		{"another alone", "1", url.Values{"answer": {"yes:comfort"}}, true, map[string]decision.Reason{"ad_measurement": decision.NotAsked, "comfort": given}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := w.visitor()
			v.t = t
			v.header.Set("Sec-GPC", c.gpc)
			page, _ := v.follow(c.form)
			if says := strings.Contains(page, "no answer to everything changes that: <bdi>Counting our ads on other sites</bdi>."); says != c.says {
				t.Errorf("the page says what the signal says no to: %v", says)
			}
			states, err := w.db.States(t.Context(), v.device())
			if err != nil {
				t.Fatal(err)
			}
			for purpose, want := range c.want {
				a, err := w.db.Decide(t.Context(), v.device(), decision.Question{Purpose: purpose, Signals: consent.Signals{GPC: true}})
				if err != nil || a.Reason != want {
					t.Errorf("%s: %s, want %s (%v)", purpose, a.Reason, want, err)
				}
			}
			for k, st := range states {
				if st.Yes != nil && st.Yes.Signals.GPC && (c.gpc != "1" || c.form.Get("choice") == "accept") {
					t.Errorf("the yes to %v carries a signal", k)
				}
			}
		})
	}
}

func TestAYesToEverythingThatTheSignalForbidsSavesNothing(t *testing.T) {
	w := open(t, "casco-fiber")
	src := strings.Replace(example(t, "casco-fiber"), "    marks: [ads, sharing]\n", "", 1)
	w.publish(strings.ReplaceAll(src, "acts_on: [device]\n", "acts_on: [device]\n    marks: [sharing]\n"))
	v := w.visitor()
	v.header.Set("Sec-GPC", "1")
	page, _ := v.follow(url.Values{"choice": {"accept"}})
	if v.cookie() != "" || !strings.Contains(page, "Nothing was saved") || strings.Contains(page, "no to everything in this browser") {
		t.Errorf("cookie %q", v.cookie())
	}
	a := v.send("POST", "/v1/choices", "application/json", `{"choice":"accept","version":"`+string(w.db.InForce().ID)+`","language":"en"}`)
	if want := `{"receipts":[],"left_to_signal":["ad_measurement","analytics","comfort"],"cookie":"","granted":[],`; !strings.HasPrefix(a.text, want) {
		t.Errorf("%s %s", a.Status, a.text)
	}
}

func TestFormsThatAreRefused(t *testing.T) {
	w := open(t, "casco-fiber")
	for _, c := range []struct {
		name   string
		form   url.Values
		header http.Header
		status int
	}{
		{"no version", url.Values{"version": {""}, "choice": {"accept"}}, nil, 422},
		{"no answer", url.Values{}, nil, 422},
		{"neither yes nor no", url.Values{"answer": {"maybe:comfort"}}, nil, 422},
		{"unknown purpose", url.Values{"answer": {"yes:spying"}}, nil, 422},
		{"purpose of an address", url.Values{"answer": {"yes:newsletter"}}, nil, 422},
		{"recipient without an answer of its own", url.Values{"answer": {"yes:analytics/stats"}}, nil, 422},
		{"accept with purposes", url.Values{"choice": {"accept"}, "purpose": {"comfort"}}, nil, 422},
		{"too large", url.Values{"choice": {strings.Repeat("x", maxBody)}}, nil, 413},
		{"from another site", url.Values{"choice": {"accept"}}, http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"from another origin", url.Values{"choice": {"accept"}}, http.Header{"Origin": {"https://evil.example"}}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := w.visitor()
			v.t = t
			for k, list := range c.header {
				v.header[k] = list
			}
			a := v.post("/ar/choices", c.form)
			if a.StatusCode != c.status || v.cookie() != "" {
				t.Errorf("%s, cookie %q", a.Status, v.cookie())
			}
		})
	}
}

func TestTooManyAnswersFromOneAddress(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	for range postsAtOnce {
		v.post("/en/choices", url.Values{"choice": {"reject"}})
	}
	if a := v.post("/en/choices", url.Values{"choice": {"reject"}}); a.StatusCode != 429 || a.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %s", a.Status)
	}
	v.see("/en/choices") // reading goes on
	w.pass(time.Minute)
	v.follow(url.Values{"choice": {"reject"}})
}

func TestChoicesAsJSON(t *testing.T) {
	w := open(t, "casco-fiber")
	version := string(w.db.InForce().ID)
	for _, c := range []struct {
		name, body string
		status     int
		field      string
		receipts   int
	}{
		{"single answers", `{"choices":[{"purpose":"comfort","decision":"given"},{"purpose":"analytics","decision":"refused"}],"version":"V","language":"ar"}`, 200, "", 2},
		{"accept", `{"choice":"accept","version":"V","language":"en"}`, 200, "", 4},
		{"save", `{"choice":"save","purposes":["comfort"],"version":"V","language":"en"}`, 200, "", 4},
		{"reject", `{"choice":"reject","version":"V","language":"en"}`, 200, "", 0},
		{"no version", `{"choice":"reject","language":"en"}`, 422, "version", 0},
		{"a version that says nothing", `{"choice":"reject","version":"","language":"en"}`, 422, "version", 0},
		{"past version", `{"choice":"accept","version":"sha256:00","language":"en"}`, 409, "version", 0},
		{"both ways", `{"choice":"reject","choices":[{"purpose":"comfort","decision":"given"}],"version":"V","language":"en"}`, 422, "choices", 0},
		{"neither way", `{"version":"V","language":"en"}`, 422, "choices", 0},
		{"unknown purpose", `{"choices":[{"purpose":"spying","decision":"given"}],"version":"V","language":"en"}`, 422, "choices[0].purpose", 0},
		{"no such decision", `{"choices":[{"purpose":"comfort","decision":"maybe"}],"version":"V","language":"en"}`, 422, "choices[0].decision", 0},
		{"twice", `{"choices":[{"purpose":"comfort","decision":"given"},{"purpose":"comfort","decision":"refused"}],"version":"V","language":"en"}`, 422, "choices[1]", 0},
		{"a subject is named", `{"subject":"email:a@example.com","choice":"accept","version":"V","language":"en"}`, 422, "subject", 0},
		{"topics", `{"choices":[{"purpose":"comfort","decision":"given","topics":["a"]}],"version":"V","language":"en"}`, 422, "choices[0].topics", 0},
		{"a member twice", `{"choice":"accept","choice":"reject","version":"V","language":"en"}`, 400, "choice", 0},
		{"a member twice, deeper", `{"choices":[{"purpose":"comfort","decision":"refused","decision":"given"}],"version":"V","language":"en"}`, 400, "choices[0].decision", 0},
		{"a name in capitals", `{"Choice":"accept","version":"V","language":"en"}`, 422, "Choice", 0},
		{"not JSON", `choice=accept`, 400, "", 0},
		{"something behind it", `{"choice":"accept","version":"V","language":"en"}{}`, 400, "", 0},
		{"too large", `{"choice":"` + strings.Repeat("x", maxBody) + `"}`, 413, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := w.visitor()
			v.t = t
			a := v.send("POST", "/v1/choices", "application/json", strings.Replace(c.body, `"V"`, `"`+version+`"`, 1))
			var got struct {
				Receipts []json.RawMessage `json:"receipts"`
				Field    string            `json:"field"`
				Status   int               `json:"status"`
			}
			if err := json.Unmarshal([]byte(a.text), &got); err != nil {
				t.Fatal(err)
			}
			if a.StatusCode != c.status || got.Field != c.field || len(got.Receipts) != c.receipts {
				t.Errorf("%s %s", a.Status, a.text)
			}
			if c.status != 200 && (got.Status != c.status || a.Header.Get("Content-Type") != "application/problem+json" || v.cookie() != "") {
				t.Errorf("not a problem: %v %s", a.Header, a.text)
			}
			for _, r := range got.Receipts {
				if verdict, err := receipt.Verify(r, w.db.LogKey()); err != nil || verdict.Outcome != receipt.Valid {
					t.Errorf("a receipt is %s %v", verdict.Outcome, err)
				}
			}
		})
	}
	if a := w.visitor().get("/v1/choices"); a.StatusCode != 405 || a.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %s", a.Status)
	}
}

func (v *visitor) upload(path string, file []byte, key string) answered {
	v.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	part, err := m.CreateFormFile("receipt", "receipt.json")
	if err != nil {
		v.t.Fatal(err)
	}
	part.Write(file)
	m.WriteField("key", key)
	m.Close()
	return v.send("POST", path, m.FormDataContentType(), b.String())
}

func TestVerifyPage(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	page, _ := v.follow(url.Values{"answer": {"yes:comfort"}})
	file := []byte(v.get(fileLink.FindStringSubmatch(page)[1]).text)
	other := "other.example/log+c7f0a5ad+AYq7zFUcPDh5QqyZp6nWT7ZZ3sGQ3MA5iHWrOBaAm8Jh"
	for _, c := range []struct {
		name   string
		file   []byte
		key    string
		status int
		want   []string
	}{
		{"with our key", file, w.db.LogKey(), 200, []string{"The receipt is genuine", "Whether the answer still holds today"}},
		{"without a key", file, "", 200, []string{"was not checked", "That the key is the company’s", "It is the key we use today"}},
		{"changed", bytes.Replace(file, []byte("given"), []byte("refused"), 1), "", 200, []string{"The receipt does not hold", "Nothing in this file can be relied on"}},
		{"not a receipt", []byte("hello"), "", 200, []string{"The receipt does not hold", "It is not the file of a receipt"}},
		{"not a key", file, other + "x", 422, []string{"That is not a key of a log"}},
		{"no file", nil, "", 422, []string{"Please choose a file first"}},
		{"too large", bytes.Repeat([]byte("x"), receipt.MaxSize+1), "", 413, []string{"That is too large"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := v.upload("/en/verify", c.file, c.key)
			if a.StatusCode != c.status {
				t.Fatal(a.Status)
			}
			wellFormed(t, a, "en")
			for _, s := range c.want {
				if !strings.Contains(a.text, s) {
					t.Errorf("it does not say %q", s)
				}
			}
		})
	}
	wellFormed(t, v.upload("/ar/verify", file, w.db.LogKey()), "ar")
	for language, want := range map[string]string{"en": "It was signed with another key than the one you gave.", "ar": "وُقّع بمفتاح غير الذي أدخلته."} {
		a := v.upload("/"+language+"/verify", file, ledgertest.KeyOf(t, "other.example/log", "other").Verifier)
		if wellFormed(t, a, language); !strings.Contains(a.text, want) || strings.Contains(a.text, "--signers") {
			t.Errorf("%s: of another key it says no %q, or speaks of a program to customers", language, want)
		}
	}
}

// Receipts from before and after the log's key was handed over are told apart
// on the page, whichever of the keys was noted; the log lists them.
func TestVerifyPageFollowsHandovers(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	first := w.db.LogKey()
	page, _ := v.follow(url.Values{"answer": {"yes:comfort"}})
	old := []byte(v.get(fileLink.FindStringSubmatch(page)[1]).text)
	if _, err := w.db.HandOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := w.visitor()
	page, _ = other.follow(url.Values{"answer": {"yes:comfort"}})
	fresh := []byte(other.get(fileLink.FindStringSubmatch(page)[1]).text)
	signers, _, err := ledger.ReadSigners([]byte(v.see("/log/signers")))
	if err != nil || len(signers) != 2 || signers[0].Key != first || signers[1].Key != w.db.LogKey() {
		t.Fatalf("%+v, %v", signers, err)
	}
	for _, c := range []struct {
		name string
		file []byte
		key  string
		want string
	}{
		{"old, by the old key", old, first, "It is the key that you gave"},
		{"old, by the new key", old, w.db.LogKey(), "signed by an earlier key of the same log"},
		{"old, by none", old, "", "It is a key that we used before"},
		{"fresh, by the old key", fresh, first, "signed by a later key of the same log"},
		{"fresh, by the new key", fresh, w.db.LogKey(), "It is the key that you gave"},
		{"fresh, by none", fresh, "", "It is the key we use today"},
	} {
		for language, want := range map[string]string{"en": c.want, "ar": ""} {
			a := v.upload("/"+language+"/verify", c.file, c.key)
			wellFormed(t, a, language)
			if a.StatusCode != 200 || !strings.Contains(a.text, want) || strings.Contains(a.text, "does not hold") {
				t.Errorf("%s: %s, and it does not say %q", c.name, a.Status, want)
			}
		}
	}
}

// What a person answers with leaves no trace in the log of requests.
func TestLogsSayNothingOfAnybody(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	page, at := v.follow(url.Values{"answer": {"yes:comfort"}})
	link := fileLink.FindStringSubmatch(page)[1]
	v.see(link)
	v.upload("/en/verify", []byte(v.see(link)), "")
	for _, secret := range []string{mustCookie(t, v.cookie()).ID, strings.TrimPrefix(string(v.device()), "device:"), strings.Split(link, "/")[3], strings.Split(at, "=")[1][:20], "127.0.0.1"} {
		if strings.Contains(w.logs.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	if !strings.Contains(w.logs.String(), "/en/receipt/{token}") {
		t.Error("the log does not name the routes")
	}
	entries, err := os.ReadDir(w.dir)
	if err != nil || len(entries) > 5 {
		t.Errorf("files appeared: %v %v", entries, err)
	}
}

// TestWhatTheBrowserCannotAnswerLeadsToWhoCan follows the page's own link: purposes
// of an address or number are answered behind the sign-in, not by writing to the company.
func TestWhatTheBrowserCannotAnswerLeadsToWhoCan(t *testing.T) {
	for language, link := range map[string]string{"en": "Sign in to answer or to withdraw", "ar": "ادخل لتجيب أو لتسحب موافقتك"} {
		v := open(t, "casco-fiber").visitor()
		if want := `<a href="/` + language + `/me/choices">` + link + `</a>`; !strings.Contains(v.see("/"+language+"/choices"), want) {
			t.Errorf("%s: the page does not say %s", language, want)
		}
		a := v.get("/" + language + "/me/choices")
		if to := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || to != "/"+language+"/me?to=%2Fme%2Fchoices" {
			t.Errorf("%s: without a sign-in it leads to %q: %s", language, to, a.Status)
		}
	}
}
