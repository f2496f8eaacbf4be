package demo

import (
	"fmt"
	"maps"
	"slices"

	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// Names of simulated customers; with a number they make an address under
// example.com and example.net, which nobody can own (RFC 2606).
var (
	given  = []string{"layla", "omar", "emma", "yusuf", "noor", "liam", "huda", "jack", "mariam", "tariq", "olivia", "khalid", "amal", "henry", "rana", "samir", "grace", "faisal", "dina", "peter"}
	family = []string{"haddad", "miller", "nasser", "clark", "qasim", "brooks", "saleh", "parker", "aziz", "reed", "mansour", "cole", "farah", "young", "halabi", "ward"}
)

// identifiers gives what customer i is known by: an address and a customer
// number, and for the first forty a telephone number of those that are kept
// for fiction (+1 207 555 0100 to 0199).
func identifiers(i int) []subject.ID {
	if i == 0 {
		return []subject.ID{FirstCustomer, "customer:20000", "phone:+12075550160"}
	}
	domain := []string{"example.com", "example.net"}[i%2]
	ids := []subject.ID{
		subject.ID(fmt.Sprintf("email:%s.%s%d@%s", given[i%len(given)], family[i/len(given)%len(family)], i, domain)),
		subject.ID(fmt.Sprintf("customer:%d", 20000+i)),
	}
	if i < 40 {
		ids = append(ids, subject.ID(fmt.Sprintf("phone:+120755501%02d", 60+i)))
	}
	return ids
}

// asked gives the purposes a kind of identifier may say yes to, by id.
func asked(p *policy.Policy, kind string) []string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(p.Purposes)) {
		if pur := p.Purposes[id]; pur.Basis == policy.Consent && slices.Contains(pur.Acts(), kind) {
			out = append(out, id)
		}
	}
	return out
}
