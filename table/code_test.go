package table

import (
	"testing"

	"github.com/amana-privacy/amana/decision"
)

func TestCodes(t *testing.T) {
	want := map[code]decision.Reason{
		codeStale: decision.Stale, codeUnknownPurpose: decision.UnknownPurpose, codeUnknownData: decision.UnknownData,
		codeOutsideScope: decision.OutsideScope, codeErased: decision.Erased, codeRestricted: decision.Restricted,
		codeForbiddenByLaw: decision.ForbiddenByLaw, codeObjected: decision.Objected, codeUnknownSubject: decision.UnknownSubject,
		codeChild: decision.Child, codeNotAsked: decision.NotAsked, codeRefused: decision.Refused, codeWithdrawn: decision.Withdrawn,
		codeUnconfirmed: decision.Unconfirmed, codeExpired: decision.Expired, codeSignal: decision.Signal,
		codeRecipientNotPermitted: decision.RecipientNotPermitted, codeRecipientSuspended: decision.RecipientSuspended,
		codeGiven: decision.Given, codeBasis: decision.Basis,
	}
	for i, r := range decision.Reasons() {
		if want[code(i)] != r || answers[i].Reason != r {
			t.Errorf("code %d is %s, the reasons have %s", i, want[code(i)], r)
		}
	}
	if len(want) != len(decision.Reasons()) {
		t.Errorf("%d codes, %d reasons", len(want), len(decision.Reasons()))
	}
}
