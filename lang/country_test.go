package lang_test

import (
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

// nobody are codes that name no country of today: former states without one
// successor, and unions that are no address of data.
const nobody = "AN CQ CS EZ FQ NT PC SU UN YU"

func TestEveryCountryHasItsNames(t *testing.T) {
	en, ar := words(t, "en", latin), words(t, "ar", latin)
	arabicOnly := regexp.MustCompile(`^[\p{Arabic}\p{Mn}\s()\-]+$`)
	known := 0
	for i := range 26 * 26 {
		code := string([]byte{'A' + byte(i/26), 'A' + byte(i%26)})
		r, err := language.ParseRegion(code)
		if err != nil || !r.IsCountry() || r.Canonicalize().String() != code || strings.Contains(nobody, code) {
			continue
		}
		known++
		if s := en.Country(code); s == code {
			t.Errorf("%s has no English name", code)
		}
		if s := ar.Country(code); !arabicOnly.MatchString(s) {
			t.Errorf("%s: %q is no Arabic name", code, s)
		}
	}
	if known < 249 { // as many as ISO 3166-1 has
		t.Errorf("only %d countries were looked at", known)
	}
}
