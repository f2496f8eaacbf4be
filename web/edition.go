package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"sync"
	"time"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/notice"
	"github.com/amana-privacy/amana/policy"
)

//go:embed pages/*.html
var pageFiles embed.FS

// edition is everything that follows from the version in force and the logo. It
// is made when they are first seen, and then only read; pages that are the same
// for everybody are added as they are first asked for.
type edition struct {
	version *policy.Version
	style   style
	faces   map[string]*face
	logo    *mark
	former  *mark    // of the edition before: readers still keep its pages
	before  *edition // the same, of the banner
	origins []string // of the company's sites
}

// mark is a logo with the address under which it is served, which is of its
// bytes; "" without one.
type mark struct {
	*Logo
	path string
}

func markOf(l *Logo) *mark {
	if l == nil || len(l.Data) == 0 {
		return &mark{Logo: l}
	}
	sum := sha256.Sum256(l.Data)
	return &mark{l, "/assets/logo-" + hex.EncodeToString(sum[:6]) + map[string]string{"image/svg+xml": ".svg", "image/png": ".png"}[l.Type]}
}

// face is an edition in one language.
type face struct {
	*lang.Words
	version *policy.Version
	notice  *notice.Notice
	pages   pages
	base    base
	kept    sync.Map // name to body: what is the same for everybody
	cut     sync.Map // version to *divided
	domains domains  // of the cookie
	scripts sync.Map // domain of the cookie to *banner.Script
}

// base is what every page shows around its main part.
type base struct {
	Lang, Dir          string
	Company, LegalName string
	Logo               string
	Style              string       // where the sheet is
	Inline             template.CSS // the sheet itself, for a page that stands elsewhere
	Indic              bool         // numbers of lists are ١ ٢ ٣ too
	Contact            reach
	InForce            policy.VersionID
	Since              time.Time

	// of the page itself
	Title     string
	Private   bool   // not for search machines
	Door      string // address of the door, for a page that stands elsewhere
	OneAct    bool   // has a button of its own, and no other beside it
	Tongues   []tongue
	Nav, More []link
}

// reach is how to reach the company.
type reach struct {
	Email, Phone, Tel, Address, Hours string
	Officer                           *officer
}

type officer struct{ Name, Email, Phone, Tel string }

// tongue is the same page in a language.
type tongue struct {
	Lang, Dir, Name, Href string
	Here                  bool
}

type link struct {
	Href, Name, Text string
	Here             bool
}

// edition gives the pages of the version in force; nil where there is none.
func (s *site) edition() (*edition, error) {
	v, logo := s.Store.InForce(), s.Logo()
	if v == nil {
		return nil, nil
	}
	if ed := s.current.Load(); ed.of(v, logo) {
		return ed, nil
	}
	s.making.Lock()
	defer s.making.Unlock()
	before := s.current.Load()
	if before.of(v, logo) {
		return before, nil
	}
	ed, err := newEdition(v, markOf(logo))
	if err != nil {
		return nil, err
	}
	ed.origins = siteOrigins(v.Policy)
	for _, f := range ed.faces {
		f.domains = domainsOf(v.Policy, s.PublicURL)
	}
	if before != nil {
		ed.before, before.before = before, nil
		if ed.former = before.former; before.logo.path != ed.logo.path {
			ed.former = before.logo
		}
	}
	s.current.Store(ed)
	return ed, nil
}

func (ed *edition) of(v *policy.Version, l *Logo) bool {
	return ed != nil && ed.version == v && ed.logo.Logo == l
}

func newEdition(v *policy.Version, logo *mark) (*edition, error) {
	ed := &edition{version: v, style: styleOf(v.Policy.Organization.Color), faces: map[string]*face{}, logo: logo}
	for _, l := range v.Policy.Languages {
		w, ok := lang.For(l, lang.Options{Digits: lang.Digits(v.Policy.Digits), Calendar: lang.Calendar(v.Policy.Calendar)})
		if !ok {
			continue
		}
		f := &face{Words: w, version: v, notice: notice.Of(v, w)}
		f.base = f.newBase(ed.style.path, logo.path)
		f.pages = newPages(w, f.toBlock)
		ed.faces[l] = f
	}
	return ed, nil
}

// pages are a language's templates, one set a page, each read when it is first
// shown. They are safe for concurrent use.
type pages map[string]func() *template.Template

// lookup gives the templates of a page that there is.
func (p pages) lookup(name string) *template.Template { return p[name]() }

// newPages makes a language's pages. toBlock tells where a part of the policy is.
func newPages(w *lang.Words, toBlock func(id string) string) pages {
	funcs := template.FuncMap{"T": w.T, "N": w.N, "H": w.H, "Of": w.Of, "moment": w.DateTime, "list": w.Names, "num": w.Number,
		"inc": func(i int) int64 { return int64(i) + 1 }, "here": func() string { return "/" + w.Tag }, "toBlock": toBlock}
	read := func(files ...string) func() *template.Template {
		return sync.OnceValue(func() *template.Template {
			return template.Must(template.New("").Funcs(funcs).ParseFS(pageFiles, append([]string{"pages/layout.html"}, files...)...))
		})
	}
	p := pages{"whole": read("pages/policy.html", "pages/whole.html")}
	for _, name := range []string{"home", "policy", "changes", "choices", "contact", "verify", "receipt", "error", "footer", "me", "signin", "code", "age", "child", "parent", "permission", "children", "passkeys", "sessions", "sites", "carry", "prove", "pass", "identifiers", "undo", "known", "mine", "slips", "requests", "request", "correct", "take", "erase", "ticket", "confirm", "leave", "subscribed"} {
		p[name] = read("pages/" + name + ".html")
	}
	return p
}

func (f *face) newBase(style, logo string) base {
	o := f.version.Policy.Organization
	b := base{Lang: f.Tag, Dir: f.Dir(), Company: f.say(o.Name), LegalName: f.say(o.LegalName), Logo: logo, Style: style,
		Indic: f.Tag == "ar" && f.version.Policy.Digits == string(lang.ArabicIndic), InForce: f.version.ID, Since: f.version.Published, Contact: f.reach(o.Contact)}
	return b
}

func (f *face) reach(c policy.Contact) reach {
	r := reach{Email: c.Email, Phone: c.Phone, Tel: notice.Tel(c.Phone, f.version.Policy.DefaultRegion), Address: f.say(c.Address), Hours: f.say(c.Hours)}
	if p := c.Officer; p != nil {
		r.Officer = &officer{f.say(p.Name), p.Email, p.Phone, notice.Tel(p.Phone, f.version.Policy.DefaultRegion)}
	}
	return r
}

// say gives a text of the version in force in the language of the face.
func (f *face) say(t policy.Text) string {
	if s := t.In(f.Tag); s != "" {
		return s
	}
	return t.In(f.version.Policy.Master())
}

// at gives the base of a page by its path behind the language.
func (f *face) at(ed *edition, path, title string) base {
	b := f.base
	b.Title = title
	b.Nav = f.nav(path)
	b.More = append(f.nav(path)[1:], link{Href: f.path("/policy/changes"), Name: f.T("nav.changes")})
	for _, l := range ed.declared() {
		if len(ed.faces) > 1 {
			b.Tongues = append(b.Tongues, tongue{l, ed.faces[l].Dir(), ed.faces[l].Name(), "/" + l + path, l == f.Tag})
		}
	}
	return b
}

func (f *face) path(p string) string { return "/" + f.Tag + p }

func (f *face) nav(here string) []link {
	list := []link{
		{Href: "/", Name: f.T("nav.home")}, {Href: "/policy", Name: f.T("nav.policy")}, {Href: "/choices", Name: f.T("nav.choices")},
		{Href: "/me", Name: f.T("nav.me")}, {Href: "/contact", Name: f.T("nav.contact")}, {Href: "/verify", Name: f.T("nav.verify")},
	}
	for i, l := range list {
		list[i].Here = l.Href == here
		list[i].Href = f.path(l.Href)
	}
	return list
}

// life is how long the cookie of the choices stays, in seconds.
func (f *face) life(now time.Time) int {
	return int(cookie.Life(f.version.Policy, now) / time.Second)
}
