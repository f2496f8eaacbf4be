package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/gpp"
)

const head = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>A page</title><link rel="icon" href="data:,">`

// TestHostileStyleChangesNothing compares the layer in a plain page with one
// whose sheet does its worst.
func TestHostileStyleChangesNothing(t *testing.T) {
	s := SharedSite(t)
	look := func(name, style string) string {
		p := Open(t, s.page(name, nil, head+style+`<script src="`+s.Public+`/amana.js?lang=en"></script><body><main><h1>A page</h1></main></body></html>`), View{})
		p.shows(layer)
		p.Picture("hostile-" + name)
		return Eval[string](p, `[...document.querySelectorAll("#amana dialog, #amana dialog *")].map(e => { const s = getComputedStyle(e), r = e.getBoundingClientRect();
			return [e.tagName, Math.round(r.x), Math.round(r.y), Math.round(r.width), Math.round(r.height), s.color, s.backgroundColor, s.font, s.opacity, s.visibility, s.display, s.transform, s.filter, s.pointerEvents, s.textTransform, s.letterSpacing].join() }).join("\n")`)
	}
	plain := look("plain", "")
	for name, style := range map[string]string{
		"important":  `<style>*{color:red!important;background:lime!important;font:9px/1 serif!important;letter-spacing:9px!important} button,dialog{display:none!important;visibility:hidden!important;opacity:0!important;pointer-events:none!important;transform:scale(.1)!important}</style>`,
		"unset":      `<style>*,*::before,*::after{all:unset!important}</style>`,
		"named":      `<style>#amana,#amana *,#amana dialog button[data-amana-action]{display:none!important;color:#eee!important} [data-amana-action=accept]{background:green!important;padding:3em!important} [data-amana-action=reject]{font-size:8px!important}</style>`,
		"stacking":   `<style>body{transform:translateX(0);filter:blur(0);contain:paint;overflow:hidden;height:10px} main{position:fixed;inset:0;z-index:2147483647;background:#fff}</style>`,
		"root":       `<style>html{font-size:4px;letter-spacing:5px;text-transform:uppercase;color:red} :root{--a:red}</style>`,
		"animations": `<style>*{animation:fly 1s infinite!important;transition:all 9s!important}@keyframes fly{to{transform:translateX(900px);opacity:0}}</style>`,
		"layers":     `<style>@layer reset{*{margin:0!important;padding:0!important;border:0!important;box-sizing:content-box!important}}</style>`,
	} {
		if got := look(name, style); got != plain && name != "layers" && name != "root" {
			t.Errorf("under %s the layer is\n%s\nnot\n%s", name, firstDifference(got, plain), firstDifference(plain, got))
		} else if (name == "layers" || name == "root") && !strings.Contains(got, "BUTTON") {
			t.Errorf("under %s there are no buttons", name)
		}
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			return x[i]
		}
	}
	return ""
}

// TestAStrictPolicyOfContents runs under nonces and Trusted Types; the harness
// fails the test for every complaint of the browser.
func TestAStrictPolicyOfContents(t *testing.T) {
	s := SharedSite(t)
	header := http.Header{"Content-Security-Policy": {fmt.Sprintf("default-src 'none'; img-src data:; script-src 'nonce-abc' 'strict-dynamic'; style-src 'nonce-abc'; connect-src %s %s; frame-src %s; require-trusted-types-for 'script'; trusted-types amana", s.Public, s.Stats, s.Maps)}}
	at := s.page("strict", header, head+`<script nonce="abc" src="`+s.Public+`/amana.js?lang=en"></script>
<script nonce="abc" type="text/plain" data-purpose="analytics" src="`+s.Stats+`/script.js"></script>
<script nonce="abc" type="text/plain" data-purpose="analytics">window.order = [...window.order, "inline"]</script>
<body><main><h1>Strict</h1><iframe title="Map" data-purpose="comfort" data-src="`+s.Maps+`/frame.html"></iframe></main></body></html>`)
	p := Open(t, at, View{})
	p.shows(layer)
	p.Click(layer + " [data-amana-action=manage]")
	p.shows(dialog)
	p.within("the details are there", `document.querySelector("#amana li div p")`)
	p.Click(dialog + " [data-amana-action=accept]")
	p.within("scripts ran in their order", `window.order?.join() == "script,inline"`)
	p.Go(at) // the gate, too
	p.within("scripts ran again", `window.order?.join() == "script,inline"`)
	Eval[bool](p, `amana.show(), true`)
	p.shows(dialog)
}

// TestAnswersGoWhereTheyShould says yes to one purpose by the dialog, to another
// by a placeholder, and takes one back again.
func TestAnswersGoWhereTheyShould(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.Own+"/en", View{})
	p.shows(layer)
	Eval[bool](p, `window.seen = [], ["show", "change", "receipt"].forEach(n => amana.on(n, d => seen.push([n, d.origin ?? (d.big ? d : d.length)].join(":")))), true`)
	p.Click(layer + " [data-amana-action=manage]")
	p.shows(dialog)
	p.Click(`#amana input[value=analytics]`)
	p.Click(dialog + " [data-amana-action=save]")
	p.within("one counts", `amana.get().join() == "analytics"`)
	subject := device(p)
	if got := s.decision(t, subject, "analytics"); got != "given" {
		t.Errorf("decided %s", got)
	}
	if got := s.decision(t, subject, "comfort"); got != "refused" {
		t.Errorf("what was left unticked is decided %s", got)
	}
	if got := Eval[string](p, `seen.join(" ")`); got != "show:choices change:dialog receipt:3" && got != "show:choices change:dialog receipt:4" {
		t.Errorf("events: %s", got)
	}
	if got := Eval[string](p, `JSON.stringify(dataLayer.map(a => [...a]))`); !strings.Contains(got, `["consent","default",{"ad_personalization":"denied"`) || !strings.Contains(got, `"analytics_storage":"granted"`) || strings.Contains(got, `"ad_storage":"granted"`) {
		t.Errorf("consent mode: %s", got)
	}
	// once: this element alone, and nothing is kept
	before := len(p.settled())
	p.Click(`amana-box:has(+ iframe[data-src$="frame.html"]) [data-amana-action=once]`)
	p.within("the frame is let in", `document.querySelector('iframe[data-src$="frame.html"]').src`)
	s.asks(p, before, []string{s.Maps + "/frame.html"})
	if Eval[bool](p, `amana.has("comfort")`) {
		t.Error("once is kept")
	}
	p.Click(`amana-box:has(+ video) [data-amana-action=always]`)
	p.within("both count", `amana.get().join() == "analytics,comfort"`)
	if got := s.decision(t, device(p), "comfort"); got != "given" {
		t.Errorf("always is decided %s", got)
	}
	if n := p.Count("amana-box:has(+ video)"); n > 0 {
		t.Error("the box stays where its frame is shown")
	}
	// back by the hash, from a page that has only the gate
	p.Go(s.Own + "/en/again")
	p.state("set")
	Eval[bool](p, `location.hash = "privacy-choices", true`)
	p.shows(dialog)
	if got := Eval[string](p, `[...document.querySelectorAll("#amana input:checked")].map(i => i.value).join()`); got != "analytics,comfort" {
		t.Errorf("ticked are %s", got)
	}
	p.Click(`#amana input[value=analytics]`)
	p.Click(dialog + " [data-amana-action=save]")
	p.within("the page is loaded again with the rest", `performance.getEntriesByType("navigation")[0].type == "reload" && window.amana?.get().join() == "comfort"`)
	if got := s.decision(t, subject, "analytics"); got != "withdrawn" {
		t.Errorf("what was unticked is decided %s", got)
	}
}

// TestTheSignalIsHonouredInTheBanner sends Global Privacy Control.
func TestTheSignalIsHonouredInTheBanner(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.Own+"/en", View{GPC: true})
	p.shows(layer)
	p.state("gpc")
	if got := p.Text("#amana dialog"); !strings.Contains(got, "Your browser says no for you") || strings.Contains(got, "Counting our ads") {
		t.Errorf("the layer says\n%s", got)
	}
	if len(p.Cookies()) > 0 {
		t.Error("the signal sets a cookie")
	}
	p.Picture("layer-gpc")
	p.Click(layer + " [data-amana-action=accept]")
	p.within("the rest counts", `amana.get().join() == "analytics,comfort"`)
	p.Click("[data-amana=choices]")
	p.shows(dialog)
	p.Picture("dialog-gpc")
	p.Click(`#amana input[value=ad_measurement]`)
	p.Click(dialog + " [data-amana-action=save]")
	p.within("an explicit yes wins", `amana.has("ad_measurement")`)
	p.Go(s.Own + "/en/further")
	p.within("it still does", `amana.has("ad_measurement")`)
	if got := s.decision(t, device(p), "ad_measurement"); got != "given" {
		t.Errorf("decided %s", got)
	}
}

// TestWithoutScriptTheFormAsks answers by the form that the site's server puts
// into its page, and comes back to that page.
func TestWithoutScriptTheFormAsks(t *testing.T) {
	s := SharedSite(t)
	for _, language := range []string{"en", "ar"} {
		p := Open(t, s.Own+"/"+language+"/plain", View{NoScript: true, Phone: true})
		p.Accessible()
		p.Picture("form-" + language)
		if status := p.Follow(press("accept")); status != http.StatusOK || !strings.HasPrefix(p.URL(), s.Own) {
			t.Fatalf("the form answers %d and leads to %s", status, p.URL())
		}
		subject := device(p)
		if got := s.decision(t, subject, "analytics"); got != "given" {
			t.Errorf("decided %s", got)
		}
		p.Follow(press("reject"))
		if got := s.decision(t, subject, "analytics"); got != "withdrawn" {
			t.Errorf("decided %s", got)
		}
		p.Follow(`#amana a[data-amana-action=manage]`)
		if !strings.HasPrefix(p.URL(), s.Public+"/"+language+"/choices") {
			t.Errorf("choosing leads to %s", p.URL())
		}
	}
}

// TestThePlatformsAPI asks as tags of the Global Privacy Platform do.
func TestThePlatformsAPI(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.page("gpp", nil, head+`<script>window.__gpp = (...a) => a.length ? void (__gpp.q = __gpp.q || []).push(a) : __gpp.q; window.heard = []; __gpp("addEventListener", e => heard.push(e.eventName))</script>
<script src="`+s.Public+`/amana.js?lang=en"></script><script src="`+s.Public+`/amana-gpp.js?state=ca"></script><body><main><h1>A page</h1></main></body></html>`), View{})
	p.shows(layer)
	ask := func(command, parameter string) string {
		return Eval[string](p, `new Promise(d => __gpp("`+command+`", (v, ok) => d(JSON.stringify([v, ok])), `+parameter+`))`)
	}
	if got := ask("ping", "null"); !strings.Contains(got, `"cmpId":1`) || !strings.Contains(got, `"gppString":"DBABrw~`) || !strings.Contains(got, `"supportedAPIs":["8:usca","7:usnat"]`) || !strings.Contains(got, `"sectionList":[7,8],"applicableSections":[7,8]`) {
		t.Errorf("ping: %s", got)
	}
	if got := ask("getField", `"usnat.SharingOptOut"`); got != "[1,true]" {
		t.Errorf("before any answer SharingOptOut is %s", got)
	}
	p.Click(layer + " [data-amana-action=accept]")
	p.within("it is told", `heard.includes("sectionChange")`)
	if got := ask("getField", `"usnat.SharingOptOut"`); got != "[2,true]" {
		t.Errorf("after a yes SharingOptOut is %s", got)
	}
	for section, want := range map[string]string{"usca": "[true,true]", "usva": "[false,true]"} {
		if got := ask("hasSection", quote(section)); got != want {
			t.Errorf("%s: %s", section, got)
		}
	}
	text := Eval[string](p, `new Promise(d => __gpp("ping", v => d(v.gppString)))`)
	sections := Eval[map[string]map[string]any](p, `new Promise(d => __gpp("ping", v => d(v.parsedSections)))`)
	decoded, err := gpp.Decode(text)
	if err != nil || len(decoded) != 2 {
		t.Fatalf("%s is not read: %v", text, err)
	}
	for _, c := range decoded {
		want := map[string]any{}
		raw, _ := json.Marshal(c.Members())
		json.Unmarshal(raw, &want)
		if d := cmp.Diff(want, sections[c.Name]); d != "" {
			t.Errorf("%s in %s is shown otherwise:\n%s", c.Name, text, d)
		}
	}
	if got := Eval[string](p, `heard[0]`); got != "listenerRegistered" {
		t.Errorf("what was queued before heard first %s", got)
	}
}

// TestNothingMoves holds pages still while the layer and the way back come: no
// layout shift, long or short. A body that spreads what is in it over the height
// of the window moves by what is added at its end; docs/banner.md says so.
func TestNothingMoves(t *testing.T) {
	s := SharedSite(t)
	for name, text := range map[string]string{"long": strings.Repeat("<p>Text that would move.</p>", 40), "short": "<p>Text that would move.</p>"} {
		at := s.page("still-"+name, nil, head+`<script>window.moved = 0; new PerformanceObserver(l => l.getEntries().forEach(e => moved += e.value)).observe({type: "layout-shift", buffered: true})</script>
<script src="`+s.Public+`/amana.js?lang=en"></script><body><main><h1>A page</h1>`+text+`</main><footer>The end</footer></body></html>`)
		for _, v := range []View{{}, {Phone: true}} {
			p := Open(t, at, v)
			p.shows(layer)
			p.shows(wayBack)
			if got := Eval[float64](p, `new Promise(d => setTimeout(() => d(moved), 500))`); got > 0 {
				t.Errorf("%s: layout shift %v", name, got)
			}
		}
	}
}
