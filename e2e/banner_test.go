package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/amana-privacy/amana/internal/pgtest"
)

// Site is the example site with a demo behind it.
type Site struct {
	*Demo
	pages *sync.Map // of the tests' own, path to page
	mine  string    // their origin, which may send answers too
	Own   string    `json:"site"`
	Stats string    `json:"stats"`
	Ads   string    `json:"ads"`
	Maps  string    `json:"maps"`
}

// siteProgram builds the example site once.
var siteProgram = sync.OnceValues(func() (string, error) {
	file := filepath.Join(shared.dir, "site")
	out, err := exec.Command("go", "build", "-o", file, "../examples/site").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return file, nil
})

var sharedSite = sync.OnceValues(func() (*Site, error) {
	file, err := siteProgram()
	if err != nil {
		return nil, err
	}
	listen, err := pgtest.Address() // the demo has to know the site before it runs
	if err != nil {
		return nil, err
	}
	own := new(sync.Map)
	mine := httptest.NewServer(servePages(own))
	atEnd(mine.Close)
	d, err := start(filepath.Join(shared.dir, "site-data"), "--customers", "5", "--origin", "http://"+listen, "--origin", mine.URL, "--origin", named(mine.URL))
	if err != nil {
		return nil, err
	}
	atEnd(func() { d.stop() })
	c := exec.Command(file, "-json", "-listen", listen, "-door", d.Public)
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	atEnd(func() { c.Process.Kill(); c.Wait() })
	s := &Site{Demo: d, pages: own, mine: mine.URL}
	return s, json.NewDecoder(out).Decode(s)
})

// named gives the same origin by a name, with which a host has domains.
func named(origin string) string { return strings.Replace(origin, "127.0.0.1", "www.shop.test", 1) }

// SharedSite gives the one example site of the run.
func SharedSite(t testing.TB) *Site {
	t.Helper()
	s, err := sharedSite()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// testPage is a page of one test.
type testPage struct {
	header http.Header
	html   string
}

func servePages(all *sync.Map) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := all.Load(r.URL.Path)
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		p.(http.Handler).ServeHTTP(w, r)
	})
}

func (p testPage) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	maps.Copy(w.Header(), p.header)
	io.WriteString(w, p.html)
}

// page serves a page whose origin may send answers, and gives its address.
func (s *Site) page(name string, header http.Header, html string) string {
	s.pages.Store("/"+name, testPage{header, html})
	return s.mine + "/" + name
}

// bare is a page without a way back of its own, with one script that waits.
func (s *Site) bare(language string) string {
	return s.page("bare-"+language, nil, `<!doctype html><html lang="`+language+`" dir="`+map[string]string{"en": "ltr", "ar": "rtl"}[language]+`"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>A page</title><link rel="icon" href="data:,"><script src="`+s.Public+`/amana.js?lang=`+language+`"></script>
<script type="text/plain" data-purpose="analytics" src="`+s.Stats+`/script.js"></script>
<body><main><h1>A page</h1><p>Text.</p></main></body></html>`)
}

// kinds are the tags of the example site, each by what it asks for.
func (s *Site) kinds() []string {
	var list []string
	for host, names := range map[string][]string{
		s.Stats: {"when", "script.js", "inline", "async.js", "module.js", "imported.js", "data-src.js", "data-category.js", "data-name.js", "later.js"},
		s.Ads:   {"recipient.js", "preload.gif", "picture.gif", "pixel.gif", "set.gif", "template.gif", "template.js"},
		s.Maps:  {"style.css", "frame.html", "frame-named.html", "poster.gif", "video.webm", "sound.wav", "embed.html", "object.html", "template.html"},
	} {
		for _, n := range names {
			list = append(list, host+"/"+n)
		}
	}
	slices.Sort(list)
	return list
}

// third gives the requests to third parties among some, each once.
func (s *Site) third(requests []string) []string {
	var list []string
	for _, r := range requests {
		u, err := url.Parse(r)
		if err == nil && slices.Contains([]string{s.Stats, s.Ads, s.Maps}, u.Scheme+"://"+u.Host) {
			list = append(list, r)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

const (
	layer  = `#amana dialog:popover-open`
	dialog = `#amana dialog:modal`
)

func press(action string) string { return `#amana [data-amana-action=` + action + `]` }

// within waits until an expression of the page is true.
func (p *Page) within(what, expression string) {
	p.t.Helper()
	for end := time.Now().Add(patience); !p.holds("!!(" + expression + ")"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("%s: it never came that %s; the cookie is %s, the layer says %s; it asked for %q", p.URL(), what, Eval[string](p, `document.cookie`), Eval[string](p, `String(document.querySelector("#amana output")?.value)`), p.Requests())
		}
	}
}

// holds asks the page. One that gives way to another just then says no.
func (p *Page) holds(expression string) bool {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression, chromedp.EvalAwaitPromise))
	if err != nil && strings.Contains(err.Error(), "Inspected target navigated or closed") {
		return false
	}
	p.must(err)
	return got
}

func (p *Page) state(want string) {
	p.t.Helper()
	p.within("the state is "+want, `document.querySelector("#amana")?.dataset.amanaState == "`+want+`"`)
}

func (p *Page) shows(selector string) {
	p.t.Helper()
	p.within(selector+" is shown", `document.querySelector("`+selector+`")`)
}

// settled waits until a page has loaded, nothing is under way that may lead to more,
// and it asks for nothing new for a while: of its own time, which stands still where
// the machine has none for it.
func (p *Page) settled() []string {
	p.t.Helper()
	for end := time.Now().Add(patience); ; {
		before := len(p.Requests())
		loaded := p.rests()
		if now := p.Requests(); len(now) == before && loaded && p.waitsForNothing() {
			return now
		}
		if time.Now().After(end) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.t.Fatalf("the page never settles; it asked for %q, and waits for %v", p.requests, p.underWay)
		}
	}
}

// rests lets a page's time pass and reports whether it has loaded. Without script it
// has no timers.
func (p *Page) rests() bool {
	p.t.Helper()
	const a = 400 * time.Millisecond
	if p.view.NoScript {
		time.Sleep(a)
		return p.holds(`document.readyState == "complete"`)
	}
	return p.holds(fmt.Sprintf(`new Promise(d => setTimeout(() => d(document.readyState == "complete"), %d))`, a.Milliseconds()))
}

// waitsForNothing reports whether all came that the document asked for and that may
// lead to more.
func (p *Page) waitsForNothing() bool {
	p.t.Helper()
	document := p.document()
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.began[document]
	for _, a := range p.underWay {
		if own, shown := p.began[a.of]; a.at >= from && (!shown || own >= from) { // not of a document from before
			return false
		}
	}
	return true
}

// asks waits until a page has asked third parties for exactly some addresses,
// since it had asked for n.
func (s *Site) asks(p *Page, n int, want []string) {
	p.t.Helper()
	var got []string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got = s.third(p.Requests()[n:]); slices.Equal(got, want) {
			return
		}
	}
	p.t.Fatalf("the page asks for\n%q, not for\n%q", got, want)
}

// TestNothingRunsBeforeItsYes shows each kind of tag blocked before the answer,
// running after it, and gone again after it was taken back: by the network alone.
func TestNothingRunsBeforeItsYes(t *testing.T) {
	s := SharedSite(t)
	for _, language := range []string{"en", "ar"} {
		t.Run(language, func(t *testing.T) {
			p := Open(t, s.Own+"/"+language, View{})
			p.shows(layer)
			if got := s.third(p.settled()); len(got) > 0 {
				t.Fatalf("before any answer the page asks for %q", got)
			}
			p.Click(layer + " [data-amana-action=accept]")
			p.state("set")
			s.asks(p, 0, s.kinds())
			if n := len(s.kinds()); n < 20 {
				t.Fatalf("only %d kinds of tags", n)
			}
			before := len(p.Requests())
			p.Go(s.Own + "/" + language)
			s.asks(p, before, s.kinds())
			at := p.document()
			p.Click("[data-amana=reject]") // one click
			p.within("the page is loaded again", `performance.getEntriesByType("navigation")[0].type == "reload"`)
			if p.document() == at {
				t.Fatal("the page was not loaded again")
			}
			before = len(p.Requests())
			p.state("set")
			p.Go(s.Own + "/" + language + "/further")
			if got := s.third(p.settled()[before:]); len(got) > 0 {
				t.Fatalf("after it was taken back the page asks for %q", got)
			}
			if got := Eval[string](p, `document.cookie`); !strings.HasPrefix(got, "amana=1.") || !strings.HasSuffix(got, ".0") || strings.Contains(got, ";") {
				t.Errorf("cookies that stay: %s", got)
			}
			if got := Eval[[]string](p, `[...Object.keys(sessionStorage), ...Object.keys(localStorage)]`); !slices.Equal(got, []string{"kept"}) {
				t.Errorf("stored items that stay: %q", got)
			}
		})
	}
}

// TestARefusalBlocks says no at once, and stays no.
func TestARefusalBlocks(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.Own+"/en", View{Phone: true})
	p.shows(layer)
	p.Click(layer + " [data-amana-action=reject]")
	p.state("set")
	p.within("the server has heard", `/^amana=1\.\w{8}\.0$/.test(document.cookie)`)
	p.Go(s.Own + "/en")
	if got := s.third(p.settled()); len(got) > 0 {
		t.Fatalf("after a no the page asks for %q", got)
	}
	if p.Count(layer)+p.Count(dialog) > 0 {
		t.Error("a no is asked about again")
	}
	if !slices.Contains(p.Requests(), s.Own+"/without.js") {
		t.Error("what is for those without a yes does not run")
	}
}

// TestStepsAreCounted counts clicks and keys from a page as it was loaded: never
// more for less sharing.
func TestStepsAreCounted(t *testing.T) {
	s := SharedSite(t)
	keys := func(p *Page, want string) int {
		for n := 1; n < 12; n++ {
			p.Type("", kb.Tab)
			if Eval[bool](p, `document.activeElement.matches('`+want+`')`) {
				p.Type("", kb.Enter)
				return n + 1
			}
		}
		t.Fatalf("no key leads to %s", want)
		return 0
	}
	for _, language := range []string{"en", "ar"} {
		counts := map[string]int{}
		for _, act := range []string{"accept", "reject"} {
			p := Open(t, s.Own+"/"+language, View{})
			p.shows(layer)
			if !Eval[bool](p, `document.activeElement == document.body`) {
				t.Error("the layer takes the focus")
			}
			counts[act] = keys(p, press(act))
			p.state("set")
			if act == "accept" {
				p.within("the yes counts", `amana.has("analytics")`)
				p.settled()
				p.Go(s.Own + "/" + language)
				counts["withdraw"] = keys(p, "[data-amana=reject]")
				p.within("the yes is gone", `!amana.has("analytics")`)
				p.within("the server has heard", `/^amana=1\.\w{8}\.0$/.test(document.cookie)`)
			}
		}
		if counts["reject"] > counts["accept"] || counts["withdraw"] > counts["accept"] || counts["accept"] > 4 {
			t.Errorf("%s: keys %v", language, counts)
		}
	}
}

// TestClicksAreCounted takes each way once: accept, reject and withdraw are one
// click each, on a page that has controls of its own and on one that has none.
func TestClicksAreCounted(t *testing.T) {
	s := SharedSite(t)
	for _, language := range []string{"en", "ar"} {
		for name, at := range map[string]string{"own": s.Own + "/" + language, "none": s.bare(language)} {
			t.Run(language+" "+name, func(t *testing.T) {
				clicks := map[string]int{}
				click := func(p *Page, what, selector, until string) {
					Eval[bool](p, `window.clicks = 0, addEventListener("click", () => clicks++, true), true`)
					p.Click(selector)
					p.within(what+" is done", until)
					clicks[what] = Eval[int](p, "clicks")
				}
				p := Open(t, at, View{})
				p.shows(layer)
				click(p, "reject", layer+" [data-amana-action=reject]", `/^amana=1\.\w{8}\.0$/.test(document.cookie)`)
				p = Open(t, at, View{})
				p.shows(layer)
				click(p, "accept", layer+" [data-amana-action=accept]", `amana.has("analytics")`)
				p.Go(at)
				p.within("the gate alone says yes", `amana.has("analytics")`)
				p.shows("[data-amana=reject]")
				Eval[bool](p, `amana.on("change", () => sessionStorage.clicks = clicks), true`)
				p.settled()
				Eval[bool](p, `window.clicks = 0, addEventListener("click", () => clicks++, true), true`)
				p.Click("[data-amana=reject]")
				p.within("withdraw is done", `/^amana=1\.\w{8}\.0$/.test(document.cookie) && sessionStorage.clicks`)
				clicks["withdraw"] = Eval[int](p, "+sessionStorage.clicks")
				if want := map[string]int{"accept": 1, "reject": 1, "withdraw": 1}; !maps.Equal(clicks, want) {
					t.Errorf("clicks %v, want %v", clicks, want)
				}
			})
		}
	}
}

// TestTheQuestionsAreForEverybody looks at layer and dialog in each language,
// wide and narrow, light and dark.
func TestTheQuestionsAreForEverybody(t *testing.T) {
	s := SharedSite(t)
	for _, language := range []string{"en", "ar"} {
		for _, v := range []View{{}, {Phone: true, Dark: true}} {
			t.Run(fmt.Sprintf("%s phone=%t dark=%t", language, v.Phone, v.Dark), func(t *testing.T) {
				p := Open(t, s.Own+"/"+language, v)
				p.shows(layer)
				name := fmt.Sprintf("%s-phone-%t-dark-%t", language, v.Phone, v.Dark)
				p.Picture("layer-" + name)
				p.Accessible()
				equal(t, p, layer, "accept", "reject", "manage")
				p.Click(layer + " [data-amana-action=manage]")
				p.shows(dialog)
				p.within("the details are there", `document.querySelector("#amana li div p")`)
				p.Picture("dialog-" + name)
				p.Accessible()
				equal(t, p, dialog, "accept", "reject")
				if n := p.Count("#amana input:checked"); n > 0 {
					t.Errorf("%d boxes are ticked beforehand", n)
				}
				if !Eval[bool](p, `document.activeElement.matches("#amana dialog")`) {
					t.Error("the focus is not in the dialog")
				}
				p.Type("", kb.Tab)
				if !Eval[bool](p, `document.activeElement.matches("[data-amana-action=reject]")`) {
					t.Error("the first control of the dialog does not take everything back")
				}
				if got := p.Attr("#amana dialog", "dir"); got != map[string]string{"en": "ltr", "ar": "rtl"}[language] {
					t.Errorf("dir is %q", got)
				}
				p.Type("", kb.Escape)
				p.shows(layer) // it was not answered
			})
		}
	}
}

// equal compares buttons as a visitor sees them.
func equal(t *testing.T, p *Page, in string, actions ...string) {
	t.Helper()
	type look struct {
		Width, Height int
		Style         string
	}
	var first look
	for i, a := range actions {
		got := Eval[look](p, `(() => { const e = document.querySelector(`+quote(in+" [data-amana-action="+a+"]")+`), s = getComputedStyle(e), r = e.getBoundingClientRect();
			return {Width: Math.round(r.width), Height: Math.round(r.height), Style: [s.color, s.backgroundColor, s.fontSize, s.fontWeight, s.border, s.opacity, s.visibility].join()} })()`)
		if i == 0 {
			first = got
		}
		if got != first || got.Height < 44 || got.Width < 44 {
			t.Errorf("%s looks like %+v, %s like %+v", a, got, actions[0], first)
		}
	}
}

// TestFocusIsNeverHidden walks through the page by keys while the layer is shown.
func TestFocusIsNeverHidden(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.Own+"/en", View{Phone: true})
	p.shows(layer)
	for range 40 {
		p.Type("", kb.Tab)
		if Eval[bool](p, `(() => { const e = document.activeElement; if (e == document.body || e.closest("#amana")) return false;
			const a = e.getBoundingClientRect(), b = document.querySelector("#amana dialog").getBoundingClientRect(); return a.top >= b.top - 1 && a.bottom <= b.bottom + 1 })()`) {
			t.Fatalf("the focus is under the layer: %s", Eval[string](p, `document.activeElement.outerHTML`))
		}
		if Eval[bool](p, `document.activeElement.id == "last"`) {
			return
		}
	}
	t.Error("the last link was never reached")
}

// TestOffline keeps a no and asks about the rest later; a yes waits for the server.
func TestOffline(t *testing.T) {
	s := SharedSite(t)
	p := Open(t, s.Own+"/en", View{})
	p.shows(layer)
	Eval[bool](p, `window.fetch = () => Promise.reject(new TypeError("offline")), true`)
	p.Click(layer + " [data-amana-action=accept]")
	p.within("it says so", `document.querySelector("#amana output").value`)
	if Eval[bool](p, `amana.has("analytics") || document.cookie != ""`) {
		t.Fatal("a yes that the server has not heard counts")
	}
	p.Click(layer + " [data-amana-action=reject]")
	p.state("set")
	if got := Eval[string](p, `document.cookie`); !strings.HasSuffix(got, ".0.u") {
		t.Fatalf("a no without the server: %q", got)
	}
	p.Go(s.Own + "/en")
	p.within("the server hears later", `/^amana=1\.\w{8}\.0$/.test(document.cookie)`)
}
