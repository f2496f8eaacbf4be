package e2e

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const wayBack = "amana-way"

// TestTheWayBackIsThereByItself opens pages that have none: before an answer, and
// after it, where the gate came alone.
func TestTheWayBackIsThereByItself(t *testing.T) {
	s := SharedSite(t)
	for _, language := range []string{"en", "ar"} {
		for _, v := range []View{{}, {Phone: true, Dark: true}} {
			p := Open(t, s.bare(language), v)
			p.shows(layer)
			p.shows(wayBack)
			p.Click(layer + " [data-amana-action=accept]")
			p.within("the yes counts", `amana.has("analytics")`)
			p.Go(s.bare(language))
			p.shows(wayBack)
			p.Picture("way-" + language + map[bool]string{true: "-phone"}[v.Phone])
			p.Accessible()
			large(t, p, wayBack)
			if got := Eval[string](p, `[...document.querySelectorAll("amana-way button")].map(b => b.dataset.amana).join()`); got != "reject,choices" {
				t.Errorf("its controls are %s", got)
			}
			p.Click(wayBack + " [data-amana=choices]")
			p.shows(dialog)
			p.Type("", kb.Escape)
			Eval[bool](p, `document.body.innerHTML = "<main><h1>Another view</h1></main>", true`)
			p.shows(wayBack) // of a page that writes itself anew
			p.Click(wayBack + " [data-amana=reject]")
			p.within("the yes is gone", `!amana.has("analytics")`)
			p.within("the server has heard", `/^amana=1\.\w{8}\.0$/.test(document.cookie)`)
		}
	}
	p := Open(t, s.Own+"/en", View{})
	p.shows(layer)
	if p.settled(); p.Count(wayBack) > 0 {
		t.Error("a page that has one gets another")
	}
}

// large looks at every control under some: 44 pixels at least either way. The
// target of a box is its label (WCAG 2.2, 2.5.8 and 2.5.5).
func large(t *testing.T, p *Page, in string) {
	t.Helper()
	small := Eval[[]string](p, `[...document.querySelectorAll(`+quote(in)+`+" :is(button, input, a)")].filter(e => e.checkVisibility()).map(e => e.closest("label") ?? e)
		.map(e => [e, e.getBoundingClientRect()]).filter(([e, r]) => r.width < 44 || r.height < 44).map(([e, r]) => e.outerHTML + " " + r.width + "x" + r.height)`)
	for _, s := range small {
		t.Errorf("too small to press: %s", s)
	}
}

// TestTargetsAreLarge measures every control of layer, dialog and placeholders.
func TestTargetsAreLarge(t *testing.T) {
	s := SharedSite(t)
	for _, language := range []string{"en", "ar"} {
		for _, v := range []View{{}, {Phone: true}} {
			p := Open(t, s.Own+"/"+language, v)
			p.shows(layer)
			p.shows("amana-box")
			large(t, p, layer)
			large(t, p, "amana-box")
			p.Click(layer + " [data-amana-action=manage]")
			p.shows(dialog)
			large(t, p, dialog)
			if n := Eval[int](p, `[...document.querySelectorAll("#amana dialog :is(button, input)")].filter(e => e.checkVisibility()).length`); n != 8 {
				t.Errorf("%d controls were measured in the dialog", n)
			}
		}
	}
}

// TestFocusIsNeverHiddenInTheDialog walks through the dialog by keys: nothing of
// it lies under the buttons that stay in place.
func TestFocusIsNeverHiddenInTheDialog(t *testing.T) {
	s := SharedSite(t)
	for _, language := range []string{"en", "ar"} {
		p := Open(t, s.Own+"/"+language, View{Phone: true})
		p.shows(layer)
		p.Click(layer + " [data-amana-action=manage]")
		p.shows(dialog)
		p.within("the details are there", `document.querySelector("#amana li div p")`)
		seen := map[string]bool{}
		for range 20 {
			p.Type("", kb.Tab)
			got := Eval[string](p, `(() => { const e = document.activeElement; if (!e.closest("#amana")) return "";
				const r = e.getBoundingClientRect(), at = document.elementFromPoint((r.left + r.right) / 2, (r.top + r.bottom) / 2); return e.contains(at) ? e.value || e.dataset.amanaAction || e.localName : "hidden: " + e.outerHTML })()`)
			if len(got) > 8 && got[:8] == "hidden: " {
				t.Fatalf("%s: %s", language, got)
			}
			seen[got] = true
		}
		for _, want := range []string{"reject", "accept", "analytics", "comfort", "ad_measurement", "ad_measurement/ad_network", "save", "close"} {
			if !seen[want] {
				t.Errorf("%s: no key leads to %s, only to %v", language, want, seen)
			}
		}
	}
}

// TestForcedColours looks at layer and dialog under a high contrast theme: every
// control keeps an edge that is drawn in the theme's own colours.
func TestForcedColours(t *testing.T) {
	s := SharedSite(t)
	for _, v := range []View{{Forced: true}, {Forced: true, Dark: true, Phone: true}} {
		p := Open(t, s.Own+"/ar", v)
		if !Eval[bool](p, `matchMedia("(forced-colors: active)").matches`) {
			t.Fatal("colours are not forced")
		}
		p.shows(layer)
		edges := func(in string) {
			for _, bad := range Eval[[]string](p, `(() => { const probe = document.createElement("i"); document.body.append(probe)
				const system = n => (probe.style.color = n, getComputedStyle(probe).color), ok = ["ButtonText", "ButtonBorder", "CanvasText", "Highlight"].map(system), ground = system("Canvas")
				return [...document.querySelectorAll(`+quote(in)+`+" button")].filter(e => e.checkVisibility()).filter(e => { const s = getComputedStyle(e)
					return s.borderTopStyle != "solid" || parseFloat(s.borderTopWidth) < 2 || !ok.includes(s.borderTopColor) || !ok.includes(s.color) || s.borderTopColor == ground || s.forcedColorAdjust != "auto" }).map(e => e.outerHTML) })()`) {
				t.Errorf("without an edge: %s", bad)
			}
		}
		edges(layer)
		p.Picture("layer-forced" + map[bool]string{true: "-dark"}[v.Dark])
		p.Click(layer + " [data-amana-action=manage]")
		p.shows(dialog)
		p.within("the details are there", `document.querySelector("#amana li div p")`)
		edges(dialog)
		p.Accessible()
		p.Picture("dialog-forced" + map[bool]string{true: "-dark"}[v.Dark])
	}
}

// TestNothingIsAnimated holds for everybody, and so for who prefers reduced motion,
// also where the page animates whatever it has.
func TestNothingIsAnimated(t *testing.T) {
	s := SharedSite(t)
	at := s.page("moving", nil, head+`<style>@keyframes fly{from{opacity:0}to{opacity:1}}*,*::before,*::after{animation:fly 9s!important;transition:all 9s!important;scroll-behavior:smooth!important}</style>
<script src="`+s.Public+`/amana.js?lang=en"></script><body><main><h1>A page</h1></main></body></html>`)
	for _, v := range []View{{}, {Moving: true}} {
		p := Open(t, at, v)
		if got := Eval[bool](p, `matchMedia("(prefers-reduced-motion: reduce)").matches`); got == v.Moving {
			t.Fatalf("reduced motion is %t", got)
		}
		still := func() {
			if n := Eval[int](p, `document.getAnimations().filter(a => a.effect.target.closest("#amana *, amana-way, amana-box")).length`); n > 0 {
				t.Errorf("%d parts move", n)
			}
			if got := Eval[string](p, `[...new Set([...document.querySelectorAll("#amana *, amana-way *")].map(e => [getComputedStyle(e).transitionDuration, getComputedStyle(e).scrollBehavior]).flat())].join()`); got != "0s,auto" {
				t.Errorf("transitions and scrolling: %s", got)
			}
		}
		p.shows(layer)
		p.shows(wayBack)
		still()
		p.Click(layer + " [data-amana-action=manage]")
		p.shows(dialog)
		still()
	}
}

// TestAKeyOpensTheDialogAndAnswersNothing opens it at a link by the key whose
// later events come to whatever has the focus by then, and looks where the focus
// goes from there.
func TestAKeyOpensTheDialogAndAnswersNothing(t *testing.T) {
	s := SharedSite(t)
	for _, language := range []string{"en", "ar"} {
		p := Open(t, s.Own+"/"+language, View{})
		p.shows(layer)
		p.Type("", kb.Tab+kb.Tab+kb.Tab+kb.Enter) // to the third answer
		p.shows(dialog)
		p.Type("", kb.Escape)
		p.shows(layer)
		if !Eval[bool](p, `document.activeElement.closest("#amana, body") != null && !document.activeElement.matches("[data-amana-action=accept]")`) {
			t.Error("after the dialog the focus is at a yes")
		}
		p.Click(layer + " [data-amana-action=accept]")
		p.within("the yes counts", `amana.has("analytics") && /^amana=1\.\w{8}\.\w+\.\w+\./.test(document.cookie)`)
		for _, way := range []string{"full", "gate"} {
			if way == "gate" {
				p.Go(s.Own + "/" + language)
				p.within("the gate says yes", `amana.has("analytics")`)
			}
			Eval[bool](p, `document.querySelector("a[data-amana=choices]").focus(), true`)
			p.Type("", kb.Enter)
			p.shows(dialog)
			p.within("the details are there", `document.querySelector("#amana li div p")`)
			if !Eval[bool](p, `amana.has("analytics") && document.activeElement.matches("#amana dialog")`) {
				t.Errorf("%s %s: the key that opened the dialog did more", language, way)
			}
			p.Type("", kb.Escape)
			p.within("the focus is back at the link", `document.activeElement.matches("a[data-amana=choices]")`)
		}
	}
}
