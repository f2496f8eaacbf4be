package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
)

// What a parent permitted: behind the link of the second mail, which lasts, and
// behind the sign-in, for all of a parent's children. One button takes it back.

// waitsFor is how long a browser waits for the answer of a parent at most.
const waitsFor = store.ParentFor + request.SecondAfter + request.SecondFor

// permissionView is a permission in words.
type permissionView struct {
	ID       string
	Who      *shownID // nil where nothing is kept of the child any more
	State    string
	Asks     bool // the second step waits for the parent
	Waits    bool // it was signed, and nothing counts yet
	Stands   bool
	When     string // the second mail comes, or the permission began or ended
	Purposes []permittedView
	Grown    string     // the year from which on the child decides alone; "" where it was not said
	Slips    []slipLine // of the child's own answers
}

// permittedView is a purpose that is permitted, and who else is.
type permittedView struct {
	Title string
	Own   []string
	Now   string // how it counts
}

type permissionPage struct {
	base
	Action string
	One    *permissionView // nil: the link leads to nothing
	Done   string          // permitted, ended
	Slips  []slipLine
}

type childrenPage struct {
	base
	List  []permissionView
	Slips []slipLine
}

// permission puts a permission in words.
func (s *site) permission(v *visit, r request.Request) (out permissionView, err error) {
	now := s.Store.Now()
	out = permissionView{ID: r.ID, Waits: r.State == request.Waiting, Stands: r.State == request.Done || r.State == request.Working, When: v.DateTime(r.At)}
	out.Asks = out.Waits && !now.Before(r.At.Add(request.SecondAfter)) && now.Before(r.Until)
	switch {
	case out.Asks:
		out.State, out.When = v.T("permit.asks"), v.DateTime(r.Until)
	case out.Waits:
		out.State, out.When = v.T("permit.waits"), v.DateTime(r.At.Add(request.SecondAfter))
	case out.Stands:
		out.State = v.T("permit.stands")
	default:
		out.State, out.When = v.T("permit.ended"), v.DateTime(r.Ended)
	}
	if grown := r.Demand.Permit.Grown; out.Stands && grown != 0 {
		out.Grown = v.Digits(strconv.Itoa(grown + 1))
	}
	child, err := s.Store.ChildOf(v.Context(), r)
	if err != nil {
		return out, err
	}
	var b browser
	if child != "" {
		who := v.childID(child)
		out.Who, b.id = &who, child
		if b.states, err = s.Store.States(v.Context(), child); err != nil {
			return out, err
		}
	}
	for _, id := range r.Demand.Purposes {
		one := permittedView{Title: v.titleOf(consent.Key{Purpose: id})}
		for _, r := range r.Demand.Permit.Recipients {
			if purpose, recipient, _ := strings.Cut(r, "/"); purpose == id {
				one.Own = append(one.Own, v.say(v.version.Policy.Recipients[recipient].Name))
			}
		}
		if _, asked := v.version.Policy.Purposes[id]; out.Stands && child != "" && asked {
			t, err := s.toggle(v, b, consent.Key{Purpose: id}, "", nil)
			if err != nil {
				return out, err
			}
			one.Now = t.Now
		}
		out.Purposes = append(out.Purposes, one)
	}
	return out, nil
}

func (s *site) permissionPage(v *visit) error { return s.showPermission(v, "") }

// linkedPermission gives the permission of the page's link; nil where it leads to nothing.
func (s *site) linkedPermission(v *visit) (*request.Request, error) {
	r, err := s.Store.PermissionBy(v.Context(), v.PathValue("token"))
	if fault.KindOf(err) == fault.Unknown {
		return nil, nil
	}
	return &r, err
}

func (s *site) showPermission(v *visit, done string, ids ...string) error {
	path := "/p/" + v.PathValue("token")
	r, err := s.linkedPermission(v)
	if err != nil {
		return err
	}
	if r == nil {
		title := v.T("permit.none")
		if done != "" {
			title = v.T("permit.ended")
		}
		return v.show(http.StatusOK, never, "permission", permissionPage{base: v.linkBase(path, title), Done: done})
	}
	v.speak(r.Demand.Language)
	page := permissionPage{base: v.linkBase(path, v.T("permit.title")), Action: v.path(path), Done: done}
	one, err := s.permission(v, *r)
	if err != nil {
		return err
	}
	page.One = &one
	if page.Slips, err = s.slipsOf(v, ids); err != nil {
		return err
	}
	return v.show(http.StatusOK, never, "permission", page)
}

// slipsOf reads the receipts of what was just done.
func (s *site) slipsOf(v *visit, ids []string) (lines []slipLine, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	list, err := s.Store.Receipts(v.Context(), ids)
	for _, r := range list {
		lines = append(lines, v.line(s, r))
	}
	return lines, err
}

// permissionMoves takes the second step, or takes the permission back.
func (s *site) permissionMoves(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	r, err := s.linkedPermission(v)
	if err != nil {
		return err
	}
	if r == nil {
		return s.showPermission(v, "")
	}
	var done store.Recorded
	word := "ended"
	switch v.PostForm.Get("do") {
	case "permit":
		word = "permitted"
		done, err = s.Store.Permit(v.Context(), r.ID)
		if fault.KindOf(err) == fault.Conflict { // done before, or over
			return s.showPermission(v, "")
		}
	case "end":
		done, err = s.Store.EndPermission(v.Context(), r.ID)
	default:
		return fault.At(fault.Invalid, "do", "say permit or end")
	}
	if err != nil {
		return err
	}
	return s.showPermission(v, word, done.IDs()...)
}

// Both pages behind the sign-in need what taking a yes back needs, and no more:
// who proved the mailbox gets there, as by the link.

// meChildren lists what a parent permitted, with the receipts of the children's answers.
func (s *site) meChildren(v *visit, c *customer) error {
	list, err := s.Store.Requests(v.Context(), c.IDs...)
	if err != nil {
		return err
	}
	page := childrenPage{base: v.privateBase("/me/children", v.T("children.title"))}
	if page.Slips, _, err = s.mySaved(v); err != nil {
		return err
	}
	for _, r := range list {
		if r.Kind != request.Permission || len(page.List) >= requestsOnPage {
			continue
		}
		one, err := s.permission(v, r)
		if err != nil {
			return err
		}
		if one.Stands {
			if one.Slips, err = s.givenFor(v, r); err != nil {
				return err
			}
		}
		page.List = append(page.List, one)
	}
	return v.show(http.StatusOK, never, "children", page)
}

// givenFor gives the receipts of what a parent permitted for a child.
func (s *site) givenFor(v *visit, r request.Request) (lines []slipLine, err error) {
	child, err := s.Store.ChildOf(v.Context(), r)
	if err != nil || child == "" {
		return nil, err
	}
	list, _, err := s.Store.NewestReceipts(v.Context(), slipsOnPage, "", child)
	for _, slip := range list {
		x := slip.Record.HasConsent
		if x != nil && x.Surface == consent.SurfaceParent && slices.Contains(r.Demand.Purposes, x.Purpose) {
			lines = append(lines, v.line(s, slip))
		}
	}
	return lines, err
}

// meChildMoves takes a permission back, or its second step.
func (s *site) meChildMoves(v *visit, c *customer) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	r, err := s.Store.Request(v.Context(), v.PostForm.Get("end"), c.IDs...)
	if err == nil && r.Kind != request.Permission {
		err = fault.New(fault.Unknown, "no such permission")
	}
	if err != nil {
		return err
	}
	done, err := s.Store.EndPermission(v.Context(), r.ID)
	if err != nil {
		return err
	}
	return v.redirect(http.StatusSeeOther, v.path("/me/children?saved="+s.links.make(s.Now(), done.IDs()...)))
}

// hasChildren reports whether a parent permitted anything.
func hasChildren(list []request.Request) bool {
	return slices.ContainsFunc(list, func(r request.Request) bool { return r.Kind == request.Permission })
}
