package letter

import (
	"bytes"
	_ "embed"
	"encoding/base32"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"

	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
)

// House is who a mail is from.
type House struct {
	Policy    *policy.Policy // the one in force: name, address, colour, how to write
	PublicURL string         // where customers find the pages, without a slash at the end
	From      string         // the address that mails come from
	Bounces   string         // the address that what cannot be delivered goes back to, "" = From
}

// Mark is how one mail is known again.
type Mark struct {
	ID     [16]byte
	Code   string    // by which its reader asks whether it is ours
	Return string    // what in the return address leads back to it; "" without
	At     time.Time // when it was queued
}

// Message is a mail as it leaves.
type Message struct {
	From  string // of the envelope: the return address
	To    string
	UTF8  bool   // needs SMTPUTF8: the address is not ASCII (RFC 6531)
	Bytes []byte // RFC 5322, lines ended by CR LF, not signed yet
}

//go:embed letter.html
var frame string

var page = template.Must(template.New("letter").Parse(frame))

// view is what the HTML shows, and the plain text says after it.
type view struct {
	Lang, Dir, Subject, Company string
	Color                       template.CSS
	Before, After, Foot         []said
	Own                         template.HTML // a company's own words
	Code, Button, Link          string
	Leave, LeaveText            string
	Ask                         said // whether the mail is ours
	AskAt                       string
}

// Compose writes a mail. The same letter, house and mark give the same bytes.
func Compose(l Letter, h House, m Mark) (Message, error) {
	w := h.words(l.Language)
	v := l.view(w, h, m)
	var doc bytes.Buffer
	if err := page.Execute(&doc, v); err != nil {
		return Message{}, fmt.Errorf("composing a mail: %w", err)
	}
	head, err := l.header(w, h, m, v.Subject)
	if err != nil {
		return Message{}, fmt.Errorf("composing a mail: %w", err)
	}
	out := Message{From: h.returnAddress(m), To: l.To, UTF8: !ascii(l.To)}
	if out.Bytes, err = parts(head, m, v.plain(), doc.String(), w.Tag); err != nil {
		return Message{}, fmt.Errorf("composing a mail: %w", err)
	}
	return out, nil
}

// words gives the words of a language, of the master where the policy has it not.
func (h House) words(language string) words {
	o := lang.Options{Digits: lang.Digits(h.Policy.Digits), Calendar: lang.Calendar(h.Policy.Calendar)}
	for _, l := range h.Policy.Languages {
		if w, ok := lang.For(l, o); ok && l == language {
			return words{w}
		}
	}
	for _, l := range append(h.Policy.Languages, "en") {
		if w, ok := lang.For(l, o); ok {
			return words{w}
		}
	}
	panic("letter: there are no English words")
}

// in gives a text of the policy in the language of the mail.
func (h House) in(w words, t policy.Text) string {
	if s := t.In(w.Tag); s != "" {
		return s
	}
	return t.In(h.Policy.Master())
}

func (l Letter) view(w words, h House, m Mark) view {
	o := h.Policy.Organization
	company := line(h.in(w, o.Name))
	b := l.bodyOf(w, company, m.At)
	v := view{Lang: w.Tag, Dir: w.Dir(), Subject: b.subject, Company: company, Color: "#1d4ed8", Before: b.before, After: b.after, Code: l.Code}
	if o.Color != "" {
		v.Color = template.CSS(o.Color) // #rrggbb, by the policy's own check
	}
	if l.Kind == Company {
		v.Before, v.Own = l.own()
	}
	if l.Path != "" {
		v.Button, v.Link = b.button, h.PublicURL+l.Path
	}
	if l.Leave != "" {
		v.Leave, v.LeaveText = h.leave(l), w.Words.T("mail.leave")
	}
	host := h.PublicURL
	if u, err := url.Parse(h.PublicURL); err == nil && u.Host != "" {
		host = u.Host
	}
	v.Ask, v.AskAt = w.T("mail.verify", "code", m.Code), h.PublicURL+"/"+w.Tag+"/verify#mail"
	v.Foot = []said{w.T("mail.hosts", "host", host),
		w.T("mail.sender", "name", line(h.in(w, o.LegalName)), "address", line(h.in(w, o.Contact.Address)), "email", o.Contact.Email)}
	if l.Kind == Company {
		v.Foot[0] = w.T("mail.hosts.company")
	}
	return v
}

// own gives a company's words: its HTML as it is, or its text in paragraphs.
func (l Letter) own() (text []said, own template.HTML) {
	own = template.HTML(l.HTML) // held to checkHTML when it was queued
	if l.HTML == "" {
		own = template.HTML(`<p style="white-space:pre-wrap" dir="auto">` + template.HTMLEscapeString(l.Text) + `</p>`)
	}
	return []said{{Plain: strings.ReplaceAll(l.Text, "\r\n", "\n")}}, own
}

// leave is the address that takes the consent back.
func (h House) leave(l Letter) string { return h.PublicURL + "/u/" + l.Leave }

// plain is the mail as text.
func (v view) plain() string {
	var b strings.Builder
	para := func(s string) {
		if s != "" {
			b.WriteString(s + "\n\n")
		}
	}
	for _, s := range v.Before {
		para(s.Plain)
	}
	para(v.Code)
	if v.Link != "" {
		para(v.Button + ":\n" + v.Link)
	}
	for _, s := range v.After {
		para(s.Plain)
	}
	para("--")
	para(v.Ask.Plain + "\n" + v.AskAt)
	for _, s := range v.Foot {
		para(s.Plain)
	}
	if v.Leave != "" {
		para(v.LeaveText + ":\n" + v.Leave)
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String())+"\n", "\n", "\r\n")
}

// header writes the fields of a mail (RFC 5322; RFC 2369 and RFC 8058 where it
// rests on consent; RFC 3834 says that a program sent it).
func (l Letter) header(w words, h House, m Mark, subject string) (mail.Header, error) {
	var head mail.Header
	head.SetDate(m.At)
	head.SetAddressList("From", []*mail.Address{{Name: line(h.in(w, h.Policy.Organization.Name)), Address: h.From}})
	head.Set("To", "<"+l.To+">") // as it is: RFC 6532 has UTF-8 in headers, and its way is asked for by SMTPUTF8
	head.SetAddressList("Reply-To", []*mail.Address{{Address: h.Policy.Organization.Contact.Email}})
	head.SetSubject(subject)
	head.SetMessageID(fmt.Sprintf("%s@%s", Lower(m.ID[:]), domainOf(h.From)))
	head.Set("MIME-Version", "1.0")
	head.Set("Content-Language", w.Tag)
	head.Set("Auto-Submitted", "auto-generated")
	if l.Leave != "" {
		head.Set("List-Unsubscribe", "<"+h.leave(l)+">")
		head.Set("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
		head.Set("List-Help", "<"+h.PublicURL+"/"+w.Tag+"/contact>")
		head.Set("List-Owner", "<mailto:"+h.Policy.Organization.Contact.Email+">")
	}
	head.SetContentType("multipart/alternative", map[string]string{"boundary": "=_" + Lower(m.ID[:])})
	return head, nil
}

// returnAddress is the envelope's, with what leads back to this one mail.
func (h House) returnAddress(m Mark) string {
	bounces := h.Bounces
	if bounces == "" {
		bounces = h.From
	}
	local, domain, _ := strings.Cut(bounces, "@")
	if m.Return == "" {
		return bounces
	}
	return local + "+" + m.Return + "@" + domain
}

// parts writes the header and both forms of the body.
func parts(head mail.Header, m Mark, plain, html, language string) ([]byte, error) {
	var out bytes.Buffer
	mw, err := message.CreateWriter(&out, head.Header)
	if err != nil {
		return nil, err
	}
	for _, p := range []struct{ kind, text string }{{"text/plain", plain}, {"text/html", strings.ReplaceAll(html, "\n", "\r\n")}} {
		var ph message.Header
		ph.SetContentType(p.kind, map[string]string{"charset": "utf-8"})
		ph.Set("Content-Transfer-Encoding", encodingOf(p.text))
		ph.Set("Content-Language", language)
		pw, err := mw.CreatePart(ph)
		if err != nil {
			return nil, err
		}
		if _, err := io.WriteString(pw, p.text); err != nil {
			return nil, err
		}
		if err := pw.Close(); err != nil {
			return nil, err
		}
	}
	err = mw.Close() // writes the end
	return out.Bytes(), err
}

// encodingOf is quoted-printable for what is mostly ASCII, base64 for the rest:
// Arabic would be three times as long.
func encodingOf(s string) string {
	high := 0
	for i := range len(s) {
		if s[i] >= 0x80 {
			high++
		}
	}
	if high*3 > len(s) {
		return "base64"
	}
	return "quoted-printable"
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return domain
}

var lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Lower writes bytes so that they survive programs that fold letters.
func Lower(b []byte) string { return lower.EncodeToString(b) }

// FromLower reads what Lower wrote, in any case of letters.
func FromLower(s string) ([]byte, error) { return lower.DecodeString(strings.ToLower(s)) }
