package mail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/mail/mailtest"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

const sara = "sara@example.com"

// TestAMailAsksForTheConfirmation walks through the whole: a yes that waits, the
// mail, its headers, both forms, both languages.
func TestAMailAsksForTheConfirmation(t *testing.T) {
	for _, company := range companies {
		for _, language := range []string{"en", "ar"} {
			t.Run(company+"/"+language, func(t *testing.T) {
				t.Parallel()
				w := open(t, company)
				w.yes(sara, "newsletter", language)
				w.round(1)
				m := w.server.Next(t)
				keep(t, "confirm-"+company+"-"+language+".html", []byte(m.HTML))
				keep(t, "confirm-"+company+"-"+language+".eml", m.Raw)
				if m.To != sara || !strings.HasPrefix(m.From, "bounces+") || m.UTF8 {
					t.Errorf("the envelope says %q, %q", m.From, m.To)
				}
				contains(t, m.Text, "https://privacy.company.example/c/", "https://privacy.company.example/u/", "https://privacy.company.example/"+language+"/verify#mail")
				contains(t, m.HTML, `dir="`+map[string]string{"en": "ltr", "ar": "rtl"}[language], `href="https://privacy.company.example/c/`)
				contains(t, string(m.Raw), "\r\nList-Unsubscribe: <https://privacy.company.example/u/", "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", "\r\nContent-Language: "+language)
				p := w.db.MailPolicy()
				for _, purpose := range p.Purposes {
					for _, l := range p.Languages {
						if title := purpose.Title.In(l); title != "" && (strings.Contains(m.Subject, title) || strings.Contains(m.Text, title)) {
							t.Errorf("the mail names the purpose %q", title)
						}
					}
				}
				w.round(0)
			})
		}
	}
}

// verify asks the library of another project, in another language, whether the
// signatures of some mails hold.
func verify(t *testing.T, k *Key, mails ...string) []bool {
	t.Helper()
	const program = `import sys, json, dkim
q = json.load(sys.stdin)
dns = lambda name, timeout=5: q["record"].encode() if name.decode() == q["name"] + "." else None
print(json.dumps([dkim.verify(m.encode("utf-8"), dnsfunc=dns) for m in q["mails"]]))`
	question, err := json.Marshal(map[string]any{"mails": mails, "record": k.Record(), "name": k.Name()})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", program)
	c.Stdin = bytes.NewReader(question)
	out, err := c.CombinedOutput()
	var holds []bool
	if err == nil {
		err = json.Unmarshal(out, &holds)
	}
	if err != nil || len(holds) != len(mails) {
		t.Fatalf("dkimpy (Debian: python3-dkim): %v\n%s", err, out)
	}
	return holds
}

// TestEveryMailIsSignedInBothLanguages lets a real mail server take a mail of every
// kind in both languages, and another project's library check each signature.
func TestEveryMailIsSignedInBothLanguages(t *testing.T) {
	t.Parallel()
	key, err := NewKey("company.example", "amana", rsaKey(t))
	if err != nil {
		t.Fatal(err)
	}
	w := open(t, "souq-nakheel", func(c *Config) { c.Key = key })
	sent := 0
	for _, language := range []string{"en", "ar"} {
		for _, l := range mailtest.Letters(language, w.now()) {
			if sent++; l.Kind == letter.Confirm { // goes out with the yes that waits for it
				w.yes(l.To, "newsletter", language)
			} else if _, err := w.db.Post(t.Context(), l); err != nil {
				t.Fatal(l.Kind, err)
			}
		}
	}
	for n := 1; n > 0; {
		if n, err = w.engine.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	var of []string
	for range sent {
		m := w.server.Next(t)
		name, _, _ := strings.Cut(m.To, "@")
		keep(t, name+".html", []byte(m.HTML))
		keep(t, name+".eml", m.Raw)
		all, of = append(all, string(m.Raw)), append(of, name)
		kind, language, _ := strings.Cut(name, ".")
		if m.Header.Get("Content-Language") != language {
			t.Errorf("%s says that it is in %q", name, m.Header.Get("Content-Language"))
		}
		if strings.ContainsFunc(m.Subject, isolates) || !strings.Contains(m.Text, "\u2068") || strings.Count(m.Text, "\u2068") != strings.Count(m.Text, "\u2069") {
			t.Errorf("%s: the subject %q holds marks of direction, or a value in the text stands in no isolate", name, m.Subject)
		}
		if way := m.Header.Get("List-Unsubscribe") != ""; way != (kind == string(letter.Confirm) || kind == string(letter.Company)) {
			t.Errorf("%s: a way out: %t", name, way)
		}
	}
	w.server.None(t)
	for i, holds := range verify(t, key, all...) {
		if !holds {
			t.Errorf("the signature of %s does not hold", of[i])
		}
	}
}

func isolates(r rune) bool { return r >= '\u2066' && r <= '\u2069' || r >= '\u202a' && r <= '\u202e' }

func TestOtherPeopleVerifyTheSignature(t *testing.T) {
	t.Parallel()
	for kind, raw := range map[string][]byte{"rsa": rsaKey(t), "ed25519": edKey(t)} {
		key, err := NewKey("company.example", "amana", raw)
		if err != nil {
			t.Fatal(err)
		}
		w := open(t, "souq-nakheel", func(c *Config) { c.Key = key })
		w.yes(sara, "newsletter", "ar")
		w.round(1)
		m := w.server.Next(t)
		if !verify(t, key, string(m.Raw))[0] {
			t.Errorf("%s: the signature does not hold:\n%s", kind, m.Raw)
		}
		head := strings.Join(strings.Fields(m.Header.Get("Dkim-Signature")), "")
		contains(t, strings.ToLower(head), "list-unsubscribe:list-unsubscribe:list-unsubscribe-post")
		if kind == "ed25519" {
			continue
		}
		for what, changed := range map[string]string{
			"another way out":  strings.Replace(string(m.Raw), "List-Unsubscribe: <https://privacy.company.example/u/", "List-Unsubscribe: <https://evil.example/u/", 1),
			"a second subject": "Subject: another\r\n" + string(m.Raw),
			"another body":     strings.Replace(string(m.Raw), "\r\n--=_", "\r\nAAAA\r\n--=_", 1),
		} {
			if changed == string(m.Raw) || verify(t, key, changed)[0] {
				t.Errorf("%s goes through", what)
			}
		}
	}
}

func TestOneMailInThreeDays(t *testing.T) {
	t.Parallel()
	w := open(t, "casco-fiber")
	w.yes(sara, "newsletter", "en")
	w.yes(sara, "offers", "en") // entered meanwhile: the same mail speaks for it
	w.yes(sara, "newsletter", "en")
	w.round(1)
	first := w.server.Next(t)
	w.pass(71*time.Hour + 59*time.Minute)
	w.yes(sara, "newsletter", "en")
	w.round(0)
	w.pass(2 * time.Minute)
	w.yes(sara, "newsletter", "en")
	w.round(1)
	if second := w.server.Next(t); second.Header.Get("Message-Id") == first.Header.Get("Message-Id") {
		t.Error("the second mail is the first")
	}
}

func TestAMailIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := open(t, "casco-fiber")
	busy := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "later, " + sara}
	w.server.Refuse(func(string, string) error { return busy })
	w.yes(sara, "newsletter", "en")
	for _, wait := range []time.Duration{0, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 3 * time.Hour} {
		w.pass(wait - time.Second)
		if wait > 0 {
			w.round(0)
		}
		w.pass(time.Second)
		w.round(1)
	}
	w.server.Refuse(nil)
	w.pass(3 * time.Hour)
	w.round(1)
	if got := w.server.Next(t); got.To != sara {
		t.Error(got.To)
	}
	if logs := w.logs.String(); strings.Contains(logs, sara) || !strings.Contains(logs, "451 4.7.1") {
		t.Errorf("the log tells too much or too little:\n%s", logs)
	}
}

func TestAMailIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	w := open(t, "casco-fiber", func(c *Config) { c.Server.Address = "127.0.0.1:1" }) // nobody listens
	if _, err := w.db.Post(t.Context(), letter.Letter{Kind: letter.SignIn, To: sara, Language: "en", Code: "123456", Until: w.now().Add(10 * time.Minute)}); err != nil {
		t.Fatal(err)
	}
	w.round(1)
	w.pass(10 * time.Minute)
	w.round(1)
	w.pass(time.Hour)
	w.round(0)
	contains(t, w.logs.String(), "given_up")
}

// A server that dies after the other side took a mail leaves it to the next, who
// sends the same bytes.
// A letter whose key is not there is tried again, and given up in its time; the
// others leave.
func TestALetterThatCannotBeOpenedWaits(t *testing.T) {
	t.Parallel()
	w := open(t, "casco-fiber")
	id, err := w.db.Post(t.Context(), letter.Letter{Kind: letter.SignIn, To: sara, Language: "en", Code: "314159"})
	if err != nil {
		t.Fatal(err)
	}
	lost := func(context.Context, []uint16) error { return nil } // nothing is wrapped anew
	if err := w.ring.Change(t.Context(), []uint16{keyring.SubjectID(id).Bucket()}, lost); err != nil {
		t.Fatal(err)
	}
	w.yes("omar@example.com", "newsletter", "en")
	w.round(2)
	if m := w.server.Next(t); m.To != "omar@example.com" {
		t.Errorf("sent to %q", m.To)
	}
	w.server.None(t)
	contains(t, w.logs.String(), "cannot be opened")
	w.pass(letter.Patience)
	w.round(1)
	contains(t, w.logs.String(), string(store.MailGivenUp))
	w.round(0)
}

func TestTheSameMailTwiceIsOne(t *testing.T) {
	t.Parallel()
	w := open(t, "casco-fiber")
	w.server.Late(func() error { return &smtp.SMTPError{Code: 421, Message: "shutting down"} })
	w.yes(sara, "newsletter", "en")
	w.round(1)
	first := w.server.Next(t)
	w.server.Late(nil)
	w.pass(time.Minute)
	w.round(1)
	if second := w.server.Next(t); !bytes.Equal(first.Raw, second.Raw) {
		t.Error("the second differs from the first")
	}
}

// Several servers on one database do not send twice.
func TestAMailIsClaimedOnce(t *testing.T) {
	t.Parallel()
	w := open(t, "casco-fiber")
	w.yes(sara, "newsletter", "en")
	mine, err := w.db.ClaimMail(t.Context(), 10, lease)
	if err != nil || len(mine) != 1 {
		t.Fatal(len(mine), err)
	}
	w.round(0)
	w.pass(lease + time.Second) // it died
	w.round(1)
	w.server.Next(t)
	if err := w.db.EndMail(t.Context(), mine[0], store.MailBounced, nil); err != nil { // it comes back to life
		t.Fatal(err)
	}
	if told, ok, err := w.db.AskMail(t.Context(), "email:"+sara, w.db.MailMark(mine[0].ID, mine[0].At).Code); !ok || err != nil || !told.At.Equal(w.now()) {
		t.Error("who lost the mail ended it", told, err)
	}
}

func TestWhatNobodyWantsAnyMoreIsNotSent(t *testing.T) {
	t.Parallel()
	w := open(t, "casco-fiber")
	w.yes(sara, "newsletter", "en")
	if _, err := w.db.Submit(t.Context(), store.Submission{Subject: "email:" + sara, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "newsletter", Decision: consent.Withdrawn}}}); err != nil {
		t.Fatal(err)
	}
	w.round(1)
	w.server.None(t)
	contains(t, w.logs.String(), "dropped")
}

func TestAnAddressThatIsNoneIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := open(t, "casco-fiber")
	w.server.Refuse(func(string, string) error {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	})
	w.yes(sara, "newsletter", "en")
	w.round(1)
	w.server.Refuse(nil)
	w.pass(73 * time.Hour)
	w.yes(sara, "newsletter", "en")
	w.round(1)
	w.server.None(t)
	w.pass(90 * 24 * time.Hour)
	w.yes(sara, "newsletter", "en")
	w.round(1)
	w.server.Next(t)
}

// What the server says of the whole text is no word about the address.
func TestARefusedTextSuppressesNobody(t *testing.T) {
	t.Parallel()
	w := open(t, "casco-fiber")
	w.server.Late(func() error {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "looks like spam"}
	})
	w.yes(sara, "newsletter", "en")
	w.round(1)
	if gone, err := w.db.Unreachable(t.Context(), "email:"+sara); gone || err != nil {
		t.Error(gone, err)
	}
}

func TestAddressesBeyondASCII(t *testing.T) {
	t.Parallel()
	const to = "سارة@example.com"
	w := open(t, "souq-nakheel")
	w.yes(to, "newsletter", "ar")
	w.round(1)
	m := w.server.Next(t)
	if m.To != to || !m.UTF8 {
		t.Errorf("sent to %q, SMTPUTF8 %v", m.To, m.UTF8)
	}
	contains(t, string(m.Raw), "\r\nTo: <"+to+">\r\n")

	old := open(t, "souq-nakheel", func(c *Config) { c.Server.Address = mailtest.Start(t, mailtest.ASCII).Address })
	old.yes(to, "newsletter", "ar")
	old.round(1)
	contains(t, old.logs.String(), "SMTPUTF8", "bounced")
}

func TestHeadersAreClean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		letter letter.Letter
		field  string
	}{
		{"a second header", letter.Letter{Subject: "Hello\r\nBcc: eve@example.com", Text: "x"}, "mail.subject"},
		{"a line feed", letter.Letter{Subject: "Hello\nX: y", Text: "x"}, "mail.subject"},
		{"a line separator", letter.Letter{Subject: "Hello\u2028X: y", Text: "x"}, "mail.subject"},
		{"an override", letter.Letter{Subject: "invoice\u202egpj.exe", Text: "x"}, "mail.subject"},
		{"an isolate", letter.Letter{Subject: "\u2066Hello\u2069", Text: "x"}, "mail.subject"},
		{"ten megabytes", letter.Letter{Subject: strings.Repeat("n", 10<<20), Text: "x"}, "mail.subject"},
		{"ten megabytes of text", letter.Letter{Subject: "Hello", Text: strings.Repeat("n", 10<<20)}, "mail.text"},
		{"an override in the text", letter.Letter{Subject: "Hello", Text: "\u202e"}, "mail.text"},
		{"not UTF-8", letter.Letter{Subject: "Hello", Text: "\xff"}, "mail.text"},
		{"a script", letter.Letter{Subject: "Hello", Text: "x", HTML: "<ScRiPt>"}, "mail.html"},
		{"a form", letter.Letter{Subject: "Hello", Text: "x", HTML: `<form action="https://evil.example">`}, "mail.html"},
		{"something that runs", letter.Letter{Subject: "Hello", Text: "x", HTML: `<p onclick="x()">`}, "mail.html"},
		{"an address that runs", letter.Letter{Subject: "Hello", Text: "x", HTML: `<a href="javascript:x()">`}, "mail.html"},
		{"a sheet", letter.Letter{Subject: "Hello", Text: "x", HTML: `<style>@import "//evil.example/x"</style>`}, "mail.html"},
		{"a picture that nobody is told of", letter.Letter{Subject: "Hello", Text: "x", HTML: `<img src="https://shop.example/x" srcset="//evil.example/x 2x">`}, "mail.html"},
		{"a ground that is fetched", letter.Letter{Subject: "Hello", Text: "x", HTML: `<td background="//evil.example/x">`}, "mail.html"},
		{"a style that fetches", letter.Letter{Subject: "Hello", Text: "x", HTML: `<p style="background:u\72l(//evil.example/x)">`}, "mail.html"},
		{"a click that is told", letter.Letter{Subject: "Hello", Text: "x", HTML: `<a href="https://shop.example/" ping="https://evil.example/">`}, "mail.html"},
		{"a second recipient", letter.Letter{To: "sara@example.com,eve@example.com", Subject: "Hello", Text: "x"}, "to"},
		{"a header in the address", letter.Letter{To: "sara@example.com>\r\nBcc: <eve@example.com", Subject: "Hello", Text: "x"}, "to"},
		{"another house's page", letter.Letter{Path: "//evil.example/", Subject: "Hello", Text: "x"}, "path"},
	} {
		c.letter.Kind = letter.Company
		if c.letter.To == "" {
			c.letter.To = sara
		}
		err := c.letter.Check()
		if err == nil || !strings.HasPrefix(err.Error(), c.field+": ") || len(err.Error()) > 300 {
			t.Errorf("%s: %.300v", c.name, err)
		}
	}
	if err := (letter.Letter{Kind: "love", To: sara}).Check(); err == nil {
		t.Error("a kind that is none is taken")
	}
}

func TestAServerThatAsksWhoWeAre(t *testing.T) {
	t.Parallel()
	cert, roots := certificate(t)
	s := mailtest.Start(t, mailtest.Secured(cert))
	for _, c := range []struct {
		name    string
		server  Server
		arrives bool
	}{
		{"as it should be", Server{Address: s.Address, User: mailtest.User, Password: mailtest.Password, TLS: roots}, true},
		{"another password", Server{Address: s.Address, User: mailtest.User, Password: "guessed", TLS: roots}, false},
		{"a certificate nobody vouches for", Server{Address: s.Address, User: mailtest.User, Password: mailtest.Password}, false},
		{"no encryption", Server{Address: s.Address, Security: Plain, User: mailtest.User, Password: mailtest.Password}, false},
	} {
		w := open(t, "casco-fiber", func(cfg *Config) { cfg.Server = c.server })
		w.yes(sara, "newsletter", "en")
		w.round(1)
		if c.arrives {
			s.Next(t)
		} else {
			s.None(t)
		}
		if strings.Contains(w.logs.String(), c.server.Password) {
			t.Error(c.name, "the log tells the password")
		}
	}
}

func TestTheEngineRunsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	w := open(t, "casco-fiber", func(c *Config) { c.Each = time.Hour })
	done := make(chan struct{})
	ctx, stop := cancelled(t)
	go func() { defer close(done); w.engine.Run(ctx) }()
	w.yes(sara, "newsletter", "en") // wakes it
	w.server.Next(t)
	stop()
	<-done
	if _, err := w.db.States(t.Context(), subject.ID("email:"+sara)); err != nil && !errors.Is(err, ctx.Err()) {
		t.Error(err)
	}
}
