package edge

import (
	"context"
	"time"

	"github.com/amana-privacy/amana/fault"
)

// patience is how long a request waits for a place.
const patience = 2 * time.Second

// Places bound how many requests are worked on at once. They are safe for
// concurrent use.
type Places chan struct{}

// NewPlaces makes n of them.
func NewPlaces(n int) Places { return make(Places, n) }

// Enter takes a place; leave gives it back. Where none comes free in two
// seconds it is fault.Overloaded.
func (p Places) Enter(ctx context.Context) (leave func(), err error) {
	leave = func() { <-p }
	select {
	case p <- struct{}{}:
		return leave, nil
	default:
	}
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case p <- struct{}{}:
		return leave, nil
	case <-wait.C:
		return nil, fault.New(fault.Overloaded, "too many requests are being worked on")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
