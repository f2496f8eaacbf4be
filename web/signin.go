package web

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// The way in without a password: a person names an address or a number, gets a
// message with a code and a link, and proves by either that the message reached
// them. Nothing here knows whether anybody is known by the address.

// SendSMS puts a text message for a number in E.164 into a queue, at once; false
// where it is full.
type SendSMS func(to, text string) bool

// askedFor is what a request to be let in remembers until the proof.
type askedFor struct {
	To  string     `json:"to,omitempty"`
	For subject.ID `json:"for,omitempty"` // who is signed in and wants it added to theirs
}

type signInPage struct {
	base
	To, Address, Problem string
	Mail, Phone          bool // ways that messages go
	keyForm
}

// ways says which of them are there.
func (s *site) ways() (mail, phone bool) { return s.Store.SendsMail(), s.SMS != nil }

// signInPage is the way in, perhaps with what was wrong with the last try.
func (s *site) signInPage(v *visit, status int, problem string) error {
	if problem == "" && v.URL.Query().Has("unsaved") {
		problem = v.T("signin.unsaved")
	}
	page := signInPage{base: v.privateBase("/me", v.T("signin.title")), Problem: problem, Address: v.PostForm.Get("address"),
		To: onward(cmp.Or(v.PostForm.Get("to"), v.URL.Query().Get("to")))}
	page.Mail, page.Phone = s.ways()
	page.keyForm = s.keyForm()
	return v.showScripted(status, "signin", page, page.keyForm)
}

// signIn sends a way in to an address or a number. Whatever can be sent to is
// answered with one and the same page.
func (s *site) signIn(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	id, ok := s.reachable(v.PostForm.Get("address"), v.version.Policy)
	if !ok {
		return s.signInPage(v, http.StatusUnprocessableEntity, v.T("signin.unreadable"))
	}
	if !s.asks.allow(v.Request, s.Now()) {
		return errRate
	}
	data, err := json.Marshal(askedFor{To: onward(v.PostForm.Get("to"))})
	if err != nil {
		return err
	}
	way, err := s.Store.AskIn(v.Context(), store.Entry{ID: id, Language: v.Tag, Path: v.path("/me/link/"), Data: data})
	if err != nil {
		return err
	}
	if way.Due && id.Kind() == subject.Phone {
		s.text(v, id, v.T("sms.sign_in", "company", v.base.Company, "code", way.Code, "link", s.PublicURL+way.Link), way.Code)
	}
	s.setTicket(v, way.Ticket, way.Until)
	return v.redirect(http.StatusSeeOther, v.path("/me/code"))
}

// reachable reads what was typed as an address or a number to which this
// installation sends.
func (s *site) reachable(typed string, p *policy.Policy) (subject.ID, bool) {
	mail, phone := s.ways()
	kind, there := subject.Phone, phone
	if strings.Contains(typed, "@") {
		kind, there = subject.Email, mail
	}
	id, err := subject.Parse(kind+":"+strings.TrimSpace(typed), p.DefaultRegion)
	return id, there && err == nil
}

// text sends a message to a phone. Where it has a code, the last line lets
// browsers fill it in for this site alone (https://wicg.github.io/sms-one-time-codes/).
func (s *site) text(v *visit, to subject.ID, text, code string) {
	if code != "" {
		host := ""
		if u, err := url.Parse(s.PublicURL); err == nil {
			host = u.Hostname()
		}
		text += "\n\n@" + host + " #" + code
	}
	_, number, _ := strings.Cut(string(to), ":")
	if !s.SMS(number, text) {
		s.Log.ErrorContext(v.Context(), "a text message was dropped: too many wait")
	}
}

func (s *site) setTicket(v *visit, ticket string, until time.Time) {
	age := int(until.Sub(s.Now()) / time.Second)
	if ticket == "" {
		age = -1
	}
	http.SetCookie(v.ResponseWriter, &http.Cookie{Name: cookieName(cookie.Code, s.secure()), Value: ticket, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteLaxMode})
}

// ticketOf gives the ticket of the browser; "" without one.
func (s *site) ticketOf(r *http.Request) string {
	if c, err := r.Cookie(cookieName(cookie.Code, s.secure())); err == nil && len(c.Value) < 100 {
		return c.Value
	}
	return ""
}

type codePage struct {
	base
	Who     *shownID
	Ticket  string
	Problem string
	Join    bool // it is added to what is signed in, and has no link
}

// code asks for the code of the message.
func (s *site) code(v *visit) error { return s.codePage(v, s.ticketOf(v.Request), "") }

func (s *site) codePage(v *visit, ticket, problem string) error {
	v.Header().Set("Cache-Control", never)
	pass, err := s.Store.Look(v.Context(), store.TicketIn, ticket)
	if fault.KindOf(err) == fault.Denied {
		if problem == "" {
			return v.redirect(http.StatusSeeOther, v.path("/me"))
		}
		return v.show(http.StatusForbidden, never, "code", codePage{base: v.privateBase("/me", v.T("code.title")), Problem: v.T("code.over")})
	}
	if err != nil {
		return err
	}
	id := v.shownID(pass.Owner)
	var asked askedFor
	if err := json.Unmarshal(pass.Data, &asked); err != nil {
		return err
	}
	page := codePage{base: v.privateBase("/me", v.T("code.title")), Who: &id, Ticket: ticket, Problem: problem, Join: asked.For != ""}
	status := http.StatusOK
	if problem != "" {
		status = http.StatusForbidden
	}
	return v.show(status, never, "code", page)
}

// tryCode takes a code. The form holds its own ticket, so that two tabs are two
// tries and not one that broke.
func (s *site) tryCode(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	ticket := cmp.Or(v.PostForm.Get("ticket"), s.ticketOf(v.Request))
	pass, err := s.Store.Use(v.Context(), store.TicketIn, ticket, subject.Digits(v.PostForm.Get("code")))
	if fault.KindOf(err) == fault.Denied {
		return s.notIn(v, func() error { return s.codePage(v, ticket, v.T("code.wrong")) })
	}
	if err != nil {
		return err
	}
	s.setTicket(v, "", time.Time{})
	return s.proved(v, pass)
}

// link shows a button: scanners of mailboxes open links, and sign nobody in.
func (s *site) link(v *visit) error {
	return s.showPass(v, store.LinkIn, "/me/link/", v.T("pass.link", "name", v.base.Company))
}

// useLink signs in by the link of a message.
func (s *site) useLink(v *visit) error {
	pass, err := s.Store.Use(v.Context(), store.LinkIn, v.PathValue("token"), "")
	if fault.KindOf(err) == fault.Denied {
		return s.notIn(v, func() error { return s.passOver(v) })
	}
	if err != nil {
		return err
	}
	return s.proved(v, pass)
}

// proved signs in whoever proved an address or a number.
func (s *site) proved(v *visit, pass store.Pass) error {
	var asked askedFor
	if err := json.Unmarshal(pass.Data, &asked); err != nil {
		return err
	}
	if asked.For != "" {
		if c, err := s.customer(v); err != nil || c != nil && c.By == asked.For {
			if err == nil {
				err = s.join(v, c, pass.Owner)
			}
			return err
		}
	}
	how := byMail
	if pass.Owner.Kind() == subject.Phone {
		how = byPhone
	}
	if err := s.meet(v, pass.Owner); err != nil {
		return err
	}
	if err := s.sessions.begin(v.ResponseWriter, v.Request, &who{IDs: []subject.ID{pass.Owner}, Level: policy.ProofAddress, How: how}); err != nil {
		return err
	}
	return v.redirect(http.StatusSeeOther, v.path(cmp.Or(onward(asked.To), "/me")))
}
