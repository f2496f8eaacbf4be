// Package e2e walks the customers' journeys in a real Chromium against the
// real program.
//
//	d := SharedDemo(t)                                  // the demo, both doors open
//	p := Open(t, d.Public+"/ar/choices", View{NoScript: true, Phone: true})
//	p.Follow("[data-amana-action=accept]")              // click, and wait for the next page
//	p.Accessible()                                      // axe-core, and no sideways scrolling
//	p.Picture("choices-ar-phone")                       // kept where AMANA_SCREENSHOTS says
//
// The journeys need Chromium and axe-core (make test installs both). Where they
// are missing the tests are skipped, on CI they fail.
package e2e

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// shared is what all tests of a run use together: one Chromium, one built
// program, one demo. It is opened by the first who needs it and closed when
// the last test is done.
var shared struct {
	dir     string // for the program, the demo's data and Chromium's profile
	mu      sync.Mutex
	closers []func()
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "amana-e2e-")
	if err != nil {
		panic(err)
	}
	shared.dir = dir
	code := m.Run()
	for _, f := range shared.closers {
		f()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// atEnd has f called when the last test is done.
func atEnd(f func()) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.closers = append(shared.closers, f)
}

// need skips a test that lacks something of the machine; on CI it fails it.
func need(t testing.TB, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is needed: %v", what, err)
	}
	t.Skipf("%s is needed: %v", what, err)
}

// chromium starts the one Chromium of the run and gives its context.
var chromium = sync.OnceValues(func() (context.Context, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.WSURLReadTimeout(2*time.Minute), // the first start reads it all from the disk
		chromedp.UserDataDir(shared.dir+"/chromium"),
		chromedp.NoSandbox, // a container's root has no sandbox; the pages are our own
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1"), // names that browsers do not trust as they trust loopback
	)
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	atEnd(func() { stop(); stopAllocator() })
	return ctx, chromedp.Do(ctx) // starts it
})
