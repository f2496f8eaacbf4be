package cookie

import (
	"maps"
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// Switches gives what a browser can say yes or no to, in the order of the set:
// first the consent purposes that act on a device, by id; then, by purpose and
// recipient, each recipient of those that needs its own permission. The order
// is by id because the canonical form of a policy knows no other.
func Switches(p *policy.Policy) []consent.Key {
	var list, own []consent.Key
	for _, id := range slices.Sorted(maps.Keys(p.Purposes)) {
		purpose := p.Purposes[id]
		if purpose.Basis != policy.Consent || !slices.Contains(purpose.Acts(), subject.Device) {
			continue
		}
		list = append(list, consent.Key{Purpose: id})
		for _, r := range slices.Compact(slices.Sorted(slices.Values(purpose.Recipients))) {
			if p.Recipients[r].PermissionOf() == policy.Own {
				own = append(own, consent.Key{Purpose: id, Recipient: r})
			}
		}
	}
	return append(list, own...)
}

// Refusal is the cookie of every browser that says no to everything.
func Refusal(v *policy.Version) Cookie {
	return Cookie{Revision: Revision(v.ID), Set: None}
}

// New is the cookie of a browser after its answer: given are the keys with a
// yes, against those purposes among them whose yes was given against a signal;
// at is when the oldest was given. With none given it is the Refusal. A key that
// is no switch of the version, or an id that no cookie can hold, is fault.Invalid.
func New(v *policy.Version, given []consent.Key, against []string, at time.Time, id string) (Cookie, error) {
	if len(given) == 0 {
		return Refusal(v), nil
	}
	if _, err := subject.DeviceOf(id); err != nil {
		return Cookie{}, err
	}
	switches, heeding := Switches(v.Policy), Heeding(v.Policy)
	if n := len(switches) + len(heeding); n > MaxSwitches {
		return Cookie{}, fault.New(fault.Invalid, "the policy has %d switches for a browser; %d is the most", n, MaxSwitches)
	}
	var numbers []int
	for _, key := range given {
		n := slices.Index(switches, key)
		if n < 0 {
			return Cookie{}, fault.New(fault.Invalid, "purpose %q is not asked of a browser", key.Purpose)
		}
		numbers = append(numbers, n)
	}
	for i, purpose := range heeding {
		if slices.Contains(against, purpose) && slices.Contains(given, consent.Key{Purpose: purpose}) {
			numbers = append(numbers, len(switches)+i)
		}
	}
	return Cookie{Revision: Revision(v.ID), Set: SetOf(numbers...), Time: at.UTC().Truncate(time.Second), ID: id}, nil
}

// Heeding gives the purposes among the switches to which a Global Privacy
// Control signal is a no, in the order of the switches.
func Heeding(p *policy.Policy) []string {
	var list []string
	for _, k := range Switches(p) {
		if k.Recipient == "" && p.Purposes[k.Purpose].HeedsSignal() {
			list = append(list, k.Purpose)
		}
	}
	return list
}

// Granted gives the keys with a yes, whether or not it still counts (Read says
// that). It is false, and nothing is granted, when the cookie answers to another
// version, holds more than this one asks, or was taken back.
func (c Cookie) Granted(v *policy.Version) (map[consent.Key]bool, bool) {
	switches := Switches(v.Policy)
	if !c.Answers(v.ID) || c.Untold || c.Set.Max() >= len(switches)+len(Heeding(v.Policy)) {
		return nil, false
	}
	granted := map[consent.Key]bool{}
	for i, key := range switches {
		if c.Set.Has(i) {
			granted[key] = true
		}
	}
	return granted, true
}

// against reports whether the yes to a purpose was given against a signal.
func (c Cookie) against(v *policy.Version, purpose string) bool {
	i := slices.Index(Heeding(v.Policy), purpose)
	return i >= 0 && c.Set.Has(len(Switches(v.Policy))+i)
}
