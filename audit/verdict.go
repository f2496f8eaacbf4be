package audit

import (
	"fmt"
	"time"

	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/ledger"
)

// Outcome is what an audit came to.
type Outcome string

// The outcomes, with the exit code each has.
const (
	Holds   Outcome = "holds"   // 0: everything that was looked at agrees
	Lied    Outcome = "lie"     // 1: something contradicts what was signed
	Unknown Outcome = "unknown" // 3: could not tell: unreachable, or whose key it is was not said
)

// Lie names what a log, or whoever serves it, did.
type Lie string

// The lies.
const (
	WrongSignature Lie = "wrong_signature"  // the head is not signed by a key of the log
	OldKey         Lie = "old_key"          // it is signed by a key that had been handed over
	RolledBack     Lie = "rolled_back_head" // a larger head was signed before
	DroppedTail    Lie = "dropped_tail"     // entries that the head counts are not served
	ChangedEntry   Lie = "changed_entry"    // an entry is not the one that the head signs
	Fork           Lie = "fork"             // two signed heads are of two histories
	WrongTile      Lie = "wrong_tile"       // a tile is not that of the entries
	ChangedRecord  Lie = "changed_record"   // a public record is not its entry's
	WithheldRecord Lie = "withheld_record"  // a public record is named and not served
	ImproperRecord Lie = "improper_record"  // a public record contradicts those before
	UnloggedPolicy Lie = "unlogged_policy"  // a policy is shown, or stands in a receipt, that was not published before
	BrokenReceipt  Lie = "broken_receipt"   // a receipt does not hold by itself
)

// Finding is a lie, in words and with what proves it to others.
type Finding struct {
	Lie      Lie      `json:"lie"`
	Text     string   `json:"text"`
	Evidence []string `json:"evidence,omitempty"` // signed heads that contradict each other
}

// Seen is a witness and what it says of the head.
type Seen struct {
	Witness string    `json:"witness"`
	Signed  bool      `json:"signed"` // this very head
	Time    time.Time `json:"time,omitzero"`
}

// Verdict is the result of Run.
type Verdict struct {
	Outcome    Outcome   `json:"outcome"`
	Origin     string    `json:"origin,omitempty"`
	Size       int64     `json:"size"`
	Key        string    `json:"key,omitempty"`  // that signed the head
	Keys       int       `json:"keys,omitempty"` // that the log has had, as far as it is known
	Findings   []Finding `json:"findings,omitempty"`
	Doubts     []string  `json:"doubts,omitempty"` // why it could not be told
	From       int64     `json:"from"`             // leaves before were recomputed by an earlier audit
	Recomputed int64     `json:"recomputed"`       // leaves
	Records    int       `json:"records"`          // public ones, checked now
	Policies   int       `json:"policies"`         // publications, known by now
	Receipts   int       `json:"receipts"`         // that hold and are in the log
	Witnesses  []Seen    `json:"witnesses,omitempty"`
	Notes      []string  `json:"notes,omitempty"` // what was not looked at, and oddities that are no lies

	head ledger.Checkpoint
}

// ExitCode is the verdict as the exit code of a verb.
func (v Verdict) ExitCode() int {
	switch v.Outcome {
	case Holds:
		return 0
	case Lied:
		return 1
	default:
		return 3
	}
}

// Lines puts a verdict into plain words.
func (v Verdict) Lines() []string {
	out := []string{map[Outcome]string{
		Holds:   "The log holds.",
		Lied:    "The log lies.",
		Unknown: "It could not be told whether the log holds.",
	}[v.Outcome]}
	if len(v.Findings)+len(v.Doubts) > 0 {
		out = append(out, "")
	}
	for _, f := range v.Findings {
		out = append(out, "  "+string(f.Lie)+": "+f.Text)
	}
	for _, d := range v.Doubts {
		out = append(out, "  "+d)
	}
	if v.Origin != "" {
		out = append(out, "", "  log           "+v.Origin+", "+entries(v.Size))
	}
	if v.Key != "" {
		out = append(out, "  signed by     "+v.Key)
	}
	if v.Keys > 1 {
		out = append(out, fmt.Sprintf("  keys          %d, each handed over by the one before", v.Keys))
	}
	out = append(out, "  recomputed    "+entries(v.Recomputed)+since(v.From))
	out = append(out, "  public        "+lang.Count(v.Records, "record", "records")+" checked, "+
		lang.Count(v.Policies, "publication of a policy", "publications of policies")+" known")
	out = append(out, "  receipts      "+lang.Count(v.Receipts, "holds and is", "hold and are")+" in the log")
	signed := 0
	for _, w := range v.Witnesses {
		if w.Signed {
			signed++
			out = append(out, "  witness       "+w.Witness+" signed this head at "+w.Time.Format(time.RFC3339))
		} else {
			out = append(out, "  witness       "+w.Witness+" has not signed this head")
		}
	}
	out = append(out, fmt.Sprintf("  witnesses     %d of %d signed this head", signed, len(v.Witnesses)))
	if len(v.Notes) > 0 {
		out = append(out, "", "Also to know")
	}
	for _, n := range v.Notes {
		out = append(out, "  - "+n)
	}
	for _, f := range v.Findings {
		for i, e := range f.Evidence {
			out = append(out, "", fmt.Sprintf("Evidence of %s, %d of %d", f.Lie, i+1, len(f.Evidence)), e)
		}
	}
	return out
}

func entries(n int64) string { return lang.Count(n, "entry", "entries") }

func since(from int64) string {
	if from == 0 {
		return ", from the first on"
	}
	return fmt.Sprintf(", from entry %d on; those before by earlier audits", from)
}
