package banner

import (
	"strings"

	"github.com/amana-privacy/amana/policy"
)

// styleOf dresses the questions in the colours of the policy, by default in the
// browser's own. All buttons have one look: there is no colour for one of them.
func styleOf(p *policy.Policy) string {
	t := p.Banner.Theme
	scheme, text, ground, corners := "light dark", "CanvasText", "Canvas", ".7em"
	switch {
	case t.DarkText != "":
		text, ground = "light-dark("+t.Text+","+t.DarkText+")", "light-dark("+t.Background+","+t.DarkBackground+")"
	case t.Text != "":
		scheme, text, ground = "light", t.Text, t.Background
	}
	if t.Corners == "square" {
		corners = "0"
	}
	return strings.NewReplacer("SCHEME", scheme, "TEXT", text, "GROUND", ground, "CORNERS", corners).Replace(styleCSS)
}
