package consent

import (
	"slices"

	"github.com/amana-privacy/amana/policy"
)

// Covers reports whether a yes to one scope covers a use under the scope in
// force: the same meaning, no data beyond what the yes showed, and, where a
// recipient is asked for that is part of the purpose now, one that was part of
// it then. recipient is "" for a use by the company itself; a recipient with
// its own permission, or none of the purpose's, is not judged here.
//
// A longer keeping time in force voids no yes: the yes keeps the time it
// showed (Yes.Until), and is over after it.
func Covers(yes policy.Scope, data []string, recipient string, inForce policy.Scope) bool {
	if yes.Purpose != inForce.Purpose || yes.Meaning != inForce.Meaning {
		return false
	}
	for _, d := range data {
		if !slices.Contains(yes.Data, d) {
			return false
		}
	}
	inside := policy.ScopeRecipient{ID: recipient, Permission: policy.WithPurpose}
	return recipient == "" || !slices.Contains(inForce.Recipients, inside) || slices.Contains(yes.Recipients, inside)
}

// saysEnough reports whether a yes that stands already says all that a
// repeated one says: it was confirmed, and covers scope, keeping time, topics,
// frequency and signals of the new one.
func saysEnough(old *Yes, was *policy.Version, next *Yes, now *policy.Version, key Key) bool {
	if !offered(was, key) {
		return false
	}
	before, after := was.Policy.Purposes[key.Purpose], now.Policy.Purposes[key.Purpose]
	return before.Double() &&
		!before.Keep.Less(after.Keep) &&
		hasTopics(old.Topics, next.Topics) &&
		!oftener(next.Often, old.Often) &&
		(old.Signals.GPC || !next.Signals.GPC) &&
		old.Meaning == next.Meaning &&
		old.Evidence == next.Evidence && // a person's own word says more than a list does
		coversAll(was, now, key)
}

// coversAll reports whether the structure in one version covers all of that in
// another: its data and, for the purpose itself, its recipients.
func coversAll(was, now *policy.Version, key Key) bool {
	yes, _ := was.ScopeOf(key.Purpose)
	all, _ := now.ScopeOf(key.Purpose)
	yes.Meaning = all.Meaning // compared as it was at the time, not as it is declared now
	if !Covers(yes, all.Data, "", all) {
		return false
	}
	for _, r := range all.Recipients {
		if key.Recipient == "" && !Covers(yes, nil, r.ID, all) {
			return false
		}
	}
	return true
}
