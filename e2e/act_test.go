package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Go loads a page and gives the HTTP status of its document.
func (p *Page) Go(url string) int {
	p.t.Helper()
	p.fresh()
	return int(run(p, chromedp.NavigateResponse(url)).Status)
}

// Follow clicks the first element that selector (CSS) matches, waits for the
// page that comes of it, and gives its status: of a link, or of a form's
// answer after its redirects.
func (p *Page) Follow(selector string) int {
	p.t.Helper()
	p.fresh()
	before := p.document()
	run(p, chromedp.Click(chromedp.CSS(selector)))
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if now := p.document(); now != before && p.holds(`document.readyState == "complete"`) {
			return p.status(now)
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s leads nowhere from %s", selector, p.URL())
		}
	}
}

// document names the document that is shown.
func (p *Page) document() cdp.LoaderID {
	p.t.Helper()
	return call(p, page.GetFrameTree, cdp.Empty{}).FrameTree.Frame.LoaderID
}

func (p *Page) status(document cdp.LoaderID) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.statuses[document]
}

// Click clicks what leads to no other page: a switch, a summary.
func (p *Page) Click(selector string) {
	p.t.Helper()
	run(p, chromedp.Click(chromedp.CSS(selector)))
}

// Type writes into a field, or presses keys such as kb.Tab anywhere ("").
func (p *Page) Type(selector, keys string) {
	p.t.Helper()
	if selector == "" {
		run(p, chromedp.KeyEvent(keys))
		return
	}
	run(p, chromedp.SendKeys(chromedp.CSS(selector), keys))
}

// Upload puts a file into an <input type="file">.
func (p *Page) Upload(selector, file string) {
	p.t.Helper()
	run(p, chromedp.SetUploadFiles(chromedp.CSS(selector), []string{file}))
}

// Download clicks and gives the file that the browser keeps of it.
func (p *Page) Download(selector string) []byte {
	p.t.Helper()
	dir := p.t.TempDir()
	call(p, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior:         browser.SetDownloadBehaviorBehaviorAllowAndName,
		BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
		DownloadPath:     dir, EventsEnabled: new(true),
	})
	done := func(e browser.EventDownloadProgress) bool {
		return e.State != browser.DownloadProgressStateInProgress
	}
	end := run(p, chromedp.WaitEvent(browser.DownloadProgress, done, chromedp.Click(chromedp.CSS(selector))))
	raw, err := os.ReadFile(filepath.Join(dir, end.GUID))
	p.must(err)
	return raw
}

// Text gives the visible text of the first match.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	return strings.TrimSpace(run(p, chromedp.Text(chromedp.CSS(selector))))
}

// Attr gives an attribute of the first match, "" if it has none.
func (p *Page) Attr(selector, name string) string {
	p.t.Helper()
	return run(p, chromedp.AttributeValue(chromedp.CSS(selector), name)).Value
}

// Count gives how many elements match now.
func (p *Page) Count(selector string) int {
	p.t.Helper()
	return Eval[int](p, "document.querySelectorAll("+quote(selector)+").length")
}

// Eval evaluates JavaScript in the page, also where the page's own is off.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	return run(p, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// URL gives the address of the page.
func (p *Page) URL() string {
	p.t.Helper()
	return run(p, chromedp.Location())
}

// Cookies gives the cookies that the page's address gets.
func (p *Page) Cookies() []*network.Cookie {
	p.t.Helper()
	return call(p, network.GetCookies, network.GetCookiesParams{}).Cookies
}

// Requests gives the URLs asked for since the tab was opened.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

// Wire gives the bytes received, headers included, since the last Go or Follow.
func (p *Page) Wire() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.wire)
}

// Small fails the test if the page is longer than 30 kB before pressing, or if
// more than that came over the wire with all it loads.
func (p *Page) Small() {
	p.t.Helper()
	const most = 30_000
	if n := Eval[int](p, `new TextEncoder().encode(document.documentElement.outerHTML).length`); n > most {
		p.t.Errorf("%s: %d bytes", p.URL(), n)
	}
	if n := p.Wire(); n > most {
		p.t.Errorf("%s: %d bytes on the wire", p.URL(), n)
	}
}

// Picture keeps a picture of the whole page as name.png in the directory that
// AMANA_SCREENSHOTS names; without it there is none.
func (p *Page) Picture(name string) {
	p.t.Helper()
	dir := os.Getenv("AMANA_SCREENSHOTS")
	if dir == "" {
		return
	}
	png := run(p, chromedp.FullScreenshot(100))
	p.must(os.MkdirAll(dir, 0o755))
	p.must(os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
}

func (p *Page) fresh() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wire = 0
}
