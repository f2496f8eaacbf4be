package web

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
)

// Answers go from one of the company's domains to another by the person alone:
// signed in here, they send what this browser answered to a site that the policy
// names, by a token that works once, for a few minutes, there. It is a proposal:
// the site shows each answer again, and only the button there answers. It holds
// no id, so neither browser nor person is known by it at the other site, and who
// comes by somebody else's token can do with it what anybody can do there.

// carryKind is the kind of passes that hold answers for another site.
const carryKind = "carry"

const carryFor = 5 * time.Minute

// carried are answers on their way.
type carried struct {
	Site     string           `json:"site"` // as the policy names it
	Version  policy.VersionID `json:"version"`
	Language string           `json:"language"`
	Yes      []string         `json:"yes"` // switches
	No       []string         `json:"no"`
}

// answerLine is an answer as a page shows it.
type answerLine struct {
	Title  string
	Yes    bool
	Signal bool // a yes that the browser's signal leaves out
}

type sitesPage struct {
	base
	Changed bool
	Answers []answerLine
	Sites   []siteLine
}

type siteLine struct{ Address, Host string }

// elsewhere gives the company's sites of other domains than the door's, in the
// policy's order; none where the door is tried out at an address without a domain.
func (s *site) elsewhere(p *policy.Policy) (list []siteLine) {
	here := registrable(hostOf(s.PublicURL))
	if !strings.Contains(here, ".") || net.ParseIP(here) != nil {
		return nil
	}
	for _, a := range siteAddresses(p) {
		if host := hostOf(a); originOf(a) != "" && registrable(host) != here && !slices.Contains(list, siteLine{a, host}) {
			list = append(list, siteLine{a, host})
		}
	}
	return list
}

// answersOf gives what a browser answered to the version in force: the yeses
// that count, and the noes. What it was not asked is in neither.
func (s *site) answersOf(v *visit) (c carried, err error) {
	b, err := s.browserOf(v.Request, v.version)
	if err != nil {
		return c, err
	}
	c.Version, c.Language = v.version.ID, v.Tag
	refused := s.refusedBy(v.Request)
	for _, k := range cookie.Switches(v.version.Policy) {
		if slices.Contains(refused, k) {
			c.No = append(c.No, valueOf(k))
			continue
		}
		yes, err := s.covered(v.Context(), b, k)
		if err != nil {
			return c, err
		}
		if st := b.states[k].Status; yes {
			c.Yes = append(c.Yes, valueOf(k))
		} else if st == consent.StatusRefused || st == consent.StatusGone {
			c.No = append(c.No, valueOf(k))
		}
	}
	return c, nil
}

// refusedBy gives the switches to which a browser's cookie alone says no: all of
// its version, where it is a no to everything, or was taken back unheard.
func (s *site) refusedBy(r *http.Request) []consent.Key {
	c, ok := cookieOf(r)
	if !ok || !c.Refused() && !c.Untold {
		return nil
	}
	if answered := s.versionOf(c.Revision); answered != nil {
		return cookie.Switches(answered.Policy)
	}
	return nil
}

// lines words answers, in the order of the switches.
func (c carried) lines(f *face, gpc bool) (list []answerLine) {
	for _, k := range cookie.Switches(f.version.Policy) {
		l := answerLine{Title: f.titleOf(k), Yes: slices.Contains(c.Yes, valueOf(k))}
		l.Signal = l.Yes && gpc && f.version.Policy.Purposes[k.Purpose].HeedsSignal()
		if l.Yes || slices.Contains(c.No, valueOf(k)) {
			list = append(list, l)
		}
	}
	return list
}

// meSites shows what would be carried, and where to.
func (s *site) meSites(v *visit, _ *customer) error { return s.showSites(v, http.StatusOK, false) }

func (s *site) showSites(v *visit, status int, changed bool) error {
	c, err := s.answersOf(v)
	if err != nil {
		return err
	}
	page := sitesPage{base: v.privateBase("/me/sites", v.T("sites.title")), Changed: changed, Answers: c.lines(v.face, false), Sites: s.elsewhere(v.version.Policy)}
	var to []string
	for _, l := range page.Sites {
		to = append(to, originOf(l.Address))
	}
	return v.showLeading(status, "sites", page, to...)
}

// meCarry sends the answers of this browser to a site.
func (s *site) meCarry(v *visit, who *customer) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	if policy.VersionID(v.PostForm.Get("version")) != v.version.ID {
		return s.showSites(v, http.StatusConflict, true)
	}
	c, err := s.answersOf(v)
	if err != nil {
		return err
	}
	c.Site = v.PostForm.Get("site")
	if !slices.ContainsFunc(s.elsewhere(v.version.Policy), func(l siteLine) bool { return l.Address == c.Site }) {
		return fault.At(fault.Invalid, "site", "the policy names no such site of another domain")
	}
	if len(c.Yes)+len(c.No) == 0 {
		return s.showSites(v, http.StatusConflict, false)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	tokens, err := s.Store.Issue(v.Context(), store.Pass{Kind: carryKind, Owner: who.By, Data: raw, Until: s.Store.Now().Add(carryFor)})
	if err != nil {
		return err
	}
	return v.redirect(http.StatusSeeOther, originOf(c.Site)+"/amana/in/"+tokens[0])
}

type carryPage struct {
	base
	Host    string // "": the token opens nothing here
	Back    string // where it can be sent anew
	Answers []answerLine
	GPC     bool
	Changed bool
}

// arriving reads a token at the site that it is for, and nowhere else; the visit
// goes on in its language.
func (s *site) arriving(v *visit) (c carried, err error) {
	pass, err := s.Store.Look(v.Context(), carryKind, v.PathValue("token"))
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(pass.Data, &c); err != nil {
		return c, err
	}
	if f := v.ed.faces[c.Language]; f != nil {
		v.face = f
	}
	if originOf(c.Site) != originOf(schemeOf(c.Site)+v.Host) {
		return c, fault.New(fault.Denied, "these answers are for another site")
	}
	return c, nil
}

func schemeOf(address string) string {
	scheme, _, _ := strings.Cut(address, "//")
	return scheme + "//"
}

// carry shows the answers that came, at the site, before they count.
func (s *site) carry(v *visit) error {
	c, err := s.arriving(v)
	if err != nil {
		return s.carryOver(v, err)
	}
	return s.showCarry(v, http.StatusOK, c)
}

func (s *site) showCarry(v *visit, status int, c carried) error {
	page := carryPage{base: s.awayBase(v, v.T("carry.title")), Host: hostOf(c.Site), GPC: signalsOf(v.Request).GPC}
	page.Answers = c.lines(v.face, page.GPC)
	page.Changed = c.Version != v.version.ID && len(c.Yes) > 0
	if page.Changed {
		page.Back = s.PublicURL + v.path("/me/sites")
	}
	return v.showLeading(status, "carry", page)
}

// carryOver is the one answer to a token that opens nothing, or nothing here.
func (s *site) carryOver(v *visit, err error) error {
	if fault.KindOf(err) != fault.Denied {
		return err
	}
	return v.showLeading(http.StatusForbidden, "carry", carryPage{base: s.awayBase(v, v.T("pass.over")), Back: s.PublicURL + v.path("/me/sites")})
}

// take answers at the site: as carried, or no to everything. The token is used
// up before anything is recorded; of who presses twice one is heard.
func (s *site) take(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return tooLargeOr(err, fault.Malformed)
	}
	c, err := s.arriving(v)
	if err != nil {
		return s.carryOver(v, err)
	}
	a, err := s.heard(v, c)
	if err != nil {
		return err
	}
	if a.agrees() && a.shown.ID != v.version.ID {
		return s.showCarry(v, http.StatusConflict, c)
	}
	if err := s.aged(v.ResponseWriter, v.Request, v.version.Policy, a.wanted()...); err != nil {
		return s.asksAge(v, err)
	}
	if _, err := s.Store.Use(v.Context(), carryKind, v.PathValue("token"), ""); err != nil {
		return s.carryOver(v, err)
	}
	if _, err := s.answer(v.ResponseWriter, v.Request, v.face, a); err != nil {
		if errors.Is(err, errChanged) { // published in between
			return s.showCarry(v, http.StatusConflict, c)
		}
		return err
	}
	return v.redirect(http.StatusSeeOther, c.Site)
}

// heard reads the button: the answers one by one, less those to which the
// browser's signal says no here, for one press overrules no signal.
func (s *site) heard(v *visit, c carried) (said, error) {
	choice := v.PostForm.Get("choice")
	if choice != "take" && choice != "reject" || len(v.PostForm["choice"]) != 1 {
		return said{}, fault.At(fault.Invalid, "choice", "say take or reject, once")
	}
	shown, err := s.shownAs(c.Version)
	if err != nil {
		return said{}, err
	}
	a := said{shown: shown, yes: map[consent.Key]bool{}, all: len(c.Yes) == 0 || choice == "reject", sweeping: true, language: v.Tag, surface: consent.SurfaceChoices}
	gpc := signalsOf(v.Request).GPC
	for _, k := range cookie.Switches(shown.Policy) {
		yes := slices.Contains(c.Yes, valueOf(k)) && !a.all
		switch {
		case yes && gpc && shown.Policy.Purposes[k.Purpose].HeedsSignal():
			a.left = append(a.left, k.Purpose)
		case yes || a.all || slices.Contains(c.No, valueOf(k)):
			a.yes[k] = yes
		}
	}
	return a, nil
}

// awayBase is the base of a page that stands at another host than the door: its
// links lead to the door, and it asks that host for nothing.
func (s *site) awayBase(v *visit, title string) base {
	b := v.privateBase("/choices", title)
	b.Door, b.Inline, b.Logo, b.Tongues, b.OneAct = s.PublicURL, v.ed.style.css, "", nil, true
	for _, list := range [][]link{b.Nav, b.More} {
		for i := range list {
			list[i].Href, list[i].Here = s.PublicURL+list[i].Href, false
		}
	}
	return b
}

// showLeading shows a page whose forms may lead to some other origins, too.
func (v *visit) showLeading(status int, page string, data any, to ...string) error {
	plain, err := v.render(page, data)
	if err != nil {
		return err
	}
	const own = "form-action 'self'"
	v.Header().Set("Content-Security-Policy", strings.Replace(v.ed.style.csp, own, strings.Join(append([]string{own}, to...), " "), 1))
	v.send(status, never, "text/html; charset=utf-8", body{plain: plain})
	return nil
}
