// Package api is the company door: JSON for the company's own programs, which
// identify themselves by bearer tokens with scopes. It turns requests into
// calls of the store and faults into problem+json (RFC 9457), and holds no
// rule of its own.
//
// The shapes of requests are structs with tags (package strict); openapi.json
// is derived from them and from the list of routes, and served as it is.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/amana-privacy/amana/courier"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/edge"
	"github.com/amana-privacy/amana/interop"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/publisher"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// Config is what the door needs. Store or Replica is required; zero values of the
// rest are replaced as said.
type Config struct {
	Store     *store.DB
	Publisher *publisher.Publisher // keeps the decisions of Store in memory, and feeds replicas; nil: the store answers, and there is no feed

	// Replica answers in the place of a store: the door then has what asks for
	// decisions, and nothing else.
	Replica Replica
	// ReplicaToken is what programs have to bring to a replica's door; "" lets
	// everybody ask who reaches it.
	ReplicaToken string

	Log     *slog.Logger     // access and errors, ids only; discarded if nil
	Now     func() time.Time // time.Now if nil
	Version string           // of the program, told by /healthz
	URL     string           // where programs find the door, without a path; "" = as they asked
	// Fixture answers at /access/v1/ instead of what customers said, without a
	// token: for the public scenarios of AuthZEN, on a developer's machine alone.
	Fixture *interop.Rules
	Courier *courier.Courier // says which addresses webhooks may have, and sends tests; one of its own if nil

	// PublicURL is where customers find the public door, without a path: what
	// links to their pages begin with.
	PublicURL string

	// Rate is how many requests a second one token may make; 50,000 if 0. It stops a
	// program that runs away, not one that works.
	Rate int
	// Burst is how many a token may make at once after it rested; Rate if 0.
	Burst int
	// InFlight is how many requests are worked on at once; 256 if 0. Others wait
	// for a place for up to two seconds.
	InFlight int
	// Timeout ends a request that takes longer; 30 seconds if 0. A consent that
	// is being written is written nonetheless.
	Timeout time.Duration
}

func (c Config) filled() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Courier == nil {
		c.Courier = courier.New(courier.Config{Store: c.Store, Log: c.Log, Now: c.Now})
	}
	if c.Rate == 0 {
		c.Rate = 50_000
	}
	if c.Burst == 0 {
		c.Burst = c.Rate
	}
	if c.InFlight == 0 {
		c.InFlight = 256
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	return c
}

// decider answers questions about identifiers in normal form, and says by which
// policy. Of what an answer rests on it may say nothing.
type decider interface {
	Decide(ctx context.Context, id subject.ID, q decision.Question) (decision.Answer, policy.VersionID, error)
	// DecideEach answers questions, one about each of ids, into out, and says by
	// which policy; nil, or a stale answer: ask Decide.
	DecideEach(ids []subject.ID, asked []decision.Question, out []table.Answer) *policy.Version
	InForce() *policy.Version // nil before the first
}

// Replica is a decider that follows a server.
type Replica interface {
	decider
	Ready() error // nil while it answers
}

// stored asks the store itself.
type stored struct{ *store.DB }

func (s stored) Decide(ctx context.Context, id subject.ID, q decision.Question) (decision.Answer, policy.VersionID, error) {
	return s.DecideBy(ctx, id, q)
}

// door serves the company door. It is safe for concurrent use.
type door struct {
	Config
	decider
	mux    *http.ServeMux
	exact  map[string]*resource // of the paths without a wildcard
	gates  *resource
	point  point
	places edge.Places
	limits *limits
	tokens *tokens

	unready atomic.Bool // as /readyz said last
	outage  edge.Outage
}

// New makes the handler of the company door. It panics where neither a store nor
// a replica is given.
func New(c Config) http.Handler {
	d := &door{Config: c.filled()}
	find := d.replicaToken
	switch {
	case c.Replica != nil:
		d.decider = c.Replica
	case c.Store == nil:
		panic("api: Config.Store is missing")
	case c.Publisher != nil:
		d.decider, find = c.Publisher, c.Store.Token
	default:
		d.decider, find = stored{c.Store}, c.Store.Token
	}
	d.places, d.limits, d.tokens = edge.NewPlaces(d.InFlight), newLimits(d.Rate, d.Burst), newTokens(find)
	d.point = customers{d}
	if c.Fixture != nil {
		d.point = fixture{c.Fixture}
	}
	d.mux = d.routed()
	return d
}

// ServeHTTP serves one request and writes its line in the log.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := d.Now()
	c := &call{Context: r.Context(), rec: edge.Recorder{ResponseWriter: w}, id: requestID(r)}
	rec := &c.rec
	var res *resource
	if res, c.pattern = d.at(r); !slices.Contains(lasting, c.pattern) {
		c.ends = time.Now().Add(d.Timeout)
		defer c.end()
	}
	r = r.WithContext(c)
	head := rec.Header()
	c.said[0] = c.id
	head[idHeader] = c.said[:]
	if id := r.Header[idHeader]; len(id) > 0 && id[0] != "" && isAccess(r.URL.Path) {
		head[idHeader] = id[:1] // as it came: the standard wants it back byte for byte
	}
	head["Cache-Control"], head["X-Content-Type-Options"] = noStore, noSniff
	defer func() {
		if cause := recover(); cause != nil {
			d.panicked(rec, r, c, cause)
		}
		d.access(rec, r, c, start)
	}()
	if err := d.serve(rec, r, c, res); err != nil {
		d.fail(rec, r, c, err)
	}
}

// Values of headers that every answer has, which nobody changes.
var (
	noStore = []string{"no-store"}
	noSniff = []string{"nosniff"}
	isJSON  = []string{"application/json"}
)

// panicked answers for a mistake of ours. The cause is written only where it
// cannot hold a value somebody sent.
func (d *door) panicked(w *edge.Recorder, r *http.Request, c *call, cause any) {
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
	err := edge.Cause(cause)
	d.Log.ErrorContext(r.Context(), "panic", "request", c.id, "route", c.pattern, "err", err, "stack", string(debug.Stack()))
	if w.Status == 0 {
		d.write(w, problemOf(err))
	}
}
