package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// SubjectHeader is where a handler behind a Guard finds who a request is from.
const SubjectHeader = "X-Amana-Subject"

// ownHeaders begins every header that a Guard alone may set.
const ownHeaders = "X-Amana-"

// Question is what a company door is asked.
type Question struct {
	Subject   string   `json:"subject"` // kind:value
	Purpose   string   `json:"purpose"`
	Data      []string `json:"data,omitempty"` // all of the purpose's where empty
	Recipient string   `json:"recipient,omitempty"`
	Signals   Signals  `json:"signals"`
}

// Signals are what the browser sends about its owner's wishes.
type Signals struct {
	GPC bool `json:"gpc"`
}

// Answer is what it says. A reason "stale" means that it could not tell.
type Answer struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"`
	Policy  string `json:"policy"`
}

// Ask answers a question; an error means that it could not tell. It is called
// by several goroutines at once.
type Ask func(context.Context, Question) (Answer, error)

// Door asks the company door at an address, with a token that has the scope
// decide. http.DefaultClient asks where client is nil; a redirect is followed by
// neither, so that nobody else is told of a customer, or says yes.
func Door(address, token string, client *http.Client) Ask {
	if client == nil {
		client = http.DefaultClient
	}
	here := *client
	here.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	address = strings.TrimSuffix(address, "/") + "/v1/decide"
	return func(ctx context.Context, q Question) (a Answer, err error) {
		body, err := json.Marshal(q)
		if err != nil {
			return a, err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
		if err != nil {
			return a, err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		resp, err := here.Do(r)
		if err != nil {
			return a, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return a, fmt.Errorf("the company door answers %s", resp.Status)
		}
		return a, json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&a)
	}
}

// Guard lets through to a handler only the requests of customers whose data may
// be used for a purpose. Ask, Who and Purpose are needed. It is only read.
type Guard struct {
	Ask Ask
	// Who says who a request is from, as kind:value, by what the program itself
	// knows: its session, a token it has verified. "" is nobody. A header that a
	// client may have sent is no such knowledge, and those of this package are
	// gone when it is called.
	Who       func(*http.Request) string
	Purpose   string
	Data      []string
	Recipient string
	// Timeout is how long an answer may take; a second where it is 0.
	Timeout time.Duration
	// Refused answers a request that may not pass, 403 where it is nil; Unsure
	// one about which nothing could be found out in time, 503 where it is nil.
	Refused, Unsure http.Handler
}

// Handler gives next behind the guard. What next finds in SubjectHeader was put
// there by the guard: whatever a client sent in headers of that kind is gone.
// Nobody's request, a no, an error and an answer that is late do not reach it.
func (g Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = stripped(r)
		who := g.Who(r)
		if who == "" {
			answer(w, r, g.Refused, http.StatusForbidden)
			return
		}
		a, err := g.ask(r, who)
		switch {
		case err != nil || a.Reason == "stale":
			w.Header().Set("Retry-After", "1")
			answer(w, r, g.Unsure, http.StatusServiceUnavailable)
		case !a.Allowed:
			answer(w, r, g.Refused, http.StatusForbidden)
		default:
			r.Header.Set(SubjectHeader, who)
			next.ServeHTTP(w, r)
		}
	})
}

func (g Guard) ask(r *http.Request, who string) (Answer, error) {
	timeout := g.Timeout
	if timeout == 0 {
		timeout = time.Second
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	q := Question{Subject: who, Purpose: g.Purpose, Data: g.Data, Recipient: g.Recipient}
	for _, v := range r.Header.Values("Sec-GPC") {
		q.Signals.GPC = q.Signals.GPC || v == "1"
	}
	a, err := g.Ask(ctx, q)
	if err == nil {
		err = ctx.Err() // one that came too late is none
	}
	return a, err
}

// stripped is a request without the headers that only the guard may set, also
// under names that some servers take for the same.
func stripped(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	for name := range r.Header {
		if strings.HasPrefix(http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")), ownHeaders) {
			delete(r.Header, name)
		}
	}
	return r
}

func answer(w http.ResponseWriter, r *http.Request, h http.Handler, status int) {
	w.Header().Set("Cache-Control", "no-store")
	if h == nil {
		http.Error(w, http.StatusText(status), status)
		return
	}
	h.ServeHTTP(w, r)
}
