package courier

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/amana-privacy/amana/store"
)

// pauses between attempts, as Standard Webhooks proposes: ten attempts in a
// little more than three days. Each is drawn out by up to a tenth, so that what
// failed together does not come back together.
var pauses = []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}

// givenUp is after how long without one success a webhook is stopped.
const givenUp = 5 * 24 * time.Hour

// settle says what follows from an attempt.
func settle(w store.Webhook, d store.Claimed, a attempt) store.Settled {
	s := store.Settled{Attempt: a.Attempt, State: store.DeliveryDone}
	if a.delivered() {
		return s
	}
	s.State = store.DeliveryFailed
	if d.Attempts <= len(pauses) {
		pause := pauses[d.Attempts-1]
		s.State, s.Next = store.DeliveryWaiting, a.At.Add(max(pause+rand.N(pause/10), a.after))
	}
	if a.after > 0 {
		s.Hold = a.At.Add(a.after)
	}
	switch {
	case a.Status == http.StatusGone:
		s.Stop = store.StoppedGone
		s.State, s.Next = store.DeliveryWaiting, a.At // should it be started again
	case !w.Failing.IsZero() && a.At.Sub(w.Failing) >= givenUp:
		s.Stop = store.StoppedFailing
	}
	return s
}
