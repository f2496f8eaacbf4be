package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/proof"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// authenticator is one in software with one passkey for the door.
type authenticator struct {
	virtualwebauthn.Authenticator `json:"-"`
	virtualwebauthn.Credential    `json:"-"`
	virtualwebauthn.RelyingParty  `json:"-"`
}

// wholeKey is how long a P-256 key is in COSE, with coordinates of 32 bytes.
const wholeKey = 77

func newAuthenticator() *authenticator {
	credential := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	for len(credential.Key.AttestationData()) != wholeKey { // the helper leaves out zeros that a coordinate begins with
		credential = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	return &authenticator{virtualwebauthn.NewAuthenticator(), credential,
		virtualwebauthn.RelyingParty{ID: "localhost", Name: "Casco Fiber", Origin: "http://localhost"}}
}

// withPasskeys is a company whose door stands where browsers have passkeys.
func withPasskeys(t *testing.T) *world {
	return open(t, "casco-fiber", func(c *Config) { c.PublicURL = "http://localhost" })
}

// customerOf signs in somebody of whom something is kept.
func (w *world) customerOf(id subject.ID) *visitor {
	w.t.Helper()
	w.known(id)
	return w.signedIn(id)
}

// known has something be kept of somebody.
func (w *world) known(id subject.ID) {
	w.t.Helper()
	if _, err := w.db.Record(w.t.Context(), store.Submission{Subject: id, Surface: consent.SurfaceChoices, Language: "en", Choices: []consent.Choice{{Purpose: "newsletter", Decision: consent.Refused}}}); err != nil {
		w.t.Fatal(err)
	}
}

// made answers the challenge of a new passkey.
func (d *authenticator) made(v *visitor) string {
	v.t.Helper()
	a := v.post("/en/me/passkeys/begin", url.Values{})
	if a.StatusCode != http.StatusOK || a.Header.Get("Cache-Control") != never {
		v.t.Fatalf("beginning answers %s", a.Status)
	}
	o, err := virtualwebauthn.ParseAttestationOptions(a.text)
	if err != nil {
		v.t.Fatal(err)
	}
	var raw struct {
		PublicKey struct {
			User                   struct{ ID, Name string }
			AuthenticatorSelection struct{ ResidentKey, UserVerification string }
		}
	}
	if err := json.Unmarshal([]byte(a.text), &raw); err != nil || raw.PublicKey.AuthenticatorSelection.ResidentKey != "required" || raw.PublicKey.AuthenticatorSelection.UserVerification != "required" {
		v.t.Errorf("asked is %s, %v", a.text, err)
	}
	d.Options.UserHandle = []byte(o.UserID)
	return virtualwebauthn.CreateAttestationResponse(d.RelyingParty, d.Authenticator, d.Credential, *o)
}

// challenged gives the challenge of the way in.
func challenged(v *visitor) virtualwebauthn.AssertionOptions {
	v.t.Helper()
	a := v.post("/en/me/passkey/begin", url.Values{})
	o, err := virtualwebauthn.ParseAssertionOptions(a.text)
	if err != nil || a.StatusCode != http.StatusOK {
		v.t.Fatal(a.Status, err)
	}
	return *o
}

func (d *authenticator) answers(o virtualwebauthn.AssertionOptions) url.Values {
	d.Counter++
	return url.Values{"to": {"/me/passkeys"}, "answer": {virtualwebauthn.CreateAssertionResponse(d.RelyingParty, d.Authenticator, d.Credential, o)}}
}

// added is the device of somebody with a passkey.
func (v *visitor) added() *authenticator {
	v.t.Helper()
	d := newAuthenticator()
	if a := v.post("/en/me/passkeys", url.Values{"answer": {d.made(v)}}); a.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("adding answers %s\n%s", a.Status, a.text)
	}
	return d
}

// enters tries to come in by a passkey.
func (d *authenticator) enters(w *world) (*visitor, answered) {
	v := w.visitor()
	return v, v.post("/en/me/passkey", d.answers(challenged(v)))
}

func (w *world) refusedBy(a answered) {
	w.t.Helper()
	for _, c := range a.Cookies() {
		if c.Name == "me" {
			w.t.Error("a session begins")
		}
	}
	if a.StatusCode != http.StatusForbidden || !strings.Contains(a.text, "does not let you in") {
		w.t.Errorf("it answers %s", a.Status)
	}
}

func TestAPasskeyLetsIn(t *testing.T) {
	w := withPasskeys(t)
	v := w.customerOf(saraAt)
	page := v.get("/en/me/passkeys")
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self'; connect-src 'self'") || !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("the page may do %s", csp)
	}
	if a := v.get(passkeyScript.path); a.StatusCode != http.StatusOK || a.Header.Get("Cache-Control") != forever || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("the script answers %s", a.Status)
	}
	if csp := v.get("/en/me").Header.Get("Content-Security-Policy"); strings.Contains(csp, "script-src") {
		t.Error("a page without passkeys may run script")
	}
	d := v.added()
	if strings.Contains(string(d.Options.UserHandle), "sara") {
		t.Error("the handle names its owner")
	}
	if told := w.mails(); len(told) != 1 || told[0].Kind != letter.PasskeyAdded || told[0].To != "sara@example.com" {
		t.Errorf("told: %+v", told)
	}
	for range 2 {
		in, a := d.enters(w)
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/en/me/passkeys" {
			t.Fatalf("it answers %s\n%s", a.Status, a.text)
		}
		if text := in.see("/en/me"); !strings.Contains(text, "s…@…") {
			t.Errorf("who came in is not shown: %s", text)
		}
		if text := in.see("/en/me/passkeys"); strings.Count(text, `name="remove"`) != 1 {
			t.Error("the passkey is not listed")
		}
	}
	if strings.Contains(w.logs.String(), "sara") {
		t.Error("the log names a person")
	}
}

// TestAPasskeyProvesOneIdentifierAlone: whoever came by the company's login, at
// the second level and with several identifiers, comes by a passkey at the first.
func TestAPasskeyProvesOneIdentifierAlone(t *testing.T) {
	w := withPasskeys(t)
	w.known("customer:100042")
	d := w.signedIn("customer:100042", saraAt).added()
	in, a := d.enters(w)
	if a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	text := in.see("/en/me")
	if strings.Contains(text, "s…@…") || !strings.Contains(text, "…42") {
		t.Errorf("more than one identifier is open: %s", text)
	}
}

func TestAPasskeysAnswerIsGoodOnce(t *testing.T) {
	w := withPasskeys(t)
	d := w.customerOf(saraAt).added()
	v, u := w.visitor(), &url.URL{Scheme: "http", Host: strings.TrimPrefix(w.URL, "http://")}
	o := challenged(v)
	cookies, form := v.client.Jar.Cookies(u), d.answers(o)
	if a := v.post("/en/me/passkey", form); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("it answers %s", a.Status)
	}
	thief := w.visitor()
	thief.client.Jar.SetCookies(u, cookies)
	w.refusedBy(thief.post("/en/me/passkey", form)) // the same challenge again
	w.refusedBy(w.visitor().post("/en/me/passkey", form))
	other := w.visitor()
	challenged(other)
	w.refusedBy(other.post("/en/me/passkey", form)) // an answer to another challenge
	late := w.visitor()
	o = challenged(late)
	w.pass(challengeFor)
	w.refusedBy(late.post("/en/me/passkey", d.answers(o)))
}

func TestAPasskeyIsRefused(t *testing.T) {
	w := withPasskeys(t)
	d := w.customerOf(saraAt).added()
	his := w.customerOf("email:omar@example.com").added()
	for name, change := range map[string]func(*authenticator){
		"at another origin":       func(d *authenticator) { d.Origin = "http://localhost.evil.example" },
		"at another port":         func(d *authenticator) { d.Origin = "http://localhost:81" },
		"at another scheme":       func(d *authenticator) { d.Origin = "https://localhost" },
		"for another host":        func(d *authenticator) { d.RelyingParty.ID = "evil.example" },
		"of another person":       func(d *authenticator) { d.Options.UserHandle = his.Options.UserHandle },
		"with another's key":      func(d *authenticator) { d.Key = his.Key },
		"without a handle":        func(d *authenticator) { d.Options.UserHandle = nil },
		"without looking who":     func(d *authenticator) { d.Options.UserNotVerified = true },
		"that is a copy":          func(d *authenticator) { d.Counter = 0 },
		"that nobody ever added":  func(d *authenticator) { *d = *newAuthenticator() },
		"with a handle too short": func(d *authenticator) { d.Options.UserHandle = d.Options.UserHandle[:1] },
	} {
		t.Run(name, func(t *testing.T) {
			w.pass(time.Hour)
			if _, a := d.enters(w); a.StatusCode != http.StatusSeeOther {
				t.Fatalf("before, it answers %s", a.Status)
			}
			other := *d
			change(&other)
			_, a := other.enters(w)
			w.refusedBy(a)
		})
	}
	v := w.visitor()
	for _, answer := range []string{"", "{}", "null", `{"id":"a"}`, strings.Repeat("[", 5000)} {
		w.pass(time.Hour)
		challenged(v)
		w.refusedBy(v.post("/en/me/passkey", url.Values{"answer": {answer}}))
	}
}

// TestAPasskeyIsAddedWhereItWasAsked: not in another session, not twice, not from
// another origin, and not where nothing is kept.
func TestAPasskeyIsAddedWhereItWasAsked(t *testing.T) {
	w := withPasskeys(t)
	v, again := w.customerOf(saraAt), w.signedIn(saraAt)
	u, _ := url.Parse(w.URL)
	move := func(from, to *visitor) {
		for _, c := range from.client.Jar.Cookies(u) {
			if c.Name == "me-passkey" {
				to.client.Jar.SetCookies(u, []*http.Cookie{c})
			}
		}
	}
	refused := func(v *visitor, answer string) {
		t.Helper()
		if a := v.post("/en/me/passkeys", url.Values{"answer": {answer}}); a.StatusCode != http.StatusForbidden || !strings.Contains(a.text, "did not work") {
			t.Errorf("adding answers %s", a.Status)
		}
	}
	d := newAuthenticator()
	answer := d.made(v)
	move(v, again)
	refused(again, answer)
	other := newAuthenticator()
	other.Origin = "https://evil.example"
	refused(v, other.made(v))
	unseen := newAuthenticator()
	unseen.Options.UserNotVerified = true
	refused(v, unseen.made(v))
	refused(v, "{}")
	answer = d.made(v)
	if a := v.post("/en/me/passkeys", url.Values{"answer": {answer}}); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("adding answers %s", a.Status)
	}
	refused(v, answer)
	stranger := w.signedIn("email:nobody@example.com")
	if text := stranger.see("/en/me/passkeys"); !strings.Contains(text, "Nothing is kept") || strings.Contains(text, "<script") {
		t.Error("who is not known may add a passkey")
	}
	refused(stranger, newAuthenticator().made(stranger))
}

func TestARemovedPasskeyAndOneOfAnErasedPersonLetNobodyIn(t *testing.T) {
	w := withPasskeys(t)
	v := w.customerOf(saraAt)
	d, second := v.added(), v.added()
	w.mails()
	list, err := w.db.Passkeys(t.Context(), saraAt)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	id := list[0].ID()
	if string(list[0].Handle) != string(d.Options.UserHandle) {
		id = list[1].ID()
	}
	stranger := w.customerOf("email:omar@example.com")
	stranger.post("/en/me/passkeys", url.Values{"remove": {id}})
	if _, a := d.enters(w); a.StatusCode != http.StatusSeeOther {
		t.Errorf("another person removed it: %s", a.Status)
	}
	if a := v.post("/en/me/passkeys", url.Values{"remove": {id}}); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	if told := w.mails(); len(told) != 1 || told[0].Kind != letter.PasskeyRemoved {
		t.Errorf("told: %+v", told)
	}
	_, a := d.enters(w)
	w.refusedBy(a)
	in, a := second.enters(w)
	if a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	if _, err := w.db.Erase(t.Context(), saraAt, store.BySubject); err != nil {
		t.Fatal(err)
	}
	if a := in.get("/en/me/passkeys"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the session goes on: %s", a.Status)
	}
	_, a = second.enters(w)
	w.refusedBy(a)
}

// TestAPasskeyIsNoSecondProof: what it let in as is proved by a code, or counts
// for nothing beside another identifier.
func TestAPasskeyIsNoSecondProof(t *testing.T) {
	w := withPasskeys(t)
	v := w.byMail(saraAt)
	v.proves(w, saraOther)
	d := v.added()
	w.mails()
	w.pass(proof.Settles)
	in, _ := d.enters(w)
	if text := in.see("/en/me/identifiers"); !strings.Contains(text, "….com") || !strings.Contains(text, "….org") {
		t.Errorf("the page says %s", text)
	}
	in.proves(w, saraOther)
	if a := in.get("/en/me/take"); a.StatusCode != http.StatusForbidden {
		t.Errorf("a passkey and a code open %s", a.Status)
	}
	in.proves(w, saraAt)
	if a := in.get("/en/me/take"); a.StatusCode != http.StatusOK {
		t.Errorf("two codes open %s", a.Status)
	}
}

// TestAPasskeyIsToldToPhonesAndEndsWhatItBegan reads the text messages, too.
func TestAPasskeyIsToldToPhonesAndEndsWhatItBegan(t *testing.T) {
	texts := make(chan string, 10)
	w := open(t, "casco-fiber", func(c *Config) {
		c.PublicURL = "http://localhost"
		c.SMS = func(number, text string) bool { texts <- number + " " + text; return true }
	})
	const phone subject.ID = "phone:+12075550177"
	v := w.customerOf(saraAt)
	if _, _, err := w.db.Link(t.Context(), store.Linking{First: saraAt, Second: phone, Proved: []subject.ID{saraAt, phone}, Path: "/en/me/undo/"}); err != nil {
		t.Fatal(err)
	}
	told := func(what string) {
		t.Helper()
		if len(texts) != 1 {
			t.Fatalf("%d text messages", len(texts))
		}
		if text := <-texts; !strings.HasPrefix(text, "+12075550177 ") || !strings.Contains(text, what) {
			t.Errorf("the text message is %q", text)
		}
	}
	d := v.added()
	told("added a passkey")
	in, _ := d.enters(w)
	if a := in.get("/en/me/passkeys"); a.StatusCode != http.StatusOK {
		t.Fatal(a.Status)
	}
	list, err := w.db.Passkeys(t.Context(), saraAt)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	v.post("/en/me/passkeys", url.Values{"remove": {list[0].ID()}})
	told("removed a passkey")
	if a := in.get("/en/me/passkeys"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("what it began goes on: %s", a.Status)
	}
	if a := v.get("/en/me/passkeys"); a.StatusCode != http.StatusOK {
		t.Errorf("who removed it is out: %s", a.Status)
	}
}

func TestWhereBrowsersHaveNoPasskeysNoneAreOffered(t *testing.T) {
	for _, at := range []string{"http://privacy.example", "https://192.0.2.1", "https://[2001:db8::1]", "", "https://"} {
		if newPasskeys(at, nil) != nil {
			t.Errorf("%q has passkeys", at)
		}
	}
	for at, origin := range map[string]string{"https://privacy.example.com": "https://privacy.example.com", "https://privacy.example.com:8443/x": "https://privacy.example.com:8443", "http://localhost:8080": "http://localhost:8080"} {
		if k := newPasskeys(at, nil); k == nil || k.origin != origin {
			t.Errorf("%q has none", at)
		}
	}
	w := open(t, "casco-fiber")
	if a := w.signedIn("customer:100042").get("/en/me/passkeys"); a.StatusCode != http.StatusNotFound {
		t.Error(a.Status)
	}
	if strings.Contains(w.visitor().see("/en/me"), "<script") {
		t.Error("the way in has a script")
	}
}

func TestChallengesAreBounded(t *testing.T) {
	w := withPasskeys(t)
	v := w.visitor()
	for range asksAtOnce {
		challenged(v)
	}
	if a := v.post("/en/me/passkey/begin", url.Values{}); a.StatusCode != http.StatusTooManyRequests {
		t.Error(a.Status)
	}
}
