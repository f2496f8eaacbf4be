package api

import (
	"io"
	"net/http"
	"strings"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/subject"
)

// Gates are for proxies that ask, by a request of their own for each of a
// customer's, whether to let it through: Envoy's ext_authz over HTTP, nginx's
// auth_request. The purpose stands in the path, where nobody but the proxy's
// configuration puts it; Envoy appends the path the customer asked for, which
// is not looked at. 200 is yes and 403 no; anything else is "could not tell",
// and both proxies let nothing through then.

// gatePath is where gates begin; the id of a purpose follows.
const gatePath = "/gate/"

// anyMethod is the method of a route that takes all: a proxy asks with the
// method of the request it is about.
const anyMethod = "*"

// The headers by which a proxy says what a request is about, and those by which
// the gate tells what it rests on. A proxy has to set or clear all of them.
const (
	headSubject   = "X-Amana-Subject"   // kind:value; in normal form in the answer
	headData      = "X-Amana-Data"      // ids of data categories, by commas; all of the purpose's if absent
	headRecipient = "X-Amana-Recipient" // id of a recipient
	headReason    = "X-Amana-Reason"    // of the answer
	headPolicy    = "X-Amana-Policy"    // of the answer: the version in force
)

func isGate(path string) bool { return strings.HasPrefix(path, gatePath) }

// gate lets a request through, or not.
func (d *door) gate(w http.ResponseWriter, r *http.Request) error {
	id, q, ok := d.gated(r)
	if !ok {
		return barred(w)
	}
	a, err := d.told(r, id, q)
	if err != nil {
		return err
	}
	w.Header().Set(headReason, string(a.reason))
	w.Header().Set(headPolicy, string(a.policy))
	switch {
	case a.reason == decision.Stale:
		return fault.New(fault.Overloaded, "what is known here is too old to tell")
	case !a.allowed:
		return barred(w)
	}
	w.Header().Set(headSubject, string(id))
	w.WriteHeader(http.StatusOK)
	return nil
}

// barred says no, in words that tell a stranger nothing.
func barred(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, "not permitted\n") // whoever does not read it has gone
	return nil
}

// gated reads what a request is about; false where it does not say about whom,
// or says anything twice.
func (d *door) gated(r *http.Request) (id subject.ID, q decision.Question, ok bool) {
	for _, name := range []string{headSubject, headData, headRecipient} {
		if len(r.Header.Values(name)) > 1 {
			return "", q, false
		}
	}
	q.Purpose, _, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, gatePath), "/")
	q.Recipient = r.Header.Get(headRecipient)
	for _, id := range strings.Split(r.Header.Get(headData), ",") {
		if id = strings.TrimSpace(id); id != "" {
			q.Data = append(q.Data, id)
		}
	}
	for _, v := range r.Header.Values("Sec-GPC") {
		q.Signals.GPC = q.Signals.GPC || v == "1"
	}
	id, err := identifier(r.Header.Get(headSubject), d.region())
	return id, q, err == nil
}
