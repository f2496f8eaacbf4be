// Package mail sends what waits in the store's queue of mails: it composes each
// letter, signs it, hands it to the company's mail server, tries again what could
// not be handed over, and takes up what comes back.
//
// A mail is queued in the transaction of what causes it (store), so nothing that
// was recorded lacks its mail, and no mail speaks of what was not. It is sent at
// least once: a server that dies between the other side's yes and writing it down
// leaves the same mail, with the same Message-ID, to the next.
package mail

import (
	"context"
	"log/slog"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// Config is what sending needs. Store, PublicURL, From and Server are required.
type Config struct {
	Store     *store.DB
	PublicURL string // where customers find the pages
	From      string // the address that mails come from
	Bounces   string // the address that what cannot be delivered goes back to; From if ""
	Server    Server // of the company, which mails are handed to
	Key       *Key   // signs mails (DKIM); nil where the server does it
	Maildir   string // folder in which mails to Bounces arrive; "" = nobody reads them
	Log       *slog.Logger
	Now       func() time.Time // time.Now if nil

	// Each is how often it is looked for mails that other servers queued, and for
	// those whose time to be tried again has come; 5 seconds if 0.
	Each time.Duration
}

// Engine sends mails. Make one with New, and let it Run.
type Engine struct {
	Config
	upkept time.Time // when the memory of mails was last tidied
}

// New makes an engine.
func New(c Config) *Engine {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Each == 0 {
		c.Each = 5 * time.Second
	}
	return &Engine{Config: c}
}

const (
	atOnce      = 20               // mails over one connection
	lease       = 15 * time.Minute // more than a connection of so many may take
	upkeepEvery = time.Minute
)

// Run sends until ctx is done, and returns when the mail that is under way is.
func (e *Engine) Run(ctx context.Context) {
	for ctx.Err() == nil {
		e.upkeep(ctx)
		n, err := e.Round(ctx)
		if err != nil && ctx.Err() == nil {
			e.Log.ErrorContext(ctx, "mails could not be sent", "error", err)
		}
		if n == atOnce && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-e.Store.MailWaits():
		case <-time.After(e.Each):
		}
	}
}

// Round sends what waits now, at most twenty mails, over one connection. It gives
// how many it took up. What it claimed it also ends, or gives back, even when ctx
// is done.
func (e *Engine) Round(ctx context.Context) (int, error) {
	list, err := e.Store.ClaimMail(ctx, atOnce, lease)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	ctx = context.WithoutCancel(ctx)
	line := &connection{server: e.Server}
	defer line.quit()
	for _, m := range list {
		if err := e.handle(ctx, line, m); err != nil {
			return len(list), err
		}
	}
	return len(list), nil
}

// handle brings one mail to its end, or to its next try. The error is the store's.
func (e *Engine) handle(ctx context.Context, line *connection, m store.Mail) error {
	if !e.Now().Before(m.Until) {
		return e.end(ctx, m, store.MailGivenUp, "it is too late", nil)
	}
	if m.Broken != nil {
		e.Log.ErrorContext(ctx, "a mail cannot be opened; it is tried again", "mail", letter.Lower(m.ID[:]), "tries", m.Tries, "error", m.Broken)
		return e.Store.RetryMail(ctx, m, e.Now().Add(pause(m.Tries)))
	}
	stands, err := e.stands(ctx, m.Letter)
	if err != nil {
		return err
	}
	if !stands {
		return e.end(ctx, m, store.MailDropped, "what it rests on does not stand any more", nil)
	}
	msg, err := e.compose(m)
	if err != nil { // of our making: it will not be better the next time
		return e.end(ctx, m, store.MailGivenUp, err.Error(), nil)
	}
	signed, err := e.Key.sign(msg.Bytes)
	if err != nil {
		return e.end(ctx, m, store.MailGivenUp, err.Error(), nil)
	}
	failed := line.send(ctx, msg.From, msg.To, msg.UTF8, signed)
	switch {
	case failed == nil:
		return e.end(ctx, m, store.MailSent, "", store.MailDigest(msg.Bytes))
	case failed.permanent:
		if err := e.end(ctx, m, store.MailBounced, failed.words, nil); err != nil {
			return err
		}
		return e.Store.Bounced(ctx, e.Store.MailMark(m.ID, m.At).Return, failed.gone)
	}
	e.Log.WarnContext(ctx, "a mail could not be handed over yet", "mail", letter.Lower(m.ID[:]), "kind", m.Letter.Kind, "tries", m.Tries, "why", failed.words)
	return e.Store.RetryMail(ctx, m, e.Now().Add(pause(m.Tries)))
}

// pause is how long to wait after so many tries.
func pause(tries int) time.Duration {
	steps := []time.Duration{15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour}
	return steps[min(max(tries, 1), len(steps))-1]
}

func (e *Engine) end(ctx context.Context, m store.Mail, s store.MailState, why string, digest []byte) error {
	if s != store.MailSent {
		e.Log.InfoContext(ctx, "a mail was not sent", "mail", letter.Lower(m.ID[:]), "kind", m.Letter.Kind, "state", s, "why", why)
	}
	return e.Store.EndMail(ctx, m, s, digest)
}

// stands reports whether a mail may be sent at this moment: its address is one,
// and what it rests on has not been taken back since it was queued.
func (e *Engine) stands(ctx context.Context, l letter.Letter) (bool, error) {
	to := subject.ID(subject.Email + ":" + l.To)
	if l.Kind != letter.SignIn { // who asks to be let in says that the address is theirs
		gone, err := e.Store.Unreachable(ctx, to)
		if err != nil || gone {
			return false, err
		}
	}
	if l.Kind == letter.Confirm {
		return e.Store.Waits(ctx, to)
	}
	if l.Purpose == "" {
		return true, nil
	}
	a, err := e.Store.Decide(ctx, to, decision.Question{Purpose: l.Purpose})
	return a.Allowed, err
}

func (e *Engine) compose(m store.Mail) (letter.Message, error) {
	h := letter.House{Policy: e.Store.MailPolicy(), PublicURL: e.PublicURL, From: e.From, Bounces: e.Bounces}
	return letter.Compose(m.Letter, h, e.Store.MailMark(m.ID, m.At))
}

// upkeep takes up what came back, and forgets mails whose time is over.
func (e *Engine) upkeep(ctx context.Context) {
	if e.Now().Sub(e.upkept) < upkeepEvery {
		return
	}
	e.upkept = e.Now()
	for what, do := range map[string]func(context.Context) error{"reading what came back": e.readReturned, "forgetting mails": e.Store.ForgetMail} {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			e.Log.ErrorContext(ctx, "the upkeep of mails failed", "doing", what, "error", err)
		}
	}
}
