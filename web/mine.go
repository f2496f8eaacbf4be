package web

import (
	"net/http"
	"slices"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/known"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// The pages behind the sign-in: what is known of a person, their receipts, and
// what they demand. Everything on them is found by the identifiers of the
// session; no address names anybody.

// sections are the private pages that the start leads to.
func (f *face) sections() []link {
	list := []link{
		{Href: "/me/known", Name: f.T("known.title"), Text: f.T("known.tile")},
		{Href: "/me/choices", Name: f.T("mine.title"), Text: f.T("mine.tile")},
		{Href: "/me/receipts", Name: f.T("slips.title"), Text: f.T("slips.tile")},
		{Href: "/me/requests", Name: f.T("request.title"), Text: f.T("request.tile")},
		{Href: "/me/correct", Name: f.T("correct.title"), Text: f.T("correct.tile")},
		{Href: "/me/take", Name: f.T("take.title"), Text: f.T("take.tile")},
		{Href: "/me/erase", Name: f.T("erase.title"), Text: f.T("erase.tile")},
	}
	for i := range list {
		list[i].Href = f.path(list[i].Href)
	}
	return list
}

// homePages are the routes of the private pages that show and change what is kept.
// What takes something back, or stops it, is behind no more proof than that: a
// policy that asks for more to see data closes no way out.
func (s *site) homePages(page func(path string, m ...method)) {
	page("/me/known", get(s.me(policy.ActAccess, s.meKnown)))
	page("/me/choices", get(s.me(policy.ActObjection, s.meChoices)), post(s.me(policy.ActObjection, s.meChoose)))
	page("/me/receipts", get(s.me(policy.ActAccess, s.meReceipts)))
	page("/me/requests", get(s.me(policy.ActComplaint, s.meRequests)), post(s.me(policy.ActComplaint, s.meAsk)))
	page("/me/requests/{id}", get(s.me(policy.ActObjection, s.meRequest)), post(s.me(policy.ActObjection, s.meMove)))
	page("/me/requests/{id}/file", get(s.me(policy.ActPortability, s.meFile)))
	page("/me/correct", get(s.me(policy.ActCorrection, s.meCorrect)), post(s.me(policy.ActCorrection, s.meCorrected)))
	page("/me/children", get(s.me(policy.ActObjection, s.meChildren)), post(s.me(policy.ActObjection, s.meChildMoves)))
	page("/me/take", get(s.me(policy.ActPortability, s.meTake)), post(s.me(policy.ActPortability, s.meTaken)))
	page("/me/erase", get(s.me(policy.ActErasure, s.meErase)), post(s.me(policy.ActErasure, s.meErased)))
	page("/erasure/{ticket}", get(s.ticket))
}

// waiting is what the start says of an erasure that waits.
type waiting struct {
	ID    string
	Until string
}

// erasing is pending, where the erasure was asked by another identifier, too:
// whoever it takes is told of it, and may stop it.
func (s *site) erasing(v *visit, c *customer, list []request.Request) (*waiting, error) {
	if w := v.pending(list); w != nil || !c.speaks() {
		return w, nil
	}
	f, err := s.Store.Facts(v.Context(), c.By)
	for _, by := range f.By {
		r, missing := s.Store.ErasureAbout(v.Context(), by, c.IDs...)
		if fault.KindOf(missing) == fault.Unknown {
			continue
		}
		if w := v.pending([]request.Request{r}); w != nil || missing != nil {
			return w, missing
		}
	}
	return nil, err
}

// pending gives the erasure of a person that waits, nil where none does.
func (v *visit) pending(list []request.Request) *waiting {
	for _, r := range list {
		if r.Kind == request.Erasure && r.State == request.Waiting {
			return &waiting{r.ID, v.DateTime(r.Acts)}
		}
	}
	return nil
}

type knownPage struct {
	base
	Mine    []shownID
	Pic     known.Picture
	Draw    known.Drawing
	Active  []known.Use
	Erasing *waiting
}

// meKnown shows what is known, listed and drawn.
func (s *site) meKnown(v *visit, c *customer) error {
	voices, err := s.Store.Voices(v.Context(), c.IDs...)
	if err != nil {
		return err
	}
	list, err := s.Store.Requests(v.Context(), c.IDs...)
	if err != nil {
		return err
	}
	page := knownPage{base: v.privateBase("/me/known", v.T("known.title")), Pic: known.Of(v.notice, v.version, v.Words, voices)}
	if page.Erasing, err = s.erasing(v, c, list); err != nil {
		return err
	}
	for _, id := range c.IDs {
		page.Mine = append(page.Mine, v.shownID(id))
	}
	for _, u := range page.Pic.Uses {
		if u.Active {
			page.Active = append(page.Active, u)
		}
	}
	page.Draw = known.Draw(page.Active, known.Names{Data: v.T("purpose.data"), Who: v.T("known.who"), Nobody: v.T("purpose.nobody")})
	return v.show(http.StatusOK, never, "known", page)
}

// slipsOnPage is how many receipts a page lists.
const slipsOnPage = 25

type slipsPage struct {
	base
	Slips []slipLine
	Next  string
	Later bool // it is not the first page
}

// slipLine is a receipt in a list.
type slipLine struct {
	When, Title, Decision, Href string
	Kind                        string // of the identifier
}

// meReceipts lists the receipts of all the person's identifiers, the newest
// first, page by page.
func (s *site) meReceipts(v *visit, c *customer) error {
	at := v.URL.Query().Get("before")
	page := slipsPage{base: v.privateBase("/me/receipts", v.T("slips.title")), Later: at != ""}
	list, next, err := s.Store.NewestReceipts(v.Context(), slipsOnPage, at, c.IDs...)
	if err != nil {
		return err
	}
	for _, r := range list {
		page.Slips = append(page.Slips, v.line(s, r))
	}
	if next != "" {
		page.Next = v.path("/me/receipts?before=") + next
	}
	return v.show(http.StatusOK, never, "slips", page)
}

func (v *visit) line(s *site, r receipt.Receipt) slipLine {
	one := v.slipOf(r)
	title := one.Purpose
	if r.Record.HasConsent == nil {
		title = one.Title
	}
	if one.Recipient != "" {
		title += " – " + one.Recipient
	}
	return slipLine{one.When, title, one.Answer, v.path("/receipt/" + s.links.make(s.Now(), r.ID)), one.Kind}
}

// mySaved reads the receipts of what was just done.
func (s *site) mySaved(v *visit) (lines []slipLine, done bool, err error) {
	token := v.URL.Query().Get("saved")
	if token == "" {
		return nil, false, nil
	}
	ids, ok := s.links.open(s.Now(), token)
	if !ok {
		return nil, false, nil
	}
	list, err := s.Store.Receipts(v.Context(), ids)
	if fault.KindOf(err) == fault.Unknown { // erased since
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	for _, r := range list {
		lines = append(lines, v.line(s, r))
	}
	return lines, true, nil
}

// demandSlip puts the receipt of a demand in words.
func (f *face) demandSlip(r receipt.Receipt, d *receipt.Demand) slipView {
	out := slipView{Title: f.Of("demand", d.Kind), Answer: f.Of("demand_step", d.Step), When: f.moment(d.Time), Kind: f.Of("kind", r.Record.HasDataSubject.Kind), Policy: string(d.Policy), ID: r.ID}
	if r.Subject != nil {
		out.Device = r.Subject.Value
	}
	out.Due = f.moment(d.Due)
	for _, id := range d.Data {
		out.About = append(out.About, f.say(f.version.Policy.Data[id].Label))
	}
	for _, id := range d.Purposes {
		out.About = append(out.About, f.say(f.version.Policy.Purposes[id].Title))
	}
	out.About = slices.DeleteFunc(out.About, func(s string) bool { return s == "" })
	return out
}

// proved gives the identifiers that this session came from itself: what the
// company's login merely vouches for is none of them, nor is what a passkey let
// in, which stands for the first level and beside nothing else.
func (c *customer) proved() []subject.ID {
	if c.How == byLogin || c.How == byKey {
		return c.kept.Other
	}
	return append([]subject.ID{c.By}, c.kept.Other...)
}

func (c *customer) has(id subject.ID) bool { return slices.Contains(c.proved(), id) }
