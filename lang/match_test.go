package lang_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/lang"
)

func TestMatch(t *testing.T) {
	enFirst, arFirst := []string{"en", "ar"}, []string{"ar", "en"}
	for _, c := range []struct {
		name, header string
		declared     []string
		want         string
	}{
		{"exact", "ar", enFirst, "ar"},
		{"of a country", "ar-EG,ar;q=0.9,en;q=0.8", enFirst, "ar"},
		{"by weight", "ar;q=0.3,en;q=0.9", arFirst, "en"},
		{"first wish is not had, second is", "fr-FR,en;q=0.5", arFirst, "en"},
		{"nothing fits: the master", "ja", arFirst, "ar"},
		{"not wanted at all", "ar;q=0,en", arFirst, "en"},
		{"any", "*", arFirst, "ar"},
		{"no header", "", enFirst, "en"},
		{"unreadable", ";;=,\x00", arFirst, "ar"},
		{"too long", strings.Repeat("en,", 300), arFirst, "ar"},
		{"declared as written", "AR-sa", []string{"en-US", "ar-SA"}, "ar-SA"},
		{"none declared", "ar", nil, ""},
	} {
		if got := lang.Match(c.header, c.declared); got != c.want {
			t.Errorf("%s: %q gives %q, want %q", c.name, c.header, got, c.want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("ar-EG,ar;q=0.9,en;q=0.8", "en", "ar")
	f.Add("x-private,*;q=0.1", "ar", "zz-not-a-language")
	f.Add("en-u-ca-islamic-x-a", "", "en")
	f.Fuzz(func(t *testing.T, header, a, b string) {
		declared := []string{a, b}
		if got := lang.Match(header, declared); !slices.Contains(declared, got) {
			t.Errorf("%q is not declared", got)
		}
	})
}
