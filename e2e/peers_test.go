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
	"testing"

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

// watched notes when the first layer is seen, and for how long tasks held up the page.
const watched = `window.blocked = 0, window.seen = 0
new PerformanceObserver(l => l.getEntries().forEach(e => blocked += Math.max(0, e.duration - 50))).observe({type: "longtask", buffered: true})
const look = () => { const e = document.querySelector("#amana dialog:popover-open, #cc-main .cm"); if (e && e.getBoundingClientRect().height && getComputedStyle(e).visibility == "visible") seen = performance.now(); else requestAnimationFrame(look) }
requestAnimationFrame(look)`

// BenchmarkVisible loads the same long page without a banner, with ours and with
// vanilla-cookieconsent, under a fourfold slower processor: milliseconds until the
// first layer is seen, and for which tasks held up the page.
func BenchmarkVisible(b *testing.B) {
	s, err := sharedSite()
	if err != nil {
		b.Fatal(err)
	}
	filler := bytes.Repeat([]byte("<section><h2>A part</h2><p>Text of a page that is long enough to take a while.</p></section>"), 800)
	for name, banner := range map[string]string{"none": "", "ours": `<script src="` + s.Public + `/amana.js?lang=en"></script>`, "vanilla-cookieconsent": vanillaPage} {
		b.Run(name, func(b *testing.B) {
			mux := http.NewServeMux()
			mux.Handle("/", http.FileServer(http.Dir("node_modules")))
			mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprintf(w, "%s%s</head><body><main><h1>A page</h1>%s</main></body></html>", head, banner, filler)
			})
			page_ := httptest.NewServer(mux)
			defer page_.Close()
			p := Open(b, page_.URL+"/klaro/package.json", View{})
			call(p, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 4})
			call(p, page.Enable, page.EnableParams{})
			call(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watched})
			var visible, blocked, loads float64
			for b.Loop() {
				p.Go(page_.URL + "/")
				if name != "none" {
					p.within("the layer is seen", "seen")
				}
				visible += Eval[float64](p, "seen")
				blocked += Eval[float64](p, "new Promise(d => setTimeout(() => d(blocked), 500))")
				loads++
			}
			b.ReportMetric(visible/loads, "visible-ms")
			b.ReportMetric(blocked/loads, "blocked-ms")
		})
	}
}
