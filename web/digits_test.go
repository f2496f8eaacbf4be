package web

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var (
	fixedText = regexp.MustCompile(`(?s)<(code|svg|bdi|bdo|textarea)[ >].*?</(code|svg|bdi|bdo|textarea)>`) // names, ids, addresses, numbers to be dialled
	anyTag    = regexp.MustCompile(`(?s)<[^>]*>`)
	latin     = regexp.MustCompile(`[^\s]*[0-9][^\s]*`)
	gregorian = regexp.MustCompile(`[٠-٩]{1,2}\x{a0}(يناير|فبراير|مارس|أبريل|مايو|يونيو|يوليو|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر) [٠-٩]{4}`)
	hijri     = regexp.MustCompile(`[٠-٩]{1,2}\x{a0}[^٠-٩()]+ ١٤[٠-٩]{2}`)
)

// TestAnArabicPageHasOneKindOfDigits walks every page of a company whose policy
// asks for Arabic digits and both calendars.
func TestAnArabicPageHasOneKindOfDigits(t *testing.T) {
	w := open(t, "souq-nakheel")
	v := w.signedIn("customer:100042", "email:sara@example.com")
	for _, do := range []struct {
		path string
		form url.Values
	}{{"/ar/me/take", url.Values{}}, {"/ar/me/requests", url.Values{"kind": {"complaint"}, "text": {"لماذا؟"}}}} {
		if a := v.post(do.path, do.form); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %s", do.path, a.Status)
		}
	}
	var paths []string
	for _, p := range append(everyPage(w), "/me", "/me/known", "/me/choices", "/me/receipts", "/me/requests", "/me/correct", "/me/take", "/me/erase", "/me/sessions") {
		paths = append(paths, "/ar"+p)
	}
	paths = append(paths, everyLeaf(t, v, "ar")...)
	for _, r := range regexp.MustCompile(`href="(/ar/me/requests/[^"]+)"`).FindAllStringSubmatch(v.see("/ar/me/requests"), -1) {
		paths = append(paths, r[1])
	}
	dates := 0
	for _, path := range paths {
		page := v.get(path).text
		if !strings.Contains(page, `<body class="indic">`) {
			t.Errorf("%s: the numbers of its lists are the browser's", path)
		}
		_, main, _ := strings.Cut(page, "<main")
		text := html.UnescapeString(anyTag.ReplaceAllString(fixedText.ReplaceAllString(main, " "), " "))
		for _, s := range latin.FindAllString(text, -1) {
			if !strings.HasPrefix(s, "…") && !strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
				t.Errorf("%s says %q", path, s)
			}
		}
		dates += len(gregorian.FindAllString(text, -1))
		if a, b := len(gregorian.FindAllString(text, -1)), len(hijri.FindAllString(text, -1)); a != b {
			t.Errorf("%s has %d dates of one calendar and %d of the other", path, a, b)
		}
	}
	if dates < 20 {
		t.Errorf("only %d dates were seen", dates)
	}
	if page := v.see("/en/me/erase"); strings.Contains(page, "indic") {
		t.Error("English pages count in Arabic")
	}
}
