package table

import "github.com/amana-privacy/amana/decision"

// code is a reason by its place in decision.Reasons, the order in which reasons
// are looked for: of several voices the least code is told.
type code uint8

// The codes; TestCodes holds them to the reasons.
const (
	codeStale code = iota
	codeUnknownPurpose
	codeUnknownData
	codeOutsideScope
	codeErased
	codeRestricted
	codeForbiddenByLaw
	codeObjected
	codeUnknownSubject
	codeChild
	codeNotAsked
	codeRefused
	codeWithdrawn
	codeUnconfirmed
	codeExpired
	codeSignal
	codeRecipientNotPermitted
	codeRecipientSuspended
	codeGiven
	codeBasis

	codeNone code = 31 // not settled yet
)

func (c code) allowed() bool { return c == codeGiven || c == codeBasis }

// answers holds the answer of each code.
var answers = func() (list [32]Answer) {
	for i, r := range decision.Reasons() {
		list[i] = Answer{code(i).allowed(), r}
	}
	return list
}()

// codeOf gives the code of a word that is no yes.
func codeOf(word byte) code {
	switch word {
	case wordRefused:
		return codeRefused
	case wordWithdrawn:
		return codeWithdrawn
	case wordPending:
		return codeUnconfirmed
	}
	return codeNotAsked
}
