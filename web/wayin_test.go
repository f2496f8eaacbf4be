package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/store"
)

// knock asks to be let in.
func (v *visitor) knock(address string) answered {
	v.t.Helper()
	return v.post("/en/me/sign-in", url.Values{"address": {address}})
}

func (v *visitor) isIn(as string) bool {
	v.t.Helper()
	return strings.Contains(v.see("/en/me"), "/en/me/sign-out") && strings.Contains(v.see("/en/me"), as)
}

func TestAMailLetsIn(t *testing.T) {
	w := open(t, "casco-fiber")
	for _, by := range []string{"link", "code"} {
		for _, l := range []string{"en", "ar"} {
			v := w.visitor()
			if a := v.post("/"+l+"/me/sign-in", url.Values{"address": {" Sara@Example.com "}, "to": {"/me/sessions"}}); a.Header.Get("Location") != "/"+l+"/me/code" {
				t.Fatalf("asking leads to %q, %s", a.Header.Get("Location"), a.Status)
			}
			m := w.mail()
			if m.Kind != letter.SignIn || m.To != "sara@example.com" || m.Language != l || len(m.Code) != 6 || !strings.HasPrefix(m.Path, "/"+l+"/me/link/") {
				t.Fatalf("the mail is %+v", m)
			}
			page := v.see("/" + l + "/me/code")
			if !strings.Contains(page, `autocomplete="one-time-code"`) || strings.Count(page, `<input type="text"`) != 1 || !strings.Contains(page, "s…@….com") {
				t.Error("the page of the code has not one field, or does not say where the message went")
			}
			var a answered
			if by == "link" {
				other := w.visitor() // the link may be opened anywhere
				other.see(m.Path)
				other.see(m.Path)
				a = other.post(m.Path, url.Values{})
				if !other.isIn("s…@….com") || v.isIn("s…@….com") {
					t.Error("the link signs in whoever asked, or nobody")
				}
			} else {
				typed := m.Code[:3] + " " + strings.NewReplacer("0", "٠", "1", "١", "2", "٢", "3", "٣", "4", "٤", "5", "٥", "6", "٦", "7", "٧", "8", "٨", "9", "٩").Replace(m.Code[3:])
				a = v.post("/"+l+"/me/code", url.Values{"code": {typed}})
				if !v.isIn("s…@….com") {
					t.Error("the code does not sign in")
				}
			}
			if a.Header.Get("Location") != "/"+l+"/me/sessions" {
				t.Errorf("the proof leads to %q", a.Header.Get("Location"))
			}
		}
	}
}

// TestNobodyLearnsWhoIsKnown compares what is answered, and what is written,
// for somebody known and for somebody who is not.
func TestNobodyLearnsWhoIsKnown(t *testing.T) {
	w := open(t, "casco-fiber")
	if _, err := w.db.Submit(t.Context(), store.Submission{Subject: "email:known@example.com", Surface: consent.SurfaceAPI,
		Choices: []consent.Choice{{Purpose: "newsletter", Decision: consent.Given}}}); err != nil {
		t.Fatal(err)
	}
	w.mails()
	shape := func(address string) (out []string) {
		v := w.visitor()
		for _, step := range []func() answered{
			func() answered { return v.knock(address) },
			func() answered { return v.get("/en/me/code") },
			func() answered { return v.post("/en/me/code", url.Values{"code": {"000000"}}) },
		} {
			a := step()
			head := fmt.Sprint(a.Status, a.Header.Get("Location"), a.Header.Get("Content-Length"), a.Header.Get("Cache-Control"), len(a.Cookies()))
			text := a.text
			if _, rest, ok := strings.Cut(text, `name="ticket" value="`); ok {
				ticket, _, _ := strings.Cut(rest, `"`)
				text = strings.ReplaceAll(text, ticket, "TICKET")
			}
			out = append(out, head+"\n"+text)
		}
		m := w.mail()
		m.Path, m.Code, m.To, m.Until = m.Path[:12], "", "", time.Time{}
		return append(out, fmt.Sprintf("%+v", m))
	}
	known, unknown := shape("known@example.com"), shape("nobody@example.com")
	for i := range known {
		if a, b := strings.ReplaceAll(known[i], "k…@", "X@"), strings.ReplaceAll(unknown[i], "n…@", "X@"); a != b {
			t.Errorf("step %d differs:\n%s\n%s", i, a, b)
		}
	}
}

// TestAButtonThatIsPressedTwiceLetsIn: the second press of who is in already shows
// no error; of anybody else it opens nothing.
func TestAButtonThatIsPressedTwiceLetsIn(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.knock("sara@example.com")
	_, rest, _ := strings.Cut(v.see("/en/me/code"), `name="ticket" value="`)
	ticket, _, _ := strings.Cut(rest, `"`)
	m := w.mail()
	for path, form := range map[string]url.Values{"/en/me/code": {"ticket": {ticket}, "code": {m.Code}}, w.handedOver("", "customer:100042"): {}} {
		for range 2 {
			if a := v.post(path, form); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/en/me" {
				t.Errorf("%s leads to %q, %s", path, a.Header.Get("Location"), a.Status)
			}
		}
		if a := w.visitor().post(path, form); a.StatusCode != http.StatusForbidden {
			t.Errorf("somebody else: %s", a.Status)
		}
	}
	if a := v.post(m.Path, url.Values{}); a.Header.Get("Location") != "/en/me" {
		t.Errorf("the link of the mail leads to %q, %s", a.Header.Get("Location"), a.Status)
	}
	w.pass(pressedTwice)
	if a := v.post(m.Path, url.Values{}); a.StatusCode != http.StatusForbidden {
		t.Errorf("a while later the link answers %s", a.Status)
	}
}

// TestGuessingLocksOutGuessingAlone: with whatever tickets, guesses end, and
// the owner's link still opens.
func TestGuessingLocksOutGuessingAlone(t *testing.T) {
	w := open(t, "casco-fiber", func(c *Config) { c.TrustedProxies = loopback })
	guesses := 0
	for i := 0; guesses < store.MaxGuesses; i++ {
		thief := w.visitor()
		thief.header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))
		thief.knock("sara@example.com")
		for range store.MaxTries {
			if a := thief.post("/en/me/code", url.Values{"code": {"no"}}); a.StatusCode != http.StatusForbidden {
				t.Fatalf("a guess answers %s", a.Status)
			}
			guesses++
		}
	}
	sent := w.mails()
	if len(sent) > store.MaxAsked {
		t.Errorf("%d mails in an hour", len(sent))
	}
	owner := w.visitor()
	owner.header.Set("X-Forwarded-For", "198.51.100.1")
	owner.knock("sara@example.com")
	if a := owner.post("/en/me/code", url.Values{"code": {sent[0].Code}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("a code opens after %d guesses: %s", guesses, a.Status)
	}
	last := sent[len(sent)-1]
	if a := owner.post(last.Path, url.Values{}); a.StatusCode != http.StatusSeeOther || !owner.isIn("s…@….com") {
		t.Errorf("the owner's link answers %s", a.Status)
	}
}

func TestAWayInRunsOut(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.knock("sara@example.com")
	m := w.mail()
	w.pass(10 * time.Minute) // a code lasts at least so long
	v.see("/en/me/code")
	w.pass(5 * time.Minute)
	if a := v.post("/en/me/code", url.Values{"code": {m.Code}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("a code after 15 minutes: %s", a.Status)
	}
	w.pass(44 * time.Minute)
	v.see(m.Path)
	w.pass(time.Minute)
	if a := v.post(m.Path, url.Values{}); a.StatusCode != http.StatusForbidden {
		t.Errorf("a link after an hour: %s", a.Status)
	}
}

func TestAnAddressIsNotFlooded(t *testing.T) {
	w := open(t, "casco-fiber", func(c *Config) { c.TrustedProxies = loopback })
	first := ""
	for i := range store.MaxAsked + 3 {
		v := w.visitor()
		v.header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))
		a := v.knock("sara@example.com")
		page := v.see("/en/me/code")
		if first == "" {
			first = fmt.Sprint(a.Status, a.Header.Get("Location"), len(page))
		} else if got := fmt.Sprint(a.Status, a.Header.Get("Location"), len(page)); got != first {
			t.Errorf("the answer tells that nothing was sent: %s", got)
		}
	}
	if n := len(w.mails()); n != store.MaxAsked {
		t.Errorf("%d mails in an hour", n)
	}
	w.pass(time.Hour)
	v := w.visitor()
	v.header.Set("X-Forwarded-For", "203.0.113.200")
	v.knock("sara@example.com")
	w.mail()
}

func TestAskingIsLimitedBySender(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	for i := range asksAtOnce {
		v.knock(fmt.Sprintf("somebody%d@example.com", i))
	}
	if a := v.knock("one-more@example.com"); a.StatusCode != http.StatusTooManyRequests {
		t.Errorf("after %d asks: %s", asksAtOnce, a.Status)
	}
}

func TestTwoTabsAreTwoTries(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	v.knock("sara@example.com")
	first := w.mail()
	tab := v.see("/en/me/code")
	_, rest, _ := strings.Cut(tab, `name="ticket" value="`)
	ticket, _, _ := strings.Cut(rest, `"`)
	v.knock("sara@example.com") // in the second tab
	second := w.mail()
	for first.Code == second.Code { // once in a million
		v.knock("sara@example.com")
		second = w.mail()
	}
	if a := v.post("/en/me/code", url.Values{"ticket": {ticket}, "code": {first.Code}}); a.StatusCode != http.StatusSeeOther || !v.isIn("s…@….com") {
		t.Errorf("the first tab's code answers %s", a.Status)
	}
	if a := w.visitor().post("/en/me/code", url.Values{"ticket": {ticket}, "code": {first.Code}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("the same code again: %s", a.Status)
	}
}

// TestSomebodyElsesCodeOpensNothing: a code is good only with the ticket of the
// browser that asked for it.
func TestSomebodyElsesCodeOpensNothing(t *testing.T) {
	w := open(t, "casco-fiber")
	sara, omar := w.visitor(), w.visitor()
	sara.knock("sara@example.com")
	hers := w.mail()
	omar.knock("omar@example.com")
	if a := omar.post("/en/me/code", url.Values{"code": {hers.Code}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("another's code: %s", a.Status)
	}
	if a := w.visitor().post("/en/me/code", url.Values{"code": {hers.Code}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("a code without a ticket: %s", a.Status)
	}
}

func TestWhatCannotBeSentTo(t *testing.T) {
	w := open(t, "casco-fiber")
	v := w.visitor()
	for _, address := range []string{"", "sara", "@", "sara@", "a@b@c", "sara@example.com\r\nBcc: x@y.z", "+1 207 555 0134", "\u202esara@example.com" + strings.Repeat("x", 10_000)} {
		a := v.knock(address)
		if a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.text, `role="alert"`) {
			t.Errorf("%.30q: %s", address, a.Status)
		}
	}
	if n := len(w.mails()); n != 0 {
		t.Errorf("%d mails were queued", n)
	}
}

// TestATextMessageLetsIn signs in by a number, at the lowest level.
func TestATextMessageLetsIn(t *testing.T) {
	var mu sync.Mutex
	var to, text string
	w := open(t, "casco-fiber", func(c *Config) {
		c.SMS = func(number, message string) bool {
			mu.Lock()
			defer mu.Unlock()
			to, text = number, message
			return true
		}
	})
	v := w.visitor()
	v.knock("(207) 555-0134")
	if to != "+12075550134" || !strings.HasSuffix(strings.TrimSpace(text), text[len(text)-6:]) || !strings.Contains(text, "\n@privacy.example #") {
		t.Fatalf("to %q: %q", to, text)
	}
	if a := v.post("/en/me/code", url.Values{"code": {text[len(text)-6:]}}); a.StatusCode != http.StatusSeeOther || !v.isIn("…34") {
		t.Fatalf("the code answers %s", a.Status)
	}
	v.knock("+12075550135")
	_, rest, _ := strings.Cut(text, "http://privacy.example")
	link, _, _ := strings.Cut(rest, "\n")
	if a := v.post(link, url.Values{}); a.StatusCode != http.StatusSeeOther || !v.isIn("…35") {
		t.Errorf("the link answers %s", a.Status)
	}
}

// loopback is whom tests speak through when they are several senders.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
