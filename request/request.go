// Package request holds the rules of what a person may demand of a company:
// which demands there are, what state each is in and what may happen to it
// next, by when it has to be answered, and how far it has come. Everything here
// is a pure function; time is passed in.
package request

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/regime"
)

// Kind is what is demanded, in the words of the policy (requests.rights).
type Kind string

// The kinds. A pause is no right of a law: it is an order to ask nothing of
// some purposes for a while, and keeps its clock like the others.
const (
	Access      Kind = "access"      // an answer in words to what is known (GDPR Article 15)
	Correction  Kind = "correction"  // Article 16
	Erasure     Kind = "erasure"     // Article 17
	Portability Kind = "portability" // a download of everything, Article 20
	Objection   Kind = "objection"   // Article 21
	Restriction Kind = "restriction" // Article 18
	Complaint   Kind = "complaint"
	Pause       Kind = "pause"
	Permission  Kind = "permission" // what a parent permits for a child

	Link Kind = "link" // not asked for but done: two identifiers are one person's. It has receipts, and is no request
)

// Kinds gives the closed set.
func Kinds() []Kind {
	return []Kind{Access, Correction, Erasure, Portability, Objection, Restriction, Complaint, Pause, Permission}
}

// State is where a request stands.
type State string

// The states.
const (
	Open      State = "open"    // the company has to answer
	Waiting   State = "waiting" // its time to think has not run out: it may be cancelled
	Working   State = "working" // it is being done
	Done      State = "done"
	Refused   State = "refused"
	Cancelled State = "cancelled"
)

// States gives the closed set.
func States() []State { return []State{Open, Waiting, Working, Done, Refused, Cancelled} }

// Over reports whether nothing more happens in a state.
func (s State) Over() bool { return s == Done || s == Refused || s == Cancelled }

// ToThink is how long an erasure waits before it is done, unless it is
// confirmed from a second identifier earlier: time in which whoever did not ask
// for it can stop it.
const ToThink = 72 * time.Hour

// DownloadLife is how long a download lies ready.
const DownloadLife = 7 * 24 * time.Hour

// Request is one demand and how far it has come. Demand and Answer are what
// was said, and personal.
type Request struct {
	ID    string
	Kind  Kind
	State State
	At    time.Time // asked
	Due   time.Time // by when it is answered; zero where there is nothing to answer
	By    string    // what sets Due: "promise", or the id of a regime
	Acts  time.Time // when it goes on by itself; zero: it waits for somebody
	Ended time.Time // zero while it is not over
	Until time.Time // of a download: it is deleted then; of a pause: it ends then; of a permission: without the second step nothing is left then
	Steps []Step    // in their order

	Demand Demand
	Answer string // the company's words to the person
}

// Demand is what exactly is asked.
type Demand struct {
	Corrections map[string]string `json:"corrections,omitempty"` // new value by category of data
	Purposes    []string          `json:"purposes,omitempty"`    // of an objection or a pause
	Until       time.Time         `json:"until,omitzero"`        // of a pause: it ends then
	Text        string            `json:"text,omitempty"`
	Language    string            `json:"language,omitempty"` // in which the person is answered
	Seal        string            `json:"seal,omitempty"`     // of a download: what it is sealed to
	Ticket      []byte            `json:"ticket,omitempty"`   // of an erasure: public half of the key to its receipt
	Linked      []string          `json:"linked,omitempty"`   // the person's other identifiers, as they were then

	Permit *Permit `json:"permit,omitempty"` // of a permission; Purposes are what it is for
}

// Permit is what a parent permits, and how. Who it is for is named by the
// identifier until the second step is done, and by the id of the subject from
// then on: of a child who is erased it says nothing.
type Permit struct {
	Child      string           `json:"child,omitempty"`      // identifier, until it is confirmed
	ChildID    string           `json:"childId,omitempty"`    // of the subject, in hexadecimal
	Recipients []string         `json:"recipients,omitempty"` // third parties: PURPOSE/RECIPIENT
	Policy     policy.VersionID `json:"policy"`               // what was shown
	Signature  string           `json:"signature"`            // the name that was typed
	Grown      int              `json:"grown,omitempty"`      // the year in which the child comes of the age, by the parent's word; 0: not said
	Proved     bool             `json:"proved,omitempty"`     // who asked was signed in, or the browser itself; false: anybody can type an address
}

// A permission takes two steps. The second is asked for after a while, so that
// whoever had the parent's mailbox for a moment is found out; it waits so long.
const (
	SecondAfter = 24 * time.Hour
	SecondFor   = 7 * 24 * time.Hour
)

// SignatureOf gives a typed name as it is kept: one line, fault.Invalid otherwise.
func SignatureOf(name string) (string, error) {
	name, err := clean("name", name, MaxSignature)
	if err == nil && (len([]rune(name)) < 2 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })) {
		err = fault.At(fault.Invalid, "name", "write your name")
	}
	return name, err
}

// MaxSignature is how long a name may be, in characters.
const MaxSignature = 60

// Step is one thing of several that doing a request takes.
type Step struct {
	Name string    `json:"name"`
	At   time.Time `json:"at,omitzero"` // done then; zero: not yet
	N    int64     `json:"n,omitempty"` // of how many things, where they are counted
}

// New begins a request under a policy.
func New(kind Kind, d Demand, p *policy.Policy, now time.Time) Request {
	r := Request{Kind: kind, State: Open, At: now, Demand: d}
	switch kind {
	case Erasure:
		r.State, r.Acts = Waiting, now.Add(ToThink)
	case Portability:
		r.State, r.Acts = Working, now
	case Objection, Restriction:
		r.State, r.Ended = Done, now // an order, which is carried out as it is given
	case Pause:
		r.State, r.Until, r.Acts = Waiting, d.Until, d.Until
	}
	if kind == Permission {
		r.State, r.Acts = Waiting, now.Add(SecondAfter)
		r.Until = r.Acts.Add(SecondFor)
	}
	if !r.State.Over() && kind != Pause && kind != Permission {
		r.Due, r.By = Clock(p, now)
	}
	for _, name := range steps[kind] {
		r.Steps = append(r.Steps, Step{Name: name})
	}
	return r.Stepped("asked", 0, now).Stepped("signed", 0, now)
}

// steps are what doing a request of a kind takes, in order.
var steps = map[Kind][]string{
	Access:      {"asked", "answered"},
	Correction:  {"asked", "answered"},
	Erasure:     {"asked", "restricted", "told", "waited", "erased", "shredded"},
	Portability: {"asked", "gathered", "sealed"},
	Objection:   {"asked"},
	Restriction: {"asked"},
	Complaint:   {"asked", "answered"},
	Pause:       {"asked", "resumed"},
	Permission:  {"signed", "asked_again", "permitted"},
}

// Clock gives by when a request received at a time has to be answered: the
// company's own promise or the strictest regime's term, whichever is earlier.
func Clock(p *policy.Policy, at time.Time) (due time.Time, by string) {
	due, by = regime.Answer(p.Regimes, at)
	if d := p.Requests.AnswerWithin; d.Said && d.After(at).Before(due) {
		return d.After(at), Promise
	}
	return due, by
}

// Promise stands for the company's own promise where a clock says what sets it.
const Promise = "promise"

// Stepped notes that a step is done; one that is done already stays as it was.
func (r Request) Stepped(name string, n int64, now time.Time) Request {
	r.Steps = slices.Clone(r.Steps)
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Name == name && s.At.IsZero() {
			s.At, s.N = now, n
		}
	}
	return r
}

// Late reports whether a request should have been answered.
func (r Request) Late(now time.Time) bool {
	return !r.State.Over() && !r.Due.IsZero() && !now.Before(r.Due)
}

// MayCancel says why a request cannot be cancelled, nil where it can: while it
// waits, or while nobody has begun it.
func (r Request) MayCancel(now time.Time) error {
	switch {
	case r.State.Over():
		return fault.New(fault.Conflict, "the request is over")
	case r.State == Working:
		return fault.New(fault.Conflict, "the request is being done already")
	case r.Kind == Permission:
		return fault.New(fault.Conflict, "a permission is taken back on its own page")
	case r.State == Waiting && !now.Before(r.Acts):
		return fault.New(fault.Conflict, "its time to be cancelled is over")
	}
	return nil
}

// Cancel ends a request by the person's own word.
func (r Request) Cancel(now time.Time) (Request, error) {
	if err := r.MayCancel(now); err != nil {
		return r, err
	}
	r.State, r.Ended, r.Acts = Cancelled, now, time.Time{}
	return r, nil
}

// Confirm lets an erasure that waits be done at once. The caller has proof that
// it comes from a second identifier.
func (r Request) Confirm(now time.Time) (Request, error) {
	if r.Kind != Erasure || r.State != Waiting {
		return r, fault.New(fault.Conflict, "there is nothing to confirm")
	}
	r.Acts = now
	return r, nil
}

// Outcome ends a request by the company: done, or refused with a reason. What
// the program does itself the company neither does nor refuses, but an erasure
// may be refused while it waits: a law may forbid it.
func (r Request) Outcome(state State, words string, now time.Time) (Request, error) {
	switch {
	case state != Done && state != Refused:
		return r, fault.At(fault.Invalid, "outcome", "say done or refused")
	case state == Refused && words == "":
		return r, fault.At(fault.Invalid, "words", "a refusal gives its reason, in words for the person")
	case r.State.Over():
		return r, fault.New(fault.Conflict, "the request is over")
	case r.Kind == Portability || r.Kind == Pause || r.Kind == Permission || r.Kind == Erasure && (state == Done || r.State != Waiting):
		return r, fault.New(fault.Conflict, "the program does this itself")
	}
	r.State, r.Answer, r.Ended, r.Acts = state, words, now, time.Time{}
	return r.Stepped("answered", 0, now), nil
}
