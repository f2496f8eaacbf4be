package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// heard waits until the browser has the refusal that is the same for everybody.
func heard(p *Page) {
	p.t.Helper()
	p.within("the server has heard", `/^amana=1\.\w{8}\.0$/.test(document.cookie)`)
}

// comes waits as within does, across loads: a page that is being left answers
// nothing.
func (p *Page) comes(what, expression string) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		got, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		cancel()
		if err == nil && got {
			return
		}
	}
	p.t.Fatalf("%s: it never came that %s", p.URL(), what)
}

// waiting is a script that needs a yes, and what says that it ran.
func (s *Site) waiting() string {
	return `<script type="text/plain" data-purpose="analytics" src="` + s.Stats + `/script.js"></script>`
}

func (s *Site) script() string { return `<script src="` + s.Public + `/amana.js?lang=en"></script>` }

// TestABodyThatComesLate sends the head alone first: nothing fails, and the layer
// comes with the body.
func TestABodyThatComesLate(t *testing.T) {
	s := SharedSite(t)
	more := make(chan bool)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path != "/late" {
			fmt.Fprint(w, head, `<body><main><h1>A page</h1></main></body></html>`)
			return
		}
		fmt.Fprint(w, head, s.script(), s.waiting(), strings.Repeat(" ", 4096))
		w.(http.Flusher).Flush()
		select {
		case <-more:
		case <-r.Context().Done():
		}
		fmt.Fprint(w, `<body><main><h1>A page</h1></main></body></html>`)
	}))
	defer slow.Close()
	p := Open(t, slow.URL+"/", View{})
	Eval[bool](p, `location.href = "/late", true`)
	p.within("the script runs before there is a body", `location.pathname == "/late" && window.amana && !document.body`)
	if Eval[bool](p, `amana.has("analytics") || !!document.querySelector("#amana")`) {
		t.Error("something is there before the body")
	}
	close(more)
	p.shows(layer)
	p.shows(wayBack)
	if got := s.third(p.settled()); len(got) > 0 {
		t.Errorf("asked for %q", got)
	}
}

// TestATagThatComesInPieces sends a page to a visitor who has said yes, and stops
// in the middle of a template and of a script: what comes later belongs to them,
// and runs.
func TestATagThatComesInPieces(t *testing.T) {
	s := SharedSite(t)
	more := make(chan bool)
	s.pages.Store("/pieces", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pieces := []string{
			head + s.script() + `<body><main><h1>A page</h1><template data-purpose="comfort">`,
			`<iframe title="A map" src="` + s.Maps + `/template.html"></iframe></template><script type="text/plain" data-purpose="analytics">` + "\n",
			`fetch("` + s.Stats + `/inline")</script></main></body></html>`,
		}
		for i, piece := range pieces {
			if i > 0 {
				select {
				case <-more:
				case <-r.Context().Done():
				}
			}
			io.WriteString(w, piece)
			w.(http.Flusher).Flush()
		}
	}))
	p := Open(t, s.page("whole", nil, head+s.script()+`<body><main><h1>A page</h1></main></body></html>`), View{})
	p.shows(layer)
	p.Click(layer + " [data-amana-action=accept]")
	p.state("set")
	p.within("the server has heard", `document.cookie.match("amana=1")`)
	before := len(p.Requests())
	Eval[bool](p, `location.href = "/pieces", true`)
	p.within("the page has begun", `location.pathname == "/pieces" && document.querySelector("h1") && window.amana?.has("comfort")`)
	p.rests()
	more <- true
	p.within("the script has begun", `document.querySelector("script[data-purpose]")`)
	p.rests()
	more <- true
	s.asks(p, before, []string{s.Stats + "/inline", s.Maps + "/template.html"})
}

// TestAPageThatWritesItselfAnew calls document.open, which takes everybody's
// listeners away.
func TestAPageThatWritesItselfAnew(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.page("written", nil, head+s.script()+`<body><main><h1>A page</h1><script>document.write("<p>written</p>")</script></main></body></html>`), View{})
	p.shows(layer)
	Eval[bool](p, `document.open(), document.write(`+quote(head+`<body><main><h1>Another</h1></main>`+s.waiting()+`</body></html>`)+`), document.close(), true`)
	p.shows(layer)
	p.shows(wayBack)
	if got := s.third(p.settled()); len(got) > 0 {
		t.Errorf("asked for %q", got)
	}
	p.Click(layer + " [data-amana-action=accept]")
	s.asks(p, 0, []string{s.Stats + "/script.js"})
	p.Click(wayBack + " [data-amana=choices]")
	p.shows(dialog)
}

// TestXHTMLStaysBlocked: pages of XML cannot take HTML that is not; what waits
// there keeps waiting.
func TestXHTMLStaysBlocked(t *testing.T) {
	s := SharedSite(t)
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xhtml+xml")
		fmt.Fprintf(w, `<html xmlns="http://www.w3.org/1999/xhtml" lang="en"><head><title>A page</title><script src="%s/amana.js?lang=en"></script>
<script type="text/plain" data-purpose="analytics" src="%s/script.js"></script></head><body><main><h1>A page</h1></main></body></html>`, s.Public, s.Stats)
	}))
	defer at.Close()
	p := Open(t, at.URL, View{})
	if got := s.third(p.settled()); len(got) > 0 {
		t.Errorf("asked for %q", got)
	}
	if Eval[bool](p, `amana.has("analytics")`) {
		t.Error("something counts")
	}
	p.mu.Lock()
	p.complaints = nil // about the HTML
	p.mu.Unlock()
}

// TestAFrameAsksForItself puts a page with the banner into a frame, also one that
// may not store anything.
func TestAFrameAsksForItself(t *testing.T) {
	s := SharedSite(t)
	inner := s.page("inner", nil, head+s.script()+s.waiting()+`<body><main><h1>Inner</h1></main></body></html>`)
	p := Open(t, s.page("outer", nil, head+`<body><main><h1>Outer</h1><iframe title="Inner" width="600" height="600" src="`+inner+`"></iframe><iframe title="Boxed" sandbox="allow-scripts" src="`+inner+`"></iframe></main></body></html>`), View{})
	p.within("the frame asks", `frames[0].document.querySelector("`+layer+`")`)
	if got := s.third(p.settled()); len(got) > 0 {
		t.Errorf("asked for %q", got)
	}
	Eval[bool](p, `frames[0].document.querySelector("[data-amana-action=accept]").click(), true`)
	s.asks(p, 0, []string{s.Stats + "/script.js"})
	p.mu.Lock()
	p.complaints = nil // of the boxed frame, about cookies
	p.mu.Unlock()
}

// TestAPageThatChangesItsViews swaps its body and its address without loading, as
// applications do.
func TestAPageThatChangesItsViews(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.bare("en"), View{})
	p.shows(layer)
	view := func(n int) {
		Eval[bool](p, fmt.Sprintf(`history.pushState(null, "", "/view-%d"), document.querySelector("main").innerHTML = '<h1>View</h1><iframe title="Map" data-purpose="comfort" data-src="%s/view-%d.html"></iframe>', true`, n, s.Maps, n))
	}
	view(1)
	p.shows("amana-box")
	if got := s.third(p.settled()); len(got) > 0 {
		t.Errorf("asked for %q", got)
	}
	p.Click(layer + " [data-amana-action=accept]")
	s.asks(p, 0, []string{s.Stats + "/script.js", s.Maps + "/view-1.html"})
	n := len(p.Requests())
	view(2)
	s.asks(p, n, []string{s.Maps + "/view-2.html"})
	if got := p.Count("#amana") + p.Count(wayBack); got != 2 {
		t.Errorf("root and way back are there %d times", got)
	}
}

// TestANoHoldsInEveryTab says yes in two tabs and takes it back in one: the other
// stops what runs, at once. Then both take a yes back together.
func TestANoHoldsInEveryTab(t *testing.T) {
	s := SharedSite(t)
	at := s.bare("en")
	p := Open(t, at, View{})
	p.shows(layer)
	p.Click(layer + " [data-amana-action=accept]")
	p.comes("the yes counts", `window.amana?.has("analytics") && window.order`)
	other := p.Tab(at)
	other.comes("it runs there too", `window.amana?.has("analytics") && window.order`)
	before := len(other.settled())
	Eval[bool](p, `document.querySelector("amana-way [data-amana=reject]").click(), true`)
	refused := `window.amana?.has("!analytics") && /^amana=1\.\w{8}\.0$/.test(document.cookie)`
	p.comes("the server has heard", refused)
	other.comes("it stops there", `window.amana?.has("!analytics") && !window.order && performance.getEntriesByType("navigation")[0].type == "reload"`)
	if got := s.third(other.settled()[before:]); len(got) > 0 {
		t.Errorf("the other tab asks for %q", got)
	}
	for _, tab := range []*Page{p, other} {
		tab.comes("it can be answered", refused+` && document.readyState == "complete"`)
		Eval[bool](tab, `amana.accept(), true`)
	}
	p.comes("it counts again", `window.amana?.has("analytics")`)
	other.comes("it counts again", `window.amana?.has("analytics")`)
	for _, tab := range []*Page{p, other} {
		Eval[bool](tab, `window.amana?.reject(), true`)
	}
	p.comes("it is taken back", refused)
	other.comes("it is taken back", refused)
}

// TestANoHoldsInWhatTheBrowserKept goes back to a page that was left with a yes.
func TestANoHoldsInWhatTheBrowserKept(t *testing.T) {
	s := SharedSite(t)
	at := s.bare("en")
	p := Open(t, at, View{})
	p.shows(layer)
	p.Click(layer + " [data-amana-action=accept]")
	p.comes("the yes counts", `window.amana?.has("analytics") && window.order`)
	Eval[bool](p, `addEventListener("pageshow", e => window.kept = e.persisted), true`)
	p.Go(s.Own + "/en/elsewhere") // another origin of the same host, and so of the same cookie
	p.comes("the yes counts", `window.amana?.has("analytics")`)
	p.Click("[data-amana=reject]")
	p.comes("the page is loaded again", `performance.getEntriesByType("navigation")[0].type == "reload"`)
	p.comes("the server has heard", `/^amana=1\.\w{8}\.0$/.test(document.cookie)`)
	n := len(p.settled())
	Eval[bool](p, `setTimeout(() => history.back()), true`)
	p.comes("it is the first page, without what ran", `location.href == `+quote(at)+` && window.amana?.has("!analytics") && !window.order`)
	if got := s.third(p.settled()[n:]); len(got) > 0 {
		t.Errorf("back there the page asks for %q", got)
	}
}

// TestOneTabsOwnAnswerDoesNotReloadIt widens a yes of which something runs.
func TestOneTabsOwnAnswerDoesNotReloadIt(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.bare("en"), View{})
	p.shows(layer)
	Eval[bool](p, `amana.set(["analytics"]), true`)
	p.within("one counts", `amana.has("analytics") && window.order`)
	Eval[bool](p, `amana.set(["analytics", "comfort"]), true`)
	p.within("both count", `amana.has("comfort")`)
	p.settled()
	if !Eval[bool](p, `amana.has({all: ["analytics", "comfort"]}) && !!window.order && performance.getEntriesByType("navigation")[0].type == "navigate"`) {
		t.Error("an answer of its own has the page loaded again")
	}
}

// TestABrowserThatKeepsNothing has its stores, and then its cookies, off.
func TestABrowserThatKeepsNothing(t *testing.T) {
	s := SharedSite(t)
	at := s.page("stores", nil, head+`<script>for (const n of ["localStorage", "sessionStorage", "indexedDB", "caches"]) Object.defineProperty(window, n, {get() { throw new DOMException("off", "SecurityError") }})</script>`+s.script()+s.waiting()+`<body><main><h1>A page</h1></main></body></html>`)
	p := Open(t, at, View{})
	p.shows(layer)
	Eval[bool](p, `["qc_visitor", "lantern_a", "casco_view", "kept"].forEach(n => document.cookie = n + "=1;path=/"), true`)
	p.Click(layer + " [data-amana-action=reject]")
	p.state("set")
	p.within("the cookies of every purpose go", `/^kept=1; amana=1\.\w{8}\.0$/.test(document.cookie.split("; ").sort().reverse().join("; "))`)
	Eval[bool](p, `document.cookie = "kept=;max-age=0;path=/", true`)
	heard(p)
	if n := p.Count(layer); n > 0 {
		t.Error("the layer stays")
	}
	p.Go(at)
	p.state("set")
	if got := s.third(p.settled()); len(got) > 0 {
		t.Errorf("asked for %q", got)
	}
	p.mu.Lock()
	p.complaints = nil // about the stores
	p.mu.Unlock()

	p = Open(t, s.bare("en"), View{})
	call(p, emulation.SetDocumentCookieDisabled, emulation.SetDocumentCookieDisabledParams{Disabled: true})
	p.Go(s.bare("ar"))
	p.shows(layer)
	p.Click(layer + " [data-amana-action=reject]")
	p.state("set")
	if n := p.Count(layer); n > 0 {
		t.Error("the layer stays")
	}
	if got := s.third(p.settled()); len(got) > 0 {
		t.Errorf("asked for %q", got)
	}
}

// TestWhatGoesWithAYes stores what the policy declares in every way and place that
// a page can, and takes the yes back.
func TestWhatGoesWithAYes(t *testing.T) {
	s := SharedSite(t)
	at := s.page("shop/dates/one", nil, head+s.script()+`<body><main><h1>A page</h1></main></body></html>`)
	p := Open(t, named(at), View{})
	p.shows(layer)
	p.Click(layer + " [data-amana-action=accept]")
	p.within("the yes counts", `amana.has("ad_measurement")`)
	Eval[bool](p, `["", ";domain=www.shop.test", ";domain=shop.test"].forEach(d => ["", ";path=/", ";path=/shop", ";path=/shop/", ";path=/shop/dates", ";path=/shop/dates/one"].forEach(p =>
		["qc_visitor", "lantern_a", "lantern_", "casco_view", "kept", "a_lantern_b", "qc_visitor2"].forEach(n => document.cookie = n + "=1" + d + p))), true`)
	Eval[bool](p, `[localStorage, sessionStorage].forEach(s => ["casco.place", "qc_path", "kept", "cascoXplace"].forEach(n => s.setItem(n, 1))), new Promise(d => indexedDB.open("casco.place").onsuccess = e => { e.target.result.close(); d(true) })`)
	Eval[bool](p, `new Promise(d => indexedDB.open("kept").onsuccess = e => { e.target.result.close(); d(true) })`)
	if n := Eval[int](p, `document.cookie.split("; ").length`); n < 60 {
		t.Fatalf("only %d cookies are set", n)
	}
	Eval[bool](p, `amana.reject(), true`)
	p.within("the page is loaded again", `performance.getEntriesByType("navigation")[0].type == "reload" || !amana.has("analytics")`)
	p.within("what was declared goes", `document.readyState == "complete" && !/(^|; )(qc_visitor|lantern_\w*|casco_view)=/.test(document.cookie)`)
	if got := Eval[string](p, `[...new Set(document.cookie.split("; ").map(c => c.split("=")[0]))].filter(n => n != "amana").sort().join()`); got != "a_lantern_b,kept,qc_visitor2" {
		t.Errorf("cookies that stay: %s", got)
	}
	for _, store := range []string{"localStorage", "sessionStorage"} {
		if got := Eval[[]string](p, `Object.keys(`+store+`).sort()`); !slices.Equal(got, []string{"cascoXplace", "kept"}) {
			t.Errorf("%s keeps %q", store, got)
		}
	}
	p.within("a database goes", `indexedDB.databases().then(l => l.map(b => b.name).join() == "kept")`)
}

// TestTheAgeIsNotAsked: whoever may be too young is asked apart from this.
func TestTheAgeIsNotAsked(t *testing.T) {
	s := SharedSite(t)
	for language, word := range map[string]string{"en": "child", "ar": "طفل"} {
		p := Open(t, s.bare(language), View{})
		p.shows(layer)
		p.Click(layer + " [data-amana-action=manage]")
		p.shows(dialog)
		p.within("the details are there", `document.querySelector("#amana li div p")`)
		if text := p.Text("#amana dialog"); strings.Contains(text, word) || p.Count(`#amana :is(select, input:not([name=purpose]))`) > 0 {
			t.Errorf("the questions ask for an age:\n%s", text)
		}
	}
}
