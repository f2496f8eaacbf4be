package lang_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
)

var update = flag.Bool("update", false, "write the catalogues in their one form: sorted, a line a key")

// entry is a text as it stands in a file: plain words under "", or plural forms.
type entry map[string]string

var (
	keyForm     = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)+$`)
	placeholder = regexp.MustCompile(`\{([a-z_]+)\}`)
	formOrder   = []string{"zero", "one", "two", "few", "many", "other"}
	formsOf     = map[string][]string{"en": {"one", "other"}, "ar": formOrder}
)

func (e *entry) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		var s string
		err := json.Unmarshal(b, &s)
		*e = entry{"": s}
		return err
	}
	return json.Unmarshal(b, (*map[string]string)(e))
}

func (e entry) plural() bool { _, plain := e[""]; return !plain }

// names gives the sorted placeholders of all forms.
func (e entry) names() []string {
	set := map[string]bool{}
	for _, s := range e {
		for _, m := range placeholder.FindAllStringSubmatch(s, -1) {
			set[m[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func catalogue(t *testing.T, language string) (map[string]entry, []byte) {
	t.Helper()
	raw, err := os.ReadFile(language + ".json")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]entry{}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatalf("%s.json: %v", language, err)
	}
	return m, raw
}

func TestEveryTextExistsInBothLanguages(t *testing.T) {
	en, _ := catalogue(t, "en")
	ar, _ := catalogue(t, "ar")
	for _, p := range disagreements(en, ar) {
		t.Error(p)
	}
}

// disagreements tells where two catalogues do not say the same things.
func disagreements(en, ar map[string]entry) (problems []string) {
	for key, e := range en {
		a, ok := ar[key]
		switch {
		case !ok:
			problems = append(problems, key+": missing in Arabic")
		case e.plural() != a.plural():
			problems = append(problems, key+": plural in one language only")
		case !slices.Equal(e.names(), a.names()):
			problems = append(problems, fmt.Sprintf("%s: filled with %v in English, %v in Arabic", key, e.names(), a.names()))
		}
	}
	for key := range ar {
		if _, ok := en[key]; !ok {
			problems = append(problems, key+": missing in English")
		}
	}
	return problems
}

func TestTextsAreWellFormed(t *testing.T) {
	for language := range formsOf {
		m, _ := catalogue(t, language)
		for key, e := range m {
			for _, p := range faultsOf(language, key, e) {
				t.Errorf("%s.json: %s: %s", language, key, p)
			}
		}
	}
}

// faultsOf tells what is wrong with one text.
func faultsOf(language, key string, e entry) (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if !keyForm.MatchString(key) {
		say("the key is not in the form group.name")
	}
	if got := slices.Sorted(maps.Keys(e)); e.plural() && !slices.Equal(got, slices.Sorted(slices.Values(formsOf[language]))) {
		say("plural forms are %v, want %v", got, formsOf[language])
	}
	for form, s := range e {
		own := entry{"": s}.names()
		for _, name := range e.names() {
			bare := name == "n" && slices.Contains([]string{"zero", "one", "two"}, form) // سنتين needs no number
			if !slices.Contains(own, name) && !bare {
				say("form %s lacks {%s}", form, name)
			}
		}
		if e.plural() && form == "other" && !slices.Contains(own, "n") {
			say("the form other lacks {n}")
		}
		rest := placeholder.ReplaceAllString(s, "")
		switch {
		case strings.TrimSpace(s) == "" || s != strings.TrimSpace(s):
			say("empty, or with space at an end: %q", s)
		case strings.ContainsAny(rest, "{}"):
			say("a brace that opens or closes no name: %q", s)
		case !norm.NFC.IsNormalString(s):
			say("not in normal form C: %q", s)
		case language == "ar" && strings.ContainsAny(rest, ",;?%"):
			say("Latin punctuation: %q", s)
		case language == "ar" && strings.ContainsAny(rest, "0123456789٠١٢٣٤٥٦٧٨٩"):
			say("digits are the site's choice, so they come as a value: %q", s)
		case language == "ar" && rest != "" && !regexp.MustCompile(`\p{Arabic}`).MatchString(rest):
			say("no Arabic: %q", s)
		}
	}
	return faults
}

func TestCataloguesHaveOneForm(t *testing.T) {
	for language := range formsOf {
		m, raw := catalogue(t, language)
		if n := bytes.Count(raw, []byte("\n\t\"")); n != len(m) {
			t.Errorf("%s.json: %d lines for %d keys: a key stands twice, or not on a line of its own", language, n, len(m))
			continue
		}
		want := oneForm(m)
		if *update {
			if err := os.WriteFile(language+".json", want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := gocmp.Diff(string(want), string(raw)); diff != "" {
			t.Errorf("%s.json: run go test ./lang -update\n%s", language, diff)
		}
	}
}

// oneForm writes a catalogue with sorted keys, each on a line of its own.
func oneForm(m map[string]entry) []byte {
	var lines []string
	for _, key := range slices.SortedFunc(maps.Keys(m), byKey) {
		lines = append(lines, "\t"+quote(key)+": "+m[key].json())
	}
	return []byte("{\n" + strings.Join(lines, ",\n") + "\n}\n")
}

// byKey orders month.2 before month.10.
func byKey(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.Atoi(as[i])
		y, errY := strconv.Atoi(bs[i])
		if errX == nil && errY == nil && x != y {
			return cmp.Compare(x, y)
		}
		if c := cmp.Compare(as[i], bs[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(as), len(bs))
}

func (e entry) json() string {
	if !e.plural() {
		return quote(e[""])
	}
	var parts []string
	for _, form := range formOrder {
		if s, ok := e[form]; ok {
			parts = append(parts, quote(form)+": "+quote(s))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}
