package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/store"
)

// longestToken bounds what is looked up.
const longestToken = 128

// authenticate finds the token a request carries (RFC 6750 section 2.1: in the
// Authorization header, nowhere else). A browser never sends one by itself, so
// no page can forge a request.
func (d *door) authenticate(w http.ResponseWriter, r *http.Request) (store.Token, error) {
	if d.Replica != nil && d.ReplicaToken == "" {
		if r.Header["Origin"] != nil { // a page of somebody's, in a browser on this machine
			return store.Token{}, refusal{noToken, "no page of a browser may ask here"}
		}
		return store.Token{ID: "everybody", Scopes: []string{"decide"}}, nil
	}
	given := r.Header.Values("Authorization")
	if len(given) == 0 {
		w.Header().Set("WWW-Authenticate", `Bearer realm="amana"`)
		return store.Token{}, refusal{noToken, "send a token: Authorization: Bearer amana_…"}
	}
	scheme, secret, _ := strings.Cut(given[0], " ")
	if len(given) == 1 && strings.EqualFold(scheme, "Bearer") && strings.HasPrefix(secret, store.TokenPrefix) && len(secret) <= longestToken {
		token, err := d.tokens.get(r.Context(), secret)
		if err == nil || fault.KindOf(err) != fault.Denied {
			return token, err
		}
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="amana", error="invalid_token"`)
	return store.Token{}, refusal{noToken, "the token is not one of ours"}
}

// replicaToken is the one token of a replica's door.
func (d *door) replicaToken(_ context.Context, secret string) (store.Token, error) {
	got, want := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(d.ReplicaToken))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return store.Token{}, fault.New(fault.Denied, "unknown token")
	}
	return store.Token{ID: "replica", Scopes: []string{"decide"}}, nil
}

// searchAny is the scope of a route for which a token has to search for some
// purpose; for which one is looked at when the purpose is known.
const searchAny = "search"

// allowed says whether a token has a scope; if not, which one it lacks.
func allowed(w http.ResponseWriter, t store.Token, scope string) error {
	if t.Has(scope) || scope == searchAny && slices.ContainsFunc(t.Scopes, func(s string) bool { return strings.HasPrefix(s, "search:") }) {
		return nil
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="amana", error="insufficient_scope", scope=%q`, scope))
	return fault.New(fault.Denied, "the token lacks the scope %s", scope)
}
