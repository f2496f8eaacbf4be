package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// Passkeys: who is signed in adds one, and comes in by it later instead of by a
// mail. It stands for the identifier it was added with, at the first level.

func (s *site) passkeyPages(page func(path string, m ...method)) {
	if s.keys == nil {
		return
	}
	page("/me/passkeys", get(s.me(policy.ActComplaint, s.passkeys)), post(s.me(policy.ActComplaint, s.changePasskeys)))
	page("/me/passkeys/begin", post(s.me(policy.ActComplaint, s.beginPasskey)))
	page("/me/passkey/begin", post(s.askPasskey))
	page("/me/passkey", post(s.enterByPasskey))
}

type passkeysPage struct {
	base
	keyForm
	List    []passkeyView
	May     bool
	For     shownID
	Problem string
}

type passkeyView struct {
	ID, Label  string
	Who        shownID
	Made, Used time.Time
}

func (s *site) passkeys(v *visit, c *customer) error {
	return s.showPasskeys(v, c, http.StatusOK, "")
}

func (s *site) showPasskeys(v *visit, c *customer, status int, problem string) error {
	list, err := s.Store.Passkeys(v.Context(), c.IDs...)
	if err != nil {
		return err
	}
	page := passkeysPage{base: v.privateBase("/me/passkeys", v.T("passkey.title")), keyForm: s.keyForm(), For: v.shownID(c.By), Problem: problem}
	if page.May, err = s.Store.MayHavePasskeys(v.Context(), c.By); err != nil {
		return err
	}
	for _, k := range list {
		if k.Label == "" {
			k.Label = v.T("me.sessions.unknown")
		}
		page.List = append(page.List, passkeyView{k.ID(), k.Label, v.shownID(k.Owner), k.Made, k.Used})
	}
	return v.showScripted(status, "passkeys", page, page.keyForm)
}

// beginPasskey gives the script of the page the challenge of a new passkey.
func (s *site) beginPasskey(v *visit, c *customer) error {
	list, err := s.Store.Passkeys(v.Context(), c.By)
	if err != nil {
		return err
	}
	who := bearer{handle: s.Store.NewHandle(c.By), name: v.shownID(c.By).Value, shown: v.base.Company}
	var there []protocol.CredentialDescriptor
	for _, k := range list {
		there = append(there, protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: k.Credential})
	}
	options, data, err := s.keys.BeginRegistration(who, webauthn.WithExclusions(there), webauthn.WithRegistrationRelyingPartyName(v.base.Company))
	if err != nil {
		return err
	}
	session, err := s.Store.SessionID(v.Context(), c.token)
	if err != nil {
		return err
	}
	return s.sendChallenge(v, store.PasskeyAdd, c.By, challenge{session, who.handle, *data}, options)
}

// changePasskeys takes a passkey away, or adds the one that was made.
func (s *site) changePasskeys(v *visit, c *customer) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	var err error
	if id := v.PostForm.Get("remove"); id != "" {
		err = s.removePasskey(v, c, id)
	} else {
		err = s.addPasskey(v, c)
	}
	switch {
	case errors.Is(err, store.ErrTooManyPasskeys):
		return s.showPasskeys(v, c, http.StatusConflict, v.T("passkey.many"))
	case fault.KindOf(err) == fault.Denied || fault.KindOf(err) == fault.Conflict:
		return s.showPasskeys(v, c, http.StatusForbidden, v.T("passkey.failed"))
	case err != nil:
		return err
	}
	return v.redirect(http.StatusSeeOther, v.path("/me/passkeys"))
}

// removePasskey takes a passkey away, and ends what it may have begun elsewhere.
func (s *site) removePasskey(v *visit, c *customer, id string) error {
	told, err := s.Store.RemovePasskey(v.Context(), id, v.Tag, c.IDs...)
	if err != nil {
		return err
	}
	s.textPhones(v, told, v.T("sms.passkey_removed", "company", v.base.Company))
	return s.Store.EndOtherSessions(v.Context(), c.token, c.IDs...)
}

// textPhones tells the phones of a person of a passkey.
func (s *site) textPhones(v *visit, told []store.Notice, text string) {
	for _, n := range told {
		if n.ID.Kind() == subject.Phone && s.SMS != nil {
			s.text(v, n.ID, text, "")
		}
	}
}

func (s *site) addPasskey(v *visit, c *customer) error {
	asked, owner, err := s.takeChallenge(v, store.PasskeyAdd)
	if err != nil {
		return err
	}
	session, err := s.Store.SessionID(v.Context(), c.token)
	if err != nil {
		return err
	}
	if owner != c.By || asked.Session == "" || asked.Session != session {
		return errKey
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes([]byte(v.PostForm.Get("answer")))
	if err != nil || !s.keys.ours(answer.Response.CollectedClientData) {
		return errKey
	}
	made, err := s.keys.CreateCredential(bearer{handle: asked.Handle}, asked.Data, answer)
	if err != nil {
		return errKey
	}
	data, err := keptKey(made)
	if err != nil {
		return err
	}
	told, err := s.Store.AddPasskey(v.Context(), store.Passkey{Handle: asked.Handle, Owner: c.By, Credential: made.ID, Label: browserName(v.UserAgent()), Data: data}, v.Tag)
	if err != nil {
		return err
	}
	s.textPhones(v, told, v.T("sms.passkey_added", "company", v.base.Company))
	return nil
}

// askPasskey gives the script of the way in a challenge. It is the same for
// everybody: who comes is said by the answer.
func (s *site) askPasskey(v *visit) error {
	if !s.keys.asks.allow(v.Request, s.Now()) {
		return errRate
	}
	options, data, err := s.keys.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return err
	}
	return s.sendChallenge(v, store.PasskeyIn, "", challenge{Data: *data}, options)
}

// enterByPasskey signs in by the answer of a passkey. Whatever is wrong with it
// is answered alike.
func (s *site) enterByPasskey(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	owner, err := s.answered(v)
	if fault.KindOf(err) == fault.Denied {
		return s.signInPage(v, http.StatusForbidden, v.T("passkey.wrong"))
	}
	if err != nil {
		return err
	}
	if err := s.meet(v, owner); err != nil {
		return err
	}
	if err := s.sessions.begin(v.ResponseWriter, v.Request, &who{IDs: []subject.ID{owner}, Level: policy.ProofAddress, How: byKey}); err != nil {
		return err
	}
	return v.redirect(http.StatusSeeOther, v.path(cmp.Or(onward(v.PostForm.Get("to")), "/me")))
}

// answered gives whom the answer of a passkey lets in.
func (s *site) answered(v *visit) (subject.ID, error) {
	asked, _, err := s.takeChallenge(v, store.PasskeyIn)
	if err != nil {
		return "", err
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes([]byte(v.PostForm.Get("answer")))
	if err != nil || !s.keys.ours(answer.Response.CollectedClientData) {
		return "", errKey
	}
	k, err := s.Store.UsePasskey(v.Context(), answer.RawID, answer.Response.UserHandle, func(k store.Passkey) ([]byte, error) {
		return s.keys.check(k, asked.Data, answer)
	})
	return k.Owner, err
}

// check holds an answer to a passkey, and gives what is kept of that from then
// on. A count that went back is a copy's (section 6.1.1), which nobody comes in by.
func (k *passkeys) check(key store.Passkey, asked webauthn.SessionData, answer *protocol.ParsedCredentialAssertionData) ([]byte, error) {
	var c webauthn.Credential
	if err := json.Unmarshal(key.Data, &c); err != nil {
		return nil, err
	}
	owner := bearer{handle: key.Handle, keys: []webauthn.Credential{c}}
	_, now, err := k.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return owner, nil }, asked, answer)
	if err != nil || now.Authenticator.CloneWarning {
		return nil, errKey
	}
	return keptKey(now)
}
