package receipt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// Demand is what a record says of a demand of the person (GDPR Articles 15 to
// 22), in place of an answer: that it was made, or what became of it. Of what
// was demanded it names the policy's categories of data and purposes, never a
// value.
type Demand struct {
	Time     string           `json:"isIndicatedAtTime"` // RFC 3339, UTC, milliseconds
	By       string           `json:"isIndicatedBy"`     // subject | company | parent
	Policy   policy.VersionID `json:"policy"`            // in force then
	Request  string           `json:"request"`           // id of the request: the record with which it began
	Kind     string           `json:"right"`             // access, correction, erasure …
	Step     DemandStep       `json:"step"`
	Due      string           `json:"due,omitempty"` // RFC 3339: by when it is answered
	Data     []string         `json:"data,omitempty"`
	Purposes []string         `json:"purposes,omitempty"`

	// Of a permission: third parties that it is for, PURPOSE/RECIPIENT, and, with
	// the step asked, the name that the parent typed as a signature.
	Recipients []string `json:"recipients,omitempty"`
	Signature  string   `json:"signature,omitempty"`
}

// DemandStep is what happened to a demand. The set is closed.
type DemandStep string

// The steps that have a receipt.
const (
	DemandAsked     DemandStep = "asked"
	DemandConfirmed DemandStep = "confirmed" // from a second identifier
	DemandCancelled DemandStep = "cancelled"
	DemandDone      DemandStep = "done"
	DemandRefused   DemandStep = "refused"
)

var demandSteps = []DemandStep{DemandAsked, DemandConfirmed, DemandCancelled, DemandDone, DemandRefused}

// demandKinds are the words a demand's kind may have; package request has what
// they mean.
var demandKinds = []string{"access", "correction", "erasure", "portability", "objection", "restriction", "complaint", "pause", "link", permission}

// permission is the kind of a demand by which a parent permits, and takes back,
// what a child may be asked for.
const permission = "permission"

// MakeDemand writes the record of a demand with fresh salts.
func MakeDemand(recordID string, d Demand, id subject.ID) (Parts, error) {
	return about(id, Record{ID: recordID, HasDemand: &d})
}

func (d *Demand) plain() error {
	switch {
	case !isTime(d.Time) || d.Due != "" && !isTime(d.Due):
		return fmt.Errorf("a time of the record is not one")
	case d.By != "subject" && d.By != "company" && (d.By != "parent" || d.Kind != permission):
		return noWord("isIndicatedBy")
	case !isHash(string(d.Policy)):
		return fmt.Errorf("the record's policy is not a hash")
	case !isUUID(d.Request):
		return fmt.Errorf("the record's request is not one")
	case !slices.Contains(demandKinds, d.Kind):
		return noWord("right")
	case !slices.Contains(demandSteps, d.Step):
		return noWord("step")
	case d.Kind != permission && (d.Signature != "" || d.Recipients != nil):
		return fmt.Errorf("the record says what only a permission does")
	case len(d.Signature) > maxSource || strings.ContainsFunc(d.Signature, unprintable):
		return fmt.Errorf("the record's signature is not one line of text")
	case slices.ContainsFunc(d.Recipients, func(s string) bool {
		purpose, recipient, _ := strings.Cut(s, "/")
		return !isID(purpose) || !isID(recipient)
	}):
		return fmt.Errorf("a recipient of the record is not PURPOSE/RECIPIENT")
	case !slices.ContainsFunc([][]string{d.Data, d.Purposes}, func(l []string) bool {
		return slices.ContainsFunc(l, func(s string) bool { return !isID(s) })
	}):
		return nil
	}
	return fmt.Errorf("what the record is about is not an id")
}

// demanded adds to a context what only receipts of demands have. It is frozen.
func demanded(c map[string]any) map[string]any {
	for _, name := range []string{"hasDemand", "request", "right", "step", "due", "data", "purposes"} {
		c[name] = "amana:" + name
	}
	return c
}

// permitted adds to a context what only receipts of permissions have. It is frozen.
func permitted(c map[string]any) map[string]any {
	c["recipients"], c["signature"] = "amana:recipients", "amana:signature"
	return c
}
