package e2e

import (
	"slices"
	"strings"
	"testing"
)

// A no, wherever it is said and whoever hears it.

// TestANoWithTheGateAloneHoldsOffline takes everything back where the browser has
// never loaded the questions, and neither they nor the answer get through: with
// something that ran, and with nothing but Google Consent Mode.
func TestANoWithTheGateAloneHoldsOffline(t *testing.T) {
	s := SharedSite(t)
	for name, tag := range map[string]string{"ran": s.waiting(), "told": ""} {
		t.Run(name, func(t *testing.T) {
			at := s.page("gate-"+name, nil, head+s.script()+tag+`<body><main><h1>A page</h1><button data-amana="reject">Withdraw everything</button></main></body></html>`)
			p := accepted(t, at)
			p.Go(at)
			p.within("the gate says yes", `amana.has("analytics") && amana.$`)
			p.block("/amana/*.js", "/v1/choices")
			n := len(p.settled())
			p.Click("[data-amana=reject]")
			p.comes("the no holds", `window.amana?.has("!analytics") && document.cookie.endsWith(".u")`)
			if name == "ran" {
				p.comes("the page is loaded again", `performance.getEntriesByType("navigation")[0].type == "reload" && document.readyState == "complete"`)
			} else {
				p.within("it is told", `dataLayer.at(-1)[1] == "update" && Object.values(dataLayer.at(-1)[2]).every(v => v == "denied")`)
			}
			p.Click("[data-amana=reject]") // and once more
			if got := s.third(p.settled()[n:]); len(got) > 0 || !Eval[bool](p, `/^amana=1\.\w{8}\.\w+\.\w+\.[\w-]{22}\.u$/.test(document.cookie)`) {
				t.Errorf("asked for %q, the cookie is %s", got, Eval[string](p, `document.cookie`))
			}
			p.block()
			p.forget()
			p.Go(at)
			heard(p)
			p.state("set")
			if got := s.third(p.settled()[n:]); len(got) > 0 || p.Count(layer) > 0 {
				t.Errorf("once it is heard: asked for %q, asks %d times", got, p.Count(layer))
			}
		})
	}
}

// TestANoAtTheDoorIsANoAtTheSite takes everything back on the door's own page,
// where the site has a cookie of its own: the site follows and asks nothing.
func TestANoAtTheDoorIsANoAtTheSite(t *testing.T) {
	s := SharedSite(t)
	at := s.apart()
	p := accepted(t, at)
	Eval[bool](p, `document.cookie = "qc_visitor=1;path=/", true`)
	p.Go(strings.Replace(s.Public, "127.0.0.1", "privacy.shop.test", 1) + "/en/choices")
	p.Follow(`#everything [data-amana-action=reject]`)
	n := len(p.settled())
	p.Go(at)
	heard(p)
	p.state("set")
	p.within("what was stored goes", `!document.cookie.includes("qc_visitor")`)
	if got := s.third(p.settled()[n:]); len(got) > 0 || p.Count(layer)+p.Count(dialog) > 0 {
		t.Errorf("asked for %q, asks %d times", got, p.Count(layer))
	}
	n = len(p.Requests())
	p.Go(at)
	p.state("set")
	if got := p.settled()[n:]; slices.Contains(got, named(s.Public)+"/v1/choices") || p.Count(layer) > 0 {
		t.Errorf("it is not over: %q", got)
	}
}

// TestAFirstNoWithoutTheServerEnds refuses, unheard, where the door has a cookie of
// its own: it is told once, and no more.
func TestAFirstNoWithoutTheServerEnds(t *testing.T) {
	s := SharedSite(t)
	at := s.apart()
	p := Open(t, at, View{})
	p.shows(layer)
	p.block("/v1/choices")
	p.Click(layer + " [data-amana-action=reject]")
	p.within("it holds", `/^amana=1\.\w{8}\.0\.u$/.test(document.cookie)`)
	p.settled()
	p.block()
	p.Go(at)
	heard(p)
	p.settled()
	n := len(p.Requests())
	p.Go(at)
	p.state("set")
	if got := p.settled()[n:]; slices.ContainsFunc(got, func(r string) bool { return strings.HasSuffix(r, "/v1/choices") }) {
		t.Errorf("it is told again: %q", got)
	}
}

// TestAnotherTabsNoReachesConsentMode has two tabs without a tag that waits.
func TestAnotherTabsNoReachesConsentMode(t *testing.T) {
	s := SharedSite(t)
	at := s.page("tabs", nil, head+s.script()+`<body><main><h1>A page</h1></main></body></html>`)
	p := accepted(t, at)
	other := p.Tab(at)
	other.within("the yes counts there", `amana.has("analytics") && dataLayer.at(-1)[2].analytics_storage == "granted"`)
	Eval[bool](p, `amana.reject(), true`)
	heard(p)
	other.within("the no is told there", `amana.has("!analytics") && dataLayer.at(-1)[1] == "update" && dataLayer.at(-1)[2].analytics_storage == "denied"`)
}

// TestANoAtTheDoorsDomainIsNotHidden has sites that share the cookie since lately, and a
// cookie of the page's own host from before: it hides nothing any more.
func TestANoAtTheDoorsDomainIsNotHidden(t *testing.T) {
	s := SharedSite(t)
	door := doorAt(t, "privacy.shop.test", func(src string) string {
		return strings.NewReplacer("languages: [en, ar]", "languages: [en, ar]\nbanner: {shared: true}", `sites: ["https://cascofiber.example"]`, `sites: ["https://www.shop.test"]`).Replace(src)
	}, named(s.mine))
	p := Open(t, named(s.page("sharing", nil, head+`<script>document.cookie = "amana=1.00000000.f.tbb8w0.AAECAwQFBgcICQoLDA0ODw;path=/"</script><script src="`+door+`/amana.js?lang=en"></script><body><main><h1>A page</h1></main></body></html>`)), View{})
	p.shows(layer)
	p.Click(layer + " [data-amana-action=reject]")
	heard(p)
	if c := p.Cookies(); len(c) != 1 || c[0].Domain != ".shop.test" {
		t.Errorf("cookies %+v", c)
	}
}
