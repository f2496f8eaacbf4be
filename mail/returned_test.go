package mail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/letter"
)

// reportTo is a report as Postfix writes it.
func reportTo(to, action, status string) string {
	return strings.ReplaceAll(fmt.Sprintf(`Return-Path: <>
Delivered-To: %s
From: MAILER-DAEMON@mail.example.com (Mail Delivery System)
To: %s
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="9B095B5ADD"

This is a MIME-encapsulated message.

--9B095B5ADD
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--9B095B5ADD
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com
X-Postfix-Queue-ID: 9B095B5ADD

Final-Recipient: rfc822; sara@example.com
Action: %s
Status: %s
Diagnostic-Code: smtp; 550 no such user

--9B095B5ADD--
`, to, to, action, status), "\n", "\r\n")
}

func TestWhatComesBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		action, status string
		forge          func(string) string
		gone, left     bool // the address is none; the mail is left for people
	}{
		"no such mailbox": {action: "failed", status: "5.1.1", gone: true},
		"full for good":   {action: "failed", status: "5.2.2"},
		"spam":            {action: "failed", status: "5.7.1"},
		"delayed":         {action: "delayed", status: "4.4.1"},
		"forged":          {action: "failed", status: "5.1.1", left: true, forge: func(s string) string { return strings.Replace(s, "bounces+", "bounces+aa", 1) }},
		"a person writes": {left: true, forge: func(s string) string {
			return strings.Replace(s, "multipart/report; report-type=delivery-status", "multipart/mixed", 1)
		}},
		"nonsense":        {left: true, forge: func(string) string { return "\x00\xff" }},
		"a cut one":       {action: "failed", status: "5.1.1", left: true, forge: func(s string) string { return s[:600] }},
		"lowered letters": {action: "Failed", status: "5.1.1", gone: true, forge: strings.ToLower},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, sub := range []string{"new", "cur", "tmp"} {
				if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			w := open(t, "casco-fiber", func(c *Config) { c.Maildir = dir })
			w.yes(sara, "newsletter", "en")
			w.round(1)
			text := reportTo(w.server.Next(t).From, c.action, c.status)
			if c.forge != nil {
				text = c.forge(text)
			}
			if err := os.WriteFile(filepath.Join(dir, "new", "1.a.host"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := w.engine.readReturned(t.Context()); err != nil {
				t.Fatal(err)
			}
			if gone, err := w.db.Unreachable(t.Context(), "email:"+sara); gone != c.gone || err != nil {
				t.Errorf("unreachable: %v %v", gone, err)
			}
			left, _ := filepath.Glob(filepath.Join(dir, "*", "1.a.host*"))
			if (len(left) == 1) != c.left || len(left) == 1 && !strings.Contains(left[0], "/cur/") {
				t.Errorf("left: %v", left)
			}
			if strings.Contains(w.logs.String(), sara) {
				t.Error("the log tells an address")
			}
		})
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(reportTo("bounces+abc@example.com", "failed", "5.1.1")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = readReport(strings.NewReader(string(raw)))
	})
}

// What a company says in its own words, in both forms and languages; names that
// turn the direction of writing stay in their place.
func TestAMailInTheCompanysOwnWords(t *testing.T) {
	t.Parallel()
	for _, l := range []string{"en", "ar"} {
		w := open(t, "souq-nakheel")
		w.yes(sara, "newsletter", l)
		w.round(1)
		w.server.Next(t)
		if _, err := w.db.Confirm(t.Context(), "email:"+sara, "newsletter", consent.SurfaceMail); err != nil {
			t.Fatal(err)
		}
		token, _, err := w.db.LeaveToken(t.Context(), "email:"+sara, "newsletter")
		if err != nil {
			t.Fatal(err)
		}
		id, err := w.db.Post(t.Context(), letter.Letter{Kind: letter.Company, To: sara, Language: l, Purpose: "newsletter", Leave: token,
			Subject: "News", Text: "Look at https://www.nakheel.example/7 (new)", HTML: `<p>Look <a href="https://shop.nakheel.example/7">here</a></p>`})
		if err != nil {
			t.Fatal(err)
		}
		w.round(1)
		m := w.server.Next(t)
		keep(t, "company-"+l+".html", []byte(m.HTML))
		contains(t, m.Text, "https://www.nakheel.example/7", "/u/"+token)
		contains(t, m.HTML, `<a href="https://shop.nakheel.example/7">here</a>`)
		contains(t, string(m.Raw), "\r\nList-Unsubscribe: <https://privacy.company.example/u/"+token+">\r\n")
		told, ok, err := w.db.AskMail(t.Context(), "email:"+sara, w.db.MailMark(id, w.now()).Code)
		if !ok || err != nil || strings.Join(told.Hosts, " ") != "privacy.company.example shop.nakheel.example www.nakheel.example" {
			t.Errorf("%v %v %v", told, ok, err)
		}
		for _, r := range m.Subject + m.Header.Get("From") {
			if r >= '\u2066' && r <= '\u2069' || r >= '\u202a' && r <= '\u202e' {
				t.Errorf("%U stands in a header", r)
			}
		}
		if !strings.Contains(m.Text, "\u2068") || strings.Count(m.Text, "\u2068") != strings.Count(m.Text, "\u2069") {
			t.Error("the values in the body stand in no isolates")
		}
	}
}
