package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/amana-privacy/amana/subject"
)

// The browser of who is signed in: what either says no to is taken back of the
// other, at the sign-in and with each answer until its end. It proves nothing,
// opens nothing, and keeps no trace of who signed in.

// meet lets the noes of the browser that asks and of who is signed in with it reach
// one another, and sets its cookie to what is left. A browser without an id never
// said yes, and has nothing to lose.
func (s *site) meet(v *visit, ids ...subject.ID) error {
	b, err := s.browserOf(v.Request, v.version)
	if err != nil || b.id == "" {
		return err
	}
	if changed, err := s.Store.Meet(v.Context(), b.id, ids...); err != nil || !changed {
		return err
	}
	if value, _ := cookieOf(v.Request); value.Untold {
		return nil // a no that the server has not heard yet: nothing in it counts
	}
	return s.settle(v.ResponseWriter, v.Request, v.face, b, nil)
}

// meetNo is meet after a no to everything, which ends every yes of the browser too;
// it gives the receipts of that.
func (s *site) meetNo(v *visit, ids ...subject.ID) (receipts []string, err error) {
	b, err := s.browserOf(v.Request, v.version)
	if err != nil || b.id == "" {
		return nil, err
	}
	if receipts, err = s.Store.MeetNo(v.Context(), b.id, ids...); err != nil || len(receipts) == 0 {
		return receipts, err
	}
	if value, _ := cookieOf(v.Request); value.Untold {
		return receipts, nil
	}
	return receipts, s.settle(v.ResponseWriter, v.Request, v.face, b, nil)
}

// tell lets what a browser answered reach who is signed in with it.
func (s *site) tell(ctx context.Context, r *http.Request, device subject.ID) error {
	_, in, _, err := s.sessions.load(r)
	if err != nil || in == nil {
		return err
	}
	_, err = s.Store.Meet(ctx, device, slices.Concat(in.IDs, in.Other)...)
	return err
}
