package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits bound how fast each token asks.
type limits struct {
	rate, burst int

	mu      sync.Mutex
	byToken map[string]*rate.Limiter // one for each token that was ever used
}

func newLimits(perSecond, burst int) *limits {
	return &limits{rate: perSecond, burst: burst, byToken: map[string]*rate.Limiter{}}
}

// take counts a request of a token against its rate.
func (l *limits) take(token string, now time.Time) error {
	l.mu.Lock()
	limiter, ok := l.byToken[token]
	if !ok {
		limiter = rate.NewLimiter(rate.Limit(l.rate), l.burst)
		l.byToken[token] = limiter
	}
	l.mu.Unlock()
	if !limiter.AllowN(now, 1) {
		return refusal{tooMany, "this token asks faster than it may"}
	}
	return nil
}
