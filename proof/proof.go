// Package proof says what the identifiers of one person prove together. It is
// pure; who is linked with whom, and since when, is the store's to know.
package proof

import (
	"slices"
	"time"

	"github.com/amana-privacy/amana/subject"
)

// Settles is how long a link has to stand before it raises a level of proof. Who
// got into a mailbox can link a phone of their own in a minute; every identifier
// of the person is told at once, and has this long to undo it.
const Settles = 3 * 24 * time.Hour

// Member is one of the identifiers of a person.
type Member struct {
	ID    subject.ID
	Since time.Time // when it was linked

	// Unsure is a phone of which something was known before it was linked. A
	// number is given to somebody else one day: who links it then may not be who
	// it was known of.
	Unsure bool

	// Vouched is one that the company itself handed over with the others.
	Vouched bool
}

// ProvesTwo reports whether identifiers that were each proved by somebody at
// once stand for the second level: two of one person that are linked for long
// enough, or that the company vouched for, one of them no phone. A phone that may be another's counts for none,
// and a browser proves nobody.
func ProvesTwo(members []Member, proved []subject.ID, now time.Time) bool {
	two, anchor := 0, false
	for _, m := range members {
		if !slices.Contains(proved, m.ID) || m.Unsure || m.ID.Kind() == subject.Device || !m.Vouched && now.Before(m.Since.Add(Settles)) {
			continue
		}
		two++
		anchor = anchor || m.ID.Kind() != subject.Phone
	}
	return two >= 2 && anchor
}

// MayJoin reports whether who proved an identifier may join others to its
// person: a phone alone does not speak for those it is linked with.
func MayJoin(members []Member, proved []subject.ID) bool {
	if len(members) < 2 {
		return true
	}
	return slices.ContainsFunc(members, func(m Member) bool {
		return slices.Contains(proved, m.ID) && m.ID.Kind() != subject.Phone && m.ID.Kind() != subject.Device
	})
}
