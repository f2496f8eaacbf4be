package lang_test

import (
	"slices"
	"testing"

	"github.com/amana-privacy/amana/lang"
)

func TestEveryTagHasWordsAndAName(t *testing.T) {
	if !slices.Equal(lang.Tags(), []string{"ar", "en"}) {
		t.Errorf("the pages speak %v", lang.Tags())
	}
	names := map[string]bool{}
	for _, tag := range lang.Tags() {
		w, ok := lang.For(tag, lang.Options{})
		if !ok || w.Tag != tag || w.Name() == "" || names[w.Name()] {
			t.Fatalf("%s has no words or no name of its own", tag)
		}
		names[w.Name()] = true
	}
}

// A policy may declare exactly the languages that have words.
func TestAPolicyDeclaresLanguagesThatHaveWords(t *testing.T) {
	declared := enum("policy", "Policy", "Languages")(t)
	slices.Sort(declared)
	if !slices.Equal(declared, lang.Tags()) {
		t.Errorf("a policy may declare %v, the pages speak %v", declared, lang.Tags())
	}
}
