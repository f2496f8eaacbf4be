package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// asking is a company whose policy asks the age before a yes to analytics.
func asking(t *testing.T) *world {
	t.Helper()
	w := open(t, "casco-fiber")
	src := strings.Replace(example(t, "casco-fiber"), "\nchildren:\n", "\nchildren:\n  ask: [analytics, newsletter]\n", 1)
	if !strings.Contains(src, "ask: [analytics") {
		t.Fatal("the example has no children")
	}
	w.publish(src, "analytics", "newsletter")
	return w
}

// bandOf gives the button of the band that begins, or ends, with a year.
func bandOf(t *testing.T, page, words string) string {
	t.Helper()
	before, _, ok := strings.Cut(page, ">"+words)
	if !ok {
		t.Fatalf("no band %q on the page", words)
	}
	_, value, _ := strings.Cut(before[strings.LastIndex(before, "<button"):], `value="`)
	return strings.TrimSuffix(value, `"`)
}

func yes(v *visitor, more url.Values) answered {
	v.t.Helper()
	form := url.Values{"answer": {"yes:analytics"}}
	for k, list := range more {
		form[k] = list
	}
	return v.post("/en/choices", form)
}

func (v *visitor) named(name string) string {
	u, _ := url.Parse(v.URL)
	for _, c := range v.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func TestTheYearsAreAskedOnceBeforeAYes(t *testing.T) {
	w := asking(t)
	v := w.visitor()
	if a := v.post("/en/choices", url.Values{"answer": {"yes:comfort"}}); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("a purpose that needs no age: %s", a.Status)
	}
	a := yes(v, nil)
	if a.StatusCode != http.StatusOK || v.named("age") != "" {
		t.Fatalf("the question comes as %s", a.Status)
	}
	_, shown, _ := strings.Cut(a.text, "<main")
	shown, _, _ = strings.Cut(shown, "</main")
	shown = strings.ToLower(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(shown, " "))
	for _, hint := range []string{" 16", "child", "old enough", "young", "age"} {
		if strings.Contains(shown, hint) {
			t.Errorf("the question gives a hint: %s", hint)
		}
	}
	if n := strings.Count(a.text, `name="born"`); n != 5 || strings.Count(a.text, `<button class="answer" name="born"`) != n {
		t.Errorf("there are %d bands, or they do not look alike", n)
	}
	// In March 2026 whoever was born by the end of 2009, or of 1430 AH, is 16.
	if a := yes(v, url.Values{"born": {bandOf(t, a.text, "2008 to 2009 (1429 to 1430 AH)")}}); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("old enough: %s", a.Status)
	}
	if v.named("age") != oldEnough || device(v) == "" || w.kept() == 0 {
		t.Error("the yes was not recorded")
	}
	if a := v.post("/en/choices", url.Values{"choice": {"accept"}}); a.StatusCode != http.StatusSeeOther {
		t.Errorf("asked again: %s", a.Status)
	}
}

// The banner cannot ask: it is told where that is done.
func TestTheBannerIsToldWhereTheAgeIsAsked(t *testing.T) {
	w := asking(t)
	v := w.visitor()
	a := v.ask("/v1/choices", ownSite, `{"choice":"accept","version":"`+string(w.db.InForce().ID)+`","language":"ar"}`)
	if a.StatusCode != http.StatusForbidden || !strings.Contains(a.text, `"to":"http://privacy.example/ar/choices"`) || len(a.Cookies()) > 0 {
		t.Errorf("%s %s", a.Status, a.text)
	}
}

// device gives the id in the cookie of the choices.
func device(v *visitor) string {
	parts := strings.Split(v.named("amana"), ".")
	return parts[len(parts)-1]
}

// TestNothingIsKeptOfWhoIsRefused reads what a refusal leaves: a session cookie.
func TestNothingIsKeptOfWhoIsRefused(t *testing.T) {
	w := asking(t)
	v := w.visitor()
	before := w.kept()
	page := yes(v, nil)
	a := yes(v, url.Values{"born": {bandOf(t, page.text, "2010 to 2012")}})
	if a.StatusCode != http.StatusForbidden || strings.Contains(a.text, "2010") {
		t.Fatalf("too young: %s", a.Status)
	}
	c := a.Cookies()
	if len(c) != 1 || c[0].Name != "age" || c[0].MaxAge != 0 || !c[0].Expires.IsZero() || !c[0].HttpOnly {
		t.Errorf("the refusal sets %+v", c)
	}
	for band := range 5 { // no going back
		if a := yes(v, url.Values{"born": {strconv.Itoa(band)}}); a.StatusCode != http.StatusForbidden {
			t.Errorf("another band on a second try: %s", a.Status)
		}
	}
	if a := v.post("/en/choices", url.Values{"choice": {"accept"}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("a yes to everything: %s", a.Status)
	}
	if a := v.post("/en/choices", url.Values{"answer": {"no:analytics"}}); a.StatusCode != http.StatusSeeOther {
		t.Errorf("a no is always taken: %s", a.Status)
	}
	form := url.Values{"email": {"child@example.com"}, "purpose": {"newsletter"}, "language": {"en"}}
	if a := v.post("/v1/subscriptions", form); a.StatusCode != http.StatusForbidden {
		t.Errorf("a subscription: %s", a.Status)
	}
	if n := len(w.mails()); n != 0 {
		t.Errorf("%d mails to somebody refused", n)
	}
	if after := w.kept(); after != before {
		t.Errorf("there were %d events, and there are %d", before, after)
	}
	if logged := w.logs.String(); strings.Contains(logged, "born") || strings.Contains(logged, "child@") {
		t.Error("the log tells of the refusal")
	}
}

// kept counts what was ever recorded.
func (w *world) kept() int64 {
	w.t.Helper()
	r, err := w.db.Check(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return r.Events
}

func TestASignUpIsAskedToo(t *testing.T) {
	w := asking(t)
	v := w.visitor()
	form := url.Values{"email": {"grown@example.com"}, "purpose": {"newsletter"}, "language": {"ar"}}
	a := v.post("/v1/subscriptions", form)
	if a.StatusCode != http.StatusOK || !strings.Contains(a.text, `value="grown@example.com"`) || !strings.Contains(a.text, "هـ") {
		t.Fatalf("the question: %s", a.Status)
	}
	if n := len(w.mails()); n != 0 {
		t.Fatalf("%d mails before the question was answered", n)
	}
	form.Set("born", "4")
	if a := v.post("/v1/subscriptions", form); a.StatusCode != http.StatusOK {
		t.Fatalf("old enough: %s", a.Status)
	}
	w.mail()
}

func TestTheBannerLeavesTheQuestionToThePage(t *testing.T) {
	w := asking(t)
	v := w.visitor()
	a := v.send("POST", "/v1/choices", "application/json", `{"choice":"accept","version":"`+string(w.db.InForce().ID)+`"}`)
	if a.StatusCode != http.StatusForbidden || !strings.Contains(a.text, `"choices"`) || v.named("amana") != "" {
		t.Errorf("the banner's yes: %s %s", a.Status, a.text)
	}
}

// TestBandsKeepTheAge looks at every day of many years, in both calendars.
func TestBandsKeepTheAge(t *testing.T) {
	for day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2032; day = day.AddDate(0, 0, 1) {
		for _, age := range []int{13, 16, 18, 21} {
			bands := bandsOf(age, day)
			for i, b := range bands {
				if i > 0 && (b.to != bands[i-1].from-1 || b.hijriTo != bands[i-1].hijriFrom-1) {
					t.Fatalf("%s, %d: a year is in no band, or in two: %+v", day, age, bands)
				}
				if youngest := time.Date(b.to, 12, 31, 0, 0, 0, 0, time.UTC); b.enough && (b.to == 0 || youngest.AddDate(age, 0, 0).After(day)) {
					t.Fatalf("%s: born at the end of %d is not %d", day, b.to, age)
				}
			}
		}
	}
}
