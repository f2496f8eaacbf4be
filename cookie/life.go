package cookie

import (
	"slices"
	"time"

	"github.com/amana-privacy/amana/policy"
)

const (
	day         = 24 * time.Hour
	defaultLife = 365 * day
	maxLife     = 400 * day // browsers keep no cookie longer (draft-ietf-httpbis-rfc6265bis section 5.5)
)

// Life is how long the cookie stays from now on: the lifetime that the policy
// declares for it among its stored items, a year where it declares none, and
// 400 days at most. It does not depend on the answer: a no is remembered as
// long as a yes, and nobody is asked again because a refusal was forgotten.
func Life(p *policy.Policy, now time.Time) time.Duration {
	life := defaultLife
	i := slices.IndexFunc(p.Storage, func(s policy.Stored) bool { return s.Name == Name && s.Kind == "cookie" })
	if i >= 0 && p.Storage[i].Lifetime.Said {
		life = p.Storage[i].Lifetime.After(now).Sub(now)
	}
	return min(life, maxLife)
}
