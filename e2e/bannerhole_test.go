package e2e

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"

	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/web"
)

// What a page may do, or have, that the banner has to stand.

// otherDoor is a public door of Casco Fiber whose policy was changed, and which
// takes answers from some origins.
func otherDoor(t *testing.T, change func(string) string, origins ...string) string {
	t.Helper()
	return doorAt(t, "127.0.0.1", change, origins...)
}

// doorAt is the same under a name.
func doorAt(t *testing.T, host string, change func(string) string, origins ...string) string {
	t.Helper()
	dir := t.TempDir()
	ring, err := keyring.Create(filepath.Join(dir, "keys"), "company.example/log")
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "db"), Ring: ring, Create: true, Now: time.Now,
		TakeBack: func(l string) (string, string) { return "https://privacy.example/" + l + "/choices", "by one click" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	src, err := examples.FS.ReadFile("casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	changed := change(string(src))
	doc, findings := policy.Read("amana.yaml", []byte(changed))
	if len(findings) > 0 || changed == string(src) {
		t.Fatal("the policy is not the changed one: ", findings)
	}
	if _, err := db.Publish(t.Context(), doc, nil, "Ellen Pettengill"); err != nil {
		t.Fatal(err)
	}
	var door http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	at := strings.Replace(s.URL, "127.0.0.1", host, 1)
	door = web.New(web.Config{Store: db, PublicURL: at, Origins: origins})
	return at
}

// TestAPageNobodyLooksAtWaits prepares a page beforehand: it is blocked, and
// neither shown nor counted until somebody looks at it, and then once.
func TestAPageNobodyLooksAtWaits(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.page("behind", nil, head+`<script>let behind = true; Object.defineProperty(document, "hidden", {get: () => behind})
const turn = to => (behind = to, document.dispatchEvent(new Event("visibilitychange")), true), counted = []
navigator.sendBeacon = (...a) => counted.push(a)</script>`+s.script()+s.waiting()+`<body><main><h1>A page</h1></main></body></html>`), View{})
	p.shows(wayBack)
	if got := s.third(p.settled()); len(got) > 0 || p.Count(layer) > 0 || Eval[int](p, `counted.length`) > 0 {
		t.Fatalf("nobody looks, and the layer is there %d times, counted %d times; asked for %q", p.Count(layer), Eval[int](p, `counted.length`), got)
	}
	Eval[bool](p, `turn(false)`)
	p.shows(layer)
	Eval[bool](p, `turn(true) && turn(false) && turn(true) && turn(false)`)
	if got := Eval[string](p, `counted.join()`); !strings.HasPrefix(got, s.Public+"/v1/shown,en ") || strings.Count(got, "shown") != 1 {
		t.Errorf("counted: %s", got)
	}
}

// TestADialogsNoIsSentOnce counts what is sent.
func TestADialogsNoIsSentOnce(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.bare("en"), View{})
	p.shows(layer)
	Eval[bool](p, `window.sent = 0, window.ask = fetch, window.fetch = (...a) => (sent += a[0].endsWith("/v1/choices"), ask(...a)), true`)
	p.Click(layer + " [data-amana-action=manage]")
	p.shows(dialog)
	p.Click(dialog + " [data-amana-action=reject]")
	heard(p)
	p.settled()
	if n := Eval[int](p, "sent"); n != 1 {
		t.Errorf("one no is sent %d times", n)
	}
}

// TestScriptsThatNeverComeHoldUpNobody lets in, before one that counts, scripts
// that this browser does not run, that the page takes away while they wait, and
// that have a handler of their own. Time is up at once for those that never come, the
// first and the third, and never for the others, however slow the machine is.
func TestScriptsThatNeverComeHoldUpNobody(t *testing.T) {
	s := SharedSite(t)
	held := `<script type="text/plain" data-purpose="analytics" `
	p := Open(t, s.page("queue", nil, head+`<script>let waits = 0; const clock = setTimeout; window.setTimeout = (f, n, ...a) => n < 5000 || !n || [1, 3].includes(++waits) ? clock(f, n < 5000 ? n : 0, ...a) : 0; window.order = []</script>`+s.script()+
		held+`nomodule src="`+s.Stats+`/old.js"></script>`+
		held+`src="`+s.Stats+`/handled.js" onload="order.push('handler')"></script>`+
		held+`>document.querySelector("#gone").remove()</script>`+
		held+`id="gone" src="`+s.Stats+`/gone.js"></script>`+
		held+`src="http://127.0.0.1:1/missing.js" onerror="order.push('missing')"></script>`+
		held+`src="`+s.Stats+`/last.js"></script><body><main><h1>A page</h1></main></body></html>`), View{})
	p.shows(layer)
	p.Click(layer + " [data-amana-action=accept]")
	p.within("the last one runs", `order.includes("last.js")`)
	if got := Eval[string](p, "order.join()"); got != "handled.js,handler,missing,last.js" {
		t.Errorf("what ran: %s", got)
	}
}

// TestNoBoxStandsForWhatAYesReplaces shows a picture to those without a yes.
func TestNoBoxStandsForWhatAYesReplaces(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.page("instead", nil, head+s.script()+`<body><main><h1>A page</h1><img alt="A plain map" data-purpose="!comfort" data-src="`+s.Maps+`/plain.gif" width="200" height="60"><iframe title="Map" data-purpose="comfort" data-src="`+s.Maps+`/frame.html"></iframe></main></body></html>`), View{})
	p.shows(layer)
	s.asks(p, 0, []string{s.Maps + "/plain.gif"})
	if got := Eval[string](p, `[...document.querySelectorAll("amana-box")].map(b => b.nextSibling.title).join()`); got != "Map" {
		t.Errorf("boxes stand for %q", got)
	}
	p.Click(layer + " [data-amana-action=accept]")
	p.within("the yes counts", `amana.has("comfort")`)
	p.settled()
	n := len(p.Requests())
	p.Go(p.URL())
	s.asks(p, n, []string{s.Maps + "/frame.html"})
	p.settled()
	if n := p.Count("amana-box"); n > 0 {
		t.Errorf("with a yes there are %d boxes", n)
	}
}

// TestWhatFailedIsNotSaidLater answers after an answer that did not arrive.
func TestWhatFailedIsNotSaidLater(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.bare("en"), View{})
	p.shows(layer)
	Eval[bool](p, `window.ask = fetch, window.fetch = () => Promise.reject(new TypeError("offline")), true`)
	p.Click(layer + " [data-amana-action=accept]")
	p.within("it says so", `document.querySelector("#amana output").value`)
	Eval[bool](p, `window.fetch = ask, true`)
	p.Click(layer + " [data-amana-action=accept]")
	p.within("the yes counts", `amana.has("analytics")`)
	p.Click(wayBack + " [data-amana=choices]")
	p.shows(dialog)
	if got := Eval[string](p, `document.querySelector("#amana output").value`); got != "" {
		t.Errorf("after a yes that arrived the dialog says %q", got)
	}
}

// block keeps the tab from some paths; without any it lets everything through.
func (p *Page) block(paths ...string) {
	p.t.Helper()
	var list []*network.BlockPattern
	for _, path := range paths {
		list = append(list, &network.BlockPattern{URLPattern: "*://*:*" + path, Block: true})
	}
	call(p, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: list})
}

// TestWhatWasAllowedOnceEndsWithANo plays a frame once and then refuses.
func TestWhatWasAllowedOnceEndsWithANo(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.page("once", nil, head+s.script()+`<body><main><h1>A page</h1><iframe title="Map" data-purpose="comfort" data-src="`+s.Maps+`/frame.html"></iframe></main></body></html>`), View{})
	p.shows(layer)
	p.Click("amana-box [data-amana-action=once]")
	s.asks(p, 0, []string{s.Maps + "/frame.html"})
	n := len(p.settled())
	p.Click(layer + " [data-amana-action=reject]")
	p.comes("the page is loaded again", `performance.getEntriesByType("navigation")[0].type == "reload" && document.querySelector("amana-box")`)
	if got := s.third(p.settled()[n:]); len(got) > 0 {
		t.Errorf("asked for %q", got)
	}
}

// TestABoxAnswersOnlyWhatItShows: a recipient's yes needs its purpose's, and a yes
// against a signal the signal. There the box leads to the dialog, which has them.
func TestABoxAnswersOnlyWhatItShows(t *testing.T) {
	s := SharedSite(t)
	for purpose, v := range map[string]View{"ad_measurement/ad_network": {}, "ad_measurement": {GPC: true}} {
		p := Open(t, s.page("box", nil, head+s.script()+`<body><main><h1>A page</h1><iframe title="Ad" data-purpose="`+purpose+`" data-src="`+s.Ads+`/frame.html"></iframe></main></body></html>`), v)
		p.shows("amana-box")
		p.Click("amana-box [data-amana-action=always]")
		p.shows(dialog)
		if n := p.Count("#amana input:checked"); n > 0 || len(p.Cookies()) > 0 {
			t.Errorf("%s: %d boxes are ticked, cookies %v", purpose, n, p.Cookies())
		}
		for _, id := range []string{"ad_measurement", "ad_measurement/ad_network"} {
			p.Click(`#amana input[value="` + id + `"]`)
		}
		p.Click(dialog + " [data-amana-action=save]")
		s.asks(p, 0, []string{s.Ads + "/frame.html"})
	}
}

// TestOneTabsAnswerEndsTheQuestionInOthers refuses in one of two tabs that ask.
func TestOneTabsAnswerEndsTheQuestionInOthers(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.bare("en"), View{})
	p.shows(layer)
	other := p.Tab(s.bare("ar"))
	other.shows(layer)
	other.Click(layer + " [data-amana-action=reject]")
	heard(other)
	p.within("nothing is asked any more", `!document.querySelector("`+layer+`")`)
	p.state("set")
}

// TestTheAgeIsAskedOnOurOwnPage says yes, by the banner, to something before which
// the years of birth are asked.
func TestTheAgeIsAskedOnOurOwnPage(t *testing.T) {
	s := SharedSite(t)
	door := otherDoor(t, func(src string) string {
		return strings.Replace(src, "\nchildren:\n", "\nchildren:\n  ask: [analytics]\n", 1)
	}, s.mine)
	p := Open(t, s.page("aged", nil, head+`<script src="`+door+`/amana.js?lang=ar"></script><body><main><h1>A page</h1></main></body></html>`), View{})
	p.shows(layer)
	p.Click(layer + " [data-amana-action=accept]")
	p.comes("it leads to the page of the choices", `location.href == `+quote(door+"/ar/choices"))
}

// TestWhereNothingIsAskedNothingIsShown has a policy without a purpose that asks
// browsers: no layer.
func TestWhereNothingIsAskedNothingIsShown(t *testing.T) {
	s := SharedSite(t)
	door := otherDoor(t, func(src string) string { return strings.ReplaceAll(src, "acts_on: [device]", "acts_on: [email]") }, s.mine)
	p := Open(t, s.page("nothing", nil, head+`<script src="`+door+`/amana.js?lang=en"></script><body><main><h1>A page</h1></main></body></html>`), View{})
	p.shows(wayBack)
	p.settled()
	if p.Count(layer) > 0 || slices.ContainsFunc(p.Requests(), func(r string) bool { return strings.HasSuffix(r, "/v1/shown") }) {
		t.Error("a layer asks nothing")
	}
}

// TestOddCookies brings what is none of ours: it is asked anew, and answered.
func TestOddCookies(t *testing.T) {
	s := SharedSite(t)
	for name, value := range map[string]string{"too long": strings.Repeat("a", 3500), "a version that never was": "1.00000000.f.tbb8w0.AAECAwQFBgcICQoLDA0ODw"} {
		p := Open(t, s.bare("en"), View{})
		Eval[bool](p, `document.cookie = "amana=`+value+`;path=/", true`)
		p.Go(s.bare("ar"))
		p.shows(layer)
		if got := s.third(p.settled()); len(got) > 0 || Eval[bool](p, `amana.get().length > 0`) {
			t.Errorf("%s: asked for %q", name, got)
		}
		p.Click(layer + " [data-amana-action=reject]")
		heard(p)
	}
}

// TestTheDialogWorksWithoutItsDetails loses the second file.
func TestTheDialogWorksWithoutItsDetails(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.bare("en"), View{})
	p.shows(layer)
	p.block("/amana/*.json")
	p.Click(layer + " [data-amana-action=manage]")
	p.shows(dialog)
	p.settled()
	if got := p.Text("#amana dialog"); strings.Contains(got, "undefined") || !strings.Contains(got, "Counting") {
		t.Errorf("the dialog says\n%s", got)
	}
	p.Click(`#amana input[value=analytics]`)
	p.Click(dialog + " [data-amana-action=save]")
	p.within("the yes counts", `amana.get().join() == "analytics"`)
	p.forget()
}

// forget leaves the complaints so far alone: they were wanted.
func (p *Page) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = nil
}

// apart gives a page whose door has a name of its own, so that its cookie is not
// the page's.
func (s *Site) apart() string {
	door := strings.Replace(s.Public, "127.0.0.1", "privacy.shop.test", 1)
	return named(s.page("apart", nil, head+`<script src="`+door+`/amana.js?lang=en"></script>`+s.waiting()+`<body><main><h1>A page</h1></main></body></html>`))
}

// accepted opens such a page and says yes to everything.
func accepted(t *testing.T, at string) *Page {
	t.Helper()
	p := Open(t, at, View{})
	p.shows(layer)
	p.Click(layer + " [data-amana-action=accept]")
	p.within("the yes counts", `amana.has("analytics") && /^amana=1\.\w{8}\.\w+\.\w+\.[\w-]{22}(;|$)/.test(document.cookie)`) // what runs by now may have one of its own
	p.settled()
	return p
}

// TestAnotherSitesYesIsNotTold goes from a site with a yes to one that was never
// asked: neither its tags nor Google Consent Mode hear of that yes.
func TestAnotherSitesYesIsNotTold(t *testing.T) {
	s := SharedSite(t)
	at := s.apart()
	p := accepted(t, at)
	n := len(p.Requests())
	p.Go(strings.Replace(at, "www.shop.test", "blog.shop.test", 1))
	p.shows(layer)
	if got := s.third(p.settled()[n:]); len(got) > 0 || Eval[bool](p, `amana.has("analytics")`) {
		t.Errorf("asked for %q", got)
	}
	if got := Eval[string](p, `JSON.stringify(dataLayer.map(a => [...a]))`); !strings.Contains(got, `"default"`) || strings.Contains(got, "granted") {
		t.Errorf("consent mode hears %s", got)
	}
	p.Go(at)
	p.within("the yes counts where it was given", `amana.has("analytics") && dataLayer[1][2].analytics_storage == "granted"`)
}

// TestANoWithoutTheServerHoldsOnASite takes everything back, where the door has a
// cookie of its own, and is not heard.
func TestANoWithoutTheServerHoldsOnASite(t *testing.T) {
	s := SharedSite(t)
	at := s.apart()
	p := accepted(t, at)
	p.Go(at)
	p.within("the gate says yes", `amana.has("analytics")`)
	p.shows(wayBack)
	p.settled()
	p.block("/v1/choices")
	n := len(p.settled())
	p.Click(wayBack + " [data-amana=reject]")
	p.comes("the page is loaded again", `performance.getEntriesByType("navigation")[0].type == "reload" && window.amana && document.cookie.endsWith(".u")`)
	if got := s.third(p.settled()[n:]); len(got) > 0 || Eval[bool](p, `amana.has("analytics") || dataLayer.some(a => a[1] == "update")`) {
		t.Errorf("after a no that the server has not heard the page asks for %q", got)
	}
	p.block()
	p.Go(at)
	heard(p)
}

// TestConsentModeHearsANoAtOnce takes a yes back while the server is silent.
func TestConsentModeHearsANoAtOnce(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.page("mode", nil, head+s.script()+`<body><main><h1>A page</h1></main></body></html>`), View{})
	p.shows(layer)
	p.Click(layer + " [data-amana-action=accept]")
	p.within("the yes is told", `amana.has("analytics") && dataLayer.at(-1)[2].analytics_storage == "granted"`)
	Eval[bool](p, `window.fetch = () => new Promise(() => {}), amana.reject(), true`)
	p.within("the no is told", `dataLayer.at(-1).length == 3 && dataLayer.at(-1)[1] == "update" && Object.values(dataLayer.at(-1)[2]).every(v => v == "denied")`)
}
