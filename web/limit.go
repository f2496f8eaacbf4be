package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What one address may send: far more than a person, far less than a flood.
const (
	postsPerSecond = 2
	postsAtOnce    = 40
	asksPerSecond  = 1.0 / 120 // of messages to be sent
	asksAtOnce     = 10
	signsPerSecond = 1.0 / 10 // of addresses signed up, each of which gets a mail: many people may share one way out
	signsAtOnce    = 60
	addressesKept  = 8192
)

// limits counts POSTs by address, in memory alone. When a generation of
// addresses is full it becomes the old one, and the one before is forgotten, so
// the memory is bounded whoever sends. It is safe for concurrent use.
type limits struct {
	proxies []netip.Prefix
	each    rate.Limit
	burst   int

	mu       sync.Mutex
	now, old map[netip.Addr]*rate.Limiter
}

func newLimits(proxies []netip.Prefix) *limits {
	return &limits{proxies: proxies, each: postsPerSecond, burst: postsAtOnce, now: map[netip.Addr]*rate.Limiter{}}
}

// slower sets what an address may send.
func (l *limits) slower(each rate.Limit, burst int) *limits {
	l.each, l.burst = each, burst
	return l
}

func (l *limits) allow(r *http.Request, at time.Time) bool {
	who := l.sender(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	lim := l.now[who]
	if lim == nil {
		if len(l.now) >= addressesKept {
			l.old, l.now = l.now, map[netip.Addr]*rate.Limiter{}
		}
		if lim = l.old[who]; lim == nil {
			lim = rate.NewLimiter(l.each, l.burst)
		}
		l.now[who] = lim
	}
	return lim.AllowN(at, 1)
}

// sender is the address a request comes from: of a trusted proxy, the one it
// speaks for. An IPv6 customer is their /64.
func (l *limits) sender(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	who := at.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil || !l.trusted(who) {
			break
		}
		who = before.Unmap()
	}
	if who.Is6() {
		if p, err := who.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return who
}

func (l *limits) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(l.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}
