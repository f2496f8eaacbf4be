package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/amana-privacy/amana/receipt"
)

// held is a receipt that holds by itself.
type held struct {
	name string
	receipt.Verdict
}

// openReceipts verifies receipts by themselves, and takes the heads in them as
// what their holders saw.
func (a *audit) openReceipts() []held {
	var out []held
	for _, f := range a.Receipts {
		v, err := receipt.Verify(f.Data, "")
		switch {
		case err != nil:
			a.tell(err)
		case v.Outcome == receipt.Broken && !looksLikeOne(f.Data):
			a.tell(fmt.Errorf("%s is no receipt", f.Name))
		case a.late(v):
			t := a.term(v.Signer)
			a.tell(proved(lie(OldKey, "%s has a head of %s, signed by a key that is good %s", f.Name, entries(v.Checkpoint.Size), t), a.evidence(t, v.Receipt.Checkpoint)...))
		case v.Outcome == receipt.Broken:
			a.tell(lie(BrokenReceipt, "%s does not hold by itself: %s", f.Name, v.Detail))
		case v.Outcome == receipt.Pending:
			a.note(f.Name + ": the log had not taken it up when it was issued")
		case !a.signs(v):
			if !a.forged(f.Name, v.Receipt.Signers) {
				a.tell(lie(BrokenReceipt, "%s is signed by %s, not by a key of this log", f.Name, v.Signer))
			}
		default:
			out = append(out, held{f.Name, v})
			a.claims = append(a.claims, claim{f.Name, v.Checkpoint, v.Receipt.Checkpoint})
		}
	}
	return out
}

// looksLikeOne says whether a file may once have been a receipt. What never was, such
// as the state of an audit in the same folder, says nothing of the log.
func looksLikeOne(data []byte) bool {
	var r struct{ Record, Checkpoint json.RawMessage }
	return json.Unmarshal(data, &r) != nil && bytes.Contains(data, []byte(`"hasDataSubject"`)) || r.Record != nil
}

// late says whether a receipt was signed by a key of the log out of its time: a
// stolen old key dates back as easily as it signs.
func (a *audit) late(v receipt.Verdict) bool {
	return v.Checkpoint.Size > 0 && a.knows(v.Signer) && !a.term(v.Signer).Covers(v.Checkpoint.Size)
}

// forged says whether a receipt brings a hand-over that a key of this log
// signed and the log does not know: two histories, signed by one key.
func (a *audit) forged(name string, signers []receipt.Signer) bool {
	for _, s := range signers {
		if s.Handover == nil || !a.knows(s.Handover.Record.From) || a.knows(s.Key) {
			continue
		}
		if head, err := s.Handover.Head(); err == nil {
			a.claims = append(a.claims, claim{name, head, s.Handover.Checkpoint})
			return true
		}
	}
	return false
}

// signs says whether a receipt's signer is a key of the log. Without a known
// key it is enough that it names this log.
func (a *audit) signs(v receipt.Verdict) bool {
	if len(a.keys) == 0 {
		return v.Checkpoint.Origin == a.v.Origin
	}
	return slices.ContainsFunc(a.signers, func(s Signer) bool { return s.Key == v.Signer })
}

// checkReceipts counts those whose head is of this history, which makes them
// part of it, and holds each to the policies that were published before it.
func (a *audit) checkReceipts(list []held) {
	forked := map[string]bool{}
	for _, f := range a.v.Findings {
		if f.Lie == Fork && len(f.Evidence) > 0 {
			forked[f.Evidence[0]] = true
		}
	}
	for _, r := range list {
		if forked[r.Receipt.Checkpoint] {
			continue
		}
		if a.listed && !a.promised(r) {
			a.tell(lie(UnloggedPolicy, "%s names the policy %s, which was not published in the log before it", r.name, r.Receipt.Record.Policy()))
			continue
		}
		a.v.Receipts++
	}
}

// promised says whether the policy of a receipt was published before it.
func (a *audit) promised(r held) bool {
	return slices.ContainsFunc(a.next.Policies, func(p Publication) bool {
		return p.Policy == r.Receipt.Record.Policy() && p.Leaf < r.Receipt.Proof.Index
	})
}
