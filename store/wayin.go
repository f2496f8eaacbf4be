package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/subject"
)

// Kinds of passes by which somebody proves an address or a number.
const (
	LinkIn   = "link"   // stands in the message: opens by itself, in any browser
	TicketIn = "ticket" // of the browser that asked: opens with the code in the message
)

// How long a way in lasts. The link lasts as long as messages are counted
// together: whoever uses up an address's messages leaves a good link in it.
const (
	linkInFor   = time.Hour
	ticketInFor = 15 * time.Minute
)

// MaxAsked is how many messages an identifier gets in an hour. What is asked
// for beyond is answered alike, and nothing is sent.
const MaxAsked = 5

// Entry is a request to be let in.
type Entry struct {
	ID       subject.ID // email or phone
	Language string
	Path     string // of the page that a link leads to, without the token
	Data     []byte // of the door: comes back with the pass
	Join     bool   // it is to be added to what is signed in: a code alone, for a link opens anywhere
}

// WayIn is what a request to be let in came to.
type WayIn struct {
	Ticket     string    // for the browser that asked
	Until      time.Time // the ticket's end, exclusive
	Code, Link string    // for the message; the link without the address of the door
	Due        bool      // a message is to be sent. A mail is queued already
}

// AskIn issues a way in for an address or a number, and queues the mail in the
// same transaction. It never looks whether anybody is known by the identifier,
// so neither what it gives nor how long it takes can tell.
func (db *DB) AskIn(ctx context.Context, a Entry) (w WayIn, err error) {
	if kind := a.ID.Kind(); kind != subject.Email && kind != subject.Phone {
		return WayIn{}, fault.At(fault.Invalid, "address", "nothing can be sent there")
	}
	now := db.now()
	w.Code, w.Until = newCode(), now.Add(ticketInFor)
	passes := []Pass{{Kind: TicketIn, Owner: a.ID, Code: w.Code, Data: a.Data, Until: w.Until}}
	kind := letter.Join
	if !a.Join {
		kind, passes = letter.SignIn, append(passes, Pass{Kind: LinkIn, Owner: a.ID, Data: a.Data, Until: now.Add(linkInFor)})
	}
	tokens, rows, err := db.newPasses(passes)
	if err != nil {
		return WayIn{}, fmt.Errorf("issuing a way in: %w", err)
	}
	if w.Ticket = tokens[0]; !a.Join {
		w.Link = a.Path + tokens[1]
	}
	err = db.write(ctx, func(t *tx) error {
		n, err := t.knock(a.ID, Asked, t.now)
		if err != nil {
			return err
		}
		if err := t.issue(rows); err != nil {
			return err
		}
		if w.Due = n <= MaxAsked; w.Due && a.ID.Kind() == subject.Email {
			_, err = t.post(letter.Letter{Kind: kind, To: strings.TrimPrefix(string(a.ID), subject.Email+":"), Language: a.Language, Path: w.Link, Code: w.Code, Until: w.Until})
			return err
		}
		return nil
	})
	if err != nil {
		return WayIn{}, fmt.Errorf("issuing a way in: %w", err)
	}
	return w, nil
}

// newCode makes six digits, all alike likely.
func newCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic("store: a code: " + err.Error()) // never fails, by its contract
	}
	return fmt.Sprintf("%06d", n)
}

// SendsMail says whether mails are sent here.
func (db *DB) SendsMail() bool { return db.cfg.Mail }
