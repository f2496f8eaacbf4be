package web

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"golang.org/x/text/encoding/charmap"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/policy"
)

const ownSite = "https://cascofiber.example"

// ask sends JSON from a page of some origin.
func (v *visitor) ask(path, origin, body string) answered {
	v.t.Helper()
	v.header.Set("Origin", origin)
	v.header.Set("Sec-Fetch-Site", "same-site")
	defer v.header.Del("Origin")
	defer v.header.Del("Sec-Fetch-Site")
	return v.send("POST", path, "application/json", body)
}

func TestTheScriptDependsOnTheVisitor(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	fresh := v.get("/amana.js?lang=ar")
	accept, err := charmap.Windows1256.NewEncoder().String("أوافق")
	if err != nil || fresh.Header.Get("Content-Type") != "text/javascript; charset=windows-1256" {
		t.Fatal(fresh.Header, err)
	}
	if !strings.Contains(fresh.text, accept) || !strings.Contains(fresh.text, `data-amana-action=reject`) {
		t.Error("a visitor who has not answered is not asked in the language of the page")
	}
	if c := fresh.Header.Get("Cache-Control"); !strings.HasPrefix(c, "private") {
		t.Errorf("it may be kept by anybody: %s", c)
	}
	vary := strings.Join(fresh.Header.Values("Vary"), ", ")
	for _, part := range []string{"Cookie", "Accept-Language", "Sec-GPC"} {
		if !strings.Contains(vary, part) {
			t.Errorf("Vary: %s lacks %s", vary, part)
		}
	}
	v.ask("/v1/choices", ownSite, `{"choice":"save","purposes":["analytics"],"version":"`+cookie.Revision(w.db.InForce().ID)+`","language":"en"}`)
	gate := v.get("/amana.js?lang=ar")
	if strings.Contains(gate.text, accept) || !strings.Contains(gate.text, `?["analytics"]`) || !strings.Contains(gate.text, `analytics_storage:"granted"`) {
		t.Errorf("a visitor who said yes gets\n%s", gate.text)
	}
	other := w.visitor().get("/amana.js?lang=ar")
	if other.text != fresh.text {
		t.Error("another visitor gets something else")
	}
}

func TestAWiderVersionAsksAgainANarrowerDoesNot(t *testing.T) {
	src := example(t, "casco-fiber")
	for name, c := range map[string]struct {
		change func(string) string
		asks   bool
		counts string
	}{
		"another word elsewhere": {func(s string) string { return strings.Replace(s, "staff_at_most: 14", "staff_at_most: 12", 1) }, false, `?["analytics","comfort"]`},
		"less data": {func(s string) string {
			return strings.Replace(s, "data: [browser_number, visits]\n", "data: [visits]\n", 1)
		}, false, `?["analytics","comfort"]`},
		"more data": {func(s string) string {
			return strings.Replace(s, "data: [browser_number, visits]\n", "data: [browser_number, visits, site_settings]\n", 1)
		}, true, `?["comfort"]`},
		"other words": {func(s string) string {
			return strings.Replace(s, "under a random number that", "with a random number that", 1)
		}, true, `?["comfort"]`},
		"another purpose on the browser": {func(s string) string {
			return strings.Replace(s, "acts_on: [phone]\n", "acts_on: [phone, device]\n", 1)
		}, true, `?["analytics","comfort"]`},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t, "casco-fiber")
			yes, no := w.visitor(), w.visitor()
			yes.ask("/v1/choices", ownSite, `{"choice":"save","purposes":["analytics","comfort"],"version":"`+string(w.db.InForce().ID)+`"}`)
			no.ask("/v1/choices", ownSite, `{"choice":"reject","version":"`+string(w.db.InForce().ID)+`"}`)
			w.publish(c.change(src))
			got := yes.get("/amana.js").text
			if asks := strings.Contains(got, "data-amana-action=accept"); asks != c.asks || !strings.Contains(got, c.counts) {
				t.Errorf("asks %t, counts %t", asks, strings.Contains(got, c.counts))
			}
			if asks := strings.Contains(no.get("/amana.js").text, "data-amana-action=accept"); asks != (name == "another purpose on the browser") {
				t.Errorf("who said no is asked %t", asks)
			}
		})
	}
}

func TestTimeRunsOut(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.ask("/v1/choices", ownSite, `{"choice":"accept","version":"`+string(w.db.InForce().ID)+`"}`)
	w.pass(89 * 24 * 3600e9)
	if strings.Contains(v.get("/amana.js").text, "data-amana-action=accept") {
		t.Error("asked again before its time")
	}
	w.pass(2 * 24 * 3600e9) // 90 days were promised for one of them
	got := v.get("/amana.js").text
	if !strings.Contains(got, "data-amana-action=accept") || !strings.Contains(got, `?["analytics","comfort"]`) {
		t.Error("a yes outlived the time that it showed, or took the others with it")
	}
}

func TestOnlyOurOwnSitesMayAnswer(t *testing.T) {
	w := open(t, "casco-fiber", func(c *Config) { c.Origins = []string{"http://127.0.0.1:9000"} })
	reject := `{"choice":"reject","version":"` + string(w.db.InForce().ID) + `"}`
	for origin, good := range map[string]bool{
		ownSite: true, "http://127.0.0.1:9000": true, "http://privacy.example": true,
		"http://cascofiber.example": false, "https://cascofiber.example:8443": false, "https://shop.cascofiber.example": false,
		"https://cascofiber.example.evil": false, "http://127.0.0.1:9001": false, "null": false,
	} {
		a := w.visitor().ask("/v1/choices", origin, reject)
		shared := a.Header.Get("Access-Control-Allow-Origin") == origin && a.Header.Get("Access-Control-Allow-Credentials") == "true"
		if (a.StatusCode == 200) != good || shared != (good && origin != "http://privacy.example") {
			t.Errorf("%s: %s, shared %t", origin, a.Status, shared)
		}
		v := w.visitor()
		v.header.Set("Origin", origin)
		v.header.Set("Sec-Fetch-Site", "cross-site")
		if a := v.post("/en/choices", url.Values{"choice": {"reject"}}); (a.StatusCode == http.StatusSeeOther) != good {
			t.Errorf("a form of %s: %s", origin, a.Status)
		}
		if a := v.send("POST", "/en/verify", "application/x-www-form-urlencoded", ""); good && origin != "http://privacy.example" && a.StatusCode != http.StatusForbidden {
			t.Errorf("%s may send more than answers: %s", origin, a.Status)
		}
	}
	v := w.visitor()
	v.header.Set("Origin", ownSite)
	pre := v.send("OPTIONS", "/v1/choices", "", "")
	if pre.StatusCode != 204 || pre.Header.Get("Access-Control-Allow-Methods") != "POST" || pre.Header.Get("Access-Control-Allow-Headers") != "Content-Type" {
		t.Errorf("preflight: %s %v", pre.Status, pre.Header)
	}
	v.header.Set("Origin", "https://evil.example")
	if pre := v.send("OPTIONS", "/v1/choices", "", ""); pre.Header.Get("Access-Control-Allow-Methods") != "" {
		t.Error("a preflight of another site is welcome")
	}
}

func TestAFormLeadsBackToItsOwnSite(t *testing.T) {
	w := open(t, "casco-fiber")
	for back, want := range map[string]string{
		ownSite + "/shop?a=1":                  ownSite + "/shop?a=1",
		"https://evil.example/":                "",
		"//evil.example":                       "",
		"javascript:alert(1)":                  "",
		"https://cascofiber.example.evil/":     "",
		"https://user@cascofiber.example/page": "https://user@cascofiber.example/page",
	} {
		a := w.visitor().post("/en/choices", url.Values{"choice": {"reject"}, "back": {back}})
		if got := a.Header.Get("Location"); got != want && !(want == "" && strings.HasPrefix(got, "/en/choices?saved=")) {
			t.Errorf("back to %q leads to %q", back, got)
		}
	}
	v := w.visitor()
	v.header.Set("Referer", ownSite+"/from")
	if got := v.post("/en/choices", url.Values{"choice": {"reject"}, "back": {""}}).Header.Get("Location"); got != ownSite+"/from" {
		t.Errorf("the browser's word leads to %q", got)
	}
	if form := w.visitor().see("/ar/banner.html"); !strings.Contains(form, `action="http://privacy.example/ar/choices"`) || !strings.Contains(form, "أرفض") {
		t.Errorf("the form is\n%s", form)
	}
}

func TestASharedCookie(t *testing.T) {
	for name, c := range map[string]struct {
		sites, door, want string
		shared            bool
	}{
		"not asked for":               {`"https://www.casco.example"`, "https://privacy.casco.example", "", false},
		"siblings":                    {`"https://www.casco.example"`, "https://privacy.casco.example", "casco.example", true},
		"no wider than needed":        {`"https://shop.eu.casco.example"`, "https://privacy.eu.casco.example", "eu.casco.example", true},
		"another domain has no part":  {`"https://www.casco.example", "https://www.other.example"`, "https://privacy.casco.example", "casco.example", true},
		"an address is no domain":     {`"https://www.casco.example"`, "http://127.0.0.1:8080", "", true},
		"one suffix is not one owner": {`"https://a.co.uk"`, "https://b.co.uk", "b.co.uk", true},
	} {
		p := &policy.Policy{}
		p.Banner.Shared = c.shared
		for _, s := range strings.Split(c.sites, ", ") {
			p.Organization.Sites = append(p.Organization.Sites, strings.Trim(s, `"`))
		}
		if got := sharedDomain(p, c.door); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	w := open(t, "casco-fiber", func(c *Config) { c.PublicURL = "https://privacy.cascofiber.example" })
	w.publish(strings.Replace(example(t, "casco-fiber"), "languages: [en, ar]", "languages: [en, ar]\nbanner: {shared: true}", 1))
	a := w.visitor().ask("/v1/choices", ownSite, `{"choice":"reject","version":"`+string(w.db.InForce().ID)+`"}`)
	set := a.Header.Values("Set-Cookie")
	if !slices.ContainsFunc(set, func(s string) bool {
		return strings.Contains(s, "Domain=cascofiber.example") && strings.Contains(s, "Secure")
	}) || len(set) != 2 {
		t.Errorf("cookies %q", set)
	}
	if got := w.visitor().get("/amana.js").text; !strings.Contains(got, ";secure;domain=cascofiber.example") {
		t.Error("the script writes a cookie of another domain")
	}
}

func TestWhatWasShownIsCounted(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	rev := cookie.Revision(w.db.InForce().ID)
	for body, want := range map[string]int{"en " + rev: 204, "ar " + rev: 204, "fr " + rev: 422, "en 00000000": 422, "": 422, strings.Repeat("x", 200): 422} {
		if a := v.send("POST", "/v1/shown", "text/plain", body); a.StatusCode != want {
			t.Errorf("%q: %s", body, a.Status)
		}
	}
	v.send("POST", "/v1/shown", "text/plain", "en "+rev)
	list, err := w.db.Shown(t.Context())
	if err != nil || len(list) != 2 || list[0].Language != "ar" || list[0].N != 1 || list[1].N != 2 || list[1].Day != "2026-03-03" || list[1].Version != w.db.InForce().ID {
		t.Errorf("counted %+v, %v", list, err)
	}
	if v.cookie() != "" {
		t.Error("counting sets a cookie")
	}
}

func TestFilesThatNeverChange(t *testing.T) {
	w := open(t, "casco-fiber")
	var m struct {
		Scripts map[string]struct{ Path, Integrity string }
	}
	if err := json.Unmarshal([]byte(w.visitor().see("/amana.json")), &m); err != nil || len(m.Scripts) != 2 {
		t.Fatal(m, err)
	}
	static := w.visitor().get(m.Scripts["ar"].Path)
	if static.StatusCode != 200 || !strings.Contains(static.Header.Get("Cache-Control"), "immutable") || static.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%s %v", static.Status, static.Header)
	}
	w.publish(strings.Replace(example(t, "casco-fiber"), "staff_at_most: 14", "staff_at_most: 12", 1))
	if a := w.visitor().get(m.Scripts["ar"].Path); a.StatusCode != 200 {
		t.Errorf("right after a change the old script answers %s", a.Status)
	}
	if a := w.visitor().get("/amana/00000000.js"); a.StatusCode != 302 || a.Header.Get("Location") != "/amana.js" {
		t.Errorf("an unknown script answers %s", a.Status)
	}
	if a := w.visitor().get("/amana/00000000.json"); a.StatusCode != 404 {
		t.Errorf("an unknown file answers %s", a.Status)
	}
}

// The second file says what its version says, also to who has the page open while
// the policy changes: and a yes to the old words is none to the new.
func TestTheDetailsAreThoseOfTheVersionShown(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	detailsOf := func() string {
		m := regexp.MustCompile(`"(/amana/[0-9a-f]{8}\.json)"`).FindStringSubmatch(v.see("/amana.js?lang=en"))
		if m == nil {
			t.Fatal("the script names no details")
		}
		return m[1]
	}
	const was, is = "under a random number that", "with a random number that"
	old, shown := detailsOf(), w.db.InForce().ID
	words := v.see(old)
	w.publish(strings.Replace(example(t, "casco-fiber"), was, is, 1))
	if !strings.Contains(words, was) || v.see(old) != words {
		t.Error("after a change the old address has other words")
	}
	if now := v.see(detailsOf()); strings.Contains(now, was) || !strings.Contains(now, is) {
		t.Errorf("the new address has\n%s", now)
	}
	a := v.ask("/v1/choices", ownSite, `{"choice":"accept","version":"`+string(shown)+`"}`)
	if a.StatusCode != http.StatusConflict || v.cookie() != "" {
		t.Errorf("a yes to the old words: %s, cookie %q", a.Status, v.cookie())
	}
	a = v.ask("/v1/choices", ownSite, `{"choice":"save","purposes":["analytics"],"version":"`+string(w.db.InForce().ID)+`","language":"en"}`)
	if a.StatusCode != http.StatusOK || !strings.Contains(a.text, is) || strings.Contains(a.text, was) {
		t.Errorf("the receipt of a yes to the new words: %s\n%s", a.Status, a.text)
	}
}

func TestANoThatWasNotHeardIsHeardLater(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.ask("/v1/choices", ownSite, `{"choice":"accept","version":"`+string(w.db.InForce().ID)+`"}`)
	said := v.cookie()
	u, _ := url.Parse(v.URL)
	v.client.Jar.SetCookies(u, []*http.Cookie{{Name: "amana", Value: said + ".u", Path: "/"}}) // as the script marks it
	if got := v.get("/amana.js").text; strings.Contains(got, `?["`) || !strings.Contains(got, "data-amana-action") {
		t.Error("something of it counts still")
	}
	a := v.ask("/v1/choices", ownSite, `{"choice":"reject","version":"`+string(w.db.InForce().ID)+`"}`)
	if !strings.Contains(a.text, `"granted":[]`) || !strings.Contains(a.text, "withdrawn") {
		t.Errorf("%s %s", a.Status, a.text)
	}
	if got := v.cookie(); got != cookie.Format(cookie.Refusal(w.db.InForce())) {
		t.Errorf("the cookie is %q", got)
	}
}

// The state is what the page says, or the policy's regimes; a page can make up
// none.
func TestThePlatformOfAState(t *testing.T) {
	w := open(t, "casco-fiber")
	has := func(path, section string) bool {
		return strings.Contains(w.visitor().see(path), section+`:[{`)
	}
	for path, want := range map[string]bool{"/amana-gpp.js": false, "/amana-gpp.js?state=va": true, "/amana-gpp.js?state=xx": false, "/amana-gpp.js?state=nat": false} {
		if got := has(path, "usva"); got != want || !has(path, "usnat") {
			t.Errorf("%s: usva %t", path, got)
		}
	}
	w.publish(strings.Replace(example(t, "casco-fiber"), "regimes: [us-me-9301]", "regimes: [us-me-9301, us-ca-ccpa]", 1))
	if !has("/amana-gpp.js", "usca") {
		t.Error("a regime of California brings no section")
	}
}

// What is really sent is small, too, in either form; and it is the same.
func TestTheScriptIsSentSmall(t *testing.T) {
	for _, company := range companies {
		w := open(t, company)
		for _, l := range []string{"en", "ar"} {
			v := w.visitor()
			v.header.Set("Accept-Encoding", "identity")
			plain := v.see("/amana.js?lang=" + l)
			for _, c := range []struct {
				accept, sent string
				most         int
			}{{"gzip, deflate, br", "br", 3600}, {"gzip", "gzip", 4096}, {"br;q=0, gzip", "gzip", 4096}} {
				v.header.Set("Accept-Encoding", c.accept)
				a := v.get("/amana.js?lang=" + l)
				if got := a.Header.Get("Content-Encoding"); got != c.sent || len(a.text) > c.most {
					t.Errorf("%s %s, %s: %d bytes of %q, want at most %d of %s", company, l, c.accept, len(a.text), got, c.most, c.sent)
				}
				t.Logf("%s %s: %d bytes of %s", company, l, len(a.text), c.sent)
				var r io.Reader = brotli.NewReader(strings.NewReader(a.text))
				if c.sent == "gzip" {
					var err error
					if r, err = gzip.NewReader(strings.NewReader(a.text)); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := io.ReadAll(r); err != nil || string(got) != plain {
					t.Errorf("%s %s as %s is another script (%v)", company, l, c.sent, err)
				}
			}
		}
	}
}
