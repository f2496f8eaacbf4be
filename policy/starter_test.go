package policy_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/policy"
)

var marks = regexp.MustCompile(`‹([^›]*)›`)

func TestStartersFailUntilTheyAreFilledIn(t *testing.T) {
	for _, language := range []string{"en", "ar"} {
		src, err := policy.Starter(language, "")
		if err != nil {
			t.Fatal(err)
		}
		var planted int
		for line := range strings.Lines(string(src)) {
			if !strings.HasPrefix(line, "#") {
				planted += strings.Count(line, "‹")
			}
		}
		_, found := policy.Check("amana.yaml", src)
		if len(found) != planted || planted == 0 {
			t.Errorf("%s: %d places to fill in, but\n%s", language, planted, lines(found))
		}
		doc, found := policy.Check("amana.yaml", marks.ReplaceAll(src, []byte("$1")))
		if doc == nil {
			t.Errorf("%s, filled in:\n%s", language, lines(found))
		} else if doc.Policy.Master() != language {
			t.Errorf("%s is the master of the starter in %s", doc.Policy.Master(), language)
		}
	}
}

func TestStarterCarriesAName(t *testing.T) {
	for _, name := range []string{`Casco "Fiber" & Sons: <1>`, "سوق النخيل", "No", "012"} {
		src, err := policy.Starter("ar", name)
		if err != nil {
			t.Fatal(err)
		}
		doc, found := policy.Read("amana.yaml", src)
		if doc == nil || doc.Policy.Organization.Name.In("ar") != name {
			t.Errorf("%s:\n%s", name, lines(found))
		}
	}
	for _, name := range []string{" ", "a\nb", "a\u202Eb", "‹a›", strings.Repeat("x", 201)} {
		if _, err := policy.Starter("en", name); err == nil {
			t.Errorf("%q should be refused", name)
		}
	}
	if _, err := policy.Starter("../en", ""); err == nil {
		t.Error("a language of no starter should be refused")
	}
}
