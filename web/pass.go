package web

import (
	"net/http"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
)

// Links that let somebody in: the company's hand-over, and those of messages.

type passPage struct {
	base
	Who      *shownID // nil: the link opens nothing
	To, Lead string
}

// showPass shows who a link lets in, and a button: what merely opens a link
// signs nobody in, and uses nothing up.
func (s *site) showPass(v *visit, kind, path, lead string) error {
	pass, err := s.Store.Look(v.Context(), kind, v.PathValue("token"))
	if fault.KindOf(err) == fault.Denied {
		return s.passOver(v)
	}
	if err != nil {
		return err
	}
	id := v.shownID(pass.Owner)
	return v.show(http.StatusOK, never, "pass", passPage{v.privateBase("/me", v.T("pass.title")), &id, v.path(path) + v.PathValue("token"), lead})
}

// passOver is the one answer to a link that opens nothing.
func (s *site) passOver(v *visit) error {
	return v.show(http.StatusForbidden, never, "pass", passPage{base: v.privateBase("/me", v.T("pass.over"))})
}

// pressedTwice is how long after a sign-in its button may be pressed once more.
const pressedTwice = time.Minute

// notIn answers a button that lets nobody in: by what otherwise is shown, but leads
// on who pressed it twice. The first press signed them in, and used it up.
func (s *site) notIn(v *visit, otherwise func() error) error {
	c, err := s.customer(v)
	if err != nil {
		return err
	}
	if c != nil && s.Now().Sub(c.kept.Since) < pressedTwice {
		return v.redirect(http.StatusSeeOther, v.path("/me"))
	}
	return otherwise()
}

func (s *site) handOver(v *visit) error {
	return s.showPass(v, store.HandOver, "/me/in/", v.T("pass.login", "name", v.base.Company))
}

// enter signs in whom the company's login handed over.
func (s *site) enter(v *visit) error {
	pass, err := s.Store.Use(v.Context(), store.HandOver, v.PathValue("token"), "")
	if fault.KindOf(err) == fault.Denied {
		return s.notIn(v, func() error { return s.passOver(v) })
	}
	if err != nil {
		return err
	}
	h, err := store.HandedOver(pass)
	if err != nil {
		return err
	}
	if err := s.linkHanded(v, h.Subjects); err != nil {
		return err
	}
	if err := s.meet(v, h.Subjects...); err != nil {
		return err
	}
	if err := s.sessions.begin(v.ResponseWriter, v.Request, &who{IDs: h.Subjects, Level: policy.ProofTwo, How: byLogin}); err != nil {
		return err
	}
	to := onward(h.To)
	if to == "" {
		to = "/me"
	}
	return v.redirect(http.StatusSeeOther, v.path(to))
}
