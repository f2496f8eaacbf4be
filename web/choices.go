package web

import (
	"slices"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/notice"
)

type choicesPage struct {
	base
	State    string // ask, set or gpc, for programs that answer for people
	Changed  bool   // the answer was to a version that is not in force
	Saved    *saved
	GPC      bool
	Signaled []string // purposes to which the browser's signal says no
	Cards    []card
	You      []notice.Purpose
	Standing []slip
}

// saved tells what became of an answer.
type saved struct {
	Title, Text string
	Signaled    []string // purposes that were left to the browser's signal
	Receipts    []slip
}

// card is one purpose that is asked of the browser.
type card struct {
	notice.Purpose
	Switch toggle
	Often  []oftenView
	Own    []ownCard
}

// ownCard is a recipient that needs an answer of its own.
type ownCard struct {
	Name, Text string
	Switch     toggle
}

// toggle is a question with two equal buttons.
type toggle struct {
	Value string // ID or ID/RECIPIENT
	Label string // what is asked about, for who hears the button alone
	Now   string // the answer as it counts
	Since string
	Why   string // why it counts so, where that is not plain
	Slip  *slip  // the receipt of the answer just given
}

// slip leads to a receipt.
type slip struct {
	Title, Decision, Href string
	key                   consent.Key
}

func (s *site) choices(v *visit) error { return s.showChoices(v, 200, false) }

func (s *site) showChoices(v *visit, status int, changed bool) error {
	b, err := s.browserOf(v.Request, v.version)
	if err != nil {
		return err
	}
	v.ResponseWriter.Header().Add("Vary", "Cookie, Sec-GPC")
	if value, _ := cookieOf(v.Request); b.id != "" && value.ID == "" { // a parent permitted it: from now on the banner reads it too
		if err := s.settle(v.ResponseWriter, v.Request, v.face, b, nil); err != nil {
			return err
		}
	}
	page := choicesPage{base: v.at(v.ed, "/choices", v.T("choices.title")), Changed: changed, GPC: b.signals.GPC}
	page.Signaled = signaled(v, b)
	var fresh []slip
	if page.Saved, fresh, err = s.savedNow(v, b, page.Signaled); err != nil {
		return err
	}
	for _, p := range v.notice.Asked {
		if slices.Contains(v.version.Policy.Purposes[p.ID].Acts(), "device") {
			c, err := s.card(v, b, p, fresh)
			if err != nil {
				return err
			}
			page.Cards = append(page.Cards, c)
		}
		if v.byAddress(p.ID) {
			page.You = append(page.You, v.addressOnly(p))
		}
	}
	page.State = b.hook()
	page.Standing = s.standing(v, b)
	page.Private = page.Saved != nil
	return v.show(status, never, "choices", page)
}

// hook names the state of the page for programs that answer for people.
func (b browser) hook() string {
	switch {
	case b.id != "" || b.refused:
		return "set"
	case b.signals.GPC:
		return "gpc"
	}
	return "ask"
}

// byAddress reports whether a purpose acts on anything but a browser.
func (f *face) byAddress(id string) bool {
	return slices.ContainsFunc(f.version.Policy.Purposes[id].Acts(), func(kind string) bool { return kind != "device" })
}

// addressOnly leaves the browser out of what a purpose acts on.
func (f *face) addressOnly(p notice.Purpose) notice.Purpose {
	device := f.Of("kind", "device")
	p.Acts = slices.DeleteFunc(slices.Clone(p.Acts), func(s string) bool { return s == device })
	return p
}

// signaled gives the titles of the purposes to which Global Privacy Control
// says no for a browser that has not said otherwise itself.
func signaled(v *visit, b browser) []string {
	var list []string
	for _, p := range v.notice.Asked {
		u := v.version.Policy.Purposes[p.ID]
		st := b.states[consent.Key{Purpose: p.ID}]
		if b.signals.GPC && u.HeedsSignal() && slices.Contains(u.Acts(), "device") && (st.Yes == nil || !st.Yes.Signals.GPC) {
			list = append(list, p.Title)
		}
	}
	return list
}

func (s *site) card(v *visit, b browser, p notice.Purpose, fresh []slip) (card, error) {
	key := consent.Key{Purpose: p.ID}
	c := card{Purpose: p}
	var err error
	if c.Switch, err = s.toggle(v, b, key, p.Title, fresh); err != nil {
		return c, err
	}
	c.Often = v.often(b.states[key], p, p.ID+"@", p.Title)
	for _, r := range p.Recipients {
		if !r.Own {
			continue
		}
		key.Recipient = r.ID
		t, err := s.toggle(v, b, key, p.Title+" – "+r.Name, fresh)
		if err != nil {
			return c, err
		}
		c.Own = append(c.Own, ownCard{r.Name, v.T("choices.own.text", "country", r.Country), t})
	}
	return c, nil
}
