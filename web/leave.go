package web

import (
	"github.com/amana-privacy/amana/consent"
)

// One click takes a consent back (RFC 8058): a POST by the reader's mail program,
// without cookies and without a page in between. Opening the same address in a
// browser shows one button. Neither asks anything.

type leavePage struct {
	base
	Action string
	What   string
	Stands bool
	Done   bool
}

func (s *site) leavePage(v *visit) error {
	l, err := s.Store.LeavingBy(v.Context(), v.PathValue("token"))
	if err != nil {
		return err
	}
	v.speak(l.Language)
	page := leavePage{base: v.linkBase("/u/"+v.PathValue("token"), v.T("leave.title")), Action: v.path("/u/" + v.PathValue("token")), Stands: l.Stands, What: v.T("leave.all")}
	if l.Purpose != "" {
		page.What = v.titleOf(consent.Key{Purpose: l.Purpose})
	}
	return v.show(200, never, "leave", page)
}

// leave takes it back, whatever the body says: whoever has the address was sent
// the mail. It is 200 each time, for ever, with no cookie and no other page.
func (s *site) leave(v *visit) error {
	if err := s.Store.LeaveBy(v.Context(), v.PathValue("token")); err != nil {
		return err
	}
	return v.show(200, never, "leave", leavePage{base: v.linkBase("/u/"+v.PathValue("token"), v.T("leave.done")), Done: true})
}
