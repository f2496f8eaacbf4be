package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// A colleague asks why, without script, in both languages, themes and widths:
// nothing about the customer gets into an address, and axe finds nothing.
func TestWhyOnAPage(t *testing.T) {
	d := SharedDemo(t)
	var kept any
	if status := d.Post(t, "/v1/consents", map[string]any{"subject": "customer:777001", "choices": []any{map[string]string{"purpose": "tailored_offers", "decision": "given"}}}, &kept); status != 201 {
		t.Fatal(status)
	}
	for _, language := range []string{"en", "ar"} {
		for _, v := range []View{{NoScript: true}, {NoScript: true, Phone: true, Dark: true}} {
			name := fmt.Sprintf("%s phone=%t", language, v.Phone)
			t.Run(name, func(t *testing.T) {
				p := Open(t, d.Company+"/"+language+"/explain", v)
				p.Accessible()
				p.Type("#subject", "customer:777001")
				p.Type("#purpose", "tailored_offers")
				p.Type("#token", d.Token)
				if status := p.Follow("button"); status != 200 {
					t.Fatal(status)
				}
				p.Accessible()
				if n := p.Count("svg .holds"); n != 5 || p.Count("ol li") != 5 {
					t.Errorf("%d links hold", n)
				}
				wide := Eval[bool](p, `[...document.querySelectorAll("svg text")].every(t => { const b = t.getBoundingClientRect(), s = t.closest("svg").getBoundingClientRect(); return b.left >= s.left - 1 && b.right <= s.right + 1 })`)
				if !wide {
					t.Error("a text leaves the picture")
				}
				p.Picture("explain-" + language + fmt.Sprintf("-%t", v.Phone))
				p.Type("#recipient", "institute")
				p.Type("#token", d.Token)
				p.Follow("button")
				p.Accessible()
				if p.Count("svg .against") != 1 {
					t.Error("a no is not drawn")
				}
				p.Picture("explain-no-" + language + fmt.Sprintf("-%t", v.Phone))
				for _, url := range p.Requests() {
					if strings.Contains(url, "777001") || strings.Contains(url, d.Token) || !strings.HasPrefix(url, d.Company) {
						t.Errorf("it asked for %s", url)
					}
				}
			})
		}
	}
}
