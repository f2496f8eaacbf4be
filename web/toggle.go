package web

import (
	"slices"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
)

// toggle says how an answer counts now, by the decision itself.
func (s *site) toggle(v *visit, b browser, k consent.Key, label string, fresh []slip) (toggle, error) {
	t := toggle{Value: valueOf(k), Label: label, Now: v.Of("status", consent.NotAsked)}
	if i := slices.IndexFunc(fresh, func(f slip) bool { return f.key == k }); i >= 0 {
		t.Slip = &fresh[i]
	}
	if b.id == "" {
		if b.refused {
			t.Now = v.Of("status", consent.StatusRefused)
		}
		if b.signals.GPC && v.version.Policy.Purposes[k.Purpose].HeedsSignal() {
			t.Why = v.T("choices.signal")
		}
		return t, nil
	}
	st := b.states[k]
	a, err := s.Store.Decide(v.Context(), b.id, decision.Question{Purpose: k.Purpose, Recipient: k.Recipient, Signals: b.signals})
	if err != nil {
		return t, err
	}
	t.Now, t.Why = v.counts(st, a)
	if !st.Since.IsZero() {
		t.Since = v.T("choices.since", "time", v.DateTime(st.Since))
	}
	return t, nil
}

// counts puts a state and its decision in words for the person concerned.
func (f *face) counts(st consent.State, a decision.Answer) (now, why string) {
	if st.Status != consent.StatusGiven || a.Allowed {
		return f.Of("status", st.Status), ""
	}
	switch a.Reason {
	case decision.OutsideScope:
		why = f.T("choices.narrow")
	case decision.Signal:
		why = f.T("choices.signal")
	case decision.Expired:
		why = f.T("choices.expired")
	case decision.Child:
		why = f.T("choices.child")
	case decision.NotAsked, decision.Refused, decision.Withdrawn:
		why = f.T("choices.own.needs")
	}
	return f.Of("status", consent.StatusRefused), why
}

func valueOf(k consent.Key) string {
	if k.Recipient == "" {
		return k.Purpose
	}
	return k.Purpose + "/" + k.Recipient
}
