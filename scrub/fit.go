package scrub

import (
	"slices"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
)

// Fit parts columns into those that the purpose may use at all in a version,
// and those that nobody's yes to it can cover. A purpose or data category that
// the version does not know is fault.Invalid.
func Fit(v *policy.Version, purpose string, columns []Column) (kept, dropped []Column, err error) {
	p, ok := v.Policy.Purposes[purpose]
	if !ok {
		return nil, nil, fault.At(fault.Invalid, "purpose", "the policy has no purpose %q", purpose)
	}
	for _, c := range columns {
		if _, ok := v.Policy.Data[c.Data]; !ok {
			return nil, nil, fault.At(fault.Invalid, "column", "the policy has no data category %q", c.Data)
		}
		if slices.Contains(p.Data, c.Data) {
			kept = append(kept, c)
		} else {
			dropped = append(dropped, c)
		}
	}
	return kept, dropped, nil
}
