package web

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// The two halves of what a passkey does (https://www.w3.org/TR/webauthn-3/): a
// challenge that is kept here for once, and the authenticator's answer to it.

// challengeFor is how long a challenge is good, and its cookie stays.
var challengeFor = cookie.Passkey.Life

// passkeys is what the door needs of the library; nil where browsers have none
// for its address: they ask for a name, and for a connection that nobody reads.
type passkeys struct {
	*webauthn.WebAuthn
	origin string
	asks   *limits // of challenges of who is not signed in
}

func newPasskeys(publicURL string, proxies []netip.Prefix) *passkeys {
	u, err := url.Parse(publicURL)
	if err != nil || u.Scheme != "https" && u.Hostname() != "localhost" {
		return nil
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil || u.Hostname() == "" {
		return nil
	}
	origin := u.Scheme + "://" + u.Host
	lib, err := webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: u.Hostname(), RPOrigins: []string{origin},
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: new(true), UserVerification: protocol.VerificationRequired}})
	if err != nil {
		return nil
	}
	return &passkeys{lib, origin, newLimits(proxies).slower(asksPerSecond, asksAtOnce)}
}

// ours reports whether an answer was given on a page of ours, and not in a frame
// of another's.
func (k *passkeys) ours(d protocol.CollectedClientData) bool {
	return d.Origin == k.origin && !d.CrossOrigin && d.TopOrigin == ""
}

//go:embed passkey.js
var passkeySource []byte

// passkeyScript is the one script of the pages, under the address of its bytes.
var passkeyScript = func() (s struct {
	source []byte
	path   string
}) {
	sum := sha256.Sum256(passkeySource)
	s.source, s.path = passkeySource, "/assets/passkey-"+hex.EncodeToString(sum[:6])+".js"
	return s
}()

// keyForm is what a page has that asks for a passkey.
type keyForm struct{ Script string } // "" where there are none

func (s *site) keyForm() keyForm {
	if s.keys == nil {
		return keyForm{}
	}
	return keyForm{passkeyScript.path}
}

// showScripted shows a page that may run that script, and nothing else.
func (v *visit) showScripted(status int, page string, data any, f keyForm) error {
	plain, err := v.render(page, data)
	if err != nil {
		return err
	}
	csp := v.ed.style.csp
	if f.Script != "" {
		csp += "; script-src 'self'; connect-src 'self'"
	}
	v.Header().Set("Content-Security-Policy", csp)
	v.send(status, never, "text/html; charset=utf-8", body{plain: plain})
	return nil
}

// bearer is the owner of passkeys as the library takes them.
type bearer struct {
	handle      []byte
	name, shown string // on the owner's own device
	keys        []webauthn.Credential
}

func (b bearer) WebAuthnID() []byte                         { return b.handle }
func (b bearer) WebAuthnName() string                       { return b.name }
func (b bearer) WebAuthnDisplayName() string                { return b.shown }
func (b bearer) WebAuthnCredentials() []webauthn.Credential { return b.keys }

// challenge is what is kept of one until its answer.
type challenge struct {
	Session string               `json:"session,omitempty"` // in which a passkey is added
	Handle  []byte               `json:"handle,omitempty"`
	Data    webauthn.SessionData `json:"data"`
}

// sendChallenge keeps a challenge, gives the browser the token of it in a cookie,
// and the options to the script.
func (s *site) sendChallenge(v *visit, kind string, owner subject.ID, c challenge, options any) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	until := s.Now().Add(challengeFor)
	tokens, err := s.Store.Issue(v.Context(), store.Pass{Kind: kind, Owner: owner, Data: data, Until: until})
	if err != nil {
		return err
	}
	raw, err := json.Marshal(options)
	if err != nil {
		return err
	}
	s.setChallenge(v, tokens[0])
	v.write(http.StatusOK, never, "application/json", raw)
	return nil
}

func (s *site) setChallenge(v *visit, token string) {
	age := int(challengeFor / time.Second)
	if token == "" {
		age = -1
	}
	http.SetCookie(v.ResponseWriter, &http.Cookie{Name: cookieName(cookie.Passkey, s.secure()), Value: token, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteStrictMode})
}

// takeChallenge uses up the challenge of a browser.
func (s *site) takeChallenge(v *visit, kind string) (c challenge, owner subject.ID, err error) {
	kept, err := v.Cookie(cookieName(cookie.Passkey, s.secure()))
	if err != nil || len(kept.Value) > 100 {
		return c, "", errKey
	}
	s.setChallenge(v, "")
	pass, err := s.Store.Use(v.Context(), kind, kept.Value, "")
	if err != nil {
		return c, "", err
	}
	return c, pass.Owner, json.Unmarshal(pass.Data, &c)
}

// errKey is the one answer to what no passkey said.
var errKey = fault.New(fault.Denied, "the passkey does not open this")

// keptKey is a credential as it is kept: without what says which device it is.
func keptKey(c *webauthn.Credential) ([]byte, error) {
	c.Attestation, c.Authenticator.AAGUID = webauthn.CredentialAttestation{}, nil
	return json.Marshal(c)
}
