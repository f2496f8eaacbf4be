package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
)

// axeSource is axe-core as npm installs it.
var axeSource = sync.OnceValues(func() (string, error) {
	raw, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	return string(raw), err
})

// axeOptions ask for WCAG 2.0 to 2.2, levels A and AA, and axe's best practices.
const axeOptions = `{
	runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]},
	rules: {"target-size": {enabled: true}},
	resultTypes: ["violations"],
	preload: false,
}`

// finding is one rule that axe found broken.
type finding struct {
	ID    string
	Help  string
	Nodes []struct {
		HTML           string
		FailureSummary string
	}
}

// Accessible fails the test for whatever axe finds on the page, and if the
// page scrolls sideways (WCAG 1.4.10, reflow).
func (p *Page) Accessible() { p.t.Helper(); p.Keeps(axeOptions) }

// Keeps is Accessible by rules of its own.
func (p *Page) Keeps(rules string) {
	p.t.Helper()
	for _, f := range p.findings(rules) {
		p.t.Errorf("%s: %s: %s", p.URL(), f.ID, f)
	}
	if over := Eval[int](p, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		p.t.Errorf("%s: the page scrolls sideways by %d pixels", p.URL(), over)
	}
}

// findings runs axe. DevTools evaluates past the page's Content-Security-Policy;
// where script is off, it is on while axe runs, which waits by timers.
func (p *Page) findings(rules string) []finding {
	p.t.Helper()
	source, err := axeSource()
	need(p.t, "axe-core", err)
	if p.view.NoScript {
		p.script(true)
		defer p.script(false)
	}
	Eval[bool](p, source+"\n;true")
	return Eval[[]finding](p, "axe.run(document, "+rules+").then(r => r.violations)")
}

func (f finding) String() string {
	var b strings.Builder
	b.WriteString(f.Help)
	for _, n := range f.Nodes {
		fmt.Fprintf(&b, "\n\t%s\n\t%s", n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n\t"))
	}
	return b.String()
}

// quote writes s as a JavaScript string.
func quote(s string) string {
	raw, _ := json.Marshal(s)
	return string(raw)
}
