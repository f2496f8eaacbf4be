package web

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/cookie"
)

const (
	otherHost = "www.nakheel.example"
	otherSite = "https://" + otherHost
	thirdHost = "third.example"
)

// threeDomains opens a company with sites of three domains.
func threeDomains(t *testing.T) (w *world, src string) {
	w = open(t, "casco-fiber", func(c *Config) { c.PublicURL = "http://privacy.cascofiber.example" })
	src = strings.Replace(example(t, "casco-fiber"), `sites: ["https://cascofiber.example"]`, `sites: ["https://cascofiber.example", "`+otherSite+`", "https://`+thirdHost+`"]`, 1)
	w.publish(src)
	return w, src
}

// atHost is the same person's browser at another site: browsers share no cookie
// between domains.
func (w *world) atHost(host string) *visitor {
	v := w.visitor()
	v.host = host
	return v
}

// sends sends what this browser answered to a site, and gives the path there.
func (v *visitor) sends(site string) string {
	v.t.Helper()
	a := v.post("/en/me/sites", url.Values{"site": {site}})
	to, ok := strings.CutPrefix(a.Header.Get("Location"), site)
	if a.StatusCode != http.StatusSeeOther || !ok || !strings.HasPrefix(to, "/amana/in/") {
		v.t.Fatalf("sending answers %s, to %q", a.Status, a.Header.Get("Location"))
	}
	return to
}

// remembers gives what the browser keeps of its answer, beside a session.
func (v *visitor) remembers() string {
	u, _ := url.Parse(v.URL)
	u.Host = cmp.Or(v.host, u.Host)
	for _, c := range v.client.Jar.Cookies(u) {
		if c.Name == cookie.Name {
			return c.Value
		}
	}
	return ""
}

func (v *visitor) answers(yes ...string) {
	v.t.Helper()
	form := url.Values{"choice": {"save"}, "purpose": yes}
	if len(yes) == 0 {
		form = url.Values{"choice": {"reject"}}
	}
	if a := v.post("/en/choices", form); a.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("answering: %s", a.Status)
	}
}

// counting gives what the script at a host says that counts.
func (v *visitor) counting() string {
	v.t.Helper()
	m := regexp.MustCompile(`\?\[([^\]]*)\]:\[\]`).FindStringSubmatch(v.see("/amana.js?lang=en"))
	if m == nil {
		return "asks"
	}
	return m[1]
}

func TestAnswersAreTakenToAnotherDomain(t *testing.T) {
	w, _ := threeDomains(t)
	here, there := w.signedIn(mina), w.atHost(otherHost)
	if page := here.see("/en/me/sites"); strings.Contains(page, "<button class=\"act\" name=\"site\"") || !strings.Contains(page, "has not answered") {
		t.Error("there is something to take along without an answer")
	}
	if a := here.post("/en/me/sites", url.Values{"site": {otherSite}}); a.StatusCode != http.StatusConflict {
		t.Errorf("nothing is sent: %s", a.Status)
	}
	here.answers("analytics")
	a := here.get("/en/me/sites")
	if csp := a.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+otherSite+" https://"+thirdHost+";") {
		t.Errorf("the form may lead to %s", csp)
	}
	if !strings.Contains(a.text, "Counting visits to our site:</bdi> <b>Yes") || strings.Contains(a.text, `value="https://cascofiber.example"`) {
		t.Errorf("the page is\n%s", a.text)
	}
	path := here.sends(otherSite)
	page := there.get(path)
	if page.StatusCode != 200 || !strings.Contains(page.text, "Counting visits to our site:</bdi> <b>Yes") || !strings.Contains(page.text, ":</bdi> <b>No<") {
		t.Fatalf("%s\n%s", page.Status, page.text)
	}
	if strings.Contains(page.text, `href="/`) || strings.Contains(page.text, `src="/`) || there.remembers() != "" {
		t.Error("the page leads to the site as if that were the door, or sets a cookie")
	}
	if again := there.get(path); again.StatusCode != 200 {
		t.Errorf("looking uses it up: %s", again.Status)
	}
	if done := there.post(path, url.Values{"choice": {"take"}}); done.StatusCode != http.StatusSeeOther || done.Header.Get("Location") != otherSite {
		t.Fatalf("taking answers %s, to %q", done.Status, done.Header.Get("Location"))
	}
	if got := there.counting(); got != `"analytics"` {
		t.Errorf("at the other site %s counts", got)
	}
	mine, err := cookie.Parse(here.remembers())
	theirs, err2 := cookie.Parse(there.remembers())
	if err != nil || err2 != nil || mine.ID == theirs.ID || theirs.ID == "" {
		t.Errorf("one id in both domains: %v %v", err, err2)
	}
}

// A no goes the same way, and takes back what stands there.
func TestANoIsTakenToAnotherDomain(t *testing.T) {
	w, _ := threeDomains(t)
	here, there := w.signedIn(mina), w.atHost(otherHost)
	there.answers("analytics", "comfort")
	here.answers()
	there.post(here.sends(otherSite), url.Values{"choice": {"take"}})
	if got := there.counting(); got != "" || there.remembers() != here.remembers() {
		t.Errorf("%q counts at the other site, by the cookie %q", got, there.remembers())
	}
	// Beside what was carried stands a no to everything.
	here.answers("analytics")
	other := w.atHost(thirdHost)
	other.post(here.sends("https://"+thirdHost), url.Values{"choice": {"reject"}})
	if got := other.counting(); got != "" {
		t.Errorf("%q counts where everything was refused", got)
	}
	// A no of this browser that the server has not heard yet is a no.
	u, _ := url.Parse(w.URL)
	here.client.Jar.SetCookies(u, []*http.Cookie{{Name: cookie.Name, Value: here.remembers() + ".u", Path: "/"}})
	if page := here.see("/en/me/sites"); strings.Contains(page, "<b>Yes") {
		t.Error("what was taken back would be carried as a yes")
	}
}

func TestATokenOfAnswersOpensOnceThereAlone(t *testing.T) {
	w, _ := threeDomains(t)
	here := w.signedIn(mina)
	here.answers("analytics")
	refused := func(what string, a answered, v *visitor) {
		t.Helper()
		if a.StatusCode != http.StatusForbidden || v.remembers() != "" && v != here {
			t.Errorf("%s: %s, cookie %q", what, a.Status, v.remembers())
		}
		if strings.Contains(a.text, "<b>Yes") {
			t.Errorf("%s: the answers are told", what)
		}
	}
	take := func() url.Values { return url.Values{"choice": {"take"}} }
	path := here.sends(otherSite)
	third, nobody := w.atHost(thirdHost), w.atHost("privacy.cascofiber.example")
	refused("another site", third.get(path), third)
	refused("another site", third.post(path, take()), third)
	refused("the door", nobody.post(path, take()), nobody)
	guess := w.atHost(otherHost)
	refused("a guess", guess.post("/amana/in/"+strings.Repeat("A", 26), take()), guess)
	if a := guess.get("/en/me/in/" + strings.TrimPrefix(path, "/amana/in/")); a.StatusCode != http.StatusForbidden {
		t.Errorf("it signs in: %s", a.Status)
	}

	there := w.atHost(otherHost)
	evil := w.atHost(otherHost)
	evil.header.Set("Origin", "https://evil.example")
	evil.header.Set("Sec-Fetch-Site", "cross-site")
	refused("a page of somebody else", evil.post(path, take()), evil)
	if a := there.post(path, take()); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("the first time: %s", a.Status)
	}
	replay := w.atHost(otherHost)
	refused("the second time", replay.post(path, take()), replay)

	late := here.sends(otherSite)
	w.pass(carryFor + time.Second)
	refused("too late", replay.post(late, take()), replay)
}

// Who has somebody else's token gets that person's page, and nothing else of
// them: what is answered is a browser's own, and the person's stays as it is.
func TestATokenOfAnotherPersonMakesNobodyThem(t *testing.T) {
	w, _ := threeDomains(t)
	here, stranger := w.signedIn(mina), w.atHost(otherHost)
	stranger.answers("comfort")
	own, _ := cookie.Parse(stranger.remembers())
	here.answers("analytics")
	before := here.remembers()
	stranger.post(here.sends(otherSite), url.Values{"choice": {"take"}})
	after, err := cookie.Parse(stranger.remembers())
	if err != nil || after.ID != own.ID || stranger.counting() != `"analytics"` {
		t.Errorf("the browser became another: %v, %s counts", err, stranger.counting())
	}
	if a := stranger.get("/en/me/known"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("somebody is signed in there: %s", a.Status)
	}
	stranger.answers()
	if here.remembers() != before || here.counting() != `"analytics"` {
		t.Error("what the stranger does touches the person's browser")
	}
	if states, err := w.db.States(t.Context(), mina); err != nil || len(states) > 0 {
		t.Errorf("the person has answers that they did not give: %+v, %v", states, err)
	}
}

func TestAYesIsCarriedToTheVersionShownAlone(t *testing.T) {
	w, src := threeDomains(t)
	here, there := w.signedIn(mina), w.atHost(otherHost)
	here.answers("analytics")
	path := here.sends(otherSite)
	w.publish(strings.Replace(src, "staff_at_most: 14", "staff_at_most: 12", 1))
	if page := there.see(path); strings.Contains(page, `value="take"`) || !strings.Contains(page, "another version") || !strings.Contains(page, `value="reject"`) {
		t.Errorf("after a change the page is\n%s", page)
	}
	if a := there.post(path, url.Values{"choice": {"take"}}); a.StatusCode != http.StatusConflict || there.remembers() != "" {
		t.Errorf("a yes to another version: %s", a.Status)
	}
	if a := there.post(path, url.Values{"choice": {"reject"}}); a.StatusCode != http.StatusSeeOther || there.counting() != "" {
		t.Errorf("a no to another version: %s", a.Status)
	}
	old := here.send("POST", "/en/me/sites", "application/x-www-form-urlencoded", url.Values{"site": {otherSite}, "version": {"sha256:0"}}.Encode())
	if old.StatusCode != http.StatusConflict {
		t.Errorf("sending from a page of another version: %s", old.Status)
	}
}

func TestOnlyWhoIsSignedInSendsAnswersAndOnlyToTheCompanysSites(t *testing.T) {
	w, _ := threeDomains(t)
	v := w.visitor()
	v.answers("analytics")
	if a := v.post("/en/me/sites", url.Values{"site": {otherSite}}); a.StatusCode != http.StatusSeeOther || strings.Contains(a.Header.Get("Location"), "/amana/in/") {
		t.Errorf("who is not signed in: %s to %s", a.Status, a.Header.Get("Location"))
	}
	here := w.signedIn(mina)
	here.answers("analytics")
	for _, site := range []string{"", "https://evil.example", otherSite + ".evil.example", otherSite + "/", "https://cascofiber.example", "javascript:alert(1)", "//" + otherHost} {
		if a := here.post("/en/me/sites", url.Values{"site": {site}}); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("sending to %q: %s", site, a.Status)
		}
	}
	here.header.Set("Sec-Fetch-Site", "cross-site")
	if a := here.post("/en/me/sites", url.Values{"site": {otherSite}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("a form of another site: %s", a.Status)
	}
}

// A signal at the site is not overruled by one press for everything.
func TestASignalHoldsAgainstCarriedAnswers(t *testing.T) {
	w, _ := threeDomains(t)
	here, there := w.signedIn(mina), w.atHost(otherHost)
	here.answers("analytics", "ad_measurement")
	there.header.Set("Sec-GPC", "1")
	path := here.sends(otherSite)
	if page := there.see(path); !strings.Contains(page, "no, by your browser’s signal") {
		t.Error("the page does not tell what the signal leaves out")
	}
	there.post(path, url.Values{"choice": {"take"}})
	if got := there.counting(); got != `"analytics"` {
		t.Errorf("%s counts", got)
	}
	there.header.Del("Sec-GPC")
	if got := there.counting(); got != `"analytics"` {
		t.Errorf("without the signal %s counts", got)
	}
}

// Each of the company's domains has a cookie of its own, also where sites share one.
func TestEachDomainHasItsOwnCookie(t *testing.T) {
	w, src := threeDomains(t)
	w.publish(strings.Replace(strings.Replace(src, "languages: [en, ar]", "languages: [en, ar]\nbanner: {shared: true}", 1), `"https://third.example"`, `"https://third.example", "https://shop.nakheel.example"`, 1))
	for host, want := range map[string]string{"privacy.cascofiber.example": "cascofiber.example", otherHost: "nakheel.example", "shop.nakheel.example:443": "nakheel.example", thirdHost: "third.example", "10.0.0.7:8080": "cascofiber.example", "evil.example": "cascofiber.example", "[::1]:8080": "cascofiber.example", "": "cascofiber.example"} {
		v := w.atHost(host)
		if script := v.see("/amana.js?lang=en"); !strings.Contains(script, ";domain="+want+`"`) {
			t.Errorf("the script at %q writes no cookie of %s", host, want)
		}
		a := v.post("/en/choices", url.Values{"choice": {"reject"}})
		if got := strings.Join(a.Header.Values("Set-Cookie"), "\n"); !strings.Contains(got, "Domain="+want+";") {
			t.Errorf("at %q the answer sets %s, not %s", host, got, want)
		}
	}
}
