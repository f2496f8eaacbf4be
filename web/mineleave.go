package web

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/notice"
	"github.com/amana-privacy/amana/parcel"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// Taking one's data away, and having it erased.

type takePage struct {
	base
	Ready []demandView
	Wrong string
}

func (s *site) meTake(v *visit, c *customer) error { return s.showTake(v, c, http.StatusOK, "") }

func (s *site) showTake(v *visit, c *customer, status int, wrong string) error {
	list, err := s.Store.Requests(v.Context(), c.IDs...)
	if err != nil {
		return err
	}
	page := takePage{base: v.privateBase("/me/take", v.T("take.title")), Wrong: wrong}
	now := s.Store.Now()
	for _, r := range list {
		if r.Kind == request.Portability && (r.State == request.Working || now.Before(r.Until)) && len(page.Ready) < 5 {
			page.Ready = append(page.Ready, v.demandView(r, now))
		}
	}
	return v.show(status, never, "take", page)
}

// password makes one that nobody guesses and that can be typed: 100 bits.
func password() string {
	t := strings.ToLower(rand.Text()[:20])
	return t[:5] + "-" + t[5:10] + "-" + t[10:15] + "-" + t[15:]
}

func (s *site) meTaken(v *visit, c *customer) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	seal := strings.TrimSpace(v.PostForm.Get("key"))
	if seal == "" {
		seal = password()
	} else if !strings.HasPrefix(seal, "age1") || parcel.CheckSeal(seal) != nil {
		return s.showTake(v, c, http.StatusUnprocessableEntity, v.T("take.wrong"))
	}
	r, done, err := s.Store.Ask(v.Context(), store.Ask{Subjects: c.IDs, Kind: request.Portability, Demand: request.Demand{Seal: seal, Language: v.Tag}})
	if wrong := v.wrong(err); wrong != "" {
		return s.showTake(v, c, http.StatusUnprocessableEntity, wrong)
	}
	if err != nil {
		return err
	}
	return v.redirect(http.StatusSeeOther, v.path("/me/requests/"+r.ID+"?saved="+s.links.make(s.Now(), done.IDs()...)))
}

type erasePage struct {
	base
	Mine     []shownID
	Spared   []string // contract purposes that go on until it is done
	Bound    []notice.Purpose
	Kept     string // how long the receipt is kept
	Answers  string // why the answers' records are kept; "" where they are not
	Waiting  *waiting
	Nothing  bool // nothing is known by these identifiers
	Hours    string
	Two      bool // a second identifier is linked
	Evidence string
}

// meErase says beforehand what goes and what stays.
func (s *site) meErase(v *visit, c *customer) error { return s.showErase(v, c, http.StatusOK, false) }

func (s *site) showErase(v *visit, c *customer, status int, nothing bool) error {
	list, err := s.Store.Requests(v.Context(), c.IDs...)
	if err != nil {
		return err
	}
	p := v.version.Policy
	page := erasePage{base: v.privateBase("/me/erase", v.T("erase.title")), Nothing: nothing, Hours: v.Duration(0, int64(request.ToThink/time.Second))}
	if page.Waiting, err = s.erasing(v, c, list); err != nil {
		return err
	}
	for _, id := range c.takes() {
		page.Mine = append(page.Mine, v.shownID(id))
	}
	page.Two = len(page.Mine) > 1
	for _, u := range v.notice.Stated {
		switch u.Basis {
		case policy.Contract:
			page.Spared = append(page.Spared, u.Title)
		case policy.LegalObligation:
			page.Bound = append(page.Bound, u)
		}
	}
	kept := policy.ErasureKept
	if e := p.Requests.Evidence; e.Basis != "" {
		kept, page.Answers = e.Keep, v.say(e.Why)
	}
	page.Kept = v.Duration(kept.Months, kept.Seconds)
	return v.show(status, never, "erase", page)
}

// takes gives what an erasure takes: all that is linked, but for a phone alone.
func (c *customer) takes() []subject.ID {
	all := slices.Clone(c.IDs)
	if !c.speaks() {
		return all
	}
	for _, m := range c.members {
		if !slices.Contains(all, m.ID) {
			all = append(all, m.ID)
		}
	}
	return all
}

type ticketPage struct {
	base
	New      bool // it was just made: the address has to be kept
	Href     string
	One      *demandView
	Erased   []slipView
	Files    []string
	Shredded bool
	Until    time.Time
	Secret   string
}

// meErased begins an erasure, and shows the ticket: once.
func (s *site) meErased(v *visit, c *customer) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	if v.PostForm.Get("do") != "erase" {
		return fault.At(fault.Invalid, "do", "say erase")
	}
	ticket, public, err := store.NewTicket()
	if err != nil {
		return err
	}
	r, _, err := s.Store.Ask(v.Context(), store.Ask{Subjects: c.IDs, Kind: request.Erasure, Alone: !c.speaks(), Demand: request.Demand{Ticket: public, Language: v.Tag}})
	if fault.KindOf(err) == fault.Unknown {
		return s.showErase(v, c, http.StatusOK, true)
	}
	if err != nil {
		return err
	}
	if !slices.Equal(r.Demand.Ticket, public) { // one waits already: its ticket was shown
		return v.redirect(http.StatusSeeOther, v.path("/me/requests/"+r.ID))
	}
	s.tellErasing(v, c, r)
	return v.redirect(http.StatusSeeOther, v.path("/erasure/"+ticket))
}

// tellErasing sends text messages to the phones that an erasure takes; the mails are
// queued with it.
func (s *site) tellErasing(v *visit, c *customer, r request.Request) {
	ids := slices.Clone(c.IDs)
	for _, id := range r.Demand.Linked {
		ids = append(ids, subject.ID(id))
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if id.Kind() == subject.Phone && s.SMS != nil {
			s.text(v, id, v.T("sms.erasing", "company", v.base.Company, "time", v.DateTime(r.Acts), "link", s.PublicURL+v.path("/me")), "")
		}
	}
}

// ticket shows what became of an erasure to who has its ticket, without a
// sign-in: afterwards there is nobody to sign in.
func (s *site) ticket(v *visit) error {
	t, err := s.Store.OpenTicket(v.Context(), v.PathValue("ticket"))
	if err != nil {
		return err
	}
	here := v.path("/erasure/" + v.PathValue("ticket"))
	page := ticketPage{base: v.privateBase("/erasure/"+v.PathValue("ticket"), v.T("ticket.title")), Shredded: t.Shredded, Until: t.Until, Href: s.PublicURL + here}
	if t.Request != nil {
		one := v.demandView(*t.Request, s.Store.Now())
		one.Facts, one.Answer = nil, "" // the ticket shows progress, and nothing of the person
		page.One = &one
	}
	if i := v.URL.Query().Get("receipt"); i != "" && len(i) == 1 && i[0] >= '1' && int(i[0]-'1') < len(t.Erased) {
		return v.attach(t.Erased[i[0]-'1'])
	}
	for i, r := range t.Erased {
		page.Erased = append(page.Erased, v.slipOf(r))
		page.Files = append(page.Files, here+"?receipt="+string(rune('1'+i)))
	}
	return v.show(http.StatusOK, never, "ticket", page)
}
