package store_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
	"github.com/amana-privacy/amana/subject"
)

const (
	expiryMail  subject.ID = "email:sara@example.com"
	expiryPhone subject.ID = "phone:+12075550134"
)

// expiry is what ends by itself.
type expiry struct {
	lasts time.Duration
	over  func() bool // may be asked before the end and at it
}

// expiring is a store by the clock of a bubble. PostgreSQL is asked over a network,
// which no bubble holds: there the same is tried with a clock that is passed in.
type expiring struct {
	*store.DB
	t *testing.T
}

func (e expiring) must(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e expiring) subscribe() {
	e.t.Helper()
	_, err := e.Submit(e.t.Context(), store.Submission{Subject: expiryMail, Policy: e.InForce().ID, Language: "en", Surface: consent.SurfaceForm,
		Choices: []consent.Choice{{Purpose: "newsletter", Decision: consent.Given}}})
	e.must(err)
}

func (e expiring) sent() (list []store.Mail) {
	e.t.Helper()
	list, err := e.ClaimMail(e.t.Context(), 10, time.Minute)
	e.must(err)
	for _, m := range list {
		e.must(e.EndMail(e.t.Context(), m, store.MailSent, nil))
	}
	return list
}

func (e expiring) wayIn(id subject.ID) store.WayIn {
	e.t.Helper()
	w, err := e.AskIn(e.t.Context(), store.Entry{ID: id, Language: "en", Path: "/"})
	e.must(err)
	return w
}

// shut reports that a pass does not open any more.
func (e expiring) shut(kind, token string) func() bool {
	return func() bool {
		_, err := e.Look(e.t.Context(), kind, token)
		return err != nil
	}
}

var expiries = map[string]func(e expiring) expiry{
	"the code of a mail": func(e expiring) expiry {
		return expiry{15 * time.Minute, e.shut(store.TicketIn, e.wayIn(expiryMail).Ticket)}
	},
	"the code of a text message": func(e expiring) expiry {
		return expiry{15 * time.Minute, e.shut(store.TicketIn, e.wayIn(expiryPhone).Ticket)}
	},
	"the link of a mail": func(e expiring) expiry { return expiry{time.Hour, e.shut(store.LinkIn, e.wayIn(expiryMail).Link[1:])} },
	"a hand-over by the company's login": func(e expiring) expiry {
		token, _, err := e.IssueHandOver(e.t.Context(), store.Handed{Subjects: []subject.ID{expiryMail}})
		e.must(err)
		return expiry{5 * time.Minute, e.shut(store.HandOver, token)}
	},
	"a session": func(e expiring) expiry {
		e.must(e.SaveSession(e.t.Context(), "token", store.Session{Owner: expiryMail, Label: "Firefox", Until: time.Now().Add(time.Hour)}))
		return expiry{time.Hour, func() bool {
			_, ok, err := e.Session(e.t.Context(), "token")
			e.must(err)
			return !ok
		}}
	},
	"messages to one address are too many": func(e expiring) expiry {
		for range store.MaxAsked {
			e.wayIn(expiryPhone)
		}
		asked := false
		return expiry{time.Hour, func() bool {
			if asked {
				return e.wayIn(expiryPhone).Due
			}
			asked = true
			n, err := e.Knocks(e.t.Context(), expiryPhone, store.Asked)
			e.must(err)
			return n < store.MaxAsked
		}}
	},
	"guessing is locked": func(e expiring) expiry {
		for range store.MaxGuesses {
			_, err := e.Knock(e.t.Context(), expiryMail, store.Guess)
			e.must(err)
		}
		return expiry{24 * time.Hour, func() bool {
			w := e.wayIn(expiryMail)
			_, err := e.Use(e.t.Context(), store.TicketIn, w.Ticket, w.Code)
			return err == nil
		}}
	},
	"a yes that waits": func(e expiring) expiry {
		e.subscribe()
		return expiry{7 * 24 * time.Hour, func() bool {
			waits, err := e.Waits(e.t.Context(), expiryMail)
			e.must(err)
			return !waits
		}}
	},
	"an address that nobody confirmed": func(e expiring) expiry {
		e.subscribe()
		return expiry{7 * 24 * time.Hour, func() bool {
			e.must(e.EraseUnconfirmed(e.t.Context()))
			a, err := e.Decide(e.t.Context(), expiryMail, decision.Question{Purpose: "newsletter"})
			e.must(err)
			return a.Reason == decision.UnknownSubject
		}}
	},
	"one neutral mail for whatever is entered": func(e expiring) expiry {
		e.subscribe()
		if n := len(e.sent()); n != 1 {
			e.t.Fatalf("%d mails", n)
		}
		return expiry{72 * time.Hour, func() bool { e.subscribe(); return len(e.sent()) == 1 }}
	},
	"an address that mail servers know nothing of": func(e expiring) expiry {
		e.subscribe()
		m := e.sent()[0]
		e.must(e.Bounced(e.t.Context(), e.MailMark(m.ID, m.At).Return, true))
		return expiry{90 * 24 * time.Hour, func() bool {
			gone, err := e.Unreachable(e.t.Context(), expiryMail)
			e.must(err)
			return !gone
		}}
	},
	"knowing that a mail was ours": func(e expiring) expiry {
		id, err := e.Post(e.t.Context(), letter.Letter{Kind: letter.SignIn, To: "sara@example.com", Language: "en", Path: "/en/me", Code: "123456", Until: time.Now().Add(time.Hour)})
		e.must(err)
		e.sent()
		code := e.MailMark(id, time.Now()).Code
		return expiry{400 * 24 * time.Hour, func() bool {
			e.must(e.ForgetMail(e.t.Context()))
			_, ok, err := e.AskMail(e.t.Context(), expiryMail, code)
			e.must(err)
			return !ok
		}}
	},
}

// TestWhatEndsByItself lets each of them be, and asks a second before its end and
// at it.
func TestWhatEndsByItself(t *testing.T) {
	for name, begin := range expiries {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := begin(expiring{storetest.Open(t, storetest.Source(t, "casco-fiber"), func(c *store.Config) { c.Mail = true }), t})
				time.Sleep(x.lasts - time.Second)
				if x.over() {
					t.Errorf("over a second before %s", x.lasts)
				}
				time.Sleep(time.Second)
				if !x.over() {
					t.Errorf("not over after %s", x.lasts)
				}
			})
		})
	}
}
