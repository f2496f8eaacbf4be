package store

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/subject"
)

// Pass is what a token opens, once. Like a session it is found by an HMAC of its
// token and sealed under a key that follows from it. Of a family of passes the
// first that is used uses up all.
type Pass struct {
	Kind  string     // what it is for: a token of one kind opens no other
	Owner subject.ID // whose it is
	Code  string     // to be typed with the token; "" = the token is enough
	Data  []byte     // of the door
	Until time.Time  // exclusive
}

// sealedPass is a pass as it is sealed.
type sealedPass struct {
	Owner subject.ID `json:"o"`
	Code  string     `json:"c,omitempty"`
	Data  []byte     `json:"d,omitempty"`
}

// How many wrong codes are taken before none is: by a token, and for an
// identifier in a day, with however many tokens. The links of the same family
// go on: whoever guesses locks out guessing, not the owner.
const (
	MaxTries   = 5
	MaxGuesses = 20
)

// Issue makes a family of passes and gives a token for each; it returns when
// they are durable. What it does and how long it takes does not depend on
// whether anybody is known by the identifiers.
func (db *DB) Issue(ctx context.Context, passes ...Pass) (tokens []string, err error) {
	tokens, rows, err := db.newPasses(passes)
	if err == nil {
		err = db.write(ctx, func(t *tx) error { return t.issue(rows) })
	}
	if err != nil {
		return nil, fmt.Errorf("issuing a pass: %w", err)
	}
	return tokens, nil
}

// newPasses makes the rows of a family of passes, and their tokens.
func (db *DB) newPasses(passes []Pass) (tokens []string, rows [][]any, err error) {
	family := make([]byte, 16)
	rand.Read(family)
	for _, p := range passes {
		token := rand.Text() // 130 bits
		plain, err := json.Marshal(sealedPass{p.Owner, p.Code, p.Data})
		if err != nil {
			return nil, nil, err
		}
		hash := db.tokenTag(token)
		tokens = append(tokens, token)
		rows = append(rows, []any{hash, p.Kind, family, db.ownerTag(p.Owner), millis(p.Until), keyring.Seal(db.tokenKey(token), passContext(p.Kind, hash), plain)})
	}
	return tokens, rows, nil
}

// issue writes passes, and forgets those whose time is over.
func (t *tx) issue(rows [][]any) error {
	if err := t.exec(`DELETE FROM pass WHERE until <= ?`, millis(t.now)); err != nil {
		return err
	}
	for _, r := range rows {
		if err := t.exec(`INSERT INTO pass (hash, kind, family, owner, until, sealed, tries) VALUES (?, ?, ?, ?, ?, ?, 0)`, r...); err != nil {
			return err
		}
	}
	return nil
}

func passContext(kind string, hash []byte) []byte {
	return append([]byte("amana/pass/v1/"+kind+"/"), hash...)
}

// Look opens a pass without using it. Whatever does not open is fault.Denied,
// always the same.
func (db *DB) Look(ctx context.Context, kind, token string) (Pass, error) {
	p, _, _, err := db.openPass(db.reader(ctx), db.now(), kind, token)
	return p, err
}

// openPass reads the pass of a token, its family, and how often its code was
// wrong.
func (db *DB) openPass(row rowFunc, now time.Time, kind, token string) (p Pass, family []byte, tries int, err error) {
	hash := db.tokenTag(token)
	var sealed []byte
	var until int64
	ok, err := row(`SELECT family, tries, until, sealed FROM pass WHERE hash = ? AND kind = ? AND until > ?`, []any{hash, kind, millis(now)}, &family, &tries, &until, &sealed)
	if err != nil {
		return Pass{}, nil, 0, fmt.Errorf("reading a pass: %w", err)
	}
	if !ok || tries >= MaxTries {
		return Pass{}, nil, 0, errPass
	}
	plain, err := keyring.Unseal(db.tokenKey(token), passContext(kind, hash), sealed)
	if err != nil {
		return Pass{}, nil, 0, errPass
	}
	var s sealedPass
	if err := json.Unmarshal(plain, &s); err != nil {
		return Pass{}, nil, 0, fmt.Errorf("reading a pass: %w", err)
	}
	return Pass{kind, s.Owner, s.Code, s.Data, fromMillis(until)}, family, tries, nil
}

// Use opens a pass and uses it and its family up; it returns when that is
// durable, so that of several who try at once one opens it. A pass with a code
// needs the code. A wrong one is counted, against the token and, as a knock of
// kind "guess", against its owner; whatever does not open is fault.Denied.
func (db *DB) Use(ctx context.Context, kind, token, code string) (p Pass, err error) {
	refused := false
	err = db.write(ctx, func(t *tx) (err error) {
		var family []byte
		refused = false
		if p, family, _, err = db.openPass(t.row, t.now, kind, token); err != nil {
			return err
		}
		guesses, err := t.knocks(p.Owner, Guess)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(p.Code), []byte(code)) != 1 || p.Code != "" && guesses >= MaxGuesses {
			refused = true
			if _, err := t.knock(p.Owner, Guess, t.now); err != nil {
				return err
			}
			return t.exec(`UPDATE pass SET tries = tries + 1 WHERE hash = ?`, db.tokenTag(token))
		}
		return t.use(family)
	})
	if err == nil && refused {
		err = errPass
	}
	if err != nil {
		return Pass{}, fmt.Errorf("using a pass: %w", err)
	}
	return p, nil
}

// use takes a family away. On PostgreSQL two may come so far at once: the one
// that finds nothing to delete was late.
func (t *tx) use(family []byte) error {
	t.wrote = true
	res, err := t.q.ExecContext(t.ctx, t.db.d.sql(`DELETE FROM pass WHERE family = ?`), family)
	if outside(err) {
		return unavailable("writing", err)
	}
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errPass
	}
	return nil
}

// Kinds of knocks.
const (
	Asked = "asked" // that a way in be sent
	Guess = "guess" // a wrong code
)

// knockFor is how long knocks are counted together, by kind.
var knockFor = map[string]time.Duration{Asked: time.Hour, Guess: 24 * time.Hour, Parents: 24 * time.Hour}

// knock counts one more knock at an identifier and gives how many there were in
// its window, this one among them. It costs the same whether anybody is known
// by the identifier or not.
func (t *tx) knock(id subject.ID, kind string, now time.Time) (n int, err error) {
	if err := t.exec(`DELETE FROM knock WHERE since <= ?`, millis(now.Add(-24*time.Hour))); err != nil {
		return 0, err
	}
	begun := millis(now.Add(-knockFor[kind]))
	if err := t.exec(`INSERT INTO knock (owner, kind, since, n) VALUES (?, ?, ?, 1) ON CONFLICT (owner, kind) DO UPDATE SET
		n = CASE WHEN knock.since <= ? THEN 1 ELSE knock.n + 1 END, since = CASE WHEN knock.since <= ? THEN excluded.since ELSE knock.since END`,
		t.db.ownerTag(id), kind, millis(now), begun, begun); err != nil {
		return 0, err
	}
	_, err = t.row(`SELECT n FROM knock WHERE owner = ? AND kind = ?`, []any{t.db.ownerTag(id), kind}, &n)
	return n, err
}

// knocks gives how many knocks of a kind an identifier had in the window.
func (t *tx) knocks(id subject.ID, kind string) (n int, err error) {
	_, err = t.row(`SELECT n FROM knock WHERE owner = ? AND kind = ? AND since > ?`, []any{t.db.ownerTag(id), kind, millis(t.now.Add(-knockFor[kind]))}, &n)
	if err != nil {
		return 0, fmt.Errorf("reading knocks: %w", err)
	}
	return n, nil
}
