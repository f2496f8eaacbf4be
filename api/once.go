package api

import (
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/store"
)

const (
	keyHeader  = "Idempotency-Key"
	longestKey = 255
)

// once reads the Idempotency-Key of a request
// (draft-ietf-httpapi-idempotency-key-header-07); nil if there is none. A key
// is a client's own: the same one of another token is another key.
func once(r *http.Request, body []byte) (*store.Once, error) {
	given := r.Header.Values(keyHeader)
	if len(given) == 0 {
		return nil, nil
	}
	key, ok := idempotencyKey(given[0])
	if !ok || len(given) > 1 {
		return nil, fault.At(fault.Malformed, keyHeader, `must be one string of 1 to %d printable ASCII characters, such as "8e03978e-40d5-43dd-bc93-6894a57f9324"`, longestKey)
	}
	sum := sha256.Sum256(body)
	return &store.Once{Client: callOf(r).token.ID, Key: key, Body: sum[:]}, nil
}

// idempotencyKey reads a structured-field string (RFC 9651 section 3.3.3) or
// the same without its quotation marks.
func idempotencyKey(s string) (key string, ok bool) {
	s = strings.Trim(s, " \t")
	if strings.HasPrefix(s, `"`) {
		s, ok = unquoted(s[1:])
	} else {
		ok = !strings.ContainsAny(s, `"\ `)
	}
	for _, c := range []byte(s) {
		ok = ok && c >= ' ' && c <= '~'
	}
	return s, ok && s != "" && len(s) <= longestKey
}

// unquoted reads up to the closing quotation mark, which must be the end.
func unquoted(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), i == len(s)-1
		case '\\':
			if i++; i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", false
}
