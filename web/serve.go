package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/lang"
)

// visit is one request with the pages in its language.
type visit struct {
	http.ResponseWriter
	*http.Request
	*face
	ed *edition
}

// handler answers a visit. An error becomes a page in the reader's language.
type handler func(*visit) error

// method is a handler and the HTTP method it is for; GET includes HEAD.
type method struct {
	name   string
	answer handler
}

func get(h handler) method  { return method{http.MethodGet, h} }
func post(h handler) method { return method{http.MethodPost, h} }

// Who may keep a page, and how long.
const (
	shortly = "public, max-age=300"
	never   = "no-store"
	forever = "public, max-age=31536000, immutable"
)

// serve makes a route in a language; "" is the reader's own.
func (s *site) serve(language string, methods ...method) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := s.visit(w, r, language)
		if err == nil {
			err = s.asksAge(v, v.dispatch(methods))
		}
		if err != nil {
			s.fail(v, w, r, err)
		}
	})
}

// visit finds the language of a request. A language that is not declared is
// answered as an unknown page in one that is.
func (s *site) visit(w http.ResponseWriter, r *http.Request, language string) (*visit, error) {
	ed, err := s.edition()
	if err != nil {
		return nil, err
	}
	if ed == nil {
		return nil, fault.New(fault.Overloaded, "no policy is in force yet")
	}
	v := &visit{ResponseWriter: w, Request: r, ed: ed, face: ed.faces[language]}
	if v.face != nil {
		return v, nil
	}
	v.face = ed.faces[s.preferred(r, ed)]
	w.Header().Add("Vary", "Accept-Language")
	if language != "" {
		return v, fault.New(fault.Unknown, "the policy is not in that language")
	}
	return v, nil
}

// preferred is the language of the address, where it has one, else the reader's.
func (s *site) preferred(r *http.Request, ed *edition) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if ed.faces[first] != nil {
		return first
	}
	declared := slices.DeleteFunc(slices.Clone(ed.version.Policy.Languages), func(l string) bool { return ed.faces[l] == nil })
	return lang.Match(r.Header.Get("Accept-Language"), declared)
}

var errMethod = errors.New("the route does not know this method")

func (v *visit) dispatch(methods []method) error {
	asked := v.Method
	if asked == http.MethodHead {
		asked = http.MethodGet
	}
	allow := []string{}
	for _, m := range methods {
		if m.name == asked {
			return m.answer(v)
		}
		allow = append(allow, m.name)
	}
	v.Header().Set("Allow", strings.Join(allow, ", "))
	return errMethod
}

// Header is the answer's: the request's is v.Request.Header.
func (v *visit) Header() http.Header { return v.ResponseWriter.Header() }

func (v *visit) redirect(status int, path string) error {
	v.Header().Set("Cache-Control", never)
	v.Header().Set("Location", path)
	v.WriteHeader(status)
	return nil
}

// bareHome leads to the home page of the language.
func (s *site) bareHome(v *visit) error { return v.redirect(http.StatusMovedPermanently, v.path("/")) }

// byLanguage leads a bare address to the reader's language.
func (s *site) byLanguage(v *visit) error {
	return v.redirect(http.StatusFound, v.path(v.URL.EscapedPath()))
}

func (s *site) nothing(*visit) error { return fault.New(fault.Unknown, "no such page") }
