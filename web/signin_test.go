package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// handedOver gives a link of the company's login.
func (w *world) handedOver(to string, ids ...subject.ID) string {
	w.t.Helper()
	token, _, err := w.db.IssueHandOver(w.t.Context(), store.Handed{Subjects: ids, To: to})
	if err != nil {
		w.t.Fatal(err)
	}
	return "/en/me/in/" + token
}

// signedIn is a browser in which somebody came from the company's login.
func (w *world) signedIn(ids ...subject.ID) *visitor {
	w.t.Helper()
	v := w.visitor()
	if a := v.post(w.handedOver("", ids...), url.Values{}); a.StatusCode != http.StatusSeeOther {
		w.t.Fatalf("the hand-over answers %s", a.Status)
	}
	return v
}

func TestTheCompanysLoginLeadsIn(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	link := w.handedOver("/me/sessions", "customer:100042", "email:sara@example.com")
	for range 2 { // a scanner opens links, perhaps twice
		if text := v.see(link); !strings.Contains(text, "…42") || strings.Contains(text, "100042") {
			t.Error("the link does not show who comes, masked")
		}
	}
	a := v.post(link, url.Values{})
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/en/me/sessions" {
		t.Fatalf("the button leads to %s, %q", a.Status, a.Header.Get("Location"))
	}
	c := a.Cookies()
	if len(c) != 1 || c[0].Name != "me" || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || c[0].Path != "/" || c[0].Domain != "" || c[0].MaxAge != 0 {
		t.Errorf("the cookie is %+v", c)
	}
	if text := v.see("/en/me"); !strings.Contains(text, "s…@…") || !strings.Contains(text, "/en/me/sign-out") {
		t.Error("the start does not say who is signed in")
	}
	other := w.visitor()
	if a := other.post(link, url.Values{}); a.StatusCode != http.StatusForbidden || len(a.Cookies()) != 0 {
		t.Errorf("the same link again: %s", a.Status)
	}
	if a := other.get(link); a.StatusCode != http.StatusForbidden {
		t.Errorf("looking at a used link: %s", a.Status)
	}
}

func TestAHandOverRunsOut(t *testing.T) {
	w := open(t, "casco-fiber")
	link := w.handedOver("", "customer:100042")
	w.pass(5 * time.Minute)
	if a := w.visitor().post(link, url.Values{}); a.StatusCode != http.StatusForbidden || !strings.Contains(a.text, "does not work any more") {
		t.Errorf("after its time the link answers %s", a.Status)
	}
}

func TestWhoIsNotSignedInIsLedToTheWayInAndBack(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	a := v.get("/ar/me/sessions")
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/ar/me?to=%2Fme%2Fsessions" {
		t.Fatalf("led to %q, %s", a.Header.Get("Location"), a.Status)
	}
	for _, to := range []string{"https://evil.example/", "//evil.example", "/me/../policy", "/me/x?y", "/choices", "/me//evil.example", "/me/%2e%2e"} {
		if got := onward(to); got != "" {
			t.Errorf("%q would be led to", to)
		}
	}
	if a := v.get("/.well-known/change-password"); a.StatusCode != http.StatusFound || a.Header.Get("Location") != "/en/me/sessions" {
		t.Errorf("changing a password leads to %q", a.Header.Get("Location"))
	}
}

// TestWhatIsSentWithoutASessionIsSaidToBeLost: whoever pressed a button after
// their session was over learns that it did nothing, and is led back to it.
func TestWhatIsSentWithoutASessionIsSaidToBeLost(t *testing.T) {
	w := open(t, "casco-fiber")
	for path, back := range map[string]string{"/me/choices": "/me/choices", "/me/requests": "/me/requests", "/me/erase": "/me/erase"} {
		v := w.visitor()
		a := v.post("/en"+path, url.Values{"choice": {"reject"}, "text": {"Why?"}, "do": {"erase"}})
		if a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s answers %s", path, a.Status)
		}
		page := v.see(a.Header.Get("Location"))
		if !strings.Contains(page, "nothing was saved") || !strings.Contains(page, `name="to" value="`+back+`"`) {
			t.Errorf("%s leads to %s, which says nothing of it", path, a.Header.Get("Location"))
		}
		wellFormed(t, v.get(strings.Replace(a.Header.Get("Location"), "/en/", "/ar/", 1)), "ar")
	}
	if strings.Contains(w.visitor().see("/en/me"), "nothing was saved") {
		t.Error("who merely comes is told of a loss")
	}
}

// TestASessionThatWasPlantedIsWorthNothing: whoever put a cookie into a
// customer's browser beforehand does not share their session.
func TestASessionThatWasPlantedIsWorthNothing(t *testing.T) {
	w := open(t, "casco-fiber")
	thief := w.signedIn("customer:200066")
	u, _ := url.Parse(w.URL)
	planted := thief.client.Jar.Cookies(u)
	victim := w.visitor()
	victim.client.Jar.SetCookies(u, planted)
	victim.post(w.handedOver("", "customer:100042"), url.Values{})
	if text := victim.see("/en/me"); !strings.Contains(text, "…42") {
		t.Fatal("the customer is not signed in")
	}
	if a := thief.get("/en/me"); strings.Contains(a.text, "…42") || strings.Contains(a.text, "…66") {
		t.Error("the planted session goes on")
	}
}

func TestSigningOut(t *testing.T) {
	w := open(t, "casco-fiber")
	here, there := w.signedIn("customer:100042"), w.signedIn("customer:100042")
	stranger := w.signedIn("customer:7")
	text := here.see("/en/me/sessions")
	if n := strings.Count(text, `name="session"`); n != 1 {
		t.Fatalf("%d other sessions are listed", n)
	}
	_, rest, _ := strings.Cut(text, `name="session" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	stranger.post("/en/me/sessions", url.Values{"session": {id}})
	if text := there.see("/en/me"); !strings.Contains(text, "…42") {
		t.Error("a stranger ended the session")
	}
	here.post("/en/me/sessions", url.Values{"session": {id}})
	if text := there.see("/en/me"); strings.Contains(text, "…42") {
		t.Error("the session goes on after it was ended from elsewhere")
	}
	third := w.signedIn("customer:100042")
	here.post("/en/me/sessions", url.Values{})
	if text := third.see("/en/me"); strings.Contains(text, "…42") {
		t.Error("the session goes on after all others were ended")
	}
	for range 2 {
		if a := here.post("/en/me/sign-out", url.Values{}); a.StatusCode != http.StatusSeeOther {
			t.Errorf("signing out answers %s", a.Status)
		}
	}
	if here.cookie() != "" {
		t.Error("the cookie stays after signing out")
	}
	if text := here.see("/en/me"); strings.Contains(text, "…42") {
		t.Error("the session goes on after signing out")
	}
}

// TestAnotherSiteCannotActInASession: the guard against forms of other sites
// stands before every private page.
func TestAnotherSiteCannotActInASession(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.signedIn("customer:100042")
	v.header.Set("Sec-Fetch-Site", "cross-site")
	v.header.Set("Origin", "https://evil.example")
	for _, path := range []string{"/en/me/sign-out", "/en/me/sessions", w.handedOver("", "customer:200066")} {
		if a := v.post(path, url.Values{}); a.StatusCode != http.StatusForbidden {
			t.Errorf("another site's form to %s: %s", path, a.Status)
		}
	}
	v.header = http.Header{}
	if text := v.see("/en/me"); !strings.Contains(text, "…42") {
		t.Error("another site changed the session")
	}
}

// TestNothingOfASessionIsLogged reads every line that was written.
func TestNothingOfASessionIsLogged(t *testing.T) {
	w := open(t, "casco-fiber")
	link := w.handedOver("", "email:sara@example.com")
	v := w.visitor()
	v.see(link)
	v.post(link, url.Values{})
	v.see("/en/me")
	logged := w.logs.String()
	for _, private := range []string{strings.TrimPrefix(link, "/en/me/in/"), "sara", v.cookie()} {
		if strings.Contains(logged, private) {
			t.Errorf("the log holds %q", private)
		}
	}
}

func TestPrivatePagesAreKeptByNobody(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.signedIn("customer:100042")
	for _, path := range []string{"/en/me", "/en/me/sessions", "/ar/me"} {
		a := v.get(path)
		if a.Header.Get("Cache-Control") != never || !strings.Contains(a.text, "noindex") {
			t.Errorf("%s may be kept: %q", path, a.Header.Get("Cache-Control"))
		}
	}
}
