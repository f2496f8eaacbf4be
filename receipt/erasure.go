package receipt

import (
	"fmt"
	"slices"
	"time"

	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// Erasure is what a record says of a person's data that were erased (GDPR
// Article 17), in place of an answer.
type Erasure struct {
	Time    string           `json:"isIndicatedAtTime"` // RFC 3339, UTC, milliseconds
	By      string           `json:"isIndicatedBy"`     // subject | company: who asked for it
	Policy  policy.VersionID `json:"policy"`            // in force then
	Answers int64            `json:"answers"`           // how many answers were erased with their records
	Kept    []Kept           `json:"kept"`              // what stays
}

// Kept is something that stays after an erasure.
type Kept struct {
	Kind  KeptKind `json:"kind"`
	Basis string   `json:"hasLegalBasis"`         // a DPV term
	Until string   `json:"hasDuration,omitempty"` // RFC 3339, exclusive; none: as long as it serves
}

// KeptKind is what stays. The set is closed.
type KeptKind string

// What may stay.
const (
	KeptSuppression KeptKind = "suppression" // a keyed fingerprint of the identifier, so that nothing brings the person back
	KeptAnswers     KeptKind = "answers"     // sealed records of what they answered
	KeptErasure     KeptKind = "erasure"     // this record, sealed
)

// MakeErasure writes the record of an erasure with fresh salts.
func MakeErasure(recordID string, e Erasure, id subject.ID) (Parts, error) {
	return about(id, Record{ID: recordID, HasErasure: &e})
}

func (e *Erasure) plain() error {
	switch {
	case !isTime(e.Time):
		return fmt.Errorf("the record's time is not one")
	case e.By != "subject" && e.By != "company":
		return noWord("isIndicatedBy")
	case !isHash(string(e.Policy)):
		return fmt.Errorf("the record's policy is not a hash")
	case e.Answers < 0 || e.Answers > 1<<53:
		return fmt.Errorf("the record's number of answers is not one")
	}
	for _, k := range e.Kept {
		switch {
		case !slices.Contains([]KeptKind{KeptSuppression, KeptAnswers, KeptErasure}, k.Kind):
			return noWord("kept")
		case !slices.Contains(policy.Bases(), k.Basis):
			return noWord("hasLegalBasis")
		case k.Until != "" && !isTime(k.Until):
			return fmt.Errorf("a time of the record is not one")
		}
	}
	return nil
}

// Stamp writes a time as records have it.
func Stamp(t time.Time) string { return t.UTC().Format(TimeForm) }

// erased adds to a context what only receipts of erasures have. It is frozen.
func erased(c map[string]any) map[string]any {
	for _, name := range []string{"hasErasure", "answers", "kept"} {
		c[name] = "amana:" + name
	}
	return c
}
