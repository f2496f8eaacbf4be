package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/cdproto/webauthn"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/web"
)

// passkeyPortal is one under a name, as browsers ask for where passkeys are: of the
// names that they trust without https there is one.
func passkeyPortal(t *testing.T) (at string, db *store.DB, code func() string) {
	t.Helper()
	_, db, mail := portalOf(t)
	var door http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	at = "http://localhost:" + port
	door = web.New(web.Config{Store: db, PublicURL: at})
	return at, db, func() string { t.Helper(); return mail().Code }
}

// authenticator gives a page a passkey device, whose owner says yes to everything.
func (p *Page) authenticator() {
	p.t.Helper()
	call(p, webauthn.Enable, webauthn.EnableParams{})
	call(p, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
}

// TestAPasskeyIsAddedLetsInAndIsRemoved: on a phone, in both languages.
func TestAPasskeyIsAddedLetsInAndIsRemoved(t *testing.T) {
	at, db, code := passkeyPortal(t)
	for _, language := range []string{"en", "ar"} {
		t.Run(language, func(t *testing.T) {
			address := "sara." + language + "@example.com"
			if _, err := db.Record(t.Context(), store.Submission{Subject: subject.ID("email:" + address), Surface: consent.SurfaceChoices, Language: "en",
				Choices: []consent.Choice{{Purpose: "newsletter", Decision: consent.Refused}}}); err != nil {
				t.Fatal(err)
			}
			told := func() {
				t.Helper()
				code()
			}
			me := at + "/" + language + "/me"
			p := Open(t, me, View{Phone: true, Language: language, Dark: language == "ar"})
			p.authenticator()
			look := func(name string) {
				t.Helper()
				p.Picture(fmt.Sprintf("passkey-%s-%s", name, language))
				p.Accessible()
				p.Small()
			}
			look("way-in")
			p.Type("#address", address)
			p.Follow(`form[action$="/me/sign-in"] button`)
			p.Type("#code", code())
			p.Follow(`form[action$="/me/code"] button`)
			p.Go(me + "/passkeys")
			look("none")
			if status := p.Follow(`form[data-begin] button`); status != http.StatusOK || p.Count(`button[name="remove"]`) != 1 {
				t.Fatalf("adding answers %d", status)
			}
			told()
			look("one")
			p.Go(me)
			p.Follow(`form[action$="/me/sign-out"] button`)
			p.Go(me + "/passkeys")
			if p.Count(`form[action$="/me/passkey"]`) != 1 {
				t.Fatalf("signing out leads to %s", p.URL())
			}
			if status := p.Follow(`form[data-begin] button`); status != http.StatusOK || p.URL() != me+"/passkeys" {
				t.Fatalf("the passkey leads to %s: %d", p.URL(), status)
			}
			if status := p.Follow(`button[name="remove"]`); status != http.StatusOK || p.Count(`button[name="remove"]`) != 0 {
				t.Errorf("removing answers %d", status)
			}
			told()
			p.Go(me)
			p.Follow(`form[action$="/me/sign-out"] button`)
			if status := p.Follow(`form[data-begin] button`); status != http.StatusForbidden {
				t.Errorf("a removed passkey answers %d", status)
			}
			look("refused")
		})
	}
}

// TestWithoutScriptThePagesSayWhatPasskeysNeed and leave the other way in.
func TestWithoutScriptThePagesSayWhatPasskeysNeed(t *testing.T) {
	at, _, _ := passkeyPortal(t)
	p := Open(t, at+"/en/me", View{Phone: true, NoScript: true})
	p.Picture("passkey-no-script-en")
	p.Accessible()
	if p.Count("noscript p") != 1 || p.Count("#address") != 1 {
		t.Error("nothing is said")
	}
}
