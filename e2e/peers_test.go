package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
)

// peers are other banners, by the files that a page loads of them for layer and
// dialog in one language.
var peers = map[string][]string{
	"vanilla-cookieconsent": {"vanilla-cookieconsent/dist/cookieconsent.umd.js", "vanilla-cookieconsent/dist/cookieconsent.css"},
	"klaro":                 {"klaro/dist/klaro.js"},
	"tarteaucitronjs":       {"tarteaucitronjs/tarteaucitron.min.js", "tarteaucitronjs/css/tarteaucitron.min.css", "tarteaucitronjs/lang/tarteaucitron.en.min.js", "tarteaucitronjs/tarteaucitron.services.min.js"},
}

const c15tPage = `import { createElement as h } from 'react'
import { createRoot } from 'react-dom/client'
import * as c15t from '@c15t/react'
createRoot(document.body).render(h(c15t.ConsentManagerProvider ?? 'div', { options: { mode: 'offline' } }, h(c15t.ConsentBanner ?? c15t.CookieBanner ?? 'div'), h(c15t.ConsentDialog ?? c15t.ConsentManagerDialog ?? 'div')))
`

func gzipped(raw []byte) int {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	z.Write(raw)
	z.Close()
	return b.Len()
}

// TestOursIsTheSmallest weighs what a first visitor loads beside the same of others.
func TestOursIsTheSmallest(t *testing.T) {
	s := SharedSite(t)
	resp, err := http.Get(s.Public + "/amana.js?lang=en")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	ours := gzipped(raw)
	t.Logf("%-24s %6d bytes in 1 request, texts included", "ours", ours)
	weights := map[string]int{}
	for name, files := range peers {
		for _, f := range files {
			raw, err := os.ReadFile(filepath.Join("node_modules", f))
			need(t, name, err)
			weights[name] += gzipped(raw)
		}
	}
	weights["@c15t/react, with React"] = gzipped(bundled(t, File(t, "c15t.js", []byte(c15tPage))))
	for name, n := range weights {
		t.Logf("%-24s %6d bytes, %.1f times ours", name, n, float64(n)/float64(ours))
		if n < 2*ours {
			t.Errorf("%s has only %d bytes, ours %d", name, n, ours)
		}
	}
}

const vanillaPage = `<link rel="stylesheet" href="/vanilla-cookieconsent/dist/cookieconsent.css"><script defer src="/vanilla-cookieconsent/dist/cookieconsent.umd.js"></script>
<script>addEventListener("DOMContentLoaded", () => CookieConsent.run({hideFromBots: false, categories: {necessary: {enabled: true, readOnly: true}, analytics: {}, comfort: {}}, language: {default: "en", translations: {en: {
consentModal: {title: "What may we keep in this browser?", description: "Nothing of this starts before you say yes.", acceptAllBtn: "Accept", acceptNecessaryBtn: "Reject", showPreferencesBtn: "Choose"},
preferencesModal: {title: "Choices", acceptAllBtn: "Accept", acceptNecessaryBtn: "Reject", savePreferencesBtn: "Save", sections: [{title: "Counting visits", linkedCategory: "analytics"}, {title: "Settings", linkedCategory: "comfort"}]}}}}}))</script>`

// watched notes when the first layer is seen, for how long tasks held up the page,
// and what moved.
const watched = `window.blocked = 0, window.seen = 0, window.moved = 0
new PerformanceObserver(l => l.getEntries().forEach(e => blocked += Math.max(0, e.duration - 50))).observe({type: "longtask", buffered: true})
new PerformanceObserver(l => l.getEntries().forEach(e => moved += e.value)).observe({type: "layout-shift", buffered: true})
const look = () => { const e = document.querySelector("#amana dialog:popover-open, #cc-main .cm"); if (e && e.getBoundingClientRect().height && getComputedStyle(e).visibility == "visible") seen = performance.now(); else requestAnimationFrame(look) }
requestAnimationFrame(look)`

// contender is a page with a banner, or with none, and what its loads took.
type contender struct {
	name, banner            string
	at                      *Page
	url                     string
	visible, blocked, moved []float64
}

// BenchmarkVisible loads the same long page without a banner, with ours and with
// vanilla-cookieconsent in turn, under a fourfold slower processor: milliseconds
// until the first layer is seen and for which tasks held up the page, the median
// of the loads; and the most that moved. The first load of each warms up.
func BenchmarkVisible(b *testing.B) {
	s, err := sharedSite()
	if err != nil {
		b.Fatal(err)
	}
	all := []*contender{{name: "none"}, {name: "ours", banner: `<script src="` + s.Public + `/amana.js?lang=en"></script>`}, {name: "vanilla", banner: vanillaPage}}
	for _, c := range all {
		c.open(b)
		c.load(b)
		c.visible, c.blocked, c.moved = nil, nil, nil
	}
	for b.Loop() {
		for _, c := range all {
			c.load(b)
		}
	}
	for _, c := range all {
		b.ReportMetric(median(c.visible), c.name+"-visible-ms")
		b.ReportMetric(median(c.blocked), c.name+"-blocked-ms")
		b.ReportMetric(slices.Max(c.moved), c.name+"-moved")
		b.Logf("%s: visible %.0f, blocked %.0f", c.name, c.visible, c.blocked)
	}
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

func (c *contender) open(b *testing.B) {
	filler := bytes.Repeat([]byte("<section><h2>A part</h2><p>Text of a page that is long enough to take a while.</p></section>"), 800)
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir("node_modules")))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "%s%s</head><body><main><h1>A page</h1>%s</main></body></html>", head, c.banner, filler)
	})
	server := httptest.NewServer(mux)
	b.Cleanup(server.Close)
	c.url = server.URL + "/"
	c.at = Open(b, c.url+"klaro/package.json", View{})
	call(c.at, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 4})
	call(c.at, page.Enable, page.EnableParams{})
	call(c.at, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watched})
}

func (c *contender) load(b *testing.B) {
	call(c.at, page.BringToFront, cdp.Empty{}) // tabs behind another draw nothing
	c.at.Go(c.url)
	if c.banner != "" {
		c.at.within("the layer is seen", "seen")
	}
	c.blocked = append(c.blocked, Eval[float64](c.at, "new Promise(d => setTimeout(() => d(blocked), 500))"))
	c.visible, c.moved = append(c.visible, Eval[float64](c.at, "seen")), append(c.moved, Eval[float64](c.at, "moved"))
}
