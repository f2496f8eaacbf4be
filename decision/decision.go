// Package decision answers "may this data of this subject be used for this
// purpose, or shared with this recipient, now?". Decide is the reference: every
// faster path must agree with it.
package decision

import (
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
)

// Reason is why. The set is closed.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	Stale                 Reason = "stale"
	UnknownPurpose        Reason = "unknown_purpose"
	UnknownData           Reason = "unknown_data"
	OutsideScope          Reason = "outside_scope"
	Erased                Reason = "erased"
	Restricted            Reason = "restricted"
	ForbiddenByLaw        Reason = "forbidden_by_law"
	Objected              Reason = "objected"
	UnknownSubject        Reason = "unknown_subject"
	Child                 Reason = "child"
	NotAsked              Reason = "not_asked"
	Refused               Reason = "refused"
	Withdrawn             Reason = "withdrawn"
	Unconfirmed           Reason = "unconfirmed"
	Expired               Reason = "expired"
	Signal                Reason = "signal"
	RecipientNotPermitted Reason = "recipient_not_permitted"
	RecipientSuspended    Reason = "recipient_suspended"
	Given                 Reason = "given"
	Basis                 Reason = "basis"
)

// Reasons gives the closed set in the order in which they are looked for.
func Reasons() []Reason { return slices.Clone(order) }

var order = []Reason{
	Stale, UnknownPurpose, UnknownData, OutsideScope, Erased, Restricted, ForbiddenByLaw, Objected, UnknownSubject, Child,
	NotAsked, Refused, Withdrawn, Unconfirmed, Expired, Signal, RecipientNotPermitted, RecipientSuspended, Given, Basis,
}

// Question is what is asked. Data empty means all of the purpose's data in the
// policy in force.
type Question struct {
	Purpose   string
	Data      []string
	Recipient string
	Signals   consent.Signals
}

// World is everything the answer may depend on, besides the time. Values are
// read, never written.
type World struct {
	Stale     bool                                        // the replica is behind its bound
	Policy    *policy.Version                             // in force
	Version   func(policy.VersionID) *policy.Version      // any version ever published; nil if unknown
	Subject   *Subject                                    // the identifier asked by; nil: nobody known
	Linked    []Subject                                   // the other identifiers of the same person, in any order
	Person    Person                                      // facts about the person
	Suspended map[string]bool                             // recipients not in good standing
	Forbidden func(purpose string, p policy.Purpose) bool // a regime forbids it; nil: none does
}

// Subject is one identifier and the state of its answers.
type Subject struct {
	Kind   string // email, phone, customer, device
	States map[consent.Key]consent.State
	Since  time.Time // when it was linked to the person; zero: it always was
}

// Person is what is known of the person behind linked identifiers.
type Person struct {
	Erased         bool
	Restricted     bool
	Named          map[string]bool // contract purposes named to the person beforehand, which erasing and restricting spare
	Objected       map[string]bool // purposes objected to
	Overruled      map[string]bool // objections answered with compelling grounds (GDPR Article 21(1)); of no effect for marketing (21(3))
	BelowAge       bool            // below the age at which consent counts
	ParentVerified bool            // a parent's verified permission stands
	GPC            bool            // a Global Privacy Control signal is known of the person
}

// Answer is the decision and why.
type Answer struct {
	Allowed    bool
	Reason     Reason
	Yes        *consent.Yes  // allowed by consent: the yes it rests on; of several linked ones that which ends first
	Permission *consent.Yes  // allowed, to a recipient with its own permission: that permission, likewise
	State      consent.State // the state of the purpose that was looked at, where there was one
}

// Ends is when an allowed answer stops by itself, exclusive; zero if it does not.
func (a Answer) Ends() time.Time {
	var end time.Time
	for _, y := range []*consent.Yes{a.Yes, a.Permission} {
		if a.Allowed && y != nil && (end.IsZero() || y.Until.Before(end)) {
			end = y.Until
		}
	}
	return end
}
