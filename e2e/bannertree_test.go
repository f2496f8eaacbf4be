package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the accessibility trees anew")

// said are the states that a screen reader says.
var said = []string{"modal", "checked", "live", "disabled", "invalid"}

// tree gives what a screen reader is told of the first node of a role: role, name
// and states of each node, in its order, without what has neither.
func (p *Page) tree(role string) string {
	p.t.Helper()
	nodes := call(p, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes
	byID := map[accessibility.NodeID]*accessibility.Node{}
	for _, n := range nodes {
		byID[n.NodeID] = n
	}
	var b strings.Builder
	var write func(n *accessibility.Node, depth int)
	write = func(n *accessibility.Node, depth int) {
		if n == nil {
			return
		}
		role, name := worth(n.Role), worth(n.Name)
		next := depth
		if !n.Ignored && !slices.Contains([]string{"none", "generic", "InlineTextBox", "LineBreak", "LabelText"}, role) && (role != "StaticText" || name != "") {
			next++
			fmt.Fprintf(&b, "%s%s %q", strings.Repeat("  ", depth), role, name)
			for _, p := range n.Properties {
				if v := worth(p.Value); slices.Contains(said, string(p.Name)) && v != "false" && v != "off" || p.Name == "checked" {
					fmt.Fprintf(&b, " %s=%s", p.Name, v)
				}
			}
			b.WriteByte('\n')
		}
		if role == "StaticText" {
			return
		}
		for _, id := range n.ChildIDs {
			write(byID[id], next)
		}
	}
	for _, n := range nodes {
		if !n.Ignored && worth(n.Role) == role {
			write(n, 0)
			return b.String()
		}
	}
	p.t.Errorf("nothing has the role %s", role)
	return ""
}

func worth(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var x any
	json.Unmarshal(v.Value, &x)
	if x == nil {
		return ""
	}
	return fmt.Sprint(x)
}

// TestScreenReadersAreToldEverything compares layer, dialog, placeholder and way
// back as Chromium tells them to screen readers with testdata/tree-….txt.
func TestScreenReadersAreToldEverything(t *testing.T) {
	s := SharedSite(t)
	for _, language := range []string{"en", "ar"} {
		t.Run(language, func(t *testing.T) {
			golden := func(name, got string) {
				t.Helper()
				file := filepath.Join("testdata", "tree-"+name+"-"+language+".txt")
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(string(want), got); d != "" {
					t.Errorf("%s is told otherwise:\n%s", name, d)
				}
			}
			p := Open(t, s.bare(language), View{})
			p.shows(layer)
			p.shows(wayBack)
			golden("layer", p.tree("dialog"))
			golden("way", p.tree("region"))
			p.Click(layer + " [data-amana-action=manage]")
			p.shows(dialog)
			p.within("the details are there", `document.querySelector("#amana li div p")`)
			p.Click(`#amana input[value=comfort]`)
			golden("dialog", p.tree("dialog"))
			p.Click(`#amana input[value=comfort]`)
			Eval[bool](p, `window.fetch = () => Promise.reject(new TypeError("offline")), true`)
			p.Click(dialog + " [data-amana-action=accept]")
			p.within("it says so", `document.querySelector("#amana output").value`)
			if got := p.tree("status"); !strings.HasPrefix(got, `status "" live=polite`) || strings.Count(got, "\n") != 2 {
				t.Errorf("a failure is announced as\n%s", got)
			}
			// the first thing of the page that keys and readers meet is the layer
			p = Open(t, s.Own+"/"+language, View{})
			p.shows(layer)
			p.shows("amana-box")
			if first := p.tree("RootWebArea"); strings.Index(first, "dialog ") > strings.Index(first, "banner ") {
				t.Errorf("the layer does not come first:\n%s", first)
			}
		})
	}
}
