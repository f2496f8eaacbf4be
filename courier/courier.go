// Package courier brings events to the webhooks that ask for them: it plans
// deliveries behind the event table, signs messages after Standard Webhooks,
// sends them, and tries again over days. Every server runs one; by leases in the
// database they share the work, and what one leaves behind when it dies another
// takes up.
package courier

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/amana-privacy/amana/store"
)

// Config is what a courier needs. Store is required; zero values of the rest are
// replaced as said.
type Config struct {
	Store *store.DB
	Log   *slog.Logger     // ids only; discarded if nil
	Now   func() time.Time // time.Now if nil

	// Networks may be dialled although they are not the Internet's own, and
	// without TLS: a company's receivers on its own machines.
	Networks []netip.Prefix

	// Beat is how often events are looked for; half a second if 0.
	Beat time.Duration

	// transport takes the place of the network in tests.
	transport http.RoundTripper
}

// Bounds of the work.
const (
	timeout   = 20 * time.Second    // for one attempt, from the name's look-up to the end of the answer
	lease     = time.Minute         // longer than an attempt can last
	perHook   = 8                   // attempts at once to one webhook; one alone while it fails
	keptFor   = 30 * 24 * time.Hour // how long deliveries are listed
	tidyEvery = time.Hour
)

// Courier is safe for concurrent use.
type Courier struct {
	Config
	client *http.Client // whose transport decides what may be dialled

	wake chan struct{} // a place came free
	mu   sync.Mutex
	busy map[string]int // attempts under way, by webhook; guarded by mu
}

// New makes a courier that sends nothing until Run.
func New(c Config) *Courier {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Beat == 0 {
		c.Beat = 500 * time.Millisecond
	}
	if c.transport == nil {
		c.transport = newTransport(c.Networks)
	}
	return &Courier{Config: c, wake: make(chan struct{}, 1), busy: map[string]int{}, client: &http.Client{Transport: c.transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Run works until ctx is done, and returns when what was under way has ended.
func (c *Courier) Run(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	tick := time.NewTicker(c.Beat)
	defer tick.Stop()
	var tidied time.Time
	for {
		if err := c.round(ctx, &under); err != nil && ctx.Err() == nil {
			c.Log.ErrorContext(ctx, "webhooks wait", "error", err)
		}
		if now := c.Now(); now.Sub(tidied) >= tidyEvery {
			tidied = now
			c.tidy(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.wake:
		}
	}
}

// round plans and begins whatever there is to begin.
func (c *Courier) round(ctx context.Context, under *sync.WaitGroup) error {
	hooks, err := c.Store.Webhooks(ctx)
	if err != nil {
		return err
	}
	for _, w := range hooks {
		if w.Stopped != "" {
			continue
		}
		if err := c.plan(ctx, w); err != nil {
			return err
		}
		if err := c.begin(ctx, w, under); err != nil {
			return err
		}
	}
	return nil
}

func (c *Courier) plan(ctx context.Context, w store.Webhook) error {
	for {
		more, err := c.Store.PlanDeliveries(ctx, w)
		if err != nil || !more || ctx.Err() != nil {
			return err
		}
	}
}

// begin takes as many deliveries of a webhook as have a place.
func (c *Courier) begin(ctx context.Context, w store.Webhook, under *sync.WaitGroup) error {
	free := c.free(w)
	if free <= 0 || c.Now().Before(w.Held) {
		return nil
	}
	list, err := c.Store.ClaimDeliveries(ctx, w.ID, free, lease)
	if err != nil {
		return err
	}
	for _, d := range list {
		c.occupy(w.ID, 1)
		under.Go(func() {
			c.deliver(ctx, w, d)
			c.occupy(w.ID, -1)
			select {
			case c.wake <- struct{}{}:
			default:
			}
		})
	}
	return nil
}

// free is how many attempts at a webhook may begin now.
func (c *Courier) free(w store.Webhook) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !w.Failing.IsZero() {
		return 1 - c.busy[w.ID]
	}
	return perHook - c.busy[w.ID]
}

func (c *Courier) occupy(hook string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy[hook] += n; c.busy[hook] == 0 {
		delete(c.busy, hook)
	}
}

// tidy forgets deliveries that ended long ago.
func (c *Courier) tidy(ctx context.Context) {
	hooks, err := c.Store.Webhooks(ctx)
	for _, w := range hooks {
		if err == nil {
			err = c.Store.ForgetDeliveries(ctx, w.ID, c.Now().Add(-keptFor))
		}
	}
	if err != nil && ctx.Err() == nil {
		c.Log.ErrorContext(ctx, "old deliveries are still there", "error", err)
	}
}
