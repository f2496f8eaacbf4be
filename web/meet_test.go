package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// entered signs a browser in by the code of a mail.
func (v *visitor) entered(id subject.ID) {
	v.t.Helper()
	v.knock(string(id)[len("email:"):])
	if a := v.post("/en/me/code", url.Values{"code": {v.mail().Code}}); a.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("the code answers %s", a.Status)
	}
	v.pass(time.Second)
}

// says records an answer of somebody, by the company door.
func (w *world) says(id subject.ID, purpose string, a consent.Answer) {
	w.t.Helper()
	if _, err := w.db.Record(w.t.Context(), store.Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: purpose, Decision: a}}}); err != nil {
		w.t.Fatal(err)
	}
	w.pass(time.Second)
}

// grants gives the switches that the browser's own cookie says yes to.
func (v *visitor) grants() (list []string) {
	v.t.Helper()
	for _, c := range v.client.Jar.Cookies(mustURL(v.URL)) {
		if c.Name != cookie.Name {
			continue
		}
		granted, _ := mustCookie(v.t.(*testing.T), c.Value).Granted(v.db.InForce())
		for _, k := range cookie.Switches(v.db.InForce().Policy) {
			if granted[k] {
				list = append(list, k.Purpose)
			}
		}
	}
	return list
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

func (v *visitor) wantsGranted(want ...string) {
	v.t.Helper()
	if got := v.grants(); strings.Join(got, " ") != strings.Join(want, " ") {
		v.t.Errorf("the cookie grants %v, want %v", got, want)
	}
}

// both makes analytics a purpose of browsers and mailboxes.
func (w *world) both() {
	w.publish(strings.Replace(example(w.t, "casco-fiber"), "keep: P13M\n    acts_on: [device]", "keep: P13M\n    acts_on: [device, email]", 1))
}

// What a person said no to stops in the browser they sign in with, in the answer
// that signs them in; a yes does not come along, and nothing is told by mail.
func TestSigningInTakesBackWhatThePersonRefused(t *testing.T) {
	w := open(t, "casco-fiber")
	w.both()
	v := w.visitor()
	v.follow(url.Values{"answer": {"yes:analytics"}})
	v.follow(url.Values{"answer": {"yes:comfort"}})
	id := v.device()
	w.pass(time.Second)
	w.says(saraAt, "analytics", consent.Refused)
	w.mails()
	v.wantsGranted("analytics", "comfort")
	v.entered(saraAt)
	v.wantsGranted("comfort")
	v.decides(id, "analytics", "", decision.Withdrawn)
	v.decides(saraAt, "comfort", "", decision.NotAsked)
	if list := w.mails(); len(list) != 0 {
		t.Errorf("mails: %+v", list)
	}
	if text := v.see("/en/me/identifiers"); strings.Contains(text, "rowser:") {
		t.Errorf("the browser is listed: %s", text)
	}

	v.follow(url.Values{"answer": {"yes:analytics"}}) // a later word, which the next sign-in leaves
	w.pass(time.Second)
	v.entered(saraAt)
	v.wantsGranted("analytics", "comfort")
	w.says(saraAt, "analytics", consent.Given)
	if a := v.post("/en/me/choices", url.Values{"answer": {"no:a/analytics"}}); a.StatusCode != http.StatusSeeOther { // while signed in
		t.Fatal(a.Status)
	}
	v.wantsGranted("comfort")
	v.decides(id, "analytics", "", decision.Withdrawn)
}

// A no at the browser is one of who is signed in with it, and of nobody after.
func TestANoAtTheBrowserIsOneOfWhoIsSignedIn(t *testing.T) {
	w := open(t, "casco-fiber")
	w.both()
	v := w.visitor()
	v.follow(url.Values{"answer": {"yes:analytics"}})
	v.follow(url.Values{"answer": {"yes:comfort"}})
	w.says(saraAt, "analytics", consent.Given)
	w.says(saraOther, "analytics", consent.Given)
	v.entered(saraAt)
	v.follow(url.Values{"answer": {"no:analytics"}})
	v.decides(saraAt, "analytics", "", decision.Withdrawn)

	for how, end := range map[string]func(){
		"signed out":    func() { v.post("/en/me/sign-out", url.Values{}) },
		"from the list": func() { w.signedIn(saraAt).post("/en/me/sessions", url.Values{}) },
	} {
		w.says(saraAt, "analytics", consent.Given)
		v.follow(url.Values{"answer": {"yes:analytics"}})
		w.pass(time.Second)
		v.entered(saraAt)
		end()
		v.follow(url.Values{"answer": {"no:analytics"}})
		v.decides(saraAt, "analytics", "", decision.Given)
		if t.Failed() {
			t.Fatal(how)
		}
	}
}

// A shared browser: what one person refused is no word of the browser.
func TestTheNextPersonGetsNothingOfTheFirst(t *testing.T) {
	w := open(t, "casco-fiber")
	w.both()
	v := w.visitor()
	v.follow(url.Values{"answer": {"yes:analytics"}})
	v.follow(url.Values{"answer": {"yes:comfort"}})
	w.says(saraOther, "analytics", consent.Given)
	w.says(saraAt, "analytics", consent.Refused)
	v.entered(saraAt)
	v.wantsGranted("comfort")
	v.post("/en/me/sign-out", url.Values{})
	v.entered(saraOther)
	v.decides(saraOther, "analytics", "", decision.Given)
	v.wantsGranted("comfort") // nor does a yes come back
}

// A no that the browser has not told yet is not undone by a sign-in, and a browser
// that never said yes has nothing that could be taken back.
func TestASignInWidensNothing(t *testing.T) {
	w := open(t, "casco-fiber")
	w.both()
	v := w.visitor()
	v.follow(url.Values{"answer": {"yes:analytics"}})
	v.follow(url.Values{"answer": {"yes:comfort"}})
	w.pass(time.Second)
	w.says(saraAt, "analytics", consent.Refused)
	u := mustURL(v.URL)
	untold := v.cookie() + ".u"
	v.client.Jar.SetCookies(u, []*http.Cookie{{Name: cookie.Name, Value: untold, Path: "/"}})
	v.entered(saraAt)
	for _, c := range v.client.Jar.Cookies(u) {
		if c.Name == cookie.Name && c.Value != untold {
			t.Errorf("the cookie is %s", c.Value)
		}
	}
	none := w.visitor()
	none.follow(url.Values{"choice": {"reject"}})
	none.entered(saraAt)
	for _, c := range none.client.Jar.Cookies(u) {
		if c.Name == cookie.Name && c.Value != cookie.Format(cookie.Refusal(w.db.InForce())) {
			t.Errorf("the cookie is %s", c.Value)
		}
	}
}

// A no to everything on the person's own page is one for the browser at hand too,
// with its receipts, and leaves other browsers as they are.
func TestANoToEverythingIsOneForTheBrowser(t *testing.T) {
	w := open(t, "casco-fiber")
	w.publish(strings.Replace(example(t, "casco-fiber"), "access: 2, correction: 2, erasure: 2", "access: 1, correction: 2, erasure: 2", 1))
	v, other := w.visitor(), w.visitor()
	for _, one := range []*visitor{v, other} {
		one.follow(url.Values{"answer": {"yes:analytics"}})
		one.follow(url.Values{"answer": {"yes:comfort"}})
	}
	w.pass(time.Second)
	v.entered(saraAt)
	v.wantsGranted("analytics", "comfort")
	a := v.post("/en/me/choices", url.Values{"choice": {"reject"}})
	if a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	v.wantsGranted()
	v.decides(other.device(), "analytics", "", decision.Given)
	if n := strings.Count(v.see(a.Header.Get("Location")), `download="receipt.json"`); n < 2 {
		t.Errorf("%d receipts are shown", n)
	}
}
