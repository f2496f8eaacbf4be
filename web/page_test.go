package web

import (
	"compress/gzip"
	"html"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/policy"
)

// everyPage gives the address of each page of a language, behind it.
func everyPage(w *world) []string {
	return []string{"/", "/policy", "/policy/changes", "/policy/" + string(w.db.InForce().ID), "/choices", "/contact", "/verify", "/no-such-page"}
}

func TestEveryPageInEveryLanguage(t *testing.T) {
	for _, company := range companies {
		w := open(t, company)
		v := w.visitor()
		for _, l := range []string{"en", "ar"} {
			for _, path := range everyPage(w) {
				t.Run(company+"/"+l+path, func(t *testing.T) {
					a := v.get("/" + l + path)
					if want := map[bool]int{false: 200, true: 404}[path == "/no-such-page"]; a.StatusCode != want {
						t.Fatalf("status %d", a.StatusCode)
					}
					wellFormed(t, a, l)
					for _, needed := range []string{w.db.InForce().Policy.Organization.Contact.Email, `name="choice" value="reject"`, `href="/` + l + `/policy"`, `href="/` + l + `/contact"`} {
						if !strings.Contains(a.text, needed) {
							t.Errorf("%q is missing", needed)
						}
					}
				})
			}
		}
	}
}

var (
	openTags = regexp.MustCompile(`<(h[1-6])[ >]`)
	idTags   = regexp.MustCompile(` id="([^"]*)"`)
	sheetTag = regexp.MustCompile(`<link rel="stylesheet" href="/assets/style-[0-9a-f]{12}\.css">`)
	turnTag  = regexp.MustCompile(`<nav class="turn[^>]*>.*?<a class="act" href="([^"]+)">[^<]*</a></nav>`)
)

// wellFormed holds a page to what holds for all of them.
func wellFormed(t *testing.T, a answered, l string) {
	t.Helper()
	dir := map[string]string{"en": "ltr", "ar": "rtl"}[l]
	if !strings.Contains(a.text, `<html lang="`+l+`" dir="`+dir+`">`) {
		t.Error("language or direction of the page is wrong")
	}
	for _, bad := range []string{"<script", "ZgotmplZ", "<no value>", " style=", "%!", "{{"} {
		if strings.Contains(a.text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	level := 0
	for _, h := range openTags.FindAllStringSubmatch(a.text, -1) {
		n := int(h[1][1] - '0')
		if n > level+1 {
			t.Errorf("a %s follows a heading of level %d", h[1], level)
		}
		level = n
	}
	if n := strings.Count(a.text, "<h1"); n != 1 {
		t.Errorf("%d headings of level 1", n)
	}
	var ids []string
	for _, id := range idTags.FindAllStringSubmatch(a.text, -1) {
		if slices.Contains(ids, id[1]) {
			t.Errorf("two elements have the id %s", id[1])
		}
		ids = append(ids, id[1])
	}
	if csp := a.Header.Get("Content-Security-Policy"); !sheetTag.MatchString(a.text) || strings.Contains(a.text, "<style") || !strings.Contains(csp, "style-src 'self' 'sha256-") || !strings.HasPrefix(csp, "default-src 'none'") {
		t.Errorf("the page's sheet is not the one file; %s", csp)
	}
}

// everyLeaf gives the address of each leaf of the policy, following the pages
// from the first to the last.
func everyLeaf(t *testing.T, v *visitor, l string) (paths []string) {
	t.Helper()
	for at := "/" + l + "/policy"; at != ""; {
		paths = append(paths, at)
		m := turnTag.FindStringSubmatch(v.see(at))
		if m == nil || slices.Contains(paths, m[1]) {
			return paths
		}
		at = m[1]
	}
	return paths
}

// mostBytes is how long a page may be, before pressing.
const mostBytes = 30_000

func TestEveryPageIsSmall(t *testing.T) {
	for _, company := range companies {
		w := open(t, company)
		v := w.visitor()
		v.header.Set("Accept-Encoding", "gzip")
		for _, l := range []string{"en", "ar"} {
			paths := everyLeaf(t, w.visitor(), l)
			if len(paths) < 3 || len(paths) > 6 {
				t.Errorf("%s: the policy has %d pages: %q", company, len(paths), paths)
			}
			for _, path := range everyPage(w) {
				paths = append(paths, "/"+l+path)
			}
			for _, path := range paths {
				a := v.get(path)
				z, err := gzip.NewReader(strings.NewReader(a.text))
				if err != nil {
					t.Fatal(err)
				}
				plain, err := io.ReadAll(z)
				if err != nil || !strings.HasSuffix(string(plain), "</html>\n") {
					t.Errorf("%s: not a whole page: %v", path, err)
				}
				if len(plain) > mostBytes {
					t.Errorf("%s%s: %d bytes", company, path, len(plain))
				}
			}
		}
	}
}

// Whatever a policy says in words stands in the page of the policy.
func TestThePolicyPageSaysEverything(t *testing.T) {
	for _, company := range companies {
		w := open(t, company)
		for _, l := range []string{"en", "ar"} {
			v, page := w.visitor(), ""
			for _, leaf := range everyLeaf(t, v, l) {
				page += v.see(leaf)
			}
			whole := v.see("/" + l + "/policy-file/" + string(w.db.InForce().ID))
			for _, text := range textsOf(reflect.ValueOf(*w.db.InForce().Policy)) {
				if s := text.In(l); !strings.Contains(page, html.EscapeString(s)) && !strings.Contains(page, strings.ReplaceAll(html.EscapeString(s), "&#34;", "&#34;")) {
					t.Errorf("%s in %s does not say %q", company, l, s)
				}
				if s := text.In(l); !strings.Contains(whole, html.EscapeString(s)) {
					t.Errorf("%s in %s: the file does not say %q", company, l, s)
				}
			}
		}
	}
}

func textsOf(v reflect.Value) (list []policy.Text) {
	if t, ok := v.Interface().(policy.Text); ok {
		if t == nil {
			return nil
		}
		return []policy.Text{t}
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			list = append(list, textsOf(v.Field(i))...)
		}
	case reflect.Slice:
		for i := range v.Len() {
			list = append(list, textsOf(v.Index(i))...)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			list = append(list, textsOf(v.MapIndex(k))...)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			list = textsOf(v.Elem())
		}
	}
	return list
}

var hrefs = regexp.MustCompile(`href="(/[^"]*)"`)

func TestNoLinkIsDead(t *testing.T) {
	w := open(t, "souq-nakheel")
	v := w.visitor()
	seen, todo := map[string]bool{}, []string{"/en/", "/ar/", "/en/footer.html"}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		a := v.get(at)
		if a.StatusCode == http.StatusSeeOther { // to the sign-in
			todo = append(todo, a.Header.Get("Location"))
			continue
		}
		if a.StatusCode != 200 {
			t.Errorf("%s: %s", at, a.Status)
		}
		if !strings.Contains(a.Header.Get("Content-Type"), "text/html") {
			continue
		}
		for _, h := range hrefs.FindAllStringSubmatch(a.text, -1) {
			path, anchor, _ := strings.Cut(html.UnescapeString(h[1]), "#")
			todo = append(todo, path)
			if anchor != "" && !strings.Contains(v.see(path), ` id="`+anchor+`"`) {
				t.Errorf("%s leads to %s, which has no such part", at, h[1])
			}
		}
	}
	if len(seen) < 12 {
		t.Errorf("only %d addresses were found", len(seen))
	}
}

func TestBareAddressesLeadToTheReadersLanguage(t *testing.T) {
	w := open(t, "casco-fiber")
	for _, c := range []struct{ accept, path, want string }{
		{"", "/", "/en/"}, {"ar-EG,en;q=0.5", "/", "/ar/"}, {"ar", "/policy", "/ar/policy"}, {"fr", "/choices", "/en/choices"},
		{"ar", "/policy/changes", "/ar/policy/changes"}, {"en", "/contact", "/en/contact"}, {"en", "/verify", "/en/verify"},
	} {
		v := w.visitor()
		v.header.Set("Accept-Language", c.accept)
		a := v.get(c.path)
		if a.StatusCode != 302 || a.Header.Get("Location") != c.want || !strings.Contains(a.Header.Get("Vary"), "Accept-Language") {
			t.Errorf("%s for %q: %s to %q, Vary %q", c.path, c.accept, a.Status, a.Header.Get("Location"), a.Header.Get("Vary"))
		}
	}
}

func TestErrorsArePagesInTheReadersLanguage(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.header.Set("Accept-Language", "ar")
	for _, c := range []struct {
		method, path string
		status       int
		language     string
	}{
		{"GET", "/nothing", 404, "ar"}, {"GET", "/en/nothing", 404, "en"}, {"GET", "/en/policy/sha256:00", 404, "en"},
		{"DELETE", "/en/policy", 405, "en"}, {"POST", "/ar/contact", 405, "ar"}, {"GET", "/en/receipt/AAAA", 404, "en"},
		{"POST", "/ar/choices", 422, "ar"}, {"POST", "/ar/verify", 400, "ar"},
	} {
		a := v.send(c.method, c.path, "", "")
		if a.StatusCode != c.status || !strings.Contains(a.text, `<html lang="`+c.language+`"`) {
			t.Errorf("%s %s: %s", c.method, c.path, a.Status)
		}
		if c.status == 405 && a.Header.Get("Allow") != "GET" {
			t.Errorf("%s %s allows %q", c.method, c.path, a.Header.Get("Allow"))
		}
	}
}

func TestHeadersOfPages(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	for path, cache := range map[string]string{"/en/policy": shortly, "/en/choices": never, "/en/verify": never} {
		h := v.get(path).Header
		for name, want := range map[string]string{"Cache-Control": cache, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: %q", path, h.Get("Content-Security-Policy"))
		}
		if h.Get("Set-Cookie") != "" {
			t.Errorf("%s: reading sets a cookie", path)
		}
	}
	first := v.get("/en/policy")
	v.header.Set("If-None-Match", first.Header.Get("ETag"))
	if a := v.get("/en/policy"); a.StatusCode != http.StatusNotModified || a.text != "" {
		t.Errorf("asked again: %s with %d bytes", a.Status, len(a.text))
	}
	v.header.Del("If-None-Match")
	v.header.Set("Accept-Encoding", "gzip")
	for _, path := range []string{"/en/contact", "/en/choices", "/en/verify", "/en/nowhere", "/policy.jsonld", "/log/checkpoint"} {
		full, head := v.get(path), v.send("HEAD", path, "", "")
		if head.StatusCode != full.StatusCode || head.text != "" || head.Header.Get("Content-Length") != full.Header.Get("Content-Length") {
			t.Errorf("HEAD %s: %s with %d bytes, GET %s", path, head.Status, len(head.text), full.Status)
		}
	}
}

func TestPastVersionsSayThatTheyArePast(t *testing.T) {
	w := open(t, "casco-fiber")
	old := w.db.InForce().ID
	w.pass(1000)
	w.publish(strings.Replace(example(t, "casco-fiber"), "keep: P6M", "keep: P5M", 1))
	v := w.visitor()
	hex := strings.TrimPrefix(string(old), "sha256:")
	for _, path := range []string{"/en/policy/" + string(old), "/en/policy/" + hex} {
		if page := v.see(path); !strings.Contains(page, "no longer in force") || !strings.Contains(page, `href="/en/policy"`) {
			t.Errorf("%s does not say that it is past", path)
		}
	}
	if page := v.see("/en/policy/" + string(w.db.InForce().ID)); strings.Contains(page, "no longer in force") {
		t.Error("the version in force says that it is past")
	}
	if page := v.see("/en/policy/changes"); !strings.Contains(page, "for 5 months") || !strings.Contains(page, "Ellen Pettengill") {
		t.Error("the list of changes does not tell the change and its author")
	}
}

func TestALanguageWithoutItsSlash(t *testing.T) {
	w := open(t, "casco-fiber")
	for _, l := range []string{"en", "ar"} {
		if a := w.visitor().get("/" + l); a.StatusCode != 301 || a.Header.Get("Location") != "/"+l+"/" {
			t.Errorf("/%s: %s to %s", l, a.Status, a.Header.Get("Location"))
		}
	}
}

// A new logo is shown at once, without a restart; who still has the page with
// the one before sees that.
func TestANewLogoIsShownAtOnce(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	find := func() string {
		return regexp.MustCompile(`/assets/logo-[0-9a-f]{12}\.(svg|png)`).FindString(v.see("/en/policy"))
	}
	first := find()
	w.logo.Store(&Logo{[]byte("\x89PNG\r\n\x1a\n"), "image/png"})
	second := find()
	if a := v.get(second); second == first || a.StatusCode != 200 || a.Header.Get("Content-Type") != "image/png" {
		t.Errorf("%s after %s: %s", second, first, a.Status)
	}
	if a := v.get(first); a.StatusCode != 200 {
		t.Errorf("the logo before: %s", a.Status)
	}
	w.publish(strings.Replace(example(t, "casco-fiber"), "keep: P6M", "keep: P5M", 1))
	if find() != second || v.get(first).StatusCode != 200 {
		t.Error("a new version loses the logos")
	}
	w.logo.Store(nil)
	if find() != "" || v.get("/assets/").StatusCode != 404 || v.get("/assets/logo-000000000000.svg").StatusCode != 404 {
		t.Error("a logo that is gone is still shown")
	}
}

func TestLogoIsKeptForeverAndCannotAct(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	path := regexp.MustCompile(`/assets/logo-[0-9a-f]{12}\.svg`).FindString(v.see("/en/"))
	a := v.get(path)
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "image/svg+xml" || a.Header.Get("Cache-Control") != forever || !strings.Contains(a.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%s: %s %v", path, a.Status, a.Header)
	}
}

func TestWhatProgramsFetch(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	for path, want := range map[string][2]string{
		"/policy.jsonld":        {"application/ld+json", string(w.db.InForce().ID)},
		"/.well-known/gpc.json": {"application/json", `{"gpc":true,"lastUpdate":"2026-03-03"}`},
		"/log/checkpoint":       {"text/plain; charset=utf-8", w.db.Checkpoint()},
	} {
		if a := v.get(path); a.StatusCode != 200 || a.Header.Get("Content-Type") != want[0] || !strings.Contains(a.text, want[1]) {
			t.Errorf("%s: %s %s %.60s", path, a.Status, a.Header.Get("Content-Type"), a.text)
		}
	}
}

func TestFooterSnippetHasAllContacts(t *testing.T) {
	w := open(t, "souq-nakheel")
	c := w.db.InForce().Policy.Organization.Contact
	for _, l := range []string{"en", "ar"} {
		text := w.visitor().see("/" + l + "/footer.html")
		for _, needed := range []string{c.Email, c.Phone, html.EscapeString(c.Address.In(l)), "http://privacy.example/" + l + "/policy", "http://privacy.example/" + l + "/choices", "http://privacy.example/" + l + "/contact"} {
			if !strings.Contains(text, needed) && !strings.Contains(html.UnescapeString(text), needed) {
				t.Errorf("%s: %q is missing", l, needed)
			}
		}
	}
}
