package consent

import (
	"fmt"
	"slices"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
)

// Check reports whether each choice is an answer to this version by a subject
// of this kind (subject.Email …). The error is fault.Invalid with the first
// field at fault: "choices" when there is none, "choices[i].purpose",
// ".recipient", ".decision", ".topics", ".frequency", or "choices[i]" when the kind may not
// say yes or the key was answered before in the same submission.
func Check(v *policy.Version, kind string, choices []Choice) error {
	if len(choices) == 0 {
		return fault.At(fault.Invalid, "choices", "name at least one choice")
	}
	answered := make(map[Key]bool, len(choices))
	for i, c := range choices {
		at := fmt.Sprintf("choices[%d]", i)
		if err := checkChoice(v, kind, at, c); err != nil {
			return err
		}
		key := Key{c.Purpose, c.Recipient}
		if answered[key] {
			return fault.At(fault.Invalid, at, "this is answered twice; send one answer")
		}
		answered[key] = true
	}
	return nil
}

// checkChoice takes any no, whoever says it: only a yes is bound to the kinds
// of identifier that the purpose acts on.
func checkChoice(v *policy.Version, kind, at string, c Choice) error {
	p, ok := v.Policy.Purposes[c.Purpose]
	switch {
	case !ok:
		return fault.At(fault.Invalid, at+".purpose", "the policy has no such purpose")
	case c.Recipient != "":
		if err := checkRecipient(v, p, at, c.Recipient); err != nil {
			return err
		}
	case p.Basis != policy.Consent:
		return fault.At(fault.Invalid, at+".purpose", "this purpose does not rest on consent but on %s", p.Basis)
	}
	if ActOf(c.Decision) == "" {
		return fault.At(fault.Invalid, at+".decision", "say given, refused or withdrawn")
	}
	if err := checkTopics(p, at, c); err != nil {
		return err
	}
	if c.Frequency != "" && (c.Decision != Given || c.Recipient != "" || !slices.Contains(p.Frequency, c.Frequency)) {
		return fault.At(fault.Invalid, at+".frequency", "name one that the purpose offers, with a yes to it")
	}
	if c.Decision == Given && !slices.Contains(p.Acts(), kind) {
		return fault.At(fault.Invalid, at, "a yes to this purpose can be said by %v only", p.Acts())
	}
	return nil
}

// checkRecipient holds for purposes on every basis: a recipient with its own
// permission needs it whatever the purpose itself rests on.
func checkRecipient(v *policy.Version, p policy.Purpose, at, id string) error {
	r, ok := v.Policy.Recipients[id]
	switch {
	case !ok || !slices.Contains(p.Recipients, id):
		return fault.At(fault.Invalid, at+".recipient", "the purpose has no such recipient")
	case r.PermissionOf() != policy.Own:
		return fault.At(fault.Invalid, at+".recipient", "this recipient is part of the purpose and has no switch of its own")
	}
	return nil
}

// checkTopics lets topics narrow a yes to a purpose. A no is always whole: a
// no that names topics could be read as less than it was meant.
func checkTopics(p policy.Purpose, at string, c Choice) error {
	at += ".topics"
	if len(c.Topics) > 0 && (c.Decision != Given || c.Recipient != "") {
		return fault.At(fault.Invalid, at, "topics go with a yes to a purpose: name those that are wanted")
	}
	for i, id := range c.Topics {
		if !slices.ContainsFunc(p.Topics, func(t policy.Topic) bool { return t.ID == id }) {
			return fault.At(fault.Invalid, at, "the purpose has no such topic")
		}
		if slices.Contains(c.Topics[:i], id) {
			return fault.At(fault.Invalid, at, "a topic is named twice")
		}
	}
	return nil
}
