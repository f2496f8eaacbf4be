// Package consent holds the rules of a yes and a no: what an answer may be,
// how answers fold into a state, and what a yes covers. Everything here is a
// pure function; time is passed in.
package consent

import (
	"cmp"
	"time"

	"github.com/amana-privacy/amana/policy"
)

// Answer is what a person says to a question.
type Answer string

// The answers.
const (
	Given     Answer = "given"
	Refused   Answer = "refused"
	Withdrawn Answer = "withdrawn"
)

// Choice is one answer as it arrives: to a purpose, or to one recipient of a
// purpose that needs its own permission.
type Choice struct {
	Purpose   string   `json:"purpose"`
	Recipient string   `json:"recipient,omitempty"`
	Decision  Answer   `json:"decision"`
	Topics    []string `json:"topics,omitempty"`
	Frequency string   `json:"frequency,omitempty"`
}

// Signals are what a browser said of itself while it asked or answered.
type Signals struct {
	GPC bool `json:"gpc,omitempty"` // Global Privacy Control: Sec-GPC was exactly "1"
}

// Act is the kind of an event: an answer, or something that happens to one.
type Act string

// The acts. An answer is an act of the same name; Confirmed is the POST from
// the address itself that a double opt-in waits for.
const (
	ActGiven     Act = "given"
	ActRefused   Act = "refused"
	ActWithdrawn Act = "withdrawn"
	ActConfirmed Act = "confirmed"
	ActPaused    Act = "paused"  // the yes counts as none until Event.Until, and comes back then
	ActResumed   Act = "resumed" // the time of the pause is over, or was ended by the person
)

// Surface says where an answer was given.
type Surface string

// The surfaces.
const (
	SurfaceAPI     Surface = "api"     // the company door
	SurfaceChoices Surface = "choices" // the hosted page
	SurfaceBanner  Surface = "banner"
	SurfaceDemo    Surface = "demo"   // a simulated customer
	SurfaceImport  Surface = "import" // a list of another program
	SurfaceForm    Surface = "form"   // a form on the company's own site
	SurfaceMail    Surface = "mail"   // a link in a mail
	SurfaceParent  Surface = "parent" // a parent or guardian, for a child
)

// Event is one immutable fact about one subject. Events of a subject are
// ordered by Seq; Time never decreases along it.
type Event struct {
	ID        string // UUIDv4; also the id of its record and receipt
	Seq       int64  // 1, 2, 3 … within the subject
	Time      time.Time
	Act       Act
	Purpose   string
	Recipient string           // "" for the purpose itself
	Topics    []string         // what a yes is narrowed to; none: all that its version shows
	Frequency string           // how often at most; "" = as often as its version offers
	Policy    policy.VersionID // the version answered to; for Confirmed that of the yes that waits
	Meaning   string           // what the purpose meant in it at that time: later declarations do not change it
	Language  string           // BCP 47
	Surface   Surface
	Shown     bool // the version was named by whoever asked, so showing it is evidenced
	Attested  bool // entered by the company, not by the person's own device
	Signals   Signals
	Until     time.Time // of a pause: it ends then
	Claim     Claim     // zero but for what was imported
}

// Claim is what the list that an answer was imported from says of it, or the
// installation that it was moved from. It is kept as evidence. It orders
// nothing, and can make a yes shorter, never longer.
type Claim struct {
	Evidence string    // id of the evidence set that shows what a yes was said to; "" with a no
	Said     time.Time // when it was said, at the earliest; zero: nothing is known of it
	Source   string    // where, in the list's own words
	Moved    string    // of what was moved here from another installation: log and number of its receipt there, LOG/UUID
}

// Key is what a state is kept for.
type Key struct {
	Purpose   string
	Recipient string
}

// Status is the folded answer.
type Status string

// The statuses; the zero value NotAsked holds where there is no state.
const (
	NotAsked      Status = ""
	StatusGiven   Status = "given"
	StatusRefused Status = "refused"
	StatusGone    Status = "withdrawn"
	StatusPending Status = "unconfirmed"
)

// Yes is a yes that stands: it covers what its version showed.
type Yes struct {
	Event    string           // id of the event that gave it: its receipt
	Policy   policy.VersionID // the version that was shown
	Meaning  string           // what the purpose meant in it then
	Since    time.Time        // when it was given (for a double opt-in: confirmed)
	Until    time.Time        // exclusive; the keeping time it showed, counted from the yes, of an imported one from when it was said
	Topics   []string         // sorted; nil where the purpose had none
	Often    string           // how often at most: a frequency of the purpose; "" where it offered none
	Signals  Signals
	Language string // in which it was asked
	Shown    bool
	Attested bool
	Evidence string    // of an imported one: id of the evidence set that shows what was asked
	Said     time.Time // of an imported one: when it was said, at the earliest
}

// State is the fold of a subject's events for one key. Status is what stands;
// a confirmed Yes may stand while a Pending one (for a wider scope) waits.
//
// Event and Yes.Event differ for a double opt-in: State.Event is the event that
// made what stands (the confirmation), Yes.Event the answer itself, whose record
// is the customer's receipt of what was said.
type State struct {
	Status  Status
	Since   time.Time // when what stands was made
	Event   string    // id of the event that made it
	Yes     *Yes      // set exactly when Status is given
	Pending *Yes      // a yes that waits for its confirmation; Until is the end of the waiting, exclusive

	// Paused is a yes that counts as none for now: it comes back as it was when
	// the pause is resumed. Status is withdrawn meanwhile, Resumes when that is to be.
	Paused  *Yes
	Resumes time.Time

	// No is when the last no was said, zero if never. It outlives a later yes,
	// because a no spreads to linked identifiers, where only a later word widens.
	No time.Time
}

// Ended gives the yes that a no would end: one that stands, waits, or is paused;
// nil where there is none.
func (s State) Ended() *Yes { return cmp.Or(s.Yes, s.Pending, s.Paused) }

// ActOf gives the act that an answer is, "" for what is no answer.
func ActOf(a Answer) Act {
	switch a {
	case Given, Refused, Withdrawn:
		return Act(a)
	}
	return ""
}
