package api

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/strict"
)

// route is one operation of the door.
type route struct {
	method, path string
	scope        string   // a token needs it; "" is open to anyone who reaches the door
	query        []string // the names of its query parameters
	serve        func(*door, http.ResponseWriter, *http.Request) error
}

// routes is the one list of what the door does.
func routes() []route {
	list := []route{
		{"POST", "/v1/consents", "consent:write", nil, (*door).recordConsents},
		{"POST", "/v1/decide", "decide", nil, (*door).decide},
		{"POST", "/v1/receipts/get", "subject:read", nil, (*door).getReceipts},
		{"GET", "/v1/events", "subject:read", historyParameters, (*door).listEvents},
		{"POST", "/v1/events/get", "subject:read", nil, (*door).getEvents},
		{"POST", "/v1/mail", "mail", nil, (*door).postMail},
		{"POST", "/v1/unsubscribe-links", "mail", nil, (*door).unsubscribeLinks},
		{"POST", "/v1/portal-links", "request", nil, (*door).portalLink},
		{"GET", "/v1/requests", "request", requestParameters, (*door).listDemands},
		{"POST", "/v1/requests/get", "request", nil, (*door).getDemand},
		{"POST", "/v1/requests/outcome", "request", nil, (*door).endDemand},
		{"GET", "/v1/feed", "feed", []string{"nonce", "epoch", "after"}, (*door).feed},
		{"GET", "/v1/snapshot", "feed", nil, (*door).snapshot},
		{"POST", "/v1/permits", searchAny, nil, (*door).listPermits},
		{"GET", "/v1/policies", "policy:read", []string{"limit", "cursor"}, (*door).listPolicies},
		{"GET", "/v1/webhooks", "webhook", nil, (*door).listWebhooks},
		{"POST", "/v1/webhooks", "webhook", nil, (*door).addWebhook},
		{"GET", "/v1/webhooks/{id}", "webhook", nil, (*door).showWebhook},
		{"PATCH", "/v1/webhooks/{id}", "webhook", nil, (*door).changeWebhook},
		{"DELETE", "/v1/webhooks/{id}", "webhook", nil, (*door).removeWebhook},
		{"POST", "/v1/webhooks/{id}/rotate", "webhook", nil, (*door).rotateWebhook},
		{"POST", "/v1/webhooks/{id}/test", "webhook", nil, (*door).testWebhook},
		{"GET", "/v1/webhooks/{id}/deliveries", "webhook", []string{"state", "limit", "cursor"}, (*door).listDeliveries},
		{"POST", "/v1/webhooks/{id}/deliveries/{delivery}/redeliver", "webhook", nil, (*door).redeliver},
		{"POST", "/access/v1/evaluation", "decide", nil, (*door).evaluate},
		{"POST", "/access/v1/evaluations", "decide", nil, (*door).evaluateAll},
		{"POST", "/access/v1/search/subject", "search", nil, (*door).searchSubjects},
		{"POST", "/access/v1/search/resource", "search", nil, (*door).searchResources},
		{"POST", "/access/v1/search/action", "search", nil, (*door).searchActions},
		{anyMethod, gatePath, "decide", nil, (*door).gate},
		{"GET", wellKnown, "", nil, (*door).configuration},
		{"GET", "/explain", "", nil, (*door).explainAnywhere},
		{"GET", "/en/explain", "", nil, (*door).explainForm},
		{"POST", "/en/explain", "", nil, (*door).explainAnswer},
		{"GET", "/ar/explain", "", nil, (*door).explainForm},
		{"POST", "/ar/explain", "", nil, (*door).explainAnswer},
		{"GET", "/openapi.json", "", nil, (*door).describe},
		{"GET", healthPath, "", nil, (*door).health},
		{"GET", readyPath, "", nil, (*door).ready},
	}
	for _, p := range problems {
		list = append(list, route{"GET", p.page(), "", nil, p.explain})
	}
	return list
}

// onReplica are the paths of a door that a replica answers at, beside the pages of
// problems.
var onReplica = []string{"/v1/decide", "/access/v1/evaluation", "/access/v1/evaluations", "/.well-known/authzen-configuration", "/openapi.json", healthPath, readyPath}

// routes are those of this door.
func (d *door) routes() []route {
	return slices.DeleteFunc(routes(), func(rt route) bool {
		return d.Replica != nil && !slices.Contains(onReplica, rt.path) && !strings.HasPrefix(rt.path, "/problems/")
	})
}

// lasting are the paths whose answers may take as long as they like; they do not
// hold one of the places for what is worked on.
var lasting = []string{"/v1/feed", "/v1/snapshot"}

// resource is what stands at one path: a route for each method.
type resource struct {
	door    *door
	methods map[string]route
}

func (d *door) routed() *http.ServeMux {
	mux := http.NewServeMux()
	at := map[string]*resource{}
	d.exact = map[string]*resource{}
	for _, rt := range d.routes() {
		if d.Fixture != nil && isAccess(rt.path) {
			rt.scope = ""
		}
		res, ok := at[rt.path]
		if !ok {
			res = &resource{d, map[string]route{}}
			at[rt.path] = res
			mux.Handle(rt.path, res)
			if !strings.ContainsAny(rt.path, "{") && !isGate(rt.path) {
				d.exact[rt.path] = res
			}
			if isGate(rt.path) {
				d.gates = res
			}
		}
		res.methods[rt.method] = rt
		if rt.method == http.MethodGet {
			res.methods[http.MethodHead] = rt
		}
	}
	return mux
}

// open says whether the resource is reached without a token.
func (res *resource) open() bool {
	for _, rt := range res.methods {
		if rt.scope != "" {
			return false
		}
	}
	return true
}

// serve finds who asks before it says what there is: without a good token
// every path but the open ones is 401.
func (d *door) serve(w http.ResponseWriter, r *http.Request, c *call, res *resource) error {
	found := res != nil
	if !found || !res.open() {
		leave, err := d.places.Enter(r.Context())
		if err != nil {
			return retryAfter(w, 1, err)
		}
		c.leave = leave
		defer func() {
			if c.leave != nil {
				c.leave()
			}
		}()
		if c.token, err = d.authenticate(w, r); err != nil {
			return err
		}
		if err := d.limits.take(c.token.ID, d.Now()); err != nil {
			return retryAfter(w, 1, err)
		}
	}
	if !found {
		return fault.New(fault.Unknown, "there is nothing at this path")
	}
	if slices.Contains(lasting, c.pattern) {
		c.leave()
		c.leave = nil
	}
	if strings.Contains(c.pattern, "{") { // the mux knows what stands there
		d.mux.ServeHTTP(w, r)
	} else {
		res.ServeHTTP(w, r)
	}
	return nil
}

// at gives what stands at a request's path, and the path's pattern; nil where
// there is nothing. A gate's path ends as somebody else's address does, so the
// mux shall not tidy it up.
func (d *door) at(r *http.Request) (*resource, string) {
	if res := d.exact[r.URL.Path]; res != nil && r.URL.RawPath == "" {
		return res, r.URL.Path
	}
	if isGate(r.URL.Path) {
		return d.gates, gatePath
	}
	h, pattern := d.mux.Handler(r)
	res, ok := h.(*resource)
	if !ok {
		return nil, ""
	}
	return res, pattern
}

// ServeHTTP runs the route of the method.
func (res *resource) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := res.run(w, r); err != nil {
		res.door.fail(w, r, callOf(r), err)
	}
}

func (res *resource) run(w http.ResponseWriter, r *http.Request) error {
	rt, ok := res.methods[r.Method]
	if !ok {
		rt, ok = res.methods[anyMethod]
	}
	if !ok {
		w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(res.methods)), ", "))
		return refusal{noMethod, "this path does not take that method"}
	}
	if rt.scope != "" {
		if err := allowed(w, callOf(r).token, rt.scope); err != nil {
			return err
		}
		if err := rt.knows(r.URL); rt.method != anyMethod && err != nil {
			return err
		}
	}
	return rt.serve(res.door, w, r)
}

// knows refuses query parameters a route does not have: they would do nothing,
// and what identifies a person does not belong into a URL.
func (rt route) knows(u *url.URL) error {
	if u.RawQuery == "" {
		return nil
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fault.New(fault.Malformed, "the query of the URL cannot be read")
	}
	for name, given := range values {
		if !slices.Contains(rt.query, name) {
			return fault.At(fault.Invalid, strict.Shown(name), "there is no such query parameter here")
		}
		if len(given) > 1 {
			return fault.At(fault.Invalid, name, "the query parameter stands here %d times", len(given))
		}
	}
	return nil
}

// retryAfter says in how many seconds to try again.
func retryAfter(w http.ResponseWriter, seconds int, err error) error {
	w.Header().Set("Retry-After", fmt.Sprint(seconds))
	return err
}
