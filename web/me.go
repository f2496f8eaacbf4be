package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// The customer's own pages: their start, and where they are signed in.

// shownID is an identifier so that its owner knows it again.
type shownID struct{ Kind, Value string }

func (f *face) shownID(id subject.ID) shownID {
	_, value, _ := strings.Cut(id.Masked(), ":")
	return shownID{f.Of("kind", id.Kind()), value}
}

type mePage struct {
	base
	Mine  []shownID
	Level string // in words
	Tiles []link

	Erasing *waiting
	Open    []demandView
}

// start is the start of the private pages, or the way in.
func (s *site) start(v *visit) error {
	c, err := s.customer(v)
	if err != nil {
		return err
	}
	if c == nil {
		return s.signInPage(v, http.StatusOK, "")
	}
	page := mePage{base: v.privateBase("/me", v.T("me.title")), Level: v.Of("level", c.Level)}
	for _, id := range c.IDs {
		page.Mine = append(page.Mine, v.shownID(id))
	}
	list, err := s.Store.Requests(v.Context(), c.IDs...)
	if err != nil {
		return err
	}
	if page.Erasing, err = s.erasing(v, c, list); err != nil {
		return err
	}
	for _, r := range list {
		if !r.State.Over() && r.Kind != request.Erasure && len(page.Open) < 5 {
			page.Open = append(page.Open, v.demandView(r, s.Store.Now()))
		}
	}
	page.Tiles = append(v.sections(), link{Href: v.path("/me/identifiers"), Name: v.T("ids.title"), Text: v.T("ids.tile")})
	if s.elsewhere(v.version.Policy) != nil {
		page.Tiles = append(page.Tiles, link{Href: v.path("/me/sites"), Name: v.T("sites.title"), Text: v.T("sites.tile")})
	}
	if hasChildren(list) {
		page.Tiles = append(page.Tiles, link{Href: v.path("/me/children"), Name: v.T("children.title"), Text: v.T("children.tile")})
	}
	if s.keys != nil {
		page.Tiles = append(page.Tiles, link{Href: v.path("/me/passkeys"), Name: v.T("passkey.title"), Text: v.T("passkey.tile")})
	}
	page.Tiles = append(page.Tiles, link{Href: v.path("/me/sessions"), Name: v.T("me.sessions"), Text: v.T("me.sessions.text")})
	return v.show(http.StatusOK, never, "me", page)
}

// privateBase is the base of a page that is one person's.
func (v *visit) privateBase(path, title string) base {
	b := v.at(v.ed, path, title)
	b.Private = true
	return b
}

type sessionsPage struct {
	base
	List []sessionView
}

type sessionView struct {
	ID, Browser string
	Here        bool
	Made, Seen  time.Time
}

func (s *site) sessionList(v *visit, c *customer) error {
	list, err := s.Store.SessionsOf(v.Context(), c.IDs...)
	if err != nil {
		return err
	}
	here, err := s.Store.SessionID(v.Context(), c.token)
	if err != nil {
		return err
	}
	page := sessionsPage{base: v.privateBase("/me/sessions", v.T("me.sessions"))}
	for _, i := range list {
		if i.Label == "" {
			i.Label = v.T("me.sessions.unknown")
		}
		page.List = append(page.List, sessionView{i.ID, i.Label, i.ID == here, i.Made, i.Seen})
	}
	slices.SortStableFunc(page.List, func(a, b sessionView) int { return after(a.Here, b.Here) })
	return v.show(http.StatusOK, never, "sessions", page)
}

// after puts what holds before what does not.
func after(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// endSessions signs out elsewhere: one session, or all but this.
func (s *site) endSessions(v *visit, c *customer) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	var err error
	if id := v.PostForm.Get("session"); id != "" {
		err = s.Store.EndSessionOf(v.Context(), id, c.IDs...)
	} else {
		err = s.Store.EndOtherSessions(v.Context(), c.token, c.IDs...)
	}
	if err != nil {
		return err
	}
	return v.redirect(http.StatusSeeOther, v.path("/me/sessions"))
}

// signOut ends the session of this browser; signing out twice is no error.
func (s *site) signOut(v *visit) error {
	if err := s.sessions.end(v.ResponseWriter, v.Request); err != nil {
		return err
	}
	return v.redirect(http.StatusSeeOther, v.path("/me"))
}

type provePage struct {
	base
	Text   string
	Ways   []string
	Second bool // a second identifier would do
}

// proveMore says that a page needs more proof than the session has, and how
// that is given.
func (s *site) proveMore(v *visit, _ *customer, need int) error {
	page := provePage{base: v.privateBase("/me", v.T("prove.title")), Text: v.T("prove.text")}
	if need <= policy.ProofTwo {
		page.Ways, page.Second = []string{v.T("prove.login"), v.T("prove.second")}, true
	} else {
		page.Ways = []string{v.T("prove.document")}
	}
	return v.show(http.StatusForbidden, never, "prove", page)
}

// changePassword leads password managers to where a person says who is signed
// in as them (https://w3c.github.io/webappsec-change-password-url/): there is
// no password to change.
func (s *site) changePassword(v *visit) error {
	return v.redirect(http.StatusFound, v.path("/me/sessions"))
}
