package e2e

import (
	"os"
	"strings"
	"testing"
)

// TestTheTagManagersRecipe puts the lines of docs/banner.md into a page: the
// denials come before the tag manager, and each answer reaches its data layer.
func TestTheTagManagersRecipe(t *testing.T) {
	s := SharedSite(t)
	raw, err := os.ReadFile("../docs/banner.md")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, ok := strings.Cut(string(raw), "```html\n")
	recipe, _, end := strings.Cut(recipe, "```")
	if !ok || !end || !strings.Contains(recipe, "googletagmanager.com/gtm.js") {
		t.Fatal("the page has no recipe")
	}
	recipe = strings.ReplaceAll(recipe, "https://www.googletagmanager.com", s.Stats)
	p := Open(t, s.page("manager", nil, head+s.script()+recipe+`<body><main><h1>A page</h1></main></body></html>`), View{})
	p.shows(layer)
	pushed := func() string {
		return Eval[string](p, `dataLayer.map(a => a[0] ? [a[0], a[1], a[2].analytics_storage].join(":") : [a.event, a.granted?.join("+") ?? ""].join(":")).join(" ")`)
	}
	if got := pushed(); got != "consent:default:denied gtm.js: amana:" {
		t.Errorf("before an answer: %s", got)
	}
	p.Click(layer + " [data-amana-action=accept]")
	p.within("the yes is told", `dataLayer.length == 5`)
	if got := pushed(); got != "consent:default:denied gtm.js: amana: consent:update:granted amana:analytics+comfort+ad_measurement+ad_measurement/ad_network" && !strings.HasPrefix(got, "consent:default:denied gtm.js: amana: consent:update:granted amana:ad_measurement+") {
		t.Errorf("after a yes: %s", got)
	}
	p.Go(p.URL())
	p.within("the manager is loaded", `dataLayer.length == 4`)
	if got := pushed(); !strings.HasPrefix(got, "consent:default:denied consent:update:granted gtm.js: amana:ad_measurement+") {
		t.Errorf("with an answer: %s", got)
	}
}
