package lang_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"
)

// TestEveryKeyThatIsUsedExists reads the whole module, so a page or a verb
// whose words are missing, or are filled with other names, fails here.
func TestEveryKeyThatIsUsedExists(t *testing.T) {
	uses, problems, err := usesIn(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(uses) == 0 {
		t.Fatal("no use was found: nothing was read")
	}
	en, _ := catalogue(t, "en")
	for _, p := range append(problems, misuses(uses, en)...) {
		t.Error(p)
	}
	for _, key := range unused(uses, en) {
		t.Errorf("%s: no page or program uses it", key)
	}
}

// misuses tells which uses do not fit the catalogue.
func misuses(uses []use, texts map[string]entry) (problems []string) {
	for _, u := range uses {
		if p := misuse(u, texts); p != "" {
			problems = append(problems, fmt.Sprintf("%s: %s %q: %s", u.where, u.method, u.key, p))
		}
	}
	return problems
}

func misuse(u use, texts map[string]entry) string {
	if u.method == "Of" {
		return misuseOf(u, texts)
	}
	e, ok := texts[u.key]
	if !ok {
		return "no such key"
	}
	if e.plural() != (u.method == "N") {
		return "a text with plural forms is asked for by N, and only such a text"
	}
	given := slices.Sorted(slices.Values(u.names))
	needed := slices.DeleteFunc(e.names(), func(s string) bool { return u.method == "N" && s == "n" })
	if !u.open && !slices.Equal(given, needed) {
		return fmt.Sprintf("filled with %v, its text has %v", given, needed)
	}
	return ""
}

func misuseOf(u use, texts map[string]entry) string {
	if families[u.key] == nil {
		return "no such family"
	}
	for key, e := range texts {
		if !strings.HasPrefix(key, u.key+".") || u.open {
			continue
		}
		for _, name := range e.names() {
			if !slices.Contains(u.names, name) {
				return fmt.Sprintf("%s needs {%s}", key, name)
			}
		}
	}
	return ""
}

// unused gives the keys that nothing asks for and that belong to no family.
func unused(uses []use, texts map[string]entry) (keys []string) {
	used := map[string]bool{}
	for _, u := range uses {
		used[u.key] = u.method != "Of"
	}
	for key := range texts {
		family, _, _ := strings.Cut(key, ".")
		if !used[key] && families[family] == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// The reader of uses is itself put to the test: each planted mistake must be told.
func TestMistakesAreTold(t *testing.T) {
	texts := map[string]entry{
		"page.title":   {"": "Choices of {name}"},
		"page.count":   {"one": "one answer", "other": "{n} answers"},
		"page.lone":    {"": "Nobody asks for this"},
		"reason.given": {"": "Yes"},
	}
	for _, c := range []struct {
		name, file, src string
		want            []string
	}{
		{"all is well in a template", "a.html", `{{define "x"}}{{range .L}}{{$.T "page.title" "name" .Name}}{{else}}{{.Words.N "page.count" (len .L)}}{{end}}{{end}}{{with .X}}{{.Of "reason" .R | print}}{{end}}`, nil},
		{"all is well in Go", "a.go", `func f() { w.T("page.title", "name", x); w.N("page.count", 3); w.Of("reason", r); rand.N(7); w.T("page.title", args...) }`, nil},
		{"missing key", "a.html", `{{.T "page.none"}}`, []string{`a.html:1:2: T "page.none": no such key`}},
		{"missing key deep inside", "a.tmpl", `{{if and .A (eq (.T "page.none") "")}}{{end}}`, []string{`a.tmpl:1:17: T "page.none": no such key`}},
		{"missing key in Go", "a.go", `func f() { p.words.H("page.none") }`, []string{`a.go:2:12: H "page.none": no such key`}},
		{"missing key in a template inside Go", "a.go", "const page = `<p>{{.T \"page.none\"}}</p>`", []string{`a.go:2:14:1:5: T "page.none": no such key`}},
		{"key not written out", "a.html", `{{.T .Key}}`, []string{`a.html:1:2: T: the key is not written out`}},
		{"key through a pipe", "a.html", `{{.Key | .T}}`, []string{`a.html:1:9: T: the key is not written out`}},
		{"key not written out in Go", "a.go", `func f() { w.T("page." + x) }`, []string{`a.go:2:12: T: the key is not written out`}},
		{"name not written out", "a.go", `func f() { w.T("page.title", name, x) }`, []string{`a.go:2:12: T "page.title": the name of argument 1 is not written out`}},
		{"a method of the same name may hand on", "a.go", `func (p page) T(key string, args ...any) string { return p.w.T(key, args...) }`, nil},
		{"wrong name", "a.html", `{{.H "page.title" "nam" .Name}}`, []string{`a.html:1:2: H "page.title": filled with [nam], its text has [name]`}},
		{"plural asked for as plain", "a.html", `{{.T "page.count" "n" 3}}`, []string{`a.html:1:2: T "page.count": a text with plural forms is asked for by N, and only such a text`}},
		{"no family", "a.html", `{{.Of "page" .X}}`, []string{`a.html:1:2: Of "page": no such family`}},
		{"tests do not count", "a_test.go", `func f() { w.T("page.none") }`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.HasSuffix(c.file, ".go") {
				c.src = "package a; import \"math/rand/v2\"\n" + c.src
			}
			uses, problems, err := usesIn(fstest.MapFS{c.file: {Data: []byte(c.src)}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(c.want, append(problems, misuses(uses, texts)...)); diff != "" {
				t.Error(diff)
			}
		})
	}
	uses := []use{{method: "T", key: "page.title"}, {method: "N", key: "page.count"}}
	if got := unused(uses, texts); !slices.Equal(got, []string{"page.lone"}) {
		t.Errorf("unused: %v", got)
	}
}

func TestFaultsOfTextsAreTold(t *testing.T) {
	six := entry{"zero": "{n} ي", "one": "ي", "two": "ي", "few": "{n} ي", "many": "{n} ي", "other": "{n} ي"}
	for _, c := range []struct {
		name, language, key string
		e                   entry
		want                int
	}{
		{"plain", "en", "a.b", entry{"": "Hello, {name}"}, 0},
		{"six forms", "ar", "a.b", six, 0},
		{"five forms", "ar", "a.b", entry{"zero": "{n} ي", "one": "ي", "two": "ي", "few": "{n} ي", "other": "{n} ي"}, 1},
		{"a form without its number", "ar", "a.b", entry{"zero": "ي", "one": "ي", "two": "ي", "few": "ي", "many": "{n} ي", "other": "{n} ي"}, 1},
		{"key without a group", "en", "title", entry{"": "Hello"}, 1},
		{"empty", "en", "a.b", entry{"": ""}, 1},
		{"open brace", "en", "a.b", entry{"": "Hello {Name}"}, 1},
		{"latin comma", "ar", "a.b", entry{"": "نعم, لا"}, 1},
		{"digit", "ar", "a.b", entry{"": "بعد 3 أيام"}, 1},
		{"left in English", "ar", "a.b", entry{"": "Hello"}, 1},
	} {
		if got := faultsOf(c.language, c.key, c.e); len(got) != c.want {
			t.Errorf("%s: %q, want %d", c.name, got, c.want)
		}
	}
	en := map[string]entry{"a.a": {"": "{x}"}, "a.b": {"": "b"}, "a.c": {"one": "1", "other": "{n}"}}
	ar := map[string]entry{"a.a": {"": "{y}"}, "a.c": {"": "ج"}, "a.d": {"": "د"}}
	if got := disagreements(en, ar); len(got) != 4 {
		t.Errorf("disagreements: %q", got)
	}
}
