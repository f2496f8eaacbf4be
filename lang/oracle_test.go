package lang_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/amana-privacy/amana/lang"
)

// askNode runs a script and reads the JSON it prints. Node's Intl is Unicode's
// own code (ICU); a machine without Node can still run the other tests.
func askNode(t *testing.T, script string, into any) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil && os.Getenv("CI") == "" {
		t.Skip("no node on this machine")
	}
	out, err := exec.CommandContext(t.Context(), "node", "-e", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatal(err)
	}
}

func TestUmmAlQuraAgreesWithICU(t *testing.T) {
	var first = time.Date(1937, time.March, 14, 0, 0, 0, 0, time.UTC)
	var last = time.Date(2077, time.November, 16, 0, 0, 0, 0, time.UTC)
	var days [][3]int
	askNode(t, fmt.Sprintf(`
const f = new Intl.DateTimeFormat('en-u-ca-islamic-umalqura-nu-latn', {timeZone: 'UTC', year: 'numeric', month: 'numeric', day: 'numeric'})
const days = []
for (let t = %d; t <= %d; t += 864e5) {
  const p = Object.fromEntries(f.formatToParts(t).map(p => [p.type, p.value]))
  days.push([+(p.relatedYear ?? p.year), +p.month, +p.day])
}
console.log(JSON.stringify(days))`, first.UnixMilli(), last.UnixMilli()), &days)
	if n := len(days); n != 51383 || days[0] != [3]int{1356, 1, 1} || days[n-1] != [3]int{1500, 12, 30} {
		t.Fatalf("%d days, from %v to %v", n, days[0], days[n-1])
	}
	w := words(t, "ar", lang.Options{Calendar: lang.Both})
	plain := words(t, "ar", latin)
	for i, d := range days {
		at := first.AddDate(0, 0, i).Add(time.Duration(i%24) * time.Hour) // any hour of the day
		want := fmt.Sprintf("%d\u00a0%s %d\u00a0هـ، الموافق %s\u00a0م", d[2], w.Of("hijri", d[1]), d[0], plain.Date(at))
		if got := w.Date(at); got != want {
			t.Fatalf("%s: %q, want %q", at.Format(time.DateOnly), got, want)
		}
	}
	for _, out := range []time.Time{first.Add(-time.Second), last.AddDate(0, 0, 1), time.Unix(-1<<50, 0), time.Unix(1<<50, 0)} {
		if got := w.Date(out); got != plain.Date(out) {
			t.Errorf("%s is outside the table, yet is %q", out.Format(time.RFC3339), got)
		}
	}
}

func TestNumbersAndPluralsAgreeWithICU(t *testing.T) {
	var said []struct {
		N              int64
		En, Ar, Indic  string
		EnForm, ArForm string
	}
	askNode(t, `
const number = tag => new Intl.NumberFormat(tag), plural = tag => new Intl.PluralRules(tag)
const en = number('en'), ar = number('ar-u-nu-latn'), indic = number('ar-u-nu-arab')
const enForm = plural('en'), arForm = plural('ar')
const some = Array.from({length: 1205}, (_, i) => i).concat([-1, -1000, 12345, 100011, 1000000, 9007199254740991])
console.log(JSON.stringify(some.map(n => ({N: n, En: en.format(n), Ar: ar.format(n), Indic: indic.format(n),
  EnForm: enForm.select(n), ArForm: arForm.select(n)}))))`, &said)
	en, ar, indic := words(t, "en", latin), words(t, "ar", latin), words(t, "ar", arabic)
	texts := map[string]map[string]entry{}
	for language := range formsOf {
		texts[language], _ = catalogue(t, language)
	}
	for _, s := range said {
		for _, c := range []struct{ what, got, want string }{
			{"en", en.Number(s.N), s.En}, {"ar", ar.Number(s.N), s.Ar}, {"ar-u-nu-arab", indic.Number(s.N), s.Indic},
			{"en form", en.Days(int(s.N)), day(texts["en"], s.EnForm, s.En)},
			{"ar form", ar.Days(int(s.N)), day(texts["ar"], s.ArForm, s.Ar)},
		} {
			if c.got != c.want {
				t.Errorf("%s %d: %q, want %q", c.what, s.N, c.got, c.want)
			}
		}
	}
}

// day fills the text of a number of days in the form that ICU chose.
func day(texts map[string]entry, form, n string) string {
	return placeholder.ReplaceAllLiteralString(texts["duration.day"][form], n)
}
