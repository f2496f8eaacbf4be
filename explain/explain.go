// Package explain says in plain words what a decision rests on: the policy in
// force, what it shows for the purpose, what the person said, the receipt of it,
// and the entry in the log. Each link says what is there, and the one at which an
// answer turns to no says why.
package explain

import (
	"strconv"
	"strings"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
)

// Step is a link of the chain.
type Step string

// The steps, in the order of the chain.
const (
	Policy  Step = "policy"
	Scope   Step = "scope"
	Event   Step = "event"
	Receipt Step = "receipt"
	Ledger  Step = "ledger"
)

// State is how a link stands.
type State string

// The states.
const (
	Holds   State = "holds"
	Against State = "against" // the answer is no because of it
	None    State = "none"    // nothing is here
)

// Decision is an answer, and what belongs to it.
type Decision struct {
	Question decision.Question
	Reason   decision.Reason
	InForce  *policy.Version  // never nil
	Receipt  *receipt.Receipt // of the event it rests on; nil where there is none
	Evidence string           // of a yes: shown, attested, imported, not_evidenced
}

// Link is one link, in the words of a language.
type Link struct {
	Step  Step
	State State
	Value string // id of the version, of the scope, time of the event, id of the receipt, index in the log; "" for none
	Text  string
}

// Chain gives the five links, in order.
func Chain(d Decision, w *lang.Words) []Link {
	list := []Link{d.policy(w), d.scope(w), d.event(w), d.receipt(w), d.ledger(w)}
	for i := range list {
		if list[i].Step == turns(d.Reason) {
			list[i].State = Against
			list[i].Text = strings.TrimSpace(list[i].Text + " " + w.Of("reason", d.Reason))
		}
	}
	return list
}

// turns gives the step at which a reason says no; "" where it says yes.
func turns(r decision.Reason) Step {
	switch r {
	case decision.Given, decision.Basis:
		return ""
	case decision.Stale, decision.UnknownPurpose:
		return Policy
	case decision.UnknownData, decision.OutsideScope, decision.ForbiddenByLaw, decision.RecipientNotPermitted, decision.RecipientSuspended:
		return Scope
	}
	return Event
}

func (d Decision) purpose() (policy.Purpose, bool) {
	p, ok := d.InForce.Policy.Purposes[d.Question.Purpose]
	return p, ok
}

func (d Decision) policy(w *lang.Words) Link {
	out := Link{Policy, None, string(d.InForce.ID), ""}
	if p, ok := d.purpose(); ok {
		out.State = Holds
		out.Text = w.T("explain.policy", "time", w.DateTime(d.InForce.Published), "title", d.in(p.Title, w))
	}
	return out
}

// in gives a text of the policy in the reader's language, or else in its first.
func (d Decision) in(t policy.Text, w *lang.Words) string {
	if s := t.In(w.Tag); s != "" {
		return s
	}
	return t.In(d.InForce.Policy.Master())
}

func (d Decision) scope(w *lang.Words) Link {
	p, ok := d.purpose()
	scope, _ := d.InForce.ScopeOf(d.Question.Purpose)
	if !ok {
		return Link{Scope, None, "", w.T("explain.scope.none")}
	}
	var data []string
	for _, id := range scope.Data {
		data = append(data, d.in(d.InForce.Policy.Data[id].Label, w))
	}
	text := w.T("explain.scope", "data", strings.Join(data, " · "), "time", w.Duration(p.Keep.Months, p.Keep.Seconds))
	if p.Basis == policy.Consent {
		text += " " + w.T("explain.scope.consent")
	} else {
		text += " " + w.T("explain.scope.basis")
	}
	if r, ok := d.InForce.Policy.Recipients[d.Question.Recipient]; ok {
		text += " " + w.T("explain.scope.recipient", "name", d.in(r.Name, w))
	}
	return Link{Scope, Holds, scope.ID(), text}
}

func (d Decision) event(w *lang.Words) Link {
	if d.Receipt == nil || d.Receipt.Record.HasConsent == nil {
		text := w.T("explain.event.none")
		if p, ok := d.purpose(); ok && p.Basis != policy.Consent {
			text = w.T("explain.event.unneeded")
		}
		return Link{Event, None, "", text}
	}
	c := d.Receipt.Record.HasConsent
	text := w.T("explain.event", "act", w.Of("act", c.Decision), "time", moment(w, c.Time))
	switch d.Evidence {
	case "shown":
		text += " " + w.T("explain.event.shown")
	case "attested":
		text += " " + w.T("explain.event.attested")
	case "imported":
		text += " " + w.T("explain.event.imported")
	case "not_evidenced":
		text += " " + w.T("explain.event.not_evidenced")
	}
	if c.Until != "" && d.Reason == decision.Given {
		text += " " + w.T("explain.event.until", "time", moment(w, c.Until))
	}
	return Link{Event, Holds, c.Time, text}
}

func (d Decision) receipt(w *lang.Words) Link {
	if d.Receipt == nil {
		return Link{Receipt, None, "", w.T("explain.receipt.none")}
	}
	text := w.T("explain.receipt")
	if n := d.Receipt.Record.HasNotice; n != nil && n.Policy != d.InForce.ID {
		text += " " + w.T("explain.receipt.earlier")
	}
	return Link{Receipt, Holds, d.Receipt.ID, text}
}

func (d Decision) ledger(w *lang.Words) Link {
	switch {
	case d.Receipt == nil:
		return Link{Ledger, None, "", w.T("explain.ledger.none")}
	case d.Receipt.Proof == nil:
		return Link{Ledger, None, "", w.T("explain.ledger.waits")}
	}
	p := d.Receipt.Proof
	return Link{Ledger, Holds, strconv.FormatInt(p.Index, 10), w.T("explain.ledger", "number", p.Index+1, "size", p.Size)}
}

// moment writes a time of a record; what cannot be read stays as it is.
func moment(w *lang.Words, s string) string {
	t, err := receipt.Time(s)
	if err != nil {
		return s
	}
	return w.DateTime(t.In(time.UTC))
}
