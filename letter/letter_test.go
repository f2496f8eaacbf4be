package letter

import (
	"bytes"
	"mime"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
)

func house(t testing.TB, company string) House {
	t.Helper()
	src, err := examples.FS.ReadFile(company + "/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, findings := policy.Read("amana.yaml", src)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	return House{Policy: doc.Policy, PublicURL: "https://privacy.company.example", From: "privacy@company.example"}
}

var mark = Mark{ID: [16]byte{1, 2, 3}, Code: "ABCDE-12345", Return: "abc", At: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}

// Every kind is a mail in every language: read by another library, the same bytes
// each time, with a subject of one line that names no purpose.
func TestEveryKindInEveryLanguage(t *testing.T) {
	for _, company := range []string{"casco-fiber", "souq-nakheel"} {
		h := house(t, company)
		for _, kind := range Kinds() {
			for _, language := range []string{"en", "ar", "fr"} {
				l := Letter{Kind: kind, To: "sara@example.com", Language: language, Path: "/c/x", Code: "314159", Leave: "y", What: "phone:…34", Until: mark.At.Add(time.Hour), Subject: "Hello", Text: "Hello"}
				first, err := Compose(l, h, mark)
				if err != nil {
					t.Fatal(kind, language, err)
				}
				second, _ := Compose(l, h, mark)
				if !bytes.Equal(first.Bytes, second.Bytes) {
					t.Errorf("%s %s: the same letter is another mail", kind, language)
				}
				m, err := mail.ReadMessage(bytes.NewReader(first.Bytes))
				if err != nil {
					t.Fatal(kind, language, err)
				}
				subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
				if err != nil || subject == "" || strings.Contains(subject, "mail.") || strings.Contains(subject, "{") || strings.ContainsFunc(subject, steers) {
					t.Errorf("%s %s: %q %v", kind, language, subject, err)
				}
				for _, p := range h.Policy.Purposes {
					if title := p.Title.In(language); title != "" && strings.Contains(subject, title) {
						t.Errorf("%s %s: the subject names %q", kind, language, title)
					}
				}
				for _, line := range bytes.Split(first.Bytes, []byte("\r\n")) {
					if len(line) > 998 || bytes.ContainsAny(line, "\r\n") {
						t.Errorf("%s %s: a line that no server takes", kind, language)
					}
				}
			}
		}
	}
}

// A letter is queued a moment after its end was set; its reader is told minutes.
func TestTheTimeThatIsLeftIsInMinutes(t *testing.T) {
	for language, want := range map[string]string{"en": "15 minutes", "ar": "15 دقيقة"} {
		l := Letter{Kind: SignIn, To: "sara@example.com", Language: language, Path: "/c/x", Code: "314159", Until: mark.At.Add(15*time.Minute - 40*time.Millisecond)}
		w, _ := lang.For(language, lang.Options{})
		got := l.bodyOf(words{w}, "Casco Fiber", mark.At).after[0].Plain
		if !strings.Contains(got, want) || strings.Contains(got, "59") {
			t.Errorf("%s: %q", language, got)
		}
	}
}

// A company's name comes from its policy; whatever it holds, it stays a name.
func TestANameStaysAName(t *testing.T) {
	h := house(t, "casco-fiber")
	evil := "Casco\r\nBcc: eve@example.com\u202e\u2066 <b>&" + strings.Repeat("n", 10_000)
	h.Policy.Organization.Name = policy.Text{"en": evil, "ar": evil}
	msg, err := Compose(Letter{Kind: Confirm, To: "sara@example.com", Language: "en", Path: "/c/x"}, h, mark)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(bytes.NewReader(msg.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	from, err := m.Header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Address != "privacy@company.example" || len(from[0].Name) > maxName || m.Header.Get("Bcc") != "" {
		t.Errorf("%.300v %v", from, err)
	}
}

func FuzzLetter(f *testing.F) {
	h := house(f, "souq-nakheel")
	f.Add("sara@example.com", "Hello", "text", "<p>x</p>")
	f.Fuzz(func(t *testing.T, to, subject, text, html string) {
		l := Letter{Kind: Company, To: to, Language: "ar", Subject: subject, Text: text, HTML: html}
		if l.Check() != nil {
			return
		}
		msg, err := Compose(l, h, mark)
		if err != nil {
			t.Fatal(err)
		}
		m, err := mail.ReadMessage(bytes.NewReader(msg.Bytes))
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Header["To"]) != 1 || m.Header.Get("Bcc") != "" || len(m.Header["Subject"]) != 1 {
			t.Errorf("%v", m.Header)
		}
		l.Hosts("https://privacy.company.example")
	})
}
