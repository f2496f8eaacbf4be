package web

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/amana-privacy/amana/banner"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/gpp"
	"github.com/amana-privacy/amana/policy"
)

// What the company's own sites load.

// briefly is for what depends on the visitor: no other may get it, and whoever
// keeps it asks each time whether it is still good. Browsers forget Vary: Cookie
// in their own cache, so any time to live would ask again who has just answered.
const briefly = "private, no-cache"

// bannerScript serves the questions to whoever has something to answer, and the
// gate alone to whoever has not. It depends on the language and the cookie.
func (s *site) bannerScript(v *visit) error {
	if f := v.ed.faces[v.URL.Query().Get("lang")]; f != nil {
		v.face = f
	}
	v.Header().Add("Vary", "Cookie, Sec-GPC")
	v.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	script, err := s.scriptOf(v.face, v.domain())
	if err != nil {
		return err
	}
	who := s.visitorOf(v.Request, v.version)
	if who.Answer != "" && !strings.HasSuffix(who.Answer, ".0") { // there are too many yeses to keep a script for each
		v.write(200, briefly, script.Type, script.For(who))
		return nil
	}
	kept, err := v.once(fmt.Sprintf("banner %s %s %t %t", v.domain(), who.Answer, who.Ask, who.GPC), func() ([]byte, error) { return script.For(who), nil })
	if err != nil {
		return err
	}
	v.send(200, briefly, script.Type, kept)
	return nil
}

// scriptOf compiles the banner of a face when it is first asked for, for a door
// whose cookie is of that domain.
func (s *site) scriptOf(f *face, domain string) (*banner.Script, error) {
	if kept, ok := f.scripts.Load(domain); ok {
		return kept.(*banner.Script), nil
	}
	attributes := fmt.Sprintf(";path=/;max-age=%d;samesite=lax", f.life(s.Now()))
	if s.secure() {
		attributes += ";secure"
	}
	if domain != "" {
		attributes += ";domain=" + domain
	}
	script, err := banner.Compile(f.version, f.Words, attributes)
	if err != nil {
		return nil, err
	}
	kept, _ := f.scripts.LoadOrStore(domain, script)
	return kept.(*banner.Script), nil
}

// visitorOf reads the cookie alone: a page is shown to whoever comes, and no
// question to the store may hold it up.
func (s *site) visitorOf(r *http.Request, v *policy.Version) banner.Visitor {
	who := banner.Visitor{GPC: signalsOf(r).GPC}
	c, ok := cookieOf(r)
	if !ok || c.Untold {
		return who
	}
	answered := s.versionOf(c.Revision)
	if answered == nil {
		return who
	}
	who.Reading = c.Read(answered, v, who.GPC, s.Now())
	who.Answer = c.Revision + "." + string(c.Set)
	if !c.Refused() {
		who.Answer += "."
	}
	return who
}

// versionOf gives the newest version of a revision, as cookies name it; nil
// where none was ever published.
func (s *site) versionOf(revision string) *policy.Version {
	for _, v := range s.Store.History() {
		if cookie.Revision(v.ID) == revision {
			return v
		}
	}
	return nil
}

// bannerFile serves what stands under the address of its bytes. A script that is
// not known any more leads to the one of today.
func (s *site) bannerFile(v *visit) error {
	v.Header().Set("Access-Control-Allow-Origin", "*")
	v.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	for _, ed := range []*edition{v.ed, v.ed.before} {
		if ed == nil {
			continue
		}
		for _, l := range ed.declared() {
			script, err := s.scriptOf(ed.faces[l], ed.faces[l].domains.of(v.Host))
			if err != nil {
				return err
			}
			for _, f := range script.Files() {
				if f.Path() == v.URL.Path {
					b, _ := ed.faces[l].once(f.Name, func() ([]byte, error) { return f.Body, nil })
					v.send(200, forever, f.Type, b)
					return nil
				}
			}
		}
	}
	if strings.HasSuffix(v.URL.Path, ".js") {
		return v.redirect(http.StatusFound, "/amana.js")
	}
	return fault.New(fault.Unknown, "no such file")
}

// bannerManifest tells programs how to read the cookie, and pages where the
// script stands that never changes.
func (s *site) bannerManifest(v *visit) error {
	b, err := v.once("manifest "+v.domain(), func() ([]byte, error) {
		m := banner.ManifestOf(v.version, s.Store.History())
		for _, l := range v.ed.declared() {
			script, err := s.scriptOf(v.ed.faces[l], v.domain())
			if err != nil {
				return nil, err
			}
			m.Include(l, script)
		}
		return m.JSON()
	})
	if err != nil {
		return err
	}
	v.Header().Set("Access-Control-Allow-Origin", "*")
	v.send(200, shortly, "application/json", b)
	return nil
}

// bannerNginx serves the same for nginx.
func (s *site) bannerNginx(v *visit) error {
	b, err := v.once("nginx", func() ([]byte, error) { return banner.ManifestOf(v.version, s.Store.History()).Nginx(), nil })
	if err != nil {
		return err
	}
	v.send(200, shortly, "text/plain; charset=utf-8", b)
	return nil
}

// bannerTypes serves the TypeScript declarations, with the policy's own purposes.
func (s *site) bannerTypes(v *visit) error {
	b, err := v.once("types", func() ([]byte, error) { return banner.Types(v.version.Policy), nil })
	if err != nil {
		return err
	}
	v.send(200, shortly, "text/plain; charset=utf-8", b)
	return nil
}

// bannerPlatform serves the API of the Global Privacy Platform, for pages whose
// tags ask by it. It stands behind the banner. A page that knows the state of its
// visitor names it (?state=va).
func (s *site) bannerPlatform(v *visit) error {
	v.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	state := v.URL.Query().Get("state")
	if _, known := gpp.Named("us" + state); !known {
		state = ""
	}
	b, err := v.once("gpp "+state, func() ([]byte, error) { return banner.GPP(v.version.Policy, state), nil })
	if err != nil {
		return err
	}
	v.send(200, shortly, "text/javascript; charset=utf-8", b)
	return nil
}

// noScriptForm is a piece of HTML for the company's own pages: the same
// questions as a form, for browsers without script.
func (s *site) noScriptForm(v *visit) error {
	b, err := v.once("form", func() ([]byte, error) { return banner.Form(v.version, v.Words, s.PublicURL) })
	if err != nil {
		return err
	}
	v.send(200, shortly, "text/html; charset=utf-8", b)
	return nil
}
