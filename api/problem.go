package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/strict"
)

// kind is one kind of problem: its name is the end of the address that stands
// in "type", at which the door itself explains it.
type kind struct {
	name   string
	status int
	title  string
	help   string // what it means and what to do
}

func (k *kind) page() string { return "/problems/" + k.name }

// The kinds of problem.
var (
	malformed = &kind{"malformed", 400, "Cannot be read", "The body is not JSON, or a header cannot be read. JSON is read strictly: valid UTF-8, no member twice, nothing after the value. \"detail\" says where."}
	noToken   = &kind{"token", 401, "A token is needed", "Every path but /openapi.json, /healthz, /readyz and these pages needs a bearer token: Authorization: Bearer amana_… It is made with amana token create."}
	denied    = &kind{"denied", 403, "Not allowed", "The token is good but lacks the scope named in \"detail\". Make one that has it with amana token create --scope."}
	unknown   = &kind{"unknown", 404, "Not found", "What is named does not exist. \"field\" says which member named it; without one it is the path itself."}
	noMethod  = &kind{"method", 405, "Method not taken", "The path exists but does not take this method. The header Allow lists those it takes."}
	tooSlow   = &kind{"slow", 408, "Too slow", "The body did not arrive in time. Send it again."}
	conflict  = &kind{"conflict", 409, "Collides with what stands", "The request is right in itself but not now. \"detail\" says what stands in the way."}
	tooLarge  = &kind{"large", 413, "Too large", "The body is larger than 1 MiB. Send it in parts."}
	mediaType = &kind{"media-type", 415, "Not JSON by its header", "Send the header Content-Type: application/json, in UTF-8 and without a Content-Encoding."}
	invalid   = &kind{"invalid", 422, "Breaks a rule", "The body is JSON, but a member is missing, unknown, of the wrong type or not allowed. \"field\" is the path of the first, \"errors\" lists all of them. Sending it again unchanged will not help."}
	tooMany   = &kind{"rate", 429, "Too many requests", "The token makes more requests a second than it may. Wait as many seconds as the header Retry-After says."}
	internal  = &kind{"internal", 500, "Our mistake", "The server failed. Nothing was half done. The header X-Request-ID names the line in its log."}
	busy      = &kind{"unavailable", 503, "Try again", "The server is busy, stopping or not ready. Wait as many seconds as the header Retry-After says; with an Idempotency-Key a consent can be sent again safely."}
)

// problems lists the kinds by status.
var problems = []*kind{malformed, noToken, denied, unknown, noMethod, tooSlow, conflict, tooLarge, mediaType, invalid, tooMany, internal, busy}

// ofFault gives the kind of problem that a fault is: the one with its status.
func ofFault(k fault.Kind) *kind {
	return problems[slices.IndexFunc(problems, func(p *kind) bool { return p.status == fault.Status(k) })]
}

// refusal is a problem that only this edge knows.
type refusal struct {
	kind  *kind
	words string
}

func (r refusal) Error() string { return r.words }

// problem is the body of an error (RFC 9457). No member repeats what was sent.
type problem struct {
	Type   string    `json:"type" doc:"What kind of problem: an address on this server that explains it."`
	Title  string    `json:"title" doc:"The kind in a few words; the same for every problem of the kind."`
	Status int       `json:"status" doc:"The HTTP status."`
	Detail string    `json:"detail" doc:"What is wrong this time, for a developer."`
	Field  string    `json:"field,omitempty" doc:"The path of the member at fault, such as choices[1].decision, or the name of the header or query parameter."`
	Errors []mistake `json:"errors,omitempty" doc:"Every mistake that was found, where there are several."`
}

// mistake is one of several.
type mistake struct {
	Field  string `json:"field" doc:"The path of the member at fault."`
	Detail string `json:"detail" doc:"What is wrong with it."`
}

// problemOf gives an error its form. Only a fault's words are shown.
func problemOf(err error) problem {
	if r, ok := errors.AsType[refusal](err); ok {
		return of(r.kind, "", r.words)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return of(busy, "", "it took too long")
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind == fault.Internal {
		return of(internal, "", "the server failed")
	}
	p := of(ofFault(e.Kind), e.Field, e.Words)
	if all, ok := errors.AsType[strict.Faults](err); ok && len(all) > 1 {
		for _, e := range all {
			p.Errors = append(p.Errors, mistake{e.Field, e.Words})
		}
	}
	return p
}

func of(k *kind, field, detail string) problem {
	return problem{Type: k.page(), Title: k.title, Status: k.status, Detail: detail, Field: field}
}

// fail answers with a problem, and logs what is ours to mend.
func (d *door) fail(w http.ResponseWriter, r *http.Request, c *call, err error) {
	if errors.Is(err, context.Canceled) { // nobody reads the answer
		w.WriteHeader(499)
		return
	}
	p := problemOf(err)
	if p.Status >= 500 && c.pattern != readyPath {
		level := slog.LevelError
		if p.Status == busy.status {
			level = d.outage.Level(d.Now())
		}
		d.Log.Log(r.Context(), level, "failed", "request", c.id, "route", c.pattern, "status", p.Status, "err", err)
	}
	if p.Status == busy.status && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "1")
	}
	if isAccess(r.URL.Path) {
		plainly(w, p)
		return
	}
	d.write(w, p)
}

func (d *door) write(w http.ResponseWriter, p problem) {
	raw, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and a number
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
	w.WriteHeader(p.Status)
	w.Write(raw)
}

// explain is the page of a kind.
func (k *kind) explain(_ *door, w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "%d %s\n\n%s\n", k.status, k.title, k.help)
	return nil
}
