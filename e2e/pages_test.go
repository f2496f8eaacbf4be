package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// publicPages are the pages anybody can open, below the language.
var publicPages = []string{"/", "/policy", "/policy/changes", "/choices", "/contact", "/verify"}

// TestEveryPageIsForEverybody looks at each page in each language, wide and
// narrow, light and dark: no barrier that axe-core knows, no sideways
// scrolling, no request to anybody else, at most 30 KB on the wire.
func TestEveryPageIsForEverybody(t *testing.T) {
	d := SharedDemo(t)
	views := []View{{}, {Phone: true, Dark: true}}
	for _, language := range []string{"en", "ar"} {
		for _, v := range views {
			t.Run(fmt.Sprintf("%s phone=%t dark=%t", language, v.Phone, v.Dark), func(t *testing.T) {
				t.Parallel() // nothing is changed: one tab waits while another is drawn
				p := Open(t, d.Public+"/"+language+publicPages[0], v)
				for i, path := range publicPages {
					if i > 0 {
						p.Go(d.Public + "/" + language + path)
					}
					p.Picture(strings.NewReplacer("/", "-", " ", "-", "=", "-").Replace(fmt.Sprintf("%s%s phone=%t dark=%t", language, path, v.Phone, v.Dark)))
					looksRight(t, d, p, language)
				}
			})
		}
	}
}

func looksRight(t *testing.T, d *Demo, p *Page, language string) {
	t.Helper()
	p.Accessible()
	p.Small()
	for _, url := range p.Requests() {
		if !strings.HasPrefix(url, d.Public+"/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("%s: a request to %s", p.URL(), url)
		}
	}
	if dir, want := p.Attr("html", "dir"), map[string]string{"en": "ltr", "ar": "rtl"}[language]; dir != want || p.Attr("html", "lang") != language {
		t.Errorf("%s: dir is %q, lang %q", p.URL(), dir, p.Attr("html", "lang"))
	}
	if p.Count(`a[href^="mailto:"]`) == 0 || p.Count(`a[href^="tel:"]`) == 0 || p.Count(`a[href="/`+language+`/policy"]`) == 0 {
		t.Errorf("%s: policy or contact is not to be found from here (A12, A13)", p.URL())
	}
	if n := p.Count(`footer form button[value="reject"]`); n != 1 {
		t.Errorf("%s: %d buttons withdraw everything", p.URL(), n)
	}
	if text := strings.ToLower(p.Text("body")); strings.Contains(text, "amana") && !strings.Contains(p.URL(), "/policy") {
		t.Errorf("%s speaks of us, not of the company", p.URL())
	}
	if p.Count("script") > 0 {
		t.Errorf("%s has script", p.URL())
	}
}

// TestYesAndNoAreEqual finds nothing set beforehand, and
// compares the two buttons as a customer sees them.
func TestYesAndNoAreEqual(t *testing.T) {
	d := SharedDemo(t)
	for _, v := range []View{{}, {Phone: true, Dark: true}} {
		p := Open(t, d.Public+"/ar/choices", v)
		type look struct {
			Width, Height                    float64
			Colour, Background, Font, Border string
		}
		see := func(selector string) look {
			return Eval[look](p, `(() => { const e = document.querySelector(`+quote(selector)+`), s = getComputedStyle(e), r = e.getBoundingClientRect();
				return {Width: r.width, Height: r.height, Colour: s.color, Background: s.backgroundColor, Font: s.fontSize + s.fontWeight, Border: s.border} })()`)
		}
		for yes, no := range map[string]string{`[data-amana-action=accept]`: `[data-amana-action=reject]`, `[value="yes:analytics"]`: `[value="no:analytics"]`} {
			if a, b := see(yes), see(no); a != b || a.Height < 44 {
				t.Errorf("yes looks like %+v, no like %+v", a, b)
			}
		}
		if n := p.Count("input:checked, [aria-checked=true], option[selected]"); n > 0 {
			t.Errorf("%d things are set beforehand", n)
		}
	}
}

// TestAGetChangesNothing follows every link of a page after a yes.
func TestAGetChangesNothing(t *testing.T) {
	d := SharedDemo(t)
	p := Open(t, d.Public+"/en/choices", View{})
	p.Follow(`button[value="yes:analytics"]`)
	subject := device(p)
	hrefs := Eval[[]string](p, `[...document.querySelectorAll("a[href]")].map(a => a.href).filter(h => h.startsWith(location.origin))`)
	for _, href := range hrefs {
		if strings.Contains(href, "/json") || strings.Contains(href, "#") {
			continue // a download, or a place on a page: nothing is loaded
		}
		if status := p.Go(href); status != http.StatusOK {
			t.Errorf("%s answers %d", href, status)
		}
	}
	if got := d.decision(t, subject, "analytics"); got != "given" {
		t.Fatalf("after following every link it is decided %s", got)
	}
}
