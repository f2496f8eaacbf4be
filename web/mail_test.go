package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

const saraMail = "sara@example.com"

// subscribe fills in the form of the company's site.
func (v *visitor) subscribe(more url.Values) answered {
	v.t.Helper()
	form := url.Values{"email": {saraMail}, "purpose": {"newsletter"}, "language": {"en"}}
	for k, list := range more {
		form[k] = list
	}
	return v.post("/v1/subscriptions", form)
}

// mails gives the letters that wait, and ends them.
func (w *world) mails() (list []letter.Letter) {
	w.t.Helper()
	claimed, err := w.db.ClaimMail(w.t.Context(), 100, time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range claimed {
		list = append(list, m.Letter)
		if err := w.db.EndMail(w.t.Context(), m, store.MailSent, nil); err != nil {
			w.t.Fatal(err)
		}
	}
	return list
}

// mail gives the one letter that waits.
func (w *world) mail() letter.Letter {
	w.t.Helper()
	list := w.mails()
	if len(list) != 1 {
		w.t.Fatalf("%d mails wait", len(list))
	}
	return list[0]
}

func (w *world) reason(id subject.ID, purpose string) decision.Reason {
	w.t.Helper()
	a, err := w.db.Decide(w.t.Context(), id, decision.Question{Purpose: purpose})
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Reason
}

func (w *world) wants(purpose string, want decision.Reason) {
	w.t.Helper()
	if got := w.reason("email:"+saraMail, purpose); got != want {
		w.t.Errorf("%s is decided %s, not %s", purpose, got, want)
	}
}

// confirmBy presses the button of the page behind a path.
func (v *visitor) confirmBy(path string) answered {
	v.t.Helper()
	form := url.Values{}
	for _, part := range strings.Split(v.see(path), `name="purpose" value="`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		form.Add("purpose", id)
	}
	return v.send("POST", path, "application/x-www-form-urlencoded", form.Encode())
}

func TestDoubleOptIn(t *testing.T) {
	for _, l := range []string{"en", "ar"} {
		w := open(t, "souq-nakheel")
		v := w.visitor()
		a := v.subscribe(url.Values{"language": {l}})
		if a.StatusCode != 200 {
			t.Fatal(a.Status, a.text)
		}
		wellFormed(t, a, l)
		w.wants("newsletter", decision.Unconfirmed)
		m := w.mail()
		if m.Language != l {
			t.Errorf("the mail speaks %s", m.Language)
		}
		for range 2 { // whoever opens the link, a scanner or a person
			page := v.get(m.Path)
			wellFormed(t, page, l)
			w.wants("newsletter", decision.Unconfirmed)
		}
		if head := v.send("HEAD", m.Path, "", ""); head.StatusCode != 200 {
			t.Error(head.Status)
		}
		w.wants("newsletter", decision.Unconfirmed)
		other := w.visitor() // on another device
		done := other.confirmBy("/" + l + m.Path)
		wellFormed(t, done, l)
		if done.StatusCode != 200 || len(done.Cookies()) > 0 || !strings.Contains(done.text, "/receipt/") {
			t.Error(done.Status, done.Cookies(), done.text)
		}
		w.wants("newsletter", decision.Given)
		if again := other.confirmBy(m.Path); again.StatusCode != 200 { // replayed
			t.Error(again.Status)
		}
		list, _, err := w.db.ReceiptsOf(t.Context(), "email:"+saraMail, 0, "")
		if err != nil || len(list) != 2 || list[0].Record.HasConsent.Surface == list[1].Record.HasConsent.Surface {
			t.Error("both steps are to be in the ledger", len(list), err)
		}
	}
}

// A mail of long ago, which may have been forwarded, confirms nothing of today.
func TestAnOldMailConfirmsNothingNew(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.subscribe(nil)
	old := w.mail()
	v.confirmBy(old.Path)
	if err := w.db.LeaveBy(t.Context(), old.Leave); err != nil {
		t.Fatal(err)
	}
	w.pass(72*time.Hour + time.Second)
	w.visitor().subscribe(nil) // somebody types the address again
	w.mail()
	if a := v.confirmBy(old.Path); a.StatusCode != 200 {
		t.Error(a.Status)
	}
	w.wants("newsletter", decision.Unconfirmed)
	form := url.Values{"purpose": {"newsletter"}} // without the page
	v.send("POST", old.Path, "application/x-www-form-urlencoded", form.Encode())
	w.wants("newsletter", decision.Unconfirmed)
}

func TestOnlyWhatWasShownIsConfirmed(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.subscribe(nil)
	m := w.mail()
	v.subscribe(url.Values{"purpose": {"offers"}}) // while the page is open
	v.send("POST", m.Path, "application/x-www-form-urlencoded", url.Values{"purpose": {"newsletter"}}.Encode())
	w.wants("newsletter", decision.Given)
	w.wants("offers", decision.Unconfirmed)
	v.confirmBy(m.Path) // now it is shown
	w.wants("offers", decision.Given)
	if n := len(w.mails()); n != 0 {
		t.Errorf("%d more mails", n)
	}
}

func TestAConfirmationComesTooLate(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.subscribe(nil)
	m := w.mail()
	w.pass(w.db.InForce().Policy.Confirm.Within.After(w.now()).Sub(w.now()))
	if a := v.get(m.Path); a.StatusCode != 200 || strings.Contains(a.text, "newsletter") {
		t.Error(a.Status, a.text)
	}
	if a := v.send("POST", m.Path, "application/x-www-form-urlencoded", "purpose=newsletter"); a.StatusCode != 200 {
		t.Error(a.Status)
	}
	if got := w.reason("email:"+saraMail, "newsletter"); got == decision.Given {
		t.Error(got)
	}
	if err := w.db.EraseUnconfirmed(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wants("newsletter", decision.UnknownSubject)
	if a := v.get(m.Path); a.StatusCode != 200 {
		t.Error("the link of who was erased:", a.Status)
	}
}

func TestOneMailAndOnRequestAnother(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	for i, more := range []url.Values{nil, nil, {"again": {"yes"}}, {"again": {"yes"}}, nil} {
		v.subscribe(more)
		if n, want := len(w.mails()), []int{1, 0, 1, 0, 0}[i]; n != want {
			t.Errorf("form %d: %d mails, not %d", i, n, want)
		}
	}
	w.pass(72*time.Hour + time.Second)
	v.subscribe(nil)
	w.mail()
}

func TestTheAnswerTellsNobodyWhoIsKnown(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	fresh := v.subscribe(nil)
	v.confirmBy(w.mail().Path)
	known := v.subscribe(nil)
	if _, err := w.db.Erase(t.Context(), "email:"+saraMail, store.BySubject); err != nil {
		t.Fatal(err)
	}
	erased := v.subscribe(nil)
	trapped := v.subscribe(url.Values{"nickname": {"bot"}})
	for name, a := range map[string]answered{"known": known, "erased": erased, "trapped": trapped} {
		if a.StatusCode != fresh.StatusCode || a.text != fresh.text {
			t.Errorf("%s: %s differs", name, a.Status)
		}
	}
}

// Nobody has the company write to whole lists of strangers.
func TestSigningUpIsLimited(t *testing.T) {
	w := open(t, "casco-fiber")
	v, signed := w.visitor(), 0
	for i := range 3 * signsAtOnce {
		w.pass(time.Second / postsPerSecond) // what bounds every form is no bound here
		a := v.subscribe(url.Values{"email": {fmt.Sprintf("stranger%d@example.com", i)}})
		if a.StatusCode == http.StatusTooManyRequests {
			break
		}
		signed++
	}
	if signed < signsAtOnce || signed > signsAtOnce*3/2 {
		t.Errorf("%d addresses were signed up without a pause", signed)
	}
	w.pass(time.Minute)
	if a := v.subscribe(nil); a.StatusCode != http.StatusOK {
		t.Errorf("a minute later: %s", a.Status)
	}
}

func TestATrapCatchesPrograms(t *testing.T) {
	w := open(t, "casco-fiber")
	w.visitor().subscribe(url.Values{"nickname": {"Sara"}})
	w.wants("newsletter", decision.UnknownSubject)
}

// Who was erased is not brought back by whoever types their address.
func TestAnErasedAddressStaysSoUntilItsOwnerSpeaks(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.subscribe(nil)
	v.confirmBy(w.mail().Path)
	erase := func() {
		t.Helper()
		if _, err := w.db.Erase(t.Context(), "email:"+saraMail, store.BySubject); err != nil {
			t.Fatal(err)
		}
	}
	attested := func() error {
		_, err := w.db.Submit(t.Context(), store.Submission{Subject: "email:" + saraMail, Surface: consent.SurfaceAPI, Attested: true,
			Choices: []consent.Choice{{Purpose: "newsletter", Decision: consent.Given}}})
		return err
	}
	erase()
	w.pass(80 * time.Hour)
	w.visitor().subscribe(nil)
	if attested() == nil {
		t.Error("what the company enters goes through while a stranger's entry waits")
	}
	w.pass(30 * 24 * time.Hour)
	if err := w.db.EraseUnconfirmed(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wants("newsletter", decision.Erased)
	if attested() == nil {
		t.Error("what the company enters goes through after it lapsed")
	}
	w.mails()
	v.subscribe(nil)
	v.confirmBy(w.mail().Path) // the owner
	w.wants("newsletter", decision.Given)
	if err := attested(); err != nil {
		t.Error(err)
	}
}

func TestTheFormIsStrict(t *testing.T) {
	w := open(t, "casco-fiber")
	for name, c := range map[string]struct {
		form url.Values
		want int
	}{
		"no address":              {url.Values{"email": {""}}, 422},
		"no address at all":       {url.Values{"email": {"sara"}}, 422},
		"a name that is too long": {url.Values{"email": {strings.Repeat("a", 60_000) + "@example.com"}}, 422},
		"more than is taken":      {url.Values{"email": {strings.Repeat("a", 70_000) + "@example.com"}}, 413},
		"a header":                {url.Values{"email": {"sara@example.com\r\nBcc: eve@example.com"}}, 422},
		"two addresses":           {url.Values{"email": {"sara@example.com,eve@example.com"}}, 422},
		"a turned address":        {url.Values{"email": {"sara\u202e@example.com"}}, 422},
		"no purpose":              {url.Values{"purpose": nil}, 422},
		"no such purpose":         {url.Values{"purpose": {"love"}}, 422},
		"a purpose of a browser":  {url.Values{"purpose": {"analytics"}}, 422},
		"no version":              {url.Values{"version": {""}}, 422},
		"another version":         {url.Values{"version": {"sha256:" + strings.Repeat("0", 64)}}, 409},
	} {
		if a := w.visitor().subscribe(c.form); a.StatusCode != c.want {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
	if n := len(w.mails()); n != 0 {
		t.Errorf("%d mails", n)
	}
}

func TestTheFormComesFromTheCompanysSite(t *testing.T) {
	w := open(t, "casco-fiber")
	site := strings.TrimSuffix(w.db.InForce().Policy.Organization.Sites[0], "/")
	for origin, want := range map[string]int{site: 303, "https://evil.example": 403} {
		v := w.visitor()
		v.header.Set("Origin", origin)
		v.header.Set("Sec-Fetch-Site", "cross-site")
		a := v.subscribe(url.Values{"back": {site + "/thanks"}})
		if a.StatusCode != want || want == 303 && a.Header.Get("Location") != site+"/thanks" {
			t.Errorf("from %s: %s to %s", origin, a.Status, a.Header.Get("Location"))
		}
	}
	v := w.visitor()
	if a := v.subscribe(url.Values{"back": {"https://evil.example/"}}); a.StatusCode != 200 {
		t.Error("it leads to any site:", a.Status)
	}
}

// RFC 8058: a POST of a mail program, of any form, with any origin, any number of
// times, for ever.
func TestOneClickTakesItBack(t *testing.T) {
	w := open(t, "souq-nakheel")
	v := w.visitor()
	v.subscribe(nil)
	v.confirmBy(w.mail().Path)
	token, ok, err := w.db.LeaveToken(t.Context(), "email:"+saraMail, "newsletter")
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	path := "/u/" + token
	for _, l := range []string{"/en", "/ar", ""} {
		if a := v.get(l + path); a.StatusCode != 200 || strings.Count(a.text, "<button") != 1 || len(a.Cookies()) > 0 {
			t.Error(a.Status, strings.Count(a.text, "<button"))
		}
	}
	if a := v.get("/ar" + path); !strings.Contains(a.text, `href="/ar/me/choices"`) {
		t.Error("no way leads to the finer choices")
	}
	v.send("HEAD", path, "", "")
	w.wants("newsletter", decision.Given) // looking takes nothing back
	multipart := "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"
	for i, c := range []struct{ kind, body string }{{"application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"}, {"multipart/form-data; boundary=x", multipart},
		{"text/plain", "whatever"}, {"", ""}} {
		program := w.visitor()
		program.header.Set("Origin", "https://webmail.example")
		program.header.Set("Sec-Fetch-Site", "cross-site")
		a := program.send("POST", path, c.kind, c.body)
		if a.StatusCode != 200 || a.Header.Get("Location") != "" || len(a.Cookies()) > 0 {
			t.Errorf("%s: %s %q %v", c.kind, a.Status, a.Header.Get("Location"), a.Cookies())
		}
		w.wants("newsletter", decision.Withdrawn)
		if list, _, _ := w.db.ReceiptsOf(t.Context(), "email:"+saraMail, 0, ""); len(list) != 3 {
			t.Errorf("after %d times there are %d events", i+1, len(list))
		}
	}
	w.pass(10 * 365 * 24 * time.Hour)
	if a := w.visitor().send("POST", path, "", ""); a.StatusCode != 200 {
		t.Error("after ten years:", a.Status)
	}
	if _, err := w.db.Erase(t.Context(), "email:"+saraMail, store.BySubject); err != nil {
		t.Fatal(err)
	}
	if a := w.visitor().send("POST", path, "", ""); a.StatusCode != 200 {
		t.Error("after the erasure:", a.Status)
	}
	for _, forged := range []string{"x", path[3:len(path)-2] + "AA", strings.Repeat("A", 5000)} {
		if a := w.visitor().send("POST", "/u/"+forged, "", ""); a.StatusCode != 404 {
			t.Errorf("a forged link: %s", a.Status)
		}
	}
}

// A mail program sends for many readers from one address.
func TestOneClickIsNotLimited(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.subscribe(nil)
	m := w.mail()
	for range postsAtOnce + 20 {
		if a := v.send("POST", "/u/"+m.Leave, "", ""); a.StatusCode != http.StatusOK {
			t.Fatal(a.Status)
		}
	}
	w.wants("newsletter", decision.Withdrawn) // the mail that asks has a way out too
}

func TestDidThisComeFromYou(t *testing.T) {
	for _, l := range []string{"en", "ar"} {
		w := open(t, "souq-nakheel")
		v := w.visitor()
		v.subscribe(url.Values{"language": {l}})
		claimed, err := w.db.ClaimMail(t.Context(), 1, time.Minute)
		if err != nil || len(claimed) != 1 {
			t.Fatal(len(claimed), err)
		}
		code := w.db.MailMark(claimed[0].ID, claimed[0].At).Code
		w.pass(time.Minute)
		if err := w.db.EndMail(t.Context(), claimed[0], store.MailSent, nil); err != nil {
			t.Fatal(err)
		}
		ask := func(code, email string) answered {
			a := v.send("POST", "/"+l+"/verify/mail", "application/x-www-form-urlencoded", url.Values{"code": {code}, "email": {email}}.Encode())
			wellFormed(t, a, l)
			return a
		}
		for _, written := range []string{code, strings.ToLower(code), " " + strings.ReplaceAll(code, "-", " ") + "\u200f"} {
			a := ask(written, "Sara@Example.com")
			if a.StatusCode != 200 || !strings.Contains(a.text, `role="status"`) || !strings.Contains(a.text, ">privacy.example<") || strings.Contains(a.text, saraMail) {
				t.Errorf("%q: %s", written, a.Status)
			}
		}
		miss := ask("00000-00000", saraMail)
		for what, q := range map[string][2]string{"another address": {code, "omar@example.com"}, "no code": {"", saraMail}, "nonsense": {strings.Repeat("é", 50), "sara"}, "nobody": {code, ""}} {
			if a := ask(q[0], q[1]); a.StatusCode != 200 || a.text != miss.text {
				t.Errorf("%s: the answer differs from that of another miss", what)
			}
		}
		if a := v.get("/" + l + "/verify"); !strings.Contains(a.text, `name="receipt"`) || !strings.Contains(a.text, `name="code"`) {
			t.Error("the page does not ask for both")
		}
		if a := v.get("/" + l + "/verify/mail?code=" + code + "&email=" + saraMail); a.StatusCode != 405 {
			t.Error("an address in an address:", a.Status)
		}
	}
}

func TestAskingIsLimited(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	for range postsAtOnce + 1 {
		if a := v.send("POST", "/en/verify/mail", "application/x-www-form-urlencoded", "code=x&email=sara%40example.com"); a.StatusCode == 429 {
			return
		}
	}
	t.Error("codes can be guessed without end")
}
