package transfer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/sheet"
	"github.com/amana-privacy/amana/subject"
)

// ExportForm names the form of an export of everything.
const ExportForm = "amana/export/v1"

// Line is a line of an export: JSON with exactly one of these members. An export
// begins with its head; then come the publications in the order in which they
// came into force, the evidence sets, the counts of refusals, what is stopped; then
// every person, each followed by their receipts, the oldest first; then the end,
// without which it is not whole.
type Line struct {
	Head        *ExportHead       `json:"head,omitempty"`
	Publication *Publication      `json:"publication,omitempty"`
	Evidence    *DeclaredEvidence `json:"evidence,omitempty"`
	Refusals    *Refusals         `json:"refusals,omitempty"`
	Stops       *Stops            `json:"stops,omitempty"`
	Person      *Person           `json:"person,omitempty"`
	Receipt     *receipt.Receipt  `json:"receipt,omitempty"`
	End         *ExportEnd        `json:"end,omitempty"`
}

// ExportHead says where an export comes from. Times are RFC 3339, as in records.
type ExportHead struct {
	Form       string `json:"form"`
	Log        string `json:"log"`        // name of the log, as its heads have it
	LogKey     string `json:"log_key"`    // verifier key
	Checkpoint string `json:"checkpoint"` // newest signed head
	Time       string `json:"time"`
}

// Publication is one coming into force of a policy.
type Publication struct {
	Version     policy.VersionID  `json:"version"`
	Policy      json.RawMessage   `json:"policy"`   // canonical bytes
	Meanings    map[string]string `json:"meanings"` // of its purposes, from then on
	SameMeaning []string          `json:"same_meaning"`
	By          string            `json:"by"`
	Time        string            `json:"time"`
}

// DeclaredEvidence is an evidence set as it was registered.
type DeclaredEvidence struct {
	ID      string           `json:"id"`
	Set     EvidenceSet      `json:"set"`
	Version policy.VersionID `json:"version"`
	Time    string           `json:"time"`
}

// Refusals counts browsers that never said yes and refused on a day.
type Refusals struct {
	Day      string          `json:"day"`
	Surface  consent.Surface `json:"surface"`
	Language string          `json:"language"`
	Count    int64           `json:"count"`
}

// Stops is what holds for everybody besides what people say: recipients that are
// not in good standing, and purposes that a law forbids. None where nothing is.
type Stops struct {
	Recipients []string `json:"recipients,omitempty"`
	Purposes   []string `json:"purposes,omitempty"`
}

// Person is an identifier, what its answers come to, how many receipts follow,
// and what else holds.
type Person struct {
	Subject  subject.ID  `json:"subject"`
	Receipts int         `json:"receipts"`
	States   []Standings `json:"states"`
	Facts    *Facts      `json:"facts,omitempty"`
	Linked   []Linked    `json:"linked,omitempty"` // all identifiers of the person, this one among them; none where it is alone
}

// Facts are what holds for a person beside their answers. Times are RFC 3339.
type Facts struct {
	Restricted string            `json:"restricted,omitempty"` // since when nothing may be used
	Erasing    bool              `json:"erasing,omitempty"`    // they asked to be erased, and it waits
	Named      []string          `json:"named,omitempty"`      // contract purposes that a restriction spares
	Objected   map[string]string `json:"objected,omitempty"`   // purposes objected to: since when
	Child      bool              `json:"child,omitempty"`      // below the age at which a yes counts
	Grown      string            `json:"grown,omitempty"`      // from when on a child is none, by their own next yes
	Heard      []Heard           `json:"heard,omitempty"`
}

// Heard is a no of a browser that is no word of its own: it reached it from who was
// signed in, and goes on to nobody else.
type Heard struct {
	Purpose   string `json:"purpose"`
	Recipient string `json:"recipient,omitempty"`
	Since     string `json:"since"`
}

// Linked is one of the identifiers of a person.
type Linked struct {
	Subject subject.ID `json:"subject"`
	Since   string     `json:"since"`             // when it was linked
	Unsure  bool       `json:"unsure,omitempty"`  // a phone number that may have been another's before
	Vouched bool       `json:"vouched,omitempty"` // the company said that it is the person's
}

// Standings is what stands for a purpose, or a recipient's permission in it.
type Standings struct {
	Purpose   string         `json:"purpose"`
	Recipient string         `json:"recipient,omitempty"`
	Status    consent.Status `json:"status"`
	Since     string         `json:"since"`
	Until     string         `json:"until,omitempty"` // of a yes, exclusive
}

// ExportEnd closes an export.
type ExportEnd struct {
	Persons  int `json:"persons"`
	Receipts int `json:"receipts"`
}

// Lines reads an export, held to its form and order. Its error ends it.
func Lines(in io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		if err := readLines(in, yield); err != nil {
			yield(Line{}, fmt.Errorf("reading the export: %w", err))
		}
	}
}

func readLines(in io.Reader, yield func(Line, error) bool) error {
	text, err := sheet.Open(in)
	if err != nil {
		return err
	}
	l, o := sheet.NewLines(text), order{}
	for {
		raw, err := l.Read()
		if err == io.EOF && o.at == stageEnd {
			return nil
		}
		if err == io.EOF {
			return fault.New(fault.Malformed, "it is not whole: the end is missing")
		}
		if err != nil {
			return err
		}
		line, err := lineOf(raw)
		if err == nil {
			err = o.take(line)
		}
		if err != nil {
			return fault.New(fault.Malformed, "line %d: %s", l.Line(), err)
		}
		if !yield(line, nil) {
			return nil
		}
	}
}

// lineOf reads one line strictly.
func lineOf(raw []byte) (line Line, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&line); err != nil || d.More() {
		return line, fmt.Errorf("it is none of an export") // the decoder's words would repeat what stands there
	}
	return line, nil
}

// The stages of an export.
const (
	stageStart = iota
	stageHead
	stagePublication
	stageEvidence
	stageRefusals
	stageStops
	stagePerson
	stageEnd
)

// order holds lines to their order and counts.
type order struct {
	at                int
	waiting           int // receipts of the person that are to come
	persons, receipts int
}

func (o *order) take(l Line) error {
	stage := l.stage()
	switch {
	case stage < 0:
		return fmt.Errorf("it holds another number of things than one")
	case l.Receipt != nil:
		if o.waiting--; o.waiting < 0 {
			return fmt.Errorf("it is a receipt of nobody")
		}
		o.receipts++
		return nil
	case o.waiting > 0 || stage < o.at || o.at == stageStart && stage != stageHead || stage == stageHead && o.at == stageHead:
		return fmt.Errorf("it is out of order")
	case l.Head != nil && l.Head.Form != ExportForm:
		return fmt.Errorf("it begins an export of another form")
	case l.Person != nil:
		o.persons, o.waiting = o.persons+1, l.Person.Receipts
	case l.End != nil && (l.End.Persons != o.persons || l.End.Receipts != o.receipts):
		return fmt.Errorf("the end counts other persons or receipts than there are")
	case o.at == stageEnd:
		return fmt.Errorf("something follows the end")
	}
	o.at = stage
	return nil
}

// stage gives the place of a line, -1 where it does not have exactly one member.
func (l Line) stage() int {
	n, stage := 0, -1
	for at, set := range map[int]bool{stageHead: l.Head != nil, stagePublication: l.Publication != nil, stageEvidence: l.Evidence != nil, stageRefusals: l.Refusals != nil,
		stageStops: l.Stops != nil, stagePerson: l.Person != nil || l.Receipt != nil, stageEnd: l.End != nil} {
		if set {
			n, stage = n+1, at
		}
	}
	if n != 1 || l.Person != nil && l.Receipt != nil {
		return -1
	}
	return stage
}
