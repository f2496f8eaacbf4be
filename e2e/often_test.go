package e2e

import (
	"strings"
	"testing"
)

// TestHowOftenIsChosenInABrowser says yes to something that is offered in several
// frequencies, and chooses one, with and without script.
func TestHowOftenIsChosenInABrowser(t *testing.T) {
	door := otherDoor(t, func(src string) string {
		return strings.Replace(src, "\n  comfort:\n", "\n  comfort:\n    frequency: [daily, weekly, monthly]\n", 1)
	})
	for _, v := range []View{{Phone: true, Language: "ar", Dark: true, NoScript: true}, {Language: "en"}} {
		p := Open(t, door+"/"+v.Language+"/choices", v)
		if p.Count(`button[value="yes:comfort@monthly"]`) != 0 {
			t.Error("how often is asked before there is a yes")
		}
		p.Follow(`button[value="yes:comfort"]`)
		p.Follow(`button[value="yes:comfort@monthly"]`)
		if p.Count(`button[value="yes:comfort@monthly"][aria-pressed="true"]`) != 1 || p.Count(`button[aria-pressed="true"]`) != 1 {
			t.Error("what was chosen does not show")
		}
		p.Picture("often-" + v.Language)
		p.Accessible()
	}
}
