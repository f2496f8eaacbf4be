package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/proof"
	"github.com/amana-privacy/amana/subject"
)

// customer is who is signed in, as a page behind the sign-in sees them. The
// language is the visit's.
type customer struct {
	By    subject.ID   // what they signed in with
	IDs   []subject.ID // everything that is theirs: By first, then what is linked with it
	Level int          // of proof: policy.ProofAddress …
	How   string       // byLogin …
	kept  *who
	token string

	members []proof.Member  // of the person, where By is linked with others
	ctx     context.Context // by which the session is found again
}

// private answers a visit of somebody who is signed in.
type private func(*visit, *customer) error

// errProof asks for a higher level of proof than a session has.
type errProof struct{ need int }

func (e errProof) Error() string { return fmt.Sprintf("level %d of proof is needed", e.need) }

// proves reports whether the customer has proved enough for an act on data that
// is, or is not, sensitive.
func (c *customer) proves(p *policy.Policy, a policy.Act, sensitive bool) bool {
	return c.Level >= p.Requests.Level(a, sensitive)
}

// demand is proves as an error, which a private page returns as it is: the
// answer is then the page that says how more is proved.
func (c *customer) demand(p *policy.Policy, a policy.Act, sensitive bool) error {
	if c.proves(p, a, sensitive) {
		return nil
	}
	return errProof{p.Requests.Level(a, sensitive)}
}

// me makes a handler that only who signed in reaches, and who has proved
// enough for an act on ordinary data. Others are led to the sign-in, and from
// there back. For sensitive data the handler itself asks proves or demand.
func (s *site) me(a policy.Act, h private) handler {
	return func(v *visit) error {
		c, err := s.customer(v)
		if err != nil {
			return err
		}
		if c == nil {
			return s.signInFirst(v)
		}
		if err = c.demand(v.version.Policy, a, false); err == nil {
			err = h(v, c)
		}
		if e, ok := errors.AsType[errProof](err); ok {
			return s.proveMore(v, c, e.need)
		}
		return err
	}
}

// signInFirst leads to the sign-in, and from there back to the page. Of a form
// that was sent when the session was over nothing is kept, and that is said.
func (s *site) signInFirst(v *visit) error {
	to := strings.TrimPrefix(v.URL.Path, "/"+v.Tag)
	if onward(to) == "" {
		to = "/me"
	}
	ask := url.Values{"to": {to}}
	if v.Method == http.MethodPost {
		ask.Set("unsaved", "1")
	}
	return v.redirect(http.StatusSeeOther, v.path("/me?"+ask.Encode()))
}

// onward gives the path that a sign-in leads to, where it is one of the private
// pages; "" for any other.
func onward(to string) string {
	if (to == "/me" || strings.HasPrefix(to, "/me/")) && !strings.ContainsAny(to, "?#\\%:") && !strings.Contains(to, "//") && !strings.Contains(to, "..") && len(to) <= 200 {
		return to
	}
	return ""
}

// customer gives who is signed in, nil where nobody is. Nothing of such an
// answer is kept by anybody in between.
func (s *site) customer(v *visit) (*customer, error) {
	v.Header().Set("Cache-Control", never)
	v.Header().Add("Vary", "Cookie")
	ctx, kept, token, err := s.sessions.load(v.Request)
	if err != nil || kept == nil {
		return nil, err
	}
	if now := s.Now(); now.Sub(kept.Seen) >= sessionTouch {
		kept.Seen = now
		if err := s.sessions.keep(ctx, v.ResponseWriter, kept); errors.Is(err, errEnded) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	c := &customer{By: kept.IDs[0], IDs: slices.Clone(kept.IDs), Level: kept.Level, How: kept.How, kept: kept, token: token, ctx: ctx}
	return c, s.identify(v, c)
}

// identify fills in what the session stands for now: what was proved in it, while
// that is still linked, and at the second level all that is linked.
func (s *site) identify(v *visit, c *customer) (err error) {
	if c.members, err = s.Store.Person(v.Context(), c.By); err != nil {
		return err
	}
	linked := func(id subject.ID) bool {
		return slices.ContainsFunc(c.members, func(m proof.Member) bool { return m.ID == id })
	}
	c.kept.Other = slices.DeleteFunc(c.kept.Other, func(id subject.ID) bool { return !linked(id) })
	add := func(id subject.ID) {
		if id.Kind() != subject.Device && !slices.Contains(c.IDs, id) {
			c.IDs = append(c.IDs, id)
		}
	}
	for _, id := range c.kept.Other {
		add(id)
	}
	if proof.ProvesTwo(c.members, c.proved(), s.Store.Now()) {
		c.Level = max(c.Level, policy.ProofTwo)
	}
	if c.Level >= policy.ProofTwo && c.speaks() {
		for _, m := range c.members {
			add(m.ID)
		}
	}
	return nil
}

// speaks reports whether the session speaks for all that is linked, and not for a
// phone number alone, which may be another's by now: whoever proved it, the
// company's login included.
func (c *customer) speaks() bool {
	return proof.MayJoin(c.members, slices.Concat(c.kept.IDs, c.kept.Other))
}

// set names the identifiers of a form: what is answered to one of them must not
// reach another that took its place.
func (c *customer) set() string {
	var all subject.ID
	for _, id := range c.IDs {
		all += id + "\n"
	}
	return c.ref(all)
}
