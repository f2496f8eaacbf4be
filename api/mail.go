package api

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/strict"
	"github.com/amana-privacy/amana/subject"
)

// mailing is the body of POST /v1/mail.
type mailing struct {
	Subject  string   `json:"subject" need:"yes" doc:"To whom: email:name@example.com."`
	Purpose  string   `json:"purpose" need:"yes" doc:"The id of the purpose that the mail serves. Whether it may be sent is decided now, and once more when it leaves."`
	Language string   `json:"language" doc:"The language of the mail, one of the policy's; its master language if absent."`
	Mail     ownWords `json:"mail" need:"yes" doc:"What it says."`
}

// ownWords is what a company says in a mail.
type ownWords struct {
	Subject string `json:"subject" need:"yes" min:"1" max:"400" doc:"One line. It is read over shoulders: name nothing in it that is private."`
	Text    string `json:"text" need:"yes" min:"1" max:"100000" doc:"As plain text."`
	HTML    string `json:"html" max:"300000" doc:"As HTML, a fragment without scripts, forms and embedded things; made from the text if absent."`
}

// queued is the answer to it.
type queued struct {
	Mail string `json:"mail" doc:"The number of the mail, as it stands in its Message-ID and in the log."`
}

// postMail queues a mail of the company, where its purpose allows it.
func (d *door) postMail(w http.ResponseWriter, r *http.Request) error {
	raw, err := d.body(w, r)
	if err != nil {
		return err
	}
	var in mailing
	if err := strict.Decode(raw, &in); err != nil {
		return err
	}
	if !d.Store.SendsMail() {
		return fault.New(fault.Conflict, "no mail is sent here: smtp in server.yaml says by which server")
	}
	l, err := d.letter(r, in)
	if err != nil {
		return err
	}
	id, err := d.Store.Post(r.Context(), l)
	if err != nil {
		return err
	}
	return reply(w, http.StatusAccepted, queued{letter.Lower(id[:])})
}

// letter asks whether the mail may be sent, and writes it. A no is
// fault.Conflict, with its reason.
func (d *door) letter(r *http.Request, in mailing) (l letter.Letter, err error) {
	id, err := mailbox("subject", in.Subject)
	if err != nil {
		return l, err
	}
	v := d.Store.InForce()
	if v == nil {
		return l, fault.New(fault.Conflict, "no policy is in force yet")
	}
	if in.Language != "" && !slices.Contains(v.Policy.Languages, in.Language) {
		return l, fault.At(fault.Invalid, "language", "the policy is not in that language")
	}
	l = letter.Letter{Kind: letter.Company, To: string(id)[len(subject.Email)+1:], Language: in.Language, Purpose: in.Purpose,
		Subject: in.Mail.Subject, Text: in.Mail.Text, HTML: in.Mail.HTML}
	if err := l.Check(); err != nil {
		return l, err
	}
	a, err := d.Store.Decide(r.Context(), id, decision.Question{Purpose: in.Purpose})
	if err != nil {
		return l, err
	}
	if !a.Allowed {
		return l, fault.At(fault.Conflict, "purpose", "the mail may not be sent: %s", a.Reason)
	}
	gone, err := d.Store.Unreachable(r.Context(), id)
	if err != nil {
		return l, err
	}
	if gone {
		return l, fault.At(fault.Conflict, "subject", "mails to this address came back: there is no such mailbox")
	}
	if v.Policy.Purposes[in.Purpose].Basis == policy.Consent {
		l.Leave, _, err = d.Store.LeaveToken(r.Context(), id, in.Purpose)
	}
	return l, err
}

// mailbox reads an identifier that a mail can be sent to.
func mailbox(field, s string) (subject.ID, error) {
	id, err := subjectAt(field, s, "")
	if err == nil && id.Kind() != subject.Email {
		err = fault.At(fault.Invalid, field, "a mail goes to email:…")
	}
	return id, err
}

// leaving is the body of POST /v1/unsubscribe-links.
type leaving struct {
	Purpose  string   `json:"purpose" need:"yes" doc:"The id of the purpose that the mails serve."`
	Subjects []string `json:"subjects" need:"yes" min:"1" max:"1000" doc:"To whom: email:name@example.com."`
}

// ways is the answer to it.
type ways struct {
	Links []way `json:"links" doc:"In the order of the subjects."`
}

// way is how one person takes the consent back.
type way struct {
	Allowed bool            `json:"allowed" doc:"Whether the mail may be sent to this person, now. Where it may not, there is no link."`
	Reason  decision.Reason `json:"reason" enum:"stale|unknown_purpose|unknown_data|outside_scope|erased|restricted|forbidden_by_law|objected|unknown_subject|child|not_asked|refused|withdrawn|unconfirmed|expired|signal|recipient_not_permitted|recipient_suspended|given|basis" doc:"Why. The set is closed."`
	URL     string          `json:"url,omitempty" doc:"For the text of the mail: opens a page with one button. It works for ever."`
	Headers *wayHeaders     `json:"headers,omitempty" doc:"To put into the mail as they are, each on one line, and to cover with its DKIM signature (RFC 2369, RFC 8058)."`
}

type wayHeaders struct {
	Unsubscribe string `json:"List-Unsubscribe" doc:"Where the mail program sends its POST."`
	Post        string `json:"List-Unsubscribe-Post" doc:"Says that one click is enough."`
}

// unsubscribeLinks gives other senders of mail what lets their readers leave.
func (d *door) unsubscribeLinks(w http.ResponseWriter, r *http.Request) error {
	raw, err := d.body(w, r)
	if err != nil {
		return err
	}
	var in leaving
	if err := strict.Decode(raw, &in); err != nil {
		return err
	}
	out := ways{Links: make([]way, len(in.Subjects))}
	for i, s := range in.Subjects {
		id, err := mailbox(fmt.Sprintf("subjects[%d]", i), s)
		if err != nil {
			return err
		}
		if out.Links[i], err = d.way(r, id, in.Purpose); err != nil {
			return err
		}
	}
	return reply(w, http.StatusOK, out)
}

func (d *door) way(r *http.Request, id subject.ID, purpose string) (way, error) {
	a, err := d.Store.Decide(r.Context(), id, decision.Question{Purpose: purpose})
	if err != nil || !a.Allowed {
		return way{Reason: a.Reason}, err
	}
	token, known, err := d.Store.LeaveToken(r.Context(), id, purpose)
	out := way{Allowed: a.Allowed, Reason: a.Reason}
	if err == nil && known {
		out.URL = d.PublicURL + "/u/" + token
		out.Headers = &wayHeaders{"<" + out.URL + ">", "List-Unsubscribe=One-Click"}
	}
	return out, err
}
