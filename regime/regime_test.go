package regime_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/amana-privacy/amana/regime"
)

func TestEveryRegimeIsNamedInBothLanguages(t *testing.T) {
	ids := regime.IDs()
	if len(ids) != 18 || ids[0] != regime.Charter {
		t.Fatalf("want 18 regimes with the charter first, got %v", ids)
	}
	seen := map[string]bool{}
	for _, id := range ids {
		r, ok := regime.Get(id)
		if !ok || seen[id] {
			t.Errorf("%s: known %v, seen before %v", id, ok, seen[id])
		}
		seen[id] = true
		if r.Name("en") == "" || strings.IndexFunc(r.Name("ar"), func(c rune) bool { return unicode.Is(unicode.Arabic, c) }) < 0 {
			t.Errorf("%s lacks a name: %q, %q", id, r.Name("en"), r.Name("ar"))
		}
		if r.Name("fr") != r.Name("en") {
			t.Errorf("%s: an unknown language should fall back to English", id)
		}
	}
}

func TestUnknownRegimes(t *testing.T) {
	for _, id := range []string{"", "gdpr", "EU-GDPR", "amana"} {
		if regime.Known(id) {
			t.Errorf("%q should not be known", id)
		}
	}
}
