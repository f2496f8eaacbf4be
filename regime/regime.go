// Package regime knows the laws a policy may name.
//
// What is enforced is the charter: the strict floor under every business,
// whatever law applies (A4, B1). A regime that is named is shown to customers
// and recorded with the policy; its own terms only ever tighten the charter's.
package regime

import "slices"

// Charter is the regime that always holds, named or not.
const Charter = "amana-charter"

// Regime is a law, or the charter, with its short names for customers' pages.
type Regime struct {
	ID    string
	names map[string]string
}

// Name gives the short name in a language, the English one where it has none.
func (r Regime) Name(language string) string {
	if s, ok := r.names[language]; ok {
		return s
	}
	return r.names["en"]
}

// Get gives the regime with an id; false if it is not known.
func Get(id string) (Regime, bool) {
	i := slices.IndexFunc(known, func(r Regime) bool { return r.ID == id })
	if i < 0 {
		return Regime{}, false
	}
	return known[i], true
}

// Known reports whether an id names a regime.
func Known(id string) bool {
	_, ok := Get(id)
	return ok
}

// IDs gives every known id: the charter first, the rest by region.
func IDs() []string {
	ids := make([]string, len(known))
	for i, r := range known {
		ids[i] = r.ID
	}
	return ids
}
