package lang_test

import (
	"html/template"
	"math"
	"testing"
	"time"

	"github.com/amana-privacy/amana/lang"
)

func words(t testing.TB, tag string, o lang.Options) *lang.Words {
	t.Helper()
	w, ok := lang.For(tag, o)
	if !ok {
		t.Fatalf("no words for %q", tag)
	}
	return w
}

var (
	latin  = lang.Options{}
	arabic = lang.Options{Digits: lang.ArabicIndic, Calendar: lang.Both}
)

func TestForKnowsExactlyTheTwoLanguages(t *testing.T) {
	for tag, dir := range map[string]string{"en": "ltr", "ar": "rtl"} {
		if w := words(t, tag, latin); w.Dir() != dir || w.Tag != tag {
			t.Errorf("%s: tag %q, direction %q", tag, w.Tag, w.Dir())
		}
	}
	for _, tag := range []string{"", "fr", "EN", "ar-SA"} {
		if _, ok := lang.For(tag, latin); ok {
			t.Errorf("%q has words", tag)
		}
	}
}

func TestWrites(t *testing.T) {
	en, ar, ai := words(t, "en", arabic), words(t, "ar", latin), words(t, "ar", arabic)
	both := words(t, "ar", lang.Options{Calendar: lang.Both})
	day := time.Date(2025, time.November, 3, 14, 5, 59, 0, time.UTC)
	old := time.Date(1900, time.January, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct{ name, got, want string }{
		{"english number keeps latin digits", en.Number(1234567), "1,234,567"},
		{"arabic with latin digits", ar.Number(1234567), "1,234,567"},
		{"arabic-indic digits", ai.Number(1234567), "١٬٢٣٤٬٥٦٧"},
		{"three digits need no separator", ai.Number(999), "٩٩٩"},
		{"negative", en.Number(-1000), "-1,000"},
		{"negative stays before latin digits", ar.Number(-5), "\u200e-5"},
		{"negative stays before arabic-indic digits", ai.Number(-5), "\u061c-٥"},
		{"smallest number", en.Number(math.MinInt64), "-9,223,372,036,854,775,808"},
		{"digits within a text", ai.Digits("رقم 45 (\u206635-A\u2069) لعام 2021"), "رقم ٤٥ (\u206635-A\u2069) لعام ٢٠٢١"},
		{"digits within a text stay latin", ar.Digits("رقم 45"), "رقم 45"},
		{"date", en.Date(day), "3\u00a0November 2025"},
		{"arabic date", ar.Date(day), "3\u00a0نوفمبر 2025"},
		{"both calendars", both.Date(day), "12\u00a0جمادى الأولى 1447\u00a0هـ، الموافق 3\u00a0نوفمبر 2025\u00a0م"},
		{"both calendars, arabic-indic digits", ai.Date(day), "١٢\u00a0جمادى الأولى ١٤٤٧\u00a0هـ، الموافق ٣\u00a0نوفمبر ٢٠٢٥\u00a0م"},
		{"outside the table: gregorian alone", both.Date(old), "1\u00a0يناير 1900"},
		{"the day is that of UTC", en.Date(day.In(time.FixedZone("", 12*3600))), "3\u00a0November 2025"},
		{"time", en.DateTime(day), "3\u00a0November 2025, 14:05 UTC"},
		{"arabic time", ar.DateTime(day), "3\u00a0نوفمبر 2025، الساعة 14:05 بالتوقيت العالمي المنسق (UTC)"},
		{"one item", en.List([]string{"a"}), "a"},
		{"no item", en.List(nil), ""},
		{"list", en.List([]string{"a", "b", "c"}), "a, b and c"},
		{"arabic list", ar.List([]string{"أ", "ب", "ج"}), "أ وب وج"},
		{"country", en.Country("US"), "United States"},
		{"arabic country", ar.Country("SA"), "المملكة العربية السعودية"},
		{"the union", en.Country("EU"), "European Union"},
		{"renamed country", en.Country("MK"), "North Macedonia"},
		{"former code", en.Country("UK"), "United Kingdom"},
		{"no country", en.Country("moon"), "moon"},
		{"family", en.Of("status", ""), "Not answered: counts as no"},
		{"missing key shows itself", en.T("no.such.key"), "no.such.key"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

func TestDuration(t *testing.T) {
	en, ar, ai := words(t, "en", latin), words(t, "ar", latin), words(t, "ar", arabic)
	const day = 86400
	for _, c := range []struct {
		months  int
		seconds int64
		en, ar  string
	}{
		{0, 0, "0 days", "0 يوم"},
		{0, day, "one day", "يوم واحد"},
		{0, 2 * day, "2 days", "يومين"},
		{0, 7 * day, "7 days", "7 أيام"},
		{0, 30 * day, "30 days", "30 يومًا"},
		{0, 100 * day, "100 days", "100 يوم"},
		{0, day + 12*3600, "one day and 12 hours", "يوم واحد و12 ساعة"},
		{0, 90, "one minute and 30 seconds", "دقيقة واحدة و30 ثانية"},
		{1, 0, "one month", "شهر واحد"},
		{3, 0, "3 months", "3 أشهر"},
		{11, 0, "11 months", "11 شهرًا"},
		{12, 0, "one year", "سنة واحدة"},
		{13, 0, "13 months", "13 شهرًا"},
		{24, 0, "2 years", "سنتين"},
		{30, 0, "2 years and 6 months", "سنتين و6 أشهر"},
		{120, 0, "10 years", "10 سنوات"},
		{1200, 0, "100 years", "100 سنة"},
	} {
		if got := en.Duration(c.months, c.seconds); got != c.en {
			t.Errorf("P%dM%dS: %q, want %q", c.months, c.seconds, got, c.en)
		}
		if got := ar.Duration(c.months, c.seconds); got != c.ar {
			t.Errorf("P%dM%dS: %q, want %q", c.months, c.seconds, got, c.ar)
		}
	}
	if got := ai.Duration(36, 0); got != "٣ سنوات" {
		t.Errorf("arabic-indic digits: %q", got)
	}
}

func TestHTMLIsolatesAndEscapesValues(t *testing.T) {
	ar := words(t, "ar", latin)
	got := ar.H("date.time", "date", "<b>{time}</b>", "time", template.HTML("<b>1</b>"))
	want := template.HTML("<bdi>&lt;b&gt;{time}&lt;/b&gt;</bdi>، الساعة <b>1</b> بالتوقيت العالمي المنسق (UTC)")
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := ar.Names([]string{"A&B", "ج"}); got != "<bdi>A&amp;B</bdi> و<bdi>ج</bdi>" {
		t.Errorf("names: %s", got)
	}
}
