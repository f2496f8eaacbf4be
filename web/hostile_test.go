package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/subject"
)

// whose finds anything that says whose a page is.
var whose = regexp.MustCompile(`sara|s…@|example\.com`)

// TestAForwardedMailShowsNothingOfItsReader gives a mail's links to somebody else:
// they may do what the mail offers, which is little, and learn nothing.
func TestAForwardedMailShowsNothingOfItsReader(t *testing.T) {
	w := open(t, "casco-fiber")
	w.visitor().subscribe(nil)
	m := w.mail()
	w.visitor().confirmBy(m.Path)
	friend := w.visitor()
	for _, path := range []string{m.Path, "/ar" + m.Path, "/u/" + m.Leave, "/ar/u/" + m.Leave} {
		_, page, _ := strings.Cut(friend.see(path), "<main")
		page, _, _ = strings.Cut(page, "</main>")
		if found := whose.FindString(page); found != "" {
			t.Errorf("%s shows %q", path, found)
		}
	}
	if a := friend.get("/en/me/choices"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the links of a mail lead in: %s", a.Status)
	}
}

// TestAConfirmationIsNotReplayed sends the used link again after the yes was taken
// back: it is no new yes.
func TestAConfirmationIsNotReplayed(t *testing.T) {
	w := open(t, "casco-fiber")
	w.visitor().subscribe(nil)
	m := w.mail()
	w.visitor().confirmBy(m.Path)
	w.wants("newsletter", decision.Given)
	if a := w.visitor().post("/u/"+m.Leave, url.Values{}); a.StatusCode != 200 {
		t.Fatal(a.Status)
	}
	for range 2 {
		if a := w.visitor().send("POST", m.Path, "application/x-www-form-urlencoded", "purpose=newsletter"); a.StatusCode != 200 {
			t.Error(a.Status)
		}
		w.wants("newsletter", decision.Withdrawn)
	}
}

// TestAThiefWithThePhoneIsAtLevelOne signs in by a number that was somebody
// else's: nothing of the mailbox that the company knows beside it is seen, said
// or changed, and erasing is neither at once nor of more than the number.
func TestAThiefWithThePhoneIsAtLevelOne(t *testing.T) {
	text := make(chan string, 1)
	w := open(t, "casco-fiber", func(c *Config) { c.SMS = func(_, message string) bool { text <- message; return true } })
	const phone subject.ID = "phone:+12075550134"
	owner := w.signedIn("customer:100042", "email:sara@example.com", phone)
	owner.chooses(url.Values{"answer": {"yes:b/newsletter"}})
	w.visitor().confirmBy(w.mail().Path)
	thief := w.visitor()
	thief.knock("+12075550134")
	message := <-text
	if a := thief.post("/en/me/code", url.Values{"code": {message[len(message)-6:]}}); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	for _, path := range []string{"/en/me", "/en/me/known", "/en/me/choices", "/en/me/receipts", "/en/me/requests", "/en/me/correct", "/en/me/take", "/en/me/erase", "/en/me/sessions"} {
		a := thief.get(path)
		if _, page, _ := strings.Cut(a.text, "<main"); strings.Contains(page, "s…@") || strings.Contains(page, "…42") || strings.Contains(page, "answer\" value=\"no:b/") {
			t.Errorf("%s shows what is linked to the number (%s)", path, a.Status)
		}
	}
	before := w.reason("email:sara@example.com", "newsletter")
	thief.post("/en/me/choices", url.Values{"choice": {"reject"}})
	if a := thief.post("/en/me/choices", url.Values{"answer": {"no:b/newsletter"}}); a.StatusCode == http.StatusSeeOther {
		t.Error("an answer for an identifier that was not proved is taken")
	}
	thief.post("/en/me/erase", url.Values{"do": {"erase"}})
	if got := w.reason("email:sara@example.com", "newsletter"); before != decision.Given || got != before {
		t.Errorf("the newsletter was decided %s, and is %s", before, got)
	}
}

// TestAThiefWithTheMailboxWaits asks for an erasure from the mailbox: it waits, the
// owner's other session sees it and stops it.
func TestAThiefWithTheMailboxWaits(t *testing.T) {
	w := open(t, "casco-fiber")
	owner := w.signedIn("customer:100042", "email:sara@example.com")
	owner.chooses(url.Values{"answer": {"yes:a/tailored_offers"}})
	owner.chooses(url.Values{"answer": {"yes:b/newsletter"}})
	w.visitor().confirmBy(w.mail().Path)
	thief := w.byMail("email:sara@example.com")
	a := thief.post("/en/me/erase", url.Values{"do": {"erase"}})
	if a.StatusCode != http.StatusSeeOther && a.StatusCode != http.StatusForbidden {
		t.Fatal(a.Status)
	}
	if got := w.reason("customer:100042", "tailored_offers"); got != decision.Given {
		t.Errorf("what the mailbox did not prove is decided %s", got)
	}
	if a.StatusCode == http.StatusForbidden {
		return
	}
	waits := regexp.MustCompile(`href="/en(/me/requests/[^"]+)"`).FindStringSubmatch(owner.see("/en/me"))
	if waits == nil {
		t.Fatal("the owner does not see it")
	}
	if a := owner.post("/en"+waits[1], url.Values{"do": {"cancel"}}); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the owner stops it: %s", a.Status)
	}
	w.wants("newsletter", decision.Given)
}

// TestALookAlikeIsSomebodyElse writes an address with letters of another script.
func TestALookAlikeIsSomebodyElse(t *testing.T) {
	w := open(t, "casco-fiber")
	w.visitor().subscribe(nil)
	real := w.mail()
	w.visitor().subscribe(url.Values{"email": {"sara@ex\u0430mple.com"}}) // a Cyrillic а
	other := w.mail()
	if other.To == real.To || !strings.HasPrefix(other.To, "sara@xn--") && !strings.Contains(other.To, "\u0430") {
		t.Errorf("the mail for the look-alike goes to %q, that of the real one to %q", other.To, real.To)
	}
	w.visitor().confirmBy(other.Path)
	w.wants("newsletter", decision.Unconfirmed)
	v := w.visitor()
	v.knock("sara@ex\u0430mple.com")
	m := w.mail()
	if a := v.post("/en/me/code", url.Values{"code": {m.Code}}); a.StatusCode != http.StatusSeeOther || m.To == "sara@example.com" {
		t.Fatal(a.Status, m.To)
	}
}

// TestAPolicyThatAsksForMoreProofClosesNoWayOut: both examples ask for level 2 to see
// data. By a mailbox alone one answers, takes back, asks, and signs out elsewhere.
func TestAPolicyThatAsksForMoreProofClosesNoWayOut(t *testing.T) {
	for _, company := range companies {
		w := open(t, company)
		v := w.byMail(inbox)
		for path, want := range map[string]int{"/me": 200, "/me/choices": 200, "/me/requests": 200, "/me/sessions": 200, "/me/identifiers": 200, "/me/children": 200, "/me/sites": 200,
			"/me/known": 403, "/me/receipts": 403, "/me/correct": 403, "/me/take": 403, "/me/erase": 403} {
			if a := v.get("/en" + path); a.StatusCode != want {
				t.Errorf("%s: %s answers %s", company, path, a.Status)
			}
		}
		v.chooses(url.Values{"answer": {"yes:a/newsletter"}})
		if got := w.decides(inbox, "newsletter"); got != decision.Given {
			t.Errorf("%s: after a yes it is decided %s", company, got)
		}
		v.chooses(url.Values{"choice": {"reject"}})
		if got := w.decides(inbox, "newsletter"); got != decision.Withdrawn {
			t.Errorf("%s: after a no to everything it is decided %s", company, got)
		}
		a := v.post("/en/me/requests", url.Values{"text": {"Where is my parcel?"}, "kind": {"access"}})
		page := v.see(a.Header.Get("Location"))
		if strings.Contains(page, "parcel") || !strings.Contains(page, `href="/en/me/identifiers"`) || !strings.Contains(page, `value="cancel"`) {
			t.Errorf("%s: what was asked is shown to one mailbox, or cannot be cancelled by it", company)
		}
		if text := w.signedIn(inbox).see(strings.Replace(a.Header.Get("Location"), "/ar/", "/en/", 1)); !strings.Contains(text, "parcel") {
			t.Errorf("%s: what was asked is not shown to who proved more", company)
		}
	}
}

// TestWhoIsToldOfAnErasureStopsIt: somebody at the company's login asks for it; the
// mailbox that is told sees it and stops it, the phone that is told sees nothing.
func TestWhoIsToldOfAnErasureStopsIt(t *testing.T) {
	text := make(chan string, 10)
	w := open(t, "casco-fiber", func(c *Config) { c.SMS = func(_, message string) bool { text <- message; return true } })
	const phone subject.ID = "phone:+12075550134"
	owner := w.signedIn(mina, inbox, phone)
	owner.chooses(url.Values{"answer": {"yes:a/tailored_offers"}})
	owner = w.signedIn(mina, inbox, phone) // now that something is known, they are linked
	for len(text) > 0 {
		<-text
	}
	w.mails()
	if a := owner.post("/en/me/erase", url.Values{"do": {"erase"}}); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	told := w.mail()
	select {
	case message := <-text:
		if !strings.Contains(message, "http://privacy.example/en/me") || strings.Contains(message, "{") {
			t.Errorf("the phone is told %q", message)
		}
	default:
		t.Error("the phone is not told")
	}
	thief := w.visitor()
	thief.knock("+12075550134")
	message := <-text
	if a := thief.post("/en/me/code", url.Values{"code": {message[len(message)-6:]}}); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	if a := thief.get("/en" + told.Path); a.StatusCode != http.StatusNotFound {
		t.Errorf("a phone alone sees it: %s", a.Status)
	}
	if a := thief.post("/en"+told.Path, url.Values{"do": {"cancel"}}); a.StatusCode != http.StatusNotFound || w.decides(mina, "tailored_offers") != decision.Restricted {
		t.Errorf("a phone alone stops it: %s", a.Status)
	}
	stranger := w.byMail("email:omar@example.com")
	if a := stranger.get("/en" + told.Path); a.StatusCode != http.StatusNotFound {
		t.Errorf("a stranger sees it: %s", a.Status)
	}
	v := w.byMail(inbox)
	if page := v.see("/en/me"); !strings.Contains(page, `href="/en`+told.Path+`"`) {
		t.Error("the start of who is told says nothing of it")
	}
	if page := v.see("/en" + told.Path); !strings.Contains(page, `value="cancel"`) || strings.Contains(page, "100042") {
		t.Error("who is told cannot stop it")
	}
	if a := v.post("/en"+told.Path, url.Values{"do": {"confirm"}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("one mailbox confirms it: %s", a.Status)
	}
	if a := v.post("/en"+told.Path, url.Values{"do": {"cancel"}}); a.StatusCode != http.StatusSeeOther || w.decides(mina, "tailored_offers") != decision.Given {
		t.Errorf("stopping it answers %s, and %s is decided", a.Status, w.decides(mina, "tailored_offers"))
	}
}
