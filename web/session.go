package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// Sessions: who is signed in in a browser. The library makes tokens, renews
// them when somebody signs in (so that a token planted beforehand is worth
// nothing), and ends sessions by time; the store keeps them.

// How long a session lasts.
const (
	sessionLife  = 4 * time.Hour    // at most
	sessionIdle  = 30 * time.Minute // without a request
	sessionTouch = 5 * time.Minute  // how exactly the last request is known
)

// whoKey is under what the library keeps who is signed in.
const whoKey = "who"

// How somebody signed in.
const (
	byLogin = "login" // of the company, which vouches for them
	byMail  = "mail"
	byPhone = "phone"
	byKey   = "passkey"
)

// who is who signed in in a browser, as it is kept.
type who struct {
	IDs     []subject.ID `json:"ids"`             // the first was proved; the others are vouched for
	Level   int          `json:"level"`           // of proof
	How     string       `json:"how"`             // byLogin …
	Browser string       `json:"browser"`         // in a few words
	Since   time.Time    `json:"since"`           // when they signed in
	Seen    time.Time    `json:"seen"`            // within sessionTouch
	Other   []subject.ID `json:"other,omitempty"` // proved besides, in this session
}

type sessions struct {
	*scs.SessionManager
	now func() time.Time
}

func newSessions(db *store.DB, secure bool, now func() time.Time) sessions {
	// Not by its New: that starts a store in memory, with a goroutine that may not be stopped.
	m := &scs.SessionManager{Lifetime: sessionLife, IdleTimeout: sessionIdle, Store: sessionStore{db}, Codec: sessionCodec{}}
	m.Cookie = scs.SessionCookie{Name: cookieName(cookie.Session, secure), HttpOnly: true, Path: "/", SameSite: http.SameSiteLaxMode, Secure: secure}
	return sessions{m, now}
}

// cookieName gives a cookie's name as the door sets it.
func cookieName(c cookie.Own, secure bool) string {
	if secure {
		return cookie.Prefix + c.Name
	}
	return c.Name
}

// load gives who is signed in, nil where nobody is, and the context by which
// the library finds the session again.
func (s sessions) load(r *http.Request) (context.Context, *who, string, error) {
	token := ""
	if c, err := r.Cookie(s.Cookie.Name); err == nil && len(c.Value) < 256 {
		token = c.Value
	}
	ctx, err := s.Load(r.Context(), token)
	if err != nil {
		return nil, nil, "", fmt.Errorf("loading a session: %w", err)
	}
	w, _ := s.Get(ctx, whoKey).(*who)
	return ctx, w, token, nil
}

// begin signs somebody in: under a new token, whatever the browser brought.
func (s sessions) begin(w http.ResponseWriter, r *http.Request, in *who) error {
	ctx, _, _, err := s.load(r)
	if err != nil {
		return err
	}
	if err := s.RenewToken(ctx); err != nil {
		return fmt.Errorf("beginning a session: %w", err)
	}
	in.Since, in.Seen, in.Browser = s.now(), s.now(), browserName(r.UserAgent())
	return s.keep(context.WithValue(ctx, beginning{}, true), w, in)
}

// beginning marks the context in which a new session is written.
type beginning struct{}

// errEnded is that a session ended between the reading of it and the writing.
var errEnded = errors.New("the session ended meanwhile")

// keep writes a session and sets its cookie; errEnded where it is there no more.
func (s sessions) keep(ctx context.Context, w http.ResponseWriter, in *who) error {
	s.Put(ctx, whoKey, in)
	token, until, err := s.Commit(ctx)
	if err != nil {
		return err
	}
	s.WriteSessionCookie(ctx, w, token, until)
	return nil
}

// end signs out.
func (s sessions) end(w http.ResponseWriter, r *http.Request) error {
	ctx, _, _, err := s.load(r)
	if err != nil {
		return err
	}
	if err := s.Destroy(ctx); err != nil {
		return err
	}
	s.WriteSessionCookie(ctx, w, "", time.Time{})
	return nil
}

// sessionStore lets the library keep its sessions in ours.
type sessionStore struct{ *store.DB }

func (s sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	return s.Session(ctx, token)
}

func (s sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return s.EndSession(ctx, token)
}

func (s sessionStore) CommitCtx(ctx context.Context, token string, b []byte, until time.Time) error {
	var kept keptSession
	if err := json.Unmarshal(b, &kept); err != nil {
		return err
	}
	if ctx.Value(beginning{}) != nil {
		return s.SaveSession(ctx, token, store.Session{Owner: kept.Who.IDs[0], Label: kept.Who.Browser, Data: b, Until: until})
	}
	ok, err := s.KeepSession(ctx, token, b, until)
	if err == nil && !ok {
		err = errEnded
	}
	return err
}

// The library asks for these without a context where it has one that takes it.

func (s sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}
func (s sessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
func (s sessionStore) Commit(token string, b []byte, until time.Time) error {
	return s.CommitCtx(context.Background(), token, b, until)
}

// sessionCodec writes a session as JSON: its end, and who it is of.
type sessionCodec struct{}

type keptSession struct {
	Until time.Time `json:"until"`
	Who   *who      `json:"who"`
}

func (sessionCodec) Encode(until time.Time, values map[string]any) ([]byte, error) {
	w, _ := values[whoKey].(*who)
	if w == nil || len(w.IDs) == 0 {
		return nil, fault.New(fault.Internal, "a session of nobody is not kept")
	}
	return json.Marshal(keptSession{until, w})
}

func (sessionCodec) Decode(b []byte) (time.Time, map[string]any, error) {
	var kept keptSession
	if err := json.Unmarshal(b, &kept); err != nil {
		return time.Time{}, nil, err
	}
	return kept.Until, map[string]any{whoKey: kept.Who}, nil
}
