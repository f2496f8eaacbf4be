package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
)

// TestALongWordBreaks has a purpose whose title, benefit and texts are single words
// that no narrow screen holds: nothing scrolls sideways, on a site or at the door.
func TestALongWordBreaks(t *testing.T) {
	s := SharedSite(t)
	long := strings.Repeat("Widerspruchsbelehrung", 4)
	door := otherDoor(t, func(src string) string {
		return strings.NewReplacer("Counting visits to our site", long, "إحصاء زيارات موقعنا", strings.Repeat("فأسقيناكموه", 8)).Replace(src)
	}, s.mine)
	for _, language := range []string{"en", "ar"} {
		p := Open(t, s.page("long-"+language, nil, head+`<script src="`+door+`/amana.js?lang=`+language+`"></script><body><main><h1>A page</h1><iframe title="Map" data-purpose="analytics" data-src="`+s.Maps+`/frame.html"></iframe></main></body></html>`), View{Phone: true})
		fits := func(part string) {
			t.Helper()
			p.shows(part)
			p.Picture("long-" + language + "-" + strings.Trim(strings.Split(part, ":")[0], "#"))
			for _, wide := range Eval[[]string](p, `[document.documentElement, ...document.querySelectorAll("#amana dialog, amana-box, .card, main")].filter(e => e.scrollWidth > e.clientWidth).map(e => e.localName + " " + e.scrollWidth + " in " + e.clientWidth)`) {
				t.Errorf("%s, %s: %s", language, part, wide)
			}
		}
		p.within("the page has loaded", `document.readyState == "complete"`)
		fits(layer)
		fits("amana-box")
		p.Click(layer + " [data-amana-action=manage]")
		p.within("the details are there", `document.querySelector("#amana li div p")`)
		fits(dialog)
		p.Go(door + "/" + language + "/choices")
		fits("main")
		p.Go(door + "/" + language + "/policy")
		fits("main")
	}
}

// TestWhereThereIsLittleRoom looks at layer and dialog on a phone on its side, and
// where a desk is zoomed to 200 and to 400 %: every control can be reached, and
// the page behind is still to be seen.
func TestWhereThereIsLittleRoom(t *testing.T) {
	s := SharedSite(t)
	for _, language := range []string{"en", "ar"} {
		p := Open(t, s.Own+"/"+language, View{})
		for name, size := range map[string][2]int64{"side": {740, 360}, "zoomed-200": {640, 400}, "zoomed-400": {320, 200}} {
			call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: size[0], Height: size[1], DeviceScaleFactor: 2, Mobile: name == "side"})
			p.Go(s.Own + "/" + language)
			p.shows(layer)
			p.Picture("room-" + name + "-layer-" + language)
			reached := func(in string, want int) {
				t.Helper()
				n := 0
				for _, bad := range Eval[[]string](p, `[...document.querySelectorAll(`+quote(in)+`+" :is(button, input)")].filter(e => e.checkVisibility()).map(e => {
					e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect(), at = document.elementFromPoint((r.left + r.right) / 2, (r.top + r.bottom) / 2)
					return e.contains(at) && r.left >= 0 && r.right <= innerWidth ? "" : e.outerHTML })`) {
					if n++; bad != "" {
						t.Errorf("%s %s: cannot be reached: %s", name, language, bad)
					}
				}
				if n != want {
					t.Errorf("%s %s: %d controls, want %d", name, language, n, want)
				}
			}
			reached(layer, 3)
			if Eval[bool](p, `document.querySelector("#amana dialog").getBoundingClientRect().top < innerHeight * .35`) {
				t.Errorf("%s %s: the layer leaves nothing of the page", name, language)
			}
			p.Click(layer + " [data-amana-action=manage]")
			p.shows(dialog)
			p.within("the details are there", `document.querySelector("#amana li div p")`)
			p.Picture("room-" + name + "-dialog-" + language)
			reached(dialog, 8)
			if over := Eval[int](p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%s %s: the page scrolls sideways by %d", name, language, over)
			}
		}
	}
}
