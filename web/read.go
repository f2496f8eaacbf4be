package web

import (
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/notice"
	"github.com/amana-privacy/amana/policy"
)

// The pages that are only read: home, policy, changes, contact.

type homePage struct {
	base
	About    string
	Tiles    []link
	Promises []string
}

func (s *site) home(v *visit) error {
	return v.same("home", 200, shortly, "home", func() any { return v.homePage() })
}

func (v *visit) homePage() homePage {
	p := v.version.Policy
	page := homePage{base: v.at(v.ed, "/", v.T("home.title", "name", v.base.Company)), About: v.say(p.Organization.About)}
	page.Tiles = []link{
		{Href: v.path("/policy"), Name: v.T("nav.policy"), Text: v.T("home.policy")},
		{Href: v.path("/choices"), Name: v.T("nav.choices"), Text: v.T("home.choices")},
		{Href: v.path("/me"), Name: v.T("nav.me"), Text: v.T("home.me")},
		{Href: v.path("/contact"), Name: v.T("nav.contact"), Text: v.T("home.contact")},
		{Href: v.path("/verify"), Name: v.T("nav.verify"), Text: v.T("home.verify")},
	}
	page.Promises = []string{
		v.N("home.promise.ask", len(v.notice.Asked)), v.T("home.promise.benefit"), v.shared(),
		v.T("home.promise.withdraw"), v.T("home.promise.receipt"),
	}
	return page
}

// shared says how many others get data.
func (f *face) shared() string {
	if n := len(f.version.Policy.Recipients); n > 0 {
		return f.N("home.promise.share", n)
	}
	return f.T("home.promise.nobody")
}

// policyPage is one leaf of a version.
type policyPage struct {
	base
	Version     policy.VersionID
	From        time.Time
	Past        bool
	Leaf        leaf
	First       bool
	Number, All int
	Turns       []link // to the leaves before and after
	Parts       []link // to the sections of the full text
}

// policy shows the version in force, or the leaf of it with a block.
func (s *site) policy(v *visit) error {
	return s.policyAt(v, v.version, "/policy", v.PathValue("block"))
}

// pastPolicy is the permanent address of any version, by its id or the bare
// hex of it. Only the page of a past version tells that it is past.
func (s *site) pastPolicy(v *visit) error {
	p, err := s.versionAt(v)
	if err != nil {
		return err
	}
	return s.policyAt(v, p, "/policy/"+string(p.ID), v.PathValue("block"))
}

func (s *site) versionAt(v *visit) (*policy.Version, error) {
	p := s.Store.Version(policy.VersionID("sha256:" + strings.TrimPrefix(v.PathValue("version"), "sha256:")))
	if p == nil {
		return nil, fault.New(fault.Unknown, "no such version of the policy")
	}
	return p, nil
}

// wholePolicy is any version in one file, to be kept and printed.
func (s *site) wholePolicy(v *visit) error {
	p, err := s.versionAt(v)
	if err != nil {
		return err
	}
	d, err := v.divided(p)
	if err != nil {
		return err
	}
	raw, err := v.render("whole", wholePage{v.base, p.ID, p.Published, v.ed.style.css, slices.Concat(d.leaves...)})
	if err != nil {
		return err
	}
	v.Header().Set("Content-Disposition", `attachment; filename="policy-`+short(p.ID)+"-"+v.Tag+`.html"`)
	v.write(http.StatusOK, shortly, "text/html; charset=utf-8", raw)
	return nil
}

// wholePage is a version that needs nothing beside itself.
type wholePage struct {
	base
	Version policy.VersionID
	From    time.Time
	CSS     template.CSS
	Leaf    leaf
}

type changesPage struct {
	base
	Announce string
	Versions []edit
}

// edit is one version in the list of changes.
type edit struct {
	ID             policy.VersionID
	Short          string
	Published      time.Time
	By             string
	InForce, First bool
	Changes        []notice.Change
}

func (s *site) changes(v *visit) error {
	return v.same("changes", 200, shortly, "changes", func() any { return v.changesPage(s.Store.History()) })
}

func (v *visit) changesPage(list []*policy.Version) changesPage {
	page := changesPage{base: v.at(v.ed, "/policy/changes", v.T("changes.title")), Announce: notice.Announcement(v.version, v.Words)}
	for i, p := range list {
		e := edit{ID: p.ID, Short: short(p.ID), Published: p.Published, By: p.By, InForce: i == 0, First: i == len(list)-1}
		if !e.First {
			e.Changes = notice.Changes(list[i+1], p, v.Words)
		}
		page.Versions = append(page.Versions, e)
	}
	return page
}

// short is enough of an id to tell versions apart by eye.
func short(id policy.VersionID) string {
	hex := strings.TrimPrefix(string(id), "sha256:")
	return hex[:min(12, len(hex))]
}

type contactPage struct {
	base
	Answer         string
	Rights         []string
	Representative *representative
	Authority      *authority
}

type representative struct{ Name, Region, Email, Address string }

type authority struct{ Name, URL string }

func (s *site) contact(v *visit) error {
	return v.same("contact", 200, shortly, "contact", func() any { return v.contactPage() })
}

func (v *visit) contactPage() contactPage {
	p := v.version.Policy
	page := contactPage{base: v.at(v.ed, "/contact", v.T("contact.title")), Rights: notice.Rights(p, v.Words)}
	if d := p.Inquiries.AnswerWithin; d.Said {
		page.Answer = v.T("contact.within", "time", v.Duration(d.Months, d.Seconds))
	}
	if r := p.Organization.Representative; r != nil {
		page.Representative = &representative{v.say(r.Name), v.Country(r.Region), r.Email, v.say(r.Address)}
	}
	if a := p.Organization.Authority; a != nil {
		page.Authority = &authority{v.say(a.Name), a.URL}
	}
	return page
}

// declared are the languages of the version in force that have pages.
func (ed *edition) declared() []string { return slices.Sorted(maps.Keys(ed.faces)) }
