// Package amana answers "may this data of this person be used for this purpose?"
// inside a program, from memory: Open follows a server of Amana, and Decide
// answers in well under a microsecond, whether or not the network is there.
//
// What is answered was so at the server two seconds ago or less. Where that cannot
// be told any more, because the server is away, cut off, or says what does not fit
// together, every answer is stale, and stale is no.
package amana

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/follower"
	"github.com/amana-privacy/amana/subject"
)

// Config says which server to follow. URL and Token are required.
type Config struct {
	URL   string // of its company door, such as http://10.0.0.5:8081
	Token string // that amana token create --scope feed made

	// LogKey is the log key that amana serve prints. Without it the one that the
	// server shows first is held to from then on.
	LogKey string

	// SnapshotFile keeps what is known, without identifiers, to begin from at the
	// next start; "" for none.
	SnapshotFile string

	HTTP *http.Client // to reach the server with; it must not have a time limit
	Log  *slog.Logger // says when following broke off; nothing if nil
}

// Client answers from memory. It is safe for concurrent use.
type Client struct{ f *follower.Follower }

// Open begins to follow a server and returns when questions can be answered. Where
// that does not come to be before ctx is done it is an error that says why. ctx
// counts for opening alone; Close ends following.
func Open(ctx context.Context, c Config) (*Client, error) {
	f, err := follower.Start(context.WithoutCancel(ctx), follower.Config{URL: c.URL, Token: c.Token, Key: c.LogKey, File: c.SnapshotFile, Client: c.HTTP, Log: c.Log})
	if err != nil {
		return nil, err
	}
	if err := f.Wait(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Client{f}, nil
}

// Close ends following; from then on every answer is stale.
func (c *Client) Close() error { return c.f.Close() }

// Ready says why answers are stale; nil while they are not.
func (c *Client) Ready() error { return c.f.Ready() }

// Question is what is asked.
type Question struct {
	Subject   string   // about whom: kind:value, the kind being email, phone, customer or device
	Purpose   string   // id of the purpose the data is to be used for
	Data      []string // ids of the data categories; all of the purpose's if none
	Recipient string   // id of the recipient the data is to be handed to; "" for none
	GPC       bool     // the person's browser sends Global Privacy Control now
}

// Reason is why; the set is closed, and in docs/api.md.
type Reason = decision.Reason

// Answer is whether the data may be used so now. It is not to be kept.
type Answer struct {
	Allowed bool
	Reason  Reason
	Policy  string // id of the version by which it was decided; "" where none is known
}

// Decide answers a question. An identifier that is none is an error; everything
// else is answered. It takes no lock and waits for nothing.
func (c *Client) Decide(q Question) (Answer, error) {
	region := ""
	if v := c.f.InForce(); v != nil {
		region = v.Policy.DefaultRegion
	}
	id, err := subject.Parse(q.Subject, region)
	if err != nil {
		return Answer{}, err
	}
	a, by, err := c.f.Decide(context.Background(), id, decision.Question{Purpose: q.Purpose, Data: q.Data, Recipient: q.Recipient, Signals: consent.Signals{GPC: q.GPC}})
	return Answer{a.Allowed, a.Reason, string(by)}, err
}
