package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// decision asks the company door and gives its reason.
func (d *Demo) decision(t testing.TB, subject, purpose string) string {
	t.Helper()
	var a struct{ Reason string }
	if status := d.Post(t, "/v1/decide", map[string]any{"subject": subject, "purpose": purpose}, &a); status != 200 {
		t.Fatalf("decide: %d", status)
	}
	return a.Reason
}

// device gives the subject behind a browser's cookie, "" where it has no id.
func device(p *Page) string {
	for _, c := range p.Cookies() {
		if parts := strings.Split(c.Value, "."); c.Name == "amana" && len(parts) == 5 {
			return "device:" + parts[4]
		}
	}
	return ""
}

// TestACustomersJourney is the promise of the whole program, walked in a real
// browser: read the policy, say yes, keep the receipt, have it verified
// elsewhere, be decided on, take it back, and still hold the proof.
func TestACustomersJourney(t *testing.T) {
	d := SharedDemo(t)
	for _, v := range []View{{}, {NoScript: true, Phone: true}} {
		for _, lang := range []string{"en", "ar"} {
			t.Run(fmt.Sprintf("%s script=%t", lang, !v.NoScript), func(t *testing.T) {
				v := v
				v.Language = lang
				journey(t, d, v)
			})
		}
	}
}

func journey(t *testing.T, d *Demo, v View) {
	p := Open(t, d.Public+"/", v)
	if want := d.Public + "/" + v.Language + "/"; p.URL() != want {
		t.Fatalf("the bare address leads to %s, not %s", p.URL(), want)
	}
	if status := p.Follow(`a[href="/` + v.Language + `/policy"]`); status != 200 {
		t.Fatalf("the policy answers %d", status)
	}
	if !strings.Contains(p.Text("main"), map[string]string{"en": "Counting visits", "ar": "إحصاء زيارات موقعنا"}[v.Language]) {
		t.Fatal("the policy does not speak of the purpose")
	}
	if len(p.Cookies()) > 0 {
		t.Fatal("reading set a cookie")
	}
	p.Follow(`a[href="/` + v.Language + `/choices"]`)
	if status := p.Follow(`button[value="yes:analytics"]`); status != 200 {
		t.Fatalf("saying yes answers %d", status)
	}
	subject := device(p)
	if subject == "" {
		t.Fatal("a yes came without an id")
	}
	yes := keepReceipt(t, d, p, "given")
	if got := d.decision(t, subject, "analytics"); got != "given" {
		t.Fatalf("decided %s after a yes", got)
	}
	if got := d.decision(t, subject, "comfort"); got != "not_asked" {
		t.Fatalf("a yes to one purpose decided another %s", got)
	}
	if status := p.Follow(`footer button[value="reject"], .foot button[value="reject"]`); status != 200 { // as many clicks as the yes: one
		t.Fatalf("withdrawing answers %d", status)
	}
	if got := d.decision(t, subject, "analytics"); got != "withdrawn" { // at the first question after the answer
		t.Fatalf("decided %s after withdrawing", got)
	}
	if device(p) != "" {
		t.Fatal("the id outlived the yes")
	}
	keepReceipt(t, d, p, "withdrawn")
	verifyReceipt(t, d, yes) // history stays true
}

// keepReceipt downloads the receipt that the page shows and verifies it as on
// another machine; the receipt must speak of the decision.
func keepReceipt(t *testing.T, d *Demo, p *Page, decision string) []byte {
	t.Helper()
	raw := p.Download(`[role=status] a[download]`)
	var r struct {
		Record struct {
			HasConsent struct{ Decision string }
		}
		Process struct {
			Value struct{ HasPurpose struct{ Title string } }
		}
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatalf("the receipt: %v\n%s", err, raw)
	}
	if r.Record.HasConsent.Decision != decision || r.Process.Value.HasPurpose.Title == "" {
		t.Fatalf("the receipt says %+v, want %s", r, decision)
	}
	verifyReceipt(t, d, raw)
	return raw
}

func verifyReceipt(t *testing.T, d *Demo, raw []byte) {
	t.Helper()
	file := File(t, "receipt.json", raw)
	if out, errs, code := d.Run(t, "verify", file, "--key", d.LogKey); code != 0 {
		t.Fatalf("verify --key: %d\n%s%s", code, out, errs)
	}
	if out, _, code := d.Run(t, "verify", file); code != 3 {
		t.Fatalf("verify without a key: %d, want 3\n%s", code, out)
	}
	spoilt := File(t, "spoilt.json", []byte(strings.Replace(string(raw), "evidenced", "not_evidenced", 1)))
	if out, _, code := d.Run(t, "verify", spoilt, "--key", d.LogKey); code != 1 {
		t.Fatalf("verify of a changed receipt: %d, want 1\n%s", code, out)
	}
}

// TestFormsWorkOverPlainHTTPToo visits by a name to which browsers send no
// Fetch Metadata, as a phone on the company's network would.
func TestFormsWorkOverPlainHTTPToo(t *testing.T) {
	d := SharedDemo(t)
	for _, v := range []View{{}, {NoScript: true}} {
		p := Open(t, strings.Replace(d.Public, "127.0.0.1", "shop.test", 1)+"/en/choices", v)
		if status := p.Follow(`button[value="yes:analytics"]`); status != 200 {
			t.Fatalf("saying yes answers %d", status)
		}
		subject := device(p)
		if status := p.Follow(`footer button[value="reject"]`); status != 200 {
			t.Fatalf("withdrawing answers %d", status)
		}
		if got := d.decision(t, subject, "analytics"); got != "withdrawn" {
			t.Fatalf("decided %s", got)
		}
	}
}

// TestARefusalLeavesNothing holds a browser that never said yes: the same
// cookie for everybody, no receipt, no event.
func TestARefusalLeavesNothing(t *testing.T) {
	d := SharedDemo(t)
	values := map[string]bool{}
	for _, language := range []string{"en", "ar"} {
		p := Open(t, d.Public+"/"+language+"/choices", View{NoScript: true})
		p.Follow(`button[data-amana-action="reject"]`)
		for _, c := range p.Cookies() {
			values[c.Name+"="+c.Value] = true
			if c.Expires == 0 || len(c.Name)+len(c.Value) > 120 {
				t.Errorf("the cookie %s=%s does not last, or is long", c.Name, c.Value)
			}
		}
		if p.Count(`a[download]`) > 0 {
			t.Error("a refusal by nobody in particular has a receipt")
		}
	}
	if len(values) != 1 {
		t.Fatalf("refusals leave %v", values)
	}
}

// TestGlobalPrivacyControlIsHonouredAndShown sends the signal and says yes all
// the same: an explicit choice while it is shown wins, and only that.
func TestGlobalPrivacyControlIsHonouredAndShown(t *testing.T) {
	d := SharedDemo(t)
	p := Open(t, d.Public+"/en/choices", View{GPC: true})
	if p.Count(`[role=note]`) == 0 {
		t.Fatal("the signal is not shown")
	}
	p.Picture("choices-gpc")
	p.Follow(`button[value="yes:ad_measurement"]`)
	if got := d.decision(t, device(p), "ad_measurement"); got != "given" {
		t.Fatalf("an explicit yes under the signal is decided %s", got)
	}
}

// TestTheReceiptPageChecksOurReceipts uploads a receipt as a customer would.
func TestTheReceiptPageChecksOurReceipts(t *testing.T) {
	d := SharedDemo(t)
	for _, language := range []string{"en", "ar"} {
		p := Open(t, d.Public+"/"+language+"/choices", View{NoScript: true, Phone: language == "ar"})
		p.Follow(`button[value="yes:analytics"]`)
		raw := p.Download(`[role=status] a[download]`)
		p.Follow(`[role=status] a[href*="/receipt/"]:not([download])`)
		p.Picture("receipt-" + language)
		p.Accessible()
		check := func(raw []byte) (heading string) {
			p.Go(d.Public + "/" + language + "/verify")
			p.Upload(`input[name=receipt]`, File(t, "receipt.json", raw))
			p.Type(`input[name=key]`, d.LogKey)
			p.Follow(`main form button`)
			p.Accessible()
			return p.Text(`main h2`)
		}
		good := check(raw)
		p.Picture("verify-good-" + language)
		bad := check([]byte(strings.Replace(string(raw), "evidenced", "not_evidenced", 1)))
		p.Picture("verify-bad-" + language)
		if want := map[string]string{"en": "The receipt is genuine", "ar": ""}[language]; good == bad || want != "" && good != want {
			t.Errorf("%s: a good receipt is %q, a changed one %q", language, good, bad)
		}
	}
}
