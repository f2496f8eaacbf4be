package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/fault"
)

// Token is a bearer token of the company door, without its secret.
type Token struct {
	ID     string
	Name   string
	Scopes []string
}

// TokenPrefix is what every secret begins with, so that scanners find leaked ones.
const TokenPrefix = "amana_"

// scopes is the closed set; "search:" is followed by a purpose.
var scopes = []string{"consent:write", "decide", "subject:read", "policy:read", "policy:write", "request", "disclosure", "recipient", "inquiry", "mail", "feed", "webhook", "*"}

// CreateToken makes a token and gives its secret, which is shown this once:
// only its hash is kept.
func (db *DB) CreateToken(ctx context.Context, name string, want []string) (secret string, err error) {
	if name == "" || len(want) == 0 {
		return "", fault.New(fault.Invalid, "a token has a name and at least one scope")
	}
	for _, s := range want {
		if purpose, search := strings.CutPrefix(s, "search:"); !slices.Contains(scopes, s) && (!search || purpose == "") {
			return "", fault.At(fault.Invalid, "scope", "%q is none of %s, search:PURPOSE", s, strings.Join(scopes, ", "))
		}
	}
	raw := make([]byte, 32)
	rand.Read(raw)
	secret = TokenPrefix + base64.RawURLEncoding.EncodeToString(raw)
	list, err := json.Marshal(want)
	if err != nil {
		return "", err
	}
	err = db.write(ctx, func(t *tx) error {
		return t.exec(`INSERT INTO token (hash, id, name, scopes, created) VALUES (?, ?, ?, ?, ?)`, tokenHash(secret), "tok_"+rand.Text(), name, string(list), millis(t.now))
	})
	if err != nil {
		return "", fmt.Errorf("making a token: %w", err)
	}
	return secret, nil
}

// Token finds a token by its secret; fault.Denied where there is none. It is
// found by its hash, so the time it takes says nothing of the secret.
func (db *DB) Token(ctx context.Context, secret string) (Token, error) {
	var t Token
	var list []byte
	ok, err := db.reader(ctx)(`SELECT id, name, scopes FROM token WHERE hash = ?`, []any{tokenHash(secret)}, &t.ID, &t.Name, &list)
	if err != nil {
		return Token{}, fmt.Errorf("reading a token: %w", err)
	}
	if !ok {
		return Token{}, fault.New(fault.Denied, "unknown token")
	}
	return t, json.Unmarshal(list, &t.Scopes)
}

func tokenHash(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// Has reports whether the token has a scope.
func (t Token) Has(scope string) bool {
	return slices.Contains(t.Scopes, scope) || slices.Contains(t.Scopes, "*")
}
