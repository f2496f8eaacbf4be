// Package follower is the side of a replica that talks to a server: it loads a
// snapshot, follows the feed, begins anew where that breaks off, and holds what it
// hears to what was signed. Whatever happens on the way, what its table answers
// was so at the server at most feed.Bound ago, or it is stale.
package follower

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// Config says whom to follow. URL and Token are required.
type Config struct {
	URL   string // of the company door, such as http://10.0.0.5:8081
	Token string // of the scope feed

	// Key is the log's verifier key, as amana serve prints it. With "" the one that
	// the server shows first is held to from then on.
	Key string

	// File keeps the snapshot, to begin from at the next start; "" for none.
	File string

	Client *http.Client // one without a time limit; http.Transport's defaults if nil
	Log    *slog.Logger // discarded if nil
}

// Follower follows a server. It is safe for concurrent use.
type Follower struct {
	Config
	base  *url.URL
	table atomic.Pointer[table.Table]
	why   atomic.Pointer[error] // the last trouble
	run   context.Context       // done when it is closed
	stop  context.CancelFunc
	done  sync.WaitGroup

	// Of the goroutine that follows.
	replica *feed.Replica
	secret  string       // of the tags that the table was made with
	fresh   *table.Table // that the replica fills, until it is shown
	pinned  string       // key that is trusted; "" before the first was seen
	handed  bool         // it was handed over to, and no head by it has come yet
	well    bool         // it was answered from since it last broke off
	last    memory       // of the replica before
	kept    bool         // a file of an earlier run is there
	saved   time.Time    // when the file was written
	noted   time.Time    // when the newest head was
	saving  sync.WaitGroup
	keeping sync.Mutex // held while the newest head is written
}

// Start begins to follow. It is stale until it has caught up: see Wait. Close ends it.
func Start(ctx context.Context, c Config) (*Follower, error) {
	base, err := url.Parse(strings.TrimSuffix(c.URL, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, errors.New("the server's address is not like http://10.0.0.5:8081")
	}
	if c.Token == "" {
		return nil, errors.New("a token of the scope feed is needed")
	}
	if c.Key != "" {
		if _, err := note.NewVerifier(c.Key); err != nil {
			return nil, fmt.Errorf("the log's key: %w", err)
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Client == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DisableKeepAlives = true // few connections, that last; and net/http tells the log of what comes on an idle one
		c.Client = &http.Client{Transport: t}
	}
	run, stop := context.WithCancel(ctx)
	f := &Follower{Config: c, base: base, run: run, stop: stop, pinned: c.Key, last: readHead(c.File)}
	f.trouble(errors.New("it has not caught up yet"))
	f.done.Go(func() { f.follow(run) })
	f.done.Go(func() { f.turn(run) })
	return f, nil
}

// Close stops following; from then on everything is stale.
func (f *Follower) Close() error {
	f.stop()
	f.done.Wait()
	f.saving.Wait()
	if f.File != "" && f.replica != nil && f.replica.Newest() != (feed.Head{}) {
		f.keepHead()
		f.saving.Wait()
	}
	if t := f.table.Load(); t != nil {
		t.StaleAfter(time.Unix(0, 0))
	}
	f.trouble(errors.New("it was closed"))
	return nil
}

func (f *Follower) trouble(err error) { f.why.Store(&err) }

// Decide answers a question about an identifier in normal form, and says by which
// policy. It waits for nothing: what cannot be told is stale, which is no. Its
// error is always nil.
func (f *Follower) Decide(_ context.Context, id subject.ID, q decision.Question) (decision.Answer, policy.VersionID, error) {
	t := f.table.Load()
	if t == nil {
		return decision.Answer{Reason: decision.Stale}, "", nil
	}
	a, v := t.DecideBy(id, q, time.Now())
	by := policy.VersionID("")
	if v != nil {
		by = v.ID
	}
	return decision.Answer{Allowed: a.Allowed, Reason: a.Reason}, by, nil
}

// DecideEach answers questions, one about each of ids, into out; all are equally
// long. It says by which policy; nil where Decide has to be asked about each.
func (f *Follower) DecideEach(ids []subject.ID, asked []decision.Question, out []table.Answer) *policy.Version {
	t := f.table.Load()
	if t == nil {
		return nil
	}
	return t.DecideAll(ids, asked, out, time.Now())
}

// Table gives the table that answers now; nil before the first was loaded.
func (f *Follower) Table() *table.Table { return f.table.Load() }

// InForce is the policy in force; nil while none is known.
func (f *Follower) InForce() *policy.Version {
	if t := f.table.Load(); t != nil {
		return t.InForce()
	}
	return nil
}

// Ready says why the replica is stale; nil while it answers.
func (f *Follower) Ready() error {
	t := f.table.Load()
	if t != nil && !t.Stale(time.Now()) {
		return nil
	}
	if err := *f.why.Load(); err != nil {
		return err
	}
	return errors.New("nothing was heard from the server")
}

// Wait waits until the replica answers.
func (f *Follower) Wait(ctx context.Context) error {
	for f.Ready() != nil {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the replica is stale: %w", f.Ready())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// follow follows until ctx is done. What cannot be gone on with is begun anew.
func (f *Follower) follow(ctx context.Context) {
	f.tidy()
	f.loadFile()
	said := ""
	for pause := shortest; ctx.Err() == nil; pause = min(2*pause, longest) {
		start := time.Now()
		err := f.once(ctx)
		f.trouble(err)
		if time.Since(start) > longest {
			pause = shortest
		}
		if f.well {
			said, f.well = "", false
		}
		if err != nil && ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			f.Log.Warn("following broke off", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
	}
}

// Pauses between tries to follow.
const (
	shortest = 20 * time.Millisecond
	longest  = time.Second
)

// turn notes the yeses that have ended.
func (f *Follower) turn(ctx context.Context) {
	for {
		wait := time.Second
		if t := f.table.Load(); t != nil {
			wait = min(wait, max(time.Millisecond, time.Until(t.Turn(time.Now()))))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// get asks the server.
func (f *Follower) get(ctx context.Context, path string, query url.Values, accept string) (*http.Response, error) {
	at := *f.base
	at.Path += path
	at.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+f.Token)
	r.Header.Set("Accept", accept)
	resp, err := f.Client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("asking the server: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
	if resp.StatusCode == http.StatusConflict {
		return nil, errGone
	}
	return nil, fmt.Errorf("the server answered %d: %s", resp.StatusCode, text)
}

// errGone says that the server does not go on from where the replica is.
var errGone = errors.New("the feed does not go on from there")
