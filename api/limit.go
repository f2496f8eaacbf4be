package api

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/amana-privacy/amana/fault"
)

// patience is how long a request waits for a place.
const patience = 2 * time.Second

// limits bound what the door works on at once, and how fast each token asks.
type limits struct {
	places chan struct{}
	rate   int

	mu      sync.Mutex
	byToken map[string]*rate.Limiter // one for each token that was ever used
}

func newLimits(perSecond, places int) *limits {
	return &limits{places: make(chan struct{}, places), rate: perSecond, byToken: map[string]*rate.Limiter{}}
}

// enter takes a place; leave gives it back. Where none comes free in time it is
// fault.Overloaded.
func (l *limits) enter(ctx context.Context) (leave func(), err error) {
	leave = func() { <-l.places }
	select {
	case l.places <- struct{}{}:
		return leave, nil
	default:
	}
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case l.places <- struct{}{}:
		return leave, nil
	case <-wait.C:
		return nil, fault.New(fault.Overloaded, "too many requests are being worked on")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// take counts a request of a token against its rate.
func (l *limits) take(token string, now time.Time) error {
	l.mu.Lock()
	limiter, ok := l.byToken[token]
	if !ok {
		limiter = rate.NewLimiter(rate.Limit(l.rate), l.rate)
		l.byToken[token] = limiter
	}
	l.mu.Unlock()
	if !limiter.AllowN(now, 1) {
		return refusal{tooMany, "this token asks faster than it may"}
	}
	return nil
}
