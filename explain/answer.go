package explain

import (
	"cmp"

	"github.com/amana-privacy/amana/decision"
)

// EventOf gives the id of the event an answer rests on, which is that of its
// receipt; "" where it rests on none.
func EventOf(a decision.Answer) string {
	if a.Yes != nil {
		return cmp.Or(a.State.Event, a.Yes.Event)
	}
	return a.State.Event
}

// Evidence says how a yes is known: imported, taken over from an earlier list;
// shown, said on a page that named the version shown; attested, entered by the
// company, with that version; not_evidenced. "" where there is no yes.
func Evidence(a decision.Answer) string {
	switch y := a.Yes; {
	case y == nil:
		return ""
	case y.Evidence != "":
		return "imported"
	case !y.Shown:
		return "not_evidenced"
	case y.Attested:
		return "attested"
	default:
		return "shown"
	}
}
