package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// cameFromLogin opens a tab in which somebody came from the company's login.
func cameFromLogin(t *testing.T, d *Demo, v View, ids ...string) *Page {
	t.Helper()
	var link struct{ URL string }
	if status := d.Post(t, "/v1/portal-links", map[string]any{"subjects": ids, "language": v.Language}, &link); status != 201 {
		t.Fatalf("a link for the login answers %d", status)
	}
	p := Open(t, link.URL, v)
	if status := p.Follow("main form button"); status != 200 {
		t.Fatalf("coming from the login answers %d", status)
	}
	return p
}

// looked holds a page to what holds for all of them, and keeps a picture.
func (p *Page) looked(name string) {
	p.t.Helper()
	p.Accessible()
	p.Small()
	look := p.view.Language
	if p.view.Phone {
		look += "-phone"
	}
	if p.view.Dark {
		look += "-dark"
	}
	p.Picture("mine-" + name + "-" + look)
}

// TestACustomersOwnPages walks what is behind the sign-in: see, choose, correct,
// take away, erase; in both languages, on a phone without script and on a desk.
func TestACustomersOwnPages(t *testing.T) {
	d := SharedDemo(t)
	views := []View{{Language: "ar", Phone: true, NoScript: true}, {Language: "en", Phone: true, NoScript: true, Dark: true}, {Language: "en", Phone: true}, {Language: "ar", Phone: true, Dark: true}}
	if os.Getenv("AMANA_SCREENSHOTS") != "" {
		views = append(views, View{Language: "en"}, View{Language: "ar", Dark: true})
	}
	for i, v := range views {
		t.Run(fmt.Sprintf("%s phone=%t script=%t", v.Language, v.Phone, !v.NoScript), func(t *testing.T) {
			t.Parallel()
			ownPages(t, d, v, fmt.Sprintf("customer:7700%d", i), fmt.Sprintf("email:mina%d@example.com", i))
		})
	}
}

func ownPages(t *testing.T, d *Demo, v View, customer, mail string) {
	p := cameFromLogin(t, d, v, customer, mail)
	at := func(path string) string { return d.Public + "/" + v.Language + path }
	tile := func(path string) string { return `main a.tile[href="/` + v.Language + path + `"]` }
	p.looked("start")

	in := p.clicks(tile("/me/choices"), `button[value="yes:a/tailored_offers"]`)
	if got := d.decision(t, customer, "tailored_offers"); got != "given" {
		t.Fatalf("decided %s after a yes", got)
	}
	p.looked("choices")
	verifyReceipt(t, d, p.Download(`[role=status] a[download]`))
	p.Go(at("/me"))
	out := p.clicks(tile("/me/choices"), `button[value="no:a/tailored_offers"]`)
	if got := d.decision(t, customer, "tailored_offers"); got != "withdrawn" {
		t.Fatalf("decided %s after a no", got)
	}
	p.Go(at("/me"))
	everything := p.clicks(tile("/me/choices"), `main button[value="reject"]`)
	t.Logf("to say yes: %d clicks; no: %d; no to everything: %d; no key, no field", in, out, everything)
	if out > in || everything > in {
		t.Errorf("opting in takes %d clicks, opting out %d, of everything %d", in, out, everything)
	}
	if got := d.decision(t, customer, "network_security"); got != "objected" {
		t.Errorf("decided %s after a no to everything", got)
	}
	p.Follow(`button[value="yes:a/tailored_offers"]`)
	p.Follow(`button[value="yes:b/newsletter"]`)
	if n := p.Count(`button[value="no:b/newsletter/on:bay"]`); n != 1 {
		t.Error("there is no choice of topics")
	}

	p.Go(at("/me/known"))
	p.looked("known")
	p.Click("#drawn summary")
	type drawn struct {
		Boxes, Out int
		Smallest   float64
	}
	if got := Eval[drawn](p, `(() => { const svg = document.querySelector("svg.way"), s = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll("text")]
		return {Boxes: svg.querySelectorAll("rect").length, Smallest: Math.min(...texts.map(t => parseFloat(getComputedStyle(t).fontSize) * s.width / svg.viewBox.baseVal.width)),
			Out: texts.filter(t => { const b = t.getBoundingClientRect(); return b.left < s.left || b.right > s.right }).length} })()`); got.Boxes < 9 || got.Out > 0 || got.Smallest < 10.9 {
		t.Errorf("the drawing on this screen: %+v", got)
	}
	p.looked("drawn")
	p.Go(at("/me/receipts"))
	p.looked("receipts")

	p.Go(at("/me/correct"))
	p.looked("correct")
	p.Type("#d-name", "مينا ناصر")
	p.Type("", kb.Enter)
	p.comes("it leads to the correction", `location.pathname.includes("/me/requests/") && document.readyState == "complete"`)
	if !strings.Contains(p.Text("main"), "مينا ناصر") {
		t.Error("the correction is not shown")
	}
	p.looked("correction")
	p.Go(at("/me/requests"))
	p.Type("#a-text", "Why did you write to me?")
	if status := p.Follow(`button[value="complaint"]`); status != 200 {
		t.Errorf("a complaint answers %d", status)
	}
	p.Go(at("/me/requests"))
	p.looked("requests")
	takeAway(t, p, at)
	eraseMe(t, d, p, at, customer)
}

// clicks follows one thing after the other, and gives how many there were.
func (p *Page) clicks(selectors ...string) int {
	p.t.Helper()
	for _, s := range selectors {
		if status := p.Follow(s); status != 200 {
			p.t.Fatalf("%s answers %d", s, status)
		}
	}
	return len(selectors)
}

func takeAway(t *testing.T, p *Page, at func(string) string) {
	t.Helper()
	p.Go(at("/me/take"))
	p.looked("take")
	p.Follow("main form button")
	here, _, _ := strings.Cut(p.URL(), "?")
	for end := time.Now().Add(patience); p.Count(`main a[download="my-data.zip.age"]`) == 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the copy is never ready")
		}
		p.Go(here)
	}
	p.looked("copy")
	if raw := p.Download(`main a[download="my-data.zip.age"]`); !strings.HasPrefix(string(raw), "age-encryption.org/v1") {
		t.Errorf("%d bytes that are no age file", len(raw))
	}
}

func eraseMe(t *testing.T, d *Demo, p *Page, at func(string) string, customer string) {
	t.Helper()
	p.Go(at("/me/erase"))
	p.looked("erase")
	if status := p.Follow(`main button[value="erase"]`); status != 200 || !strings.Contains(p.URL(), "/erasure/") {
		t.Fatalf("erasing leads to %s", p.URL())
	}
	ticket := p.URL()
	p.looked("ticket")
	if got := d.decision(t, customer, "tailored_offers"); got != "restricted" {
		t.Errorf("decided %s while an erasure waits", got)
	}
	p.Go(at("/me"))
	p.looked("start-erasing")
	if other := Open(t, ticket, p.view); !strings.Contains(other.Text("main"), ticket) {
		t.Error("without a sign-in the ticket shows nothing")
	}
	p.Go(at("/me/requests"))
	p.Follow(`main li.card h3 a`)
	p.looked("erasing")
	if status := p.Follow(`main button[value="cancel"]`); status != 200 {
		t.Errorf("cancelling answers %d", status)
	}
	if got := d.decision(t, customer, "tailored_offers"); got != "given" {
		t.Errorf("decided %s after it was cancelled", got)
	}
}
