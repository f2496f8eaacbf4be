package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/amana-privacy/amana/fault"
)

// Bounds of a body.
const (
	maxBody = 64 << 10
	maxFile = 1<<20 + 64<<10 // a receipt and the form around it
)

// middleware puts around every route what holds for all of them.
func (s *site) middleware(routes *http.ServeMux) http.Handler {
	cross := http.NewCrossOriginProtection()
	if o := s.origin(); o != "" {
		_ = cross.AddTrustedOrigin(o) // behind a proxy the Host may be another; an origin that is none is trusted by nobody
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		out := &recorder{ResponseWriter: w}
		defer func() { s.access(r, out, began) }()
		defer s.rescue(out, r)
		headers(w.Header())
		r.Body = http.MaxBytesReader(out, r.Body, bound(r))
		_, r.Pattern = routes.Handler(r)
		if err := s.admit(cross, r); err != nil {
			s.refuseEntry(out, r, err)
			return
		}
		routes.ServeHTTP(out, r)
	})
}

// admit stops forms that another site sends, and who sends too many.
func (s *site) admit(cross *http.CrossOriginProtection, r *http.Request) error {
	if err := cross.Check(r); err != nil {
		return &fault.Error{Kind: fault.Denied, Words: "the request comes from another site", Err: err}
	}
	if r.Method == http.MethodPost && !s.limits.allow(r, s.Now()) {
		return errRate
	}
	return nil
}

func (s *site) refuseEntry(w http.ResponseWriter, r *http.Request, err error) {
	if r.URL.Path == "/v1/choices" {
		s.problem(w, r, err)
		return
	}
	v, _ := s.visit(w, r, "")
	s.fail(v, w, r, err)
}

func bound(r *http.Request) int64 {
	if len(r.URL.Path) > 3 && r.URL.Path[3:] == "/verify" {
		return maxFile
	}
	return maxBody
}

func headers(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}

// rescue turns a panic into a page; the server goes on.
func (s *site) rescue(w *recorder, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	s.Log.LogAttrs(r.Context(), slog.LevelError, "a page panicked", slog.String("route", routeOf(r)), slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
	if w.status == 0 {
		v, _ := s.visit(w, r, "")
		s.fail(v, w, r, fault.New(fault.Internal, "a panic"))
	}
}

// access notes a request by its route: no query, no token, no address.
func (s *site) access(r *http.Request, w *recorder, began time.Time) {
	s.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("method", r.Method), slog.String("route", routeOf(r)),
		slog.Int("status", w.status), slog.Int64("bytes", w.bytes), slog.Duration("took", s.Now().Sub(began)))
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap gives http.ResponseController the writer below.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
