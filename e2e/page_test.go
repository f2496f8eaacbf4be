package e2e

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// View is how a page is looked at: on a desk of 1280 × 800, in light colours,
// with script, unless said otherwise.
type View struct {
	NoScript bool
	Phone    bool   // 320 × 640, touch: the narrowest that WCAG 1.4.10 asks for
	Dark     bool   // prefers-color-scheme: dark
	Language string // Accept-Language, e.g. "ar"; "" is Chromium's own
	GPC      bool   // Sec-GPC: 1
	Forced   bool   // forced-colors: active, as high contrast themes have it
	Moving   bool   // prefers-reduced-motion: no-preference
}

// Page is one tab with cookies of its own. Its methods end the test when they
// fail. It is closed with the test, and the test fails if the page ran into an
// exception or broke its own Content-Security-Policy.
type Page struct {
	t    testing.TB
	ctx  context.Context
	view View

	mu         sync.Mutex
	frame      cdp.FrameID                 // of the tab's own document
	requests   []string                    // URLs, in order
	underWay   map[network.RequestID]asked // what may lead to further requests and has not come
	began      map[cdp.LoaderID]int        // place of each document's own request
	wire       float64                     // bytes received since the last Go or Follow
	statuses   map[cdp.LoaderID]int        // HTTP status by document
	complaints []string
}

// asked is a request: its place among all, and the document that it is of.
type asked struct {
	at int
	of cdp.LoaderID
}

// patience bounds one act on a page, on a machine that is slow and does much else.
const patience = time.Minute

// Open opens url in a new tab.
func Open(t testing.TB, url string, v View) *Page {
	t.Helper()
	parent, err := chromium()
	need(t, "Chromium", err)
	return tab(t, parent, url, v, chromedp.WithNewBrowserContext())
}

// Tab opens url in another tab of the same visitor.
func (p *Page) Tab(url string) *Page {
	p.t.Helper()
	return tab(p.t, p.ctx, url, p.view)
}

func tab(t testing.TB, parent context.Context, url string, v View, options ...chromedp.ContextOption) *Page {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(parent, options...)
	p := &Page{t: t, ctx: ctx, view: v, underWay: map[network.RequestID]asked{}, began: map[cdp.LoaderID]int{}, statuses: map[cdp.LoaderID]int{}}
	t.Cleanup(func() {
		closeTab()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range p.complaints {
			t.Errorf("the page complains: %s", c)
		}
	})
	p.must(chromedp.Do(ctx)) // opens the tab; its life must not be bound to one act's time
	p.frame = call(p, page.GetFrameTree, cdp.Empty{}).FrameTree.Frame.ID
	p.must(chromedp.Listen(ctx, p.hear))
	p.look(v)
	p.Go(url)
	return p
}

// look makes the tab as the view asks.
func (p *Page) look(v View) {
	p.t.Helper()
	width, height, scale := int64(1280), int64(800), 1.0
	if v.Phone {
		width, height, scale = 320, 640, 2
	}
	colours := "light"
	if v.Dark {
		colours = "dark"
	}
	forced, motion := "none", "reduce" // or a click lands where the button was before a smooth scroll
	if v.Forced {
		forced = "active"
	}
	if v.Moving {
		motion = "no-preference"
	}
	headers := network.Headers{}
	if v.Language != "" {
		headers["Accept-Language"] = v.Language
	}
	if v.GPC {
		headers["Sec-GPC"] = "1"
	}
	call(p, log.Enable, cdp.Empty{})
	call(p, network.Enable, network.EnableParams{})
	call(p, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: headers})
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: scale, Mobile: v.Phone})
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: colours},
		{Name: "prefers-reduced-motion", Value: motion},
		{Name: "forced-colors", Value: forced},
	}})
	p.script(!v.NoScript)
}

// script turns the page's own scripts on or off from the next load on.
func (p *Page) script(on bool) {
	p.t.Helper()
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// hear keeps what the tab reports. It runs on the connection's own goroutine.
func (p *Page) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.note(e)
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument && e.FrameID == p.frame {
			maps.DeleteFunc(p.underWay, func(_ network.RequestID, a asked) bool { return a.of != e.LoaderID }) // nobody tells what becomes of it
		}
		if e.Type == network.ResourceTypeDocument {
			p.statuses[e.LoaderID] = int(e.Response.Status)
		}
	case *network.EventLoadingFinished:
		p.wire += e.EncodedDataLength
		delete(p.underWay, e.RequestID)
	case *network.EventLoadingFailed:
		delete(p.underWay, e.RequestID)
	case *runtime.EventExceptionThrown:
		p.complaints = append(p.complaints, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if strings.Contains(e.Entry.Text, "preloaded using link preload but not used") {
			return // it waits for its use, and the machine is slow
		}
		if e.Entry.Source == log.EntrySourceSecurity || e.Entry.Source == log.EntrySourceJavascript {
			p.complaints = append(p.complaints, e.Entry.Text)
		}
	}
}

// note keeps a request. What becomes of the document of a frame of another site is
// told to that frame.
func (p *Page) note(e *network.EventRequestWillBeSent) {
	switch at := len(p.requests); {
	case e.Type == network.ResourceTypeDocument && e.FrameID == p.frame:
		p.underWay[e.RequestID], p.began[e.LoaderID] = asked{at, e.LoaderID}, at
	case e.Type == network.ResourceTypeScript || e.Type == network.ResourceTypeStylesheet || e.Type == network.ResourceTypeFetch || e.Type == network.ResourceTypeXHR:
		p.underWay[e.RequestID] = asked{at, e.LoaderID}
	}
	p.requests = append(p.requests, e.Request.URL)
}

// call sends one command of the DevTools protocol to the tab.
func call[P, R any](p *Page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	return run(p, func(ctx context.Context, tab *chromedp.Target) (R, error) {
		return cdp.Call(ctx, tab, command, params)
	})
}

// run runs one action with patience.
func run[T any](p *Page, act chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, act)
	p.must(err)
	return got
}

func (p *Page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("in the page: %v", err)
	}
}
