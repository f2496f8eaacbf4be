package policy

import (
	"os"
	"strings"
	"testing"
)

func TestAThemeThatCannotBeReadIsRefused(t *testing.T) {
	src, err := os.ReadFile("../examples/casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for theme, want := range map[string]string{
		`{background: "#ffffff", text: "#1d2126"}`:                                                   "",
		`{background: "#ffffff", text: "#1d2126", dark_background: "#14171a", dark_text: "#ebe9e4"}`: "",
		`{corners: square}`:                        "",
		`{background: "#ffffff", text: "#aaaaaa"}`: "2.3:1",
		`{background: "#ffffff", text: "#1d2126", dark_background: "#14171a", dark_text: "#333333"}`: "1.4:1",
		`{text: "#1d2126"}`: "go together",
		`{dark_background: "#14171a", dark_text: "#ebe9e4"}`:          "no light ones",
		`{background: white, text: "#1d2126"}`:                        "is not a colour",
		`{background: "#ffffff", text: "#1d2126", accept: "#00ff00"}`: "accept",
	} {
		doc, findings := Read("amana.yaml", []byte(string(src)+"\nbanner: {theme: "+theme+"}\n"))
		if doc != nil {
			findings = append(findings, Lint(doc)...)
		}
		var said []string
		for _, f := range findings {
			said = append(said, f.Rule+" "+f.Message)
		}
		got := strings.Join(said, "\n")
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", theme, got, want)
		}
		if want != "" && strings.Contains(want, ":1") && !strings.Contains(got, "B3") {
			t.Errorf("%s: the finding names no rule: %s", theme, got)
		}
	}
}
