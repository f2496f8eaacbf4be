package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/proof"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

const (
	saraAt    subject.ID = "email:sara@example.com"
	saraOther subject.ID = "email:sara.n@example.org"
)

// byMail is a browser that signed in by the code of a mail.
func (w *world) byMail(id subject.ID) *visitor {
	w.t.Helper()
	v := w.visitor()
	v.knock(string(id)[len("email:"):])
	if a := v.post("/en/me/code", url.Values{"code": {w.mail().Code}}); a.StatusCode != http.StatusSeeOther {
		w.t.Fatalf("the code answers %s", a.Status)
	}
	return v
}

// proves adds an address in a session, or proves one that is linked, and gives
// the mails that told of it.
func (v *visitor) proves(w *world, id subject.ID) []letter.Letter {
	w.t.Helper()
	if a := v.post("/en/me/identifiers", url.Values{"address": {string(id)[len("email:"):]}}); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/en/me/code" {
		w.t.Fatalf("adding answers %s\n%s", a.Status, a.text)
	}
	code := w.mail()
	if code.Kind != letter.Join || code.Path != "" || code.To != string(id)[len("email:"):] {
		w.t.Fatalf("the mail is %+v", code)
	}
	if a := v.post("/en/me/code", url.Values{"code": {code.Code}}); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/en/me/identifiers" {
		w.t.Fatalf("the code answers %s\n%s", a.Status, a.text)
	}
	return w.mails()
}

func TestASecondIdentifierIsLinkedAndProvesMoreAfterThreeDays(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.byMail(saraAt)
	told := v.proves(w, saraOther)
	if len(told) != 2 || told[0].Kind != letter.Linked || told[0].What == "" || strings.Contains(told[0].What, "sara") {
		t.Fatalf("told: %+v", told)
	}
	text := v.see("/en/me/identifiers")
	if !strings.Contains(text, "….com") || !strings.Contains(text, "….org") || !strings.Contains(text, "Added lately") || strings.Contains(text, "sara") {
		t.Errorf("the page says %s", text)
	}
	if a := v.get("/en/me/take"); a.StatusCode != http.StatusForbidden || !strings.Contains(a.text, "/en/me/identifiers") {
		t.Errorf("a link of a moment ago opens what needs more: %s", a.Status)
	}
	w.pass(proof.Settles)
	v = w.byMail(saraAt)
	if a := v.get("/en/me/take"); a.StatusCode != http.StatusForbidden {
		t.Errorf("one of two opens what needs more: %s", a.Status)
	}
	if told := v.proves(w, saraOther); len(told) != 0 {
		t.Errorf("proving what is linked tells somebody: %+v", told)
	}
	if a := v.get("/en/me/take"); a.StatusCode != http.StatusOK {
		t.Errorf("both open %s", a.Status)
	}
	if text := v.see("/en/me"); !strings.Contains(text, "….org") {
		t.Error("the start does not show the other")
	}
	other := w.byMail(saraOther) // and the end of the link takes effect in every session
	ref := between(t, other.see("/en/me/identifiers"), `name="remove" value="`, `"`)
	if a := other.post("/en/me/identifiers", url.Values{"remove": {ref}}); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	if a := v.get("/en/me/take"); a.StatusCode != http.StatusForbidden {
		t.Errorf("after the end of the link: %s", a.Status)
	}
	if text := v.see("/en/me"); strings.Contains(text, "….org") {
		t.Error("the start still shows the other")
	}
}

func between(t *testing.T, text, before, after string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, before)
	if !ok {
		t.Fatalf("no %q in %s", before, text)
	}
	found, _, _ := strings.Cut(rest, after)
	return found
}

// A thief in the mailbox adds an address of their own: the owner's other one is
// told at once, undoes it by the link alone, and nothing was opened meanwhile.
func TestWhoIsToldUndoesIt(t *testing.T) {
	w := open(t, "casco-fiber")
	w.byMail(saraAt).proves(w, saraOther)
	w.pass(30 * 24 * time.Hour)
	thief := w.byMail(saraAt)
	told := thief.proves(w, "email:thief@example.net")
	var link string
	for _, l := range told {
		if l.To == "sara.n@example.org" {
			link = l.Path
		}
	}
	owner := w.visitor()
	for range 2 { // a scanner opens it
		if text := owner.see(link); !strings.Contains(text, "t…@….net") || strings.Contains(text, "thief") {
			t.Fatalf("the page says %s", text)
		}
	}
	if a := thief.get("/en/me/take"); a.StatusCode != http.StatusForbidden {
		t.Errorf("the thief opens %s", a.Status)
	}
	if a := owner.post(link, url.Values{}); a.StatusCode != http.StatusOK || !strings.Contains(a.text, "It is taken away") {
		t.Fatalf("undoing answers %s\n%s", a.Status, a.text)
	}
	members, err := w.db.Person(t.Context(), saraAt)
	if err != nil || len(members) != 2 {
		t.Fatal(members, err)
	}
	if a := owner.post(link, url.Values{}); a.StatusCode != http.StatusForbidden {
		t.Errorf("the same link again: %s", a.Status)
	}
	w.pass(proof.Settles)
	if a := thief.get("/en/me/take"); a.StatusCode == http.StatusOK {
		t.Error("the thief's session opens what needs two")
	}
}

func TestACodeOfAnotherSessionLinksNothing(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.byMail(saraAt)
	v.post("/en/me/identifiers", url.Values{"address": {"sara.n@example.org"}})
	code := w.mail().Code
	ticket := between(t, v.see("/en/me/code"), `name="ticket" value="`, `"`)
	other := w.byMail("email:mina@example.com")
	if a := other.post("/en/me/code", url.Values{"code": {code}, "ticket": {ticket}}); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	for _, id := range []subject.ID{saraAt, saraOther, "email:mina@example.com"} {
		if members, err := w.db.Person(t.Context(), id); err != nil || members != nil {
			t.Errorf("%s: %v, %v", id, members, err)
		}
	}
}

// A phone number that somebody else has by now shows and changes nothing of those
// it was linked with.
func TestAPhoneAloneShowsNoOthers(t *testing.T) {
	w := open(t, "casco-fiber", func(c *Config) { c.SMS = func(string, string) bool { return true } })
	const phone subject.ID = "phone:+12075550177"
	w.publish(strings.Replace(example(t, "casco-fiber"), "access: 2, correction: 2, erasure: 2", "access: 1, correction: 2, erasure: 1", 1))
	for _, id := range []subject.ID{saraAt, phone} {
		if _, err := w.db.Submit(t.Context(), store.Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "text_updates", Decision: consent.Refused}}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := w.db.Link(t.Context(), store.Linking{First: saraAt, Second: phone, Proved: []subject.ID{saraAt, phone}, Path: "/en/me/undo/"}); err != nil {
		t.Fatal(err)
	}
	w.mails()
	w.pass(proof.Settles)
	v := w.visitor()
	way, err := w.db.AskIn(t.Context(), store.Entry{ID: phone, Language: "en", Path: "/en/me/link/", Data: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	if a := v.post(way.Link, url.Values{}); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	for _, page := range []string{"/en/me", "/en/me/identifiers", "/en/me/known", "/en/me/erase", "/en/me/choices", "/en/me/receipts"} {
		if a := v.get(page); strings.Contains(a.text, "….com") {
			t.Errorf("%s shows the mailbox", page)
		}
	}
	if text := v.see("/en/me/identifiers"); !strings.Contains(text, "A phone number alone does not show them") {
		t.Errorf("the page says %s", text)
	}
	v.post("/en/me/identifiers", url.Values{"address": {"thief@example.net"}})
	a := v.post("/en/me/code", url.Values{"code": {w.mail().Code}})
	if a.StatusCode != http.StatusConflict || !strings.Contains(a.text, "A phone number alone does not speak") {
		t.Errorf("adding answers %s\n%s", a.Status, a.text)
	}
	if a := v.post("/en/me/erase", url.Values{"do": {"erase"}}); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	w.pass(80 * time.Hour)
	w.engine()
	if got := w.decides(saraAt, "text_updates"); got == decision.Erased || got == decision.Restricted {
		t.Errorf("the mailbox is %s", got)
	}
	if got := w.decides(phone, "text_updates"); got != decision.Erased {
		t.Errorf("the phone is %s", got)
	}
}

func TestTheCompanysLoginLinks(t *testing.T) {
	w := open(t, "casco-fiber")
	w.signedIn("customer:100042", saraAt) // of whom nothing is known: nothing is kept
	if members, err := w.db.Person(t.Context(), saraAt); err != nil || members != nil {
		t.Fatal(members, err)
	}
	if _, err := w.db.Submit(t.Context(), store.Submission{Subject: "customer:100042", Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}}); err != nil {
		t.Fatal(err)
	}
	w.signedIn("customer:100042", saraAt)
	if got := w.decides(saraAt, "tailored_offers"); got != decision.Given {
		t.Errorf("asked by the mailbox: %s", got)
	}
	if _, err := w.db.Submit(t.Context(), store.Submission{Subject: saraAt, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Refused}}}); err != nil {
		t.Fatal(err)
	}
	if got := w.decides("customer:100042", "tailored_offers"); got != decision.Withdrawn {
		t.Errorf("after a no of the mailbox: %s", got)
	}
}

// Two that both stand with others are told the way to become one, and it works.
func TestTwoSetsBecomeOne(t *testing.T) {
	w := open(t, "casco-fiber")
	v, other := w.byMail(saraAt), w.byMail(saraOther)
	v.proves(w, "email:sara@work.example")
	other.proves(w, "email:sara@home.example")
	v.post("/en/me/identifiers", url.Values{"address": {"sara.n@example.org"}})
	a := v.post("/en/me/code", url.Values{"code": {w.mail().Code}})
	if a.StatusCode != http.StatusConflict || !strings.Contains(a.text, "Sign in by it, take it away from those, and add it again") {
		t.Fatalf("adding answers %s\n%s", a.Status, a.text)
	}
	ref := between(t, other.see("/en/me/identifiers"), `name="remove" value="`, `"`)
	if a := other.post("/en/me/identifiers", url.Values{"remove": {ref}}); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	w.mails()
	v.proves(w, saraOther)
	v.proves(w, "email:sara@home.example")
	if members, err := w.db.Person(t.Context(), saraOther); err != nil || len(members) != 4 {
		t.Error(members, err)
	}
}
