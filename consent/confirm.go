package consent

import (
	"cmp"
	"slices"
	"time"

	"github.com/amana-privacy/amana/fault"
)

// Why a confirmation would change nothing. Both are fault.Conflict.
var (
	ErrNothingWaits = fault.New(fault.Conflict, "no answer waits for a confirmation")
	ErrLapsed       = fault.New(fault.Conflict, "the answer was not confirmed in time")
)

// MayConfirm says why a confirmation now would change nothing: ErrNothingWaits,
// or ErrLapsed at and after the end of the waiting. It is nil when it would
// make the yes that waits stand.
func MayConfirm(s State, now time.Time) error {
	switch {
	case s.Pending == nil:
		return ErrNothingWaits
	case !now.Before(s.Pending.Until):
		return ErrLapsed
	}
	return nil
}

// Waiting gives the keys of a purpose that may be confirmed now: the purpose
// itself first, then its recipients by id. Each needs an event of its own.
func Waiting(states map[Key]State, purpose string, now time.Time) []Key {
	var keys []Key
	for key, s := range states {
		if key.Purpose == purpose && MayConfirm(s, now) == nil {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b Key) int { return cmp.Compare(a.Recipient, b.Recipient) })
	return keys
}
