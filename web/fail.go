package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/amana-privacy/amana/edge"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/strict"
)

// The one place where an error becomes a status and words.

// errRate tells that one address sends too much.
var errRate = errors.New("too many requests from one address")

// gone is the status in the log of who did not wait for the answer.
const gone = 499

func statusOf(err error) int {
	switch {
	case errors.Is(err, errMethod):
		return http.StatusMethodNotAllowed
	case errors.Is(err, errRate):
		return http.StatusTooManyRequests
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	case errors.Is(err, context.Canceled):
		return gone
	}
	if _, media := errors.AsType[edge.MediaError](err); media {
		return http.StatusUnsupportedMediaType
	}
	return fault.Status(fault.KindOf(err))
}

type errorPage struct {
	base
	Text  string
	Links []link
}

// fail answers with an error in the reader's language. What is our fault is
// logged with its cause; what the reader sent is not.
func (s *site) fail(v *visit, w http.ResponseWriter, r *http.Request, err error) {
	status := s.prepare(w, r, err)
	if v == nil || v.showError(status) != nil {
		http.Error(w, strconv.Itoa(status)+" "+http.StatusText(status), status)
	}
}

func (v *visit) showError(status int) error {
	return v.same("error "+strconv.Itoa(status), status, never, "error", func() any {
		title, text := v.errorWords(status)
		page := errorPage{base: v.at(v.ed, "/", title), Text: text}
		page.Private = true
		page.Nav[0].Here = false // an error stands on no page of ours
		page.Links = page.Nav
		return page
	})
}

func (f *face) errorWords(status int) (title, text string) {
	switch status {
	case 404:
		return f.T("error.unknown"), f.T("error.unknown.text")
	case 400, 422:
		return f.T("error.malformed"), f.T("error.malformed.text")
	case 403:
		return f.T("error.denied"), f.T("error.denied.text")
	case 405:
		return f.T("error.method"), f.T("error.method.text")
	case 409:
		return f.T("error.conflict"), f.T("error.conflict.text")
	case 413:
		return f.T("error.large"), f.T("error.large.text")
	case 429, 503:
		return f.T("error.busy"), f.T("error.busy.text")
	}
	return f.T("error.internal"), f.T("error.internal.text")
}

// problem is fail for programs.
func (s *site) problem(w http.ResponseWriter, r *http.Request, err error) {
	status := s.prepare(w, r, err)
	body := map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status}
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind != fault.Internal {
		body["detail"] = f.Words
		if f.Field != "" {
			body["field"] = f.Field
		}
	}
	if m, ok := errors.AsType[edge.MediaError](err); ok {
		body["detail"] = m.Error()
	}
	if e, ok := errors.AsType[elsewhere](err); ok {
		body["to"] = e.to
	}
	if all, ok := errors.AsType[strict.Faults](err); ok && len(all) > 1 {
		var list []map[string]string
		for _, f := range all {
			list = append(list, map[string]string{"field": f.Field, "detail": f.Words})
		}
		body["errors"] = list
	}
	_ = writeJSON(w, status, "application/problem+json", body) // a map of plain values marshals
}

// prepare says in the head of the answer and in the log what an error needs.
func (s *site) prepare(w http.ResponseWriter, r *http.Request, err error) (status int) {
	status = statusOf(err)
	s.note(r, status, err)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "60")
	}
	return status
}

func (s *site) note(r *http.Request, status int, err error) {
	if status >= 500 {
		level := slog.LevelError
		if status == http.StatusServiceUnavailable {
			level = s.outage.Level(s.Now())
		}
		s.Log.LogAttrs(r.Context(), level, "a page failed", slog.String("route", routeOf(r)), slog.Int("status", status), slog.Any("error", err))
	}
}

// routeOf names a route without what stands in its place holders.
func routeOf(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return strings.TrimSuffix(r.Pattern, "{$}")
}
