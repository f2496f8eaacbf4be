package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/subject"
)

// Sessions of customers who signed in. A row is found by an HMAC of the token
// in the browser's cookie, and what it says is sealed under a key that follows
// from that token: database and keyring together open no session, and copies of
// the database say nothing about anybody who is erased.

// Session is who is signed in in one browser.
type Session struct {
	Owner subject.ID // the identifier that was proved
	Label string     // what browser it is, in a few words
	Data  []byte     // of the door
	Until time.Time  // exclusive
}

// SessionInfo is what a list of somebody's sessions shows.
type SessionInfo struct {
	ID                string
	Label             string
	Made, Seen, Until time.Time
}

// ownerTag is by what the sessions, passes and knocks of an identifier are found.
func (db *DB) ownerTag(id subject.ID) []byte {
	return tag(db.cfg.Ring.Link("portal"), "amana/owner/v1\n", string(id))
}

func (db *DB) tokenTag(token string) []byte {
	return tag(db.cfg.Ring.Link("portal"), "amana/token/v1\n", token)
}

// tokenKey is the key that follows from a token.
func (db *DB) tokenKey(token string) keyring.Key {
	return keyring.Key(tag(db.cfg.Ring.Link("portal"), "amana/sealed/v1\n", token))
}

func (db *DB) labelKey(id subject.ID) keyring.Key {
	return keyring.Key(tag(db.cfg.Ring.Link("portal"), "amana/label/v1\n", string(id)))
}

// SaveSession writes the new session of a token, and forgets those
// whose time is over. It returns when that is durable.
func (db *DB) SaveSession(ctx context.Context, token string, s Session) error {
	hash := db.tokenTag(token)
	err := db.write(ctx, func(t *tx) error {
		if err := t.exec(`DELETE FROM session WHERE until <= ?`, millis(t.now)); err != nil {
			return err
		}
		return t.exec(`INSERT INTO session (hash, id, owner, made, seen, until, label, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			hash, rand.Text(), db.ownerTag(s.Owner), millis(t.now), millis(t.now), millis(s.Until),
			keyring.Seal(db.labelKey(s.Owner), hash, []byte(s.Label)), keyring.Seal(db.tokenKey(token), hash, s.Data))
	})
	if err != nil {
		return fmt.Errorf("beginning a session: %w", err)
	}
	return nil
}

// KeepSession writes the session of a token again; false where it ended
// meanwhile: what somebody ended does not begin anew. Its owner and its label
// stay. It returns when that is durable.
func (db *DB) KeepSession(ctx context.Context, token string, data []byte, until time.Time) (ok bool, err error) {
	hash := db.tokenTag(token)
	err = db.write(ctx, func(t *tx) error {
		var id string
		ok, err = t.row(`UPDATE session SET seen = ?, until = ?, sealed = ? WHERE hash = ? AND until > ? RETURNING id`,
			[]any{millis(t.now), millis(until), keyring.Seal(db.tokenKey(token), hash, data), hash, millis(t.now)}, &id)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("keeping a session: %w", err)
	}
	return ok, nil
}

// Session gives what the session of a token says; false where there is none, or
// its time is over.
func (db *DB) Session(ctx context.Context, token string) (data []byte, ok bool, err error) {
	hash := db.tokenTag(token)
	var sealed []byte
	ok, err = db.reader(ctx)(`SELECT sealed FROM session WHERE hash = ? AND until > ?`, []any{hash, millis(db.now())}, &sealed)
	if err == nil && ok {
		data, err = keyring.Unseal(db.tokenKey(token), hash, sealed)
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading a session: %w", err)
	}
	return data, ok, nil
}

// ErrEnded is what is asked in a session that ended meanwhile.
var ErrEnded = fault.New(fault.Denied, "the session ended meanwhile")

// holdSession keeps a session from ending until this transaction has; ErrEnded where
// it did.
func (t *tx) holdSession(token string) error {
	var id string
	ok, err := t.row(`UPDATE session SET seen = seen WHERE hash = ? AND until > ? RETURNING id`, []any{t.db.tokenTag(token), millis(t.now)}, &id)
	if err == nil && !ok {
		err = ErrEnded
	}
	return err
}

// SessionID gives the id under which the session of a token is listed; "" where
// there is none.
func (db *DB) SessionID(ctx context.Context, token string) (id string, err error) {
	_, err = db.reader(ctx)(`SELECT id FROM session WHERE hash = ?`, []any{db.tokenTag(token)}, &id)
	return id, err
}

// EndSession ends the session of a token. Ending what is over is no error.
func (db *DB) EndSession(ctx context.Context, token string) error {
	return db.endSessions(ctx, `hash = ?`, db.tokenTag(token))
}

// EndSessionOf ends a session of one of some identifiers, by its id.
func (db *DB) EndSessionOf(ctx context.Context, id string, owners ...subject.ID) error {
	for _, o := range owners {
		if err := db.endSessions(ctx, `id = ? AND owner = ?`, id, db.ownerTag(o)); err != nil {
			return err
		}
	}
	return nil
}

// EndOtherSessions ends all sessions of some identifiers but the one of a token.
func (db *DB) EndOtherSessions(ctx context.Context, token string, owners ...subject.ID) error {
	for _, o := range owners {
		if err := db.endSessions(ctx, `owner = ? AND hash <> ?`, db.ownerTag(o), db.tokenTag(token)); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) endSessions(ctx context.Context, which string, args ...any) error {
	err := db.write(ctx, func(t *tx) error { return t.exec(`DELETE FROM session WHERE `+which, args...) })
	if err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}

// SessionsOf lists the sessions of some identifiers, the last seen first.
func (db *DB) SessionsOf(ctx context.Context, owners ...subject.ID) (list []SessionInfo, err error) {
	for _, o := range owners {
		if list, err = db.sessionsOf(ctx, list, o); err != nil {
			return nil, fmt.Errorf("listing sessions: %w", err)
		}
	}
	slices.SortFunc(list, func(a, b SessionInfo) int {
		return cmp.Or(b.Seen.Compare(a.Seen), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

func (db *DB) sessionsOf(ctx context.Context, list []SessionInfo, owner subject.ID) ([]SessionInfo, error) {
	rows, err := db.readRows(ctx)(`SELECT hash, id, made, seen, until, label FROM session WHERE owner = ? AND until > ?`, db.ownerTag(owner), millis(db.now()))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var hash, label []byte
		var made, seen, until int64
		var s SessionInfo
		if err := rows.Scan(&hash, &s.ID, &made, &seen, &until, &label); err != nil {
			return nil, err
		}
		plain, err := keyring.Unseal(db.labelKey(owner), hash, label)
		if err != nil {
			return nil, err
		}
		s.Label, s.Made, s.Seen, s.Until = string(plain), fromMillis(made), fromMillis(seen), fromMillis(until)
		list = append(list, s)
	}
	return list, errors.Join(rows.Err(), rows.Close())
}

// errPass is the one answer to a token that opens nothing: it never was one, it
// was used, or its time is over.
var errPass = fault.New(fault.Denied, "the link or code was used, has run out, or never was one")
