package web

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/amana-privacy/amana/edge"
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
		out := &edge.Recorder{ResponseWriter: w}
		defer func() { s.access(r, out, began) }()
		defer s.rescue(out, r)
		headers(w.Header())
		s.share(w, r)
		r.Body = http.MaxBytesReader(out, r.Body, bound(r))
		_, r.Pattern = routes.Handler(r)
		leave, err := s.admit(cross, out, r)
		if err != nil {
			s.refuseEntry(out, r, err)
			return
		}
		defer leave()
		ctx, cancel := context.WithTimeout(r.Context(), s.Timeout)
		defer cancel()
		routes.ServeHTTP(out, r.WithContext(ctx))
	})
}

// arrival is how long the body of a request may take to come.
const arrival = 15 * time.Second

// admit stops forms that another site sends, and who sends too many, and takes
// a place for the rest. A small body comes before its request takes a place:
// who sends slowly keeps nobody waiting.
func (s *site) admit(cross *http.CrossOriginProtection, w http.ResponseWriter, r *http.Request) (leave func(), err error) {
	if err := cross.Check(r); err != nil && !oneClick(r.URL.Path) && !(answersOnly(r.URL.Path) && s.trusts(r.Header.Get("Origin"))) {
		return nil, &fault.Error{Kind: fault.Denied, Words: "the request comes from another site", Err: err}
	}
	if r.Method != http.MethodPost {
		return s.places.Enter(r.Context())
	}
	limits := s.limits
	if r.URL.Path == "/v1/shown" {
		limits = s.views
	}
	if !oneClick(r.URL.Path) && !limits.allow(r, s.Now()) {
		return nil, errRate
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(arrival)) // a connection that cannot is a test's
	if isUpload(r) {
		return s.uploads.Enter(r.Context())
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.Header().Set("Connection", "close") // the rest is not read
		return nil, tooLargeOr(err, fault.Malformed)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return s.places.Enter(r.Context())
}

func (s *site) refuseEntry(w http.ResponseWriter, r *http.Request, err error) {
	if strings.HasPrefix(r.URL.Path, "/v1/") && r.URL.Path != "/v1/subscriptions" {
		s.problem(w, r, err)
		return
	}
	v, _ := s.visit(w, r, "")
	s.fail(v, w, r, err)
}

// oneClick are the addresses that mail programs send to for their readers, each
// one for many, and from wherever they like (RFC 8058). Who has such an address
// may use it.
func oneClick(path string) bool { return strings.HasPrefix(path, "/u/") }

func isUpload(r *http.Request) bool { return len(r.URL.Path) > 3 && r.URL.Path[3:] == "/verify" }

func bound(r *http.Request) int64 {
	if isUpload(r) {
		return maxFile
	}
	return maxBody
}

func headers(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // no-referrer would make browsers send forms as coming from nowhere
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}

// rescue turns a panic into a page; the server goes on. What the panic carries
// may be what somebody sent, and is not logged.
func (s *site) rescue(w *edge.Recorder, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	s.Log.LogAttrs(r.Context(), slog.LevelError, "a page panicked", slog.String("route", routeOf(r)), slog.Any("error", edge.Cause(p)), slog.String("stack", string(debug.Stack())))
	if w.Status == 0 {
		v, _ := s.visit(w, r, "")
		s.fail(v, w, r, fault.New(fault.Internal, "a panic"))
	}
}

// access notes a request by its route: no query, no token, no address.
func (s *site) access(r *http.Request, w *edge.Recorder, began time.Time) {
	s.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("method", edge.Method(r.Method)), slog.String("route", routeOf(r)),
		slog.Int("status", w.Status), slog.Int64("bytes", w.Bytes), slog.Duration("took", s.Now().Sub(began)))
}
