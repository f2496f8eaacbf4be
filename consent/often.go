package consent

import (
	"slices"

	"github.com/amana-privacy/amana/policy"
)

// frequencies are how often something may be done, the most often first. The
// policy's enum has the same words.
var frequencies = []string{"daily", "weekly", "monthly", "quarterly", "yearly"}

// Offered gives the frequencies that a purpose offers, the most often first.
func Offered(p policy.Purpose) []string {
	return slices.SortedFunc(slices.Values(p.Frequency), func(a, b string) int { return slices.Index(frequencies, a) - slices.Index(frequencies, b) })
}

// oftenOf gives how often a yes allows at most: what it names, or the most often
// that its purpose showed; "" where that offered no choice.
func oftenOf(p policy.Purpose, e Event) string {
	if offered := Offered(p); e.Recipient == "" && e.Frequency == "" && len(offered) > 0 {
		return offered[0]
	}
	return e.Frequency
}

// oftener reports whether one frequency is more often than another; "" is
// without a bound.
func oftener(a, b string) bool {
	return b != "" && (a == "" || slices.Index(frequencies, a) < slices.Index(frequencies, b))
}

// slower takes from a yes what is more often than a later answer names. The yes
// itself is not changed.
func slower(yes *Yes, named string) *Yes {
	if yes == nil || !oftener(yes.Often, named) {
		return yes
	}
	less := *yes
	less.Often = named
	return &less
}
