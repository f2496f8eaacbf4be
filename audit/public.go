package audit

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/transfer"
)

// What public records other than publications have to say, by their type.

// declaration is the public record of what imported yeses rest on.
type declaration struct {
	Type     string           `json:"type"`
	ID       string           `json:"id"`
	Policy   policy.VersionID `json:"policy"`
	Time     string           `json:"time"`
	Evidence json.RawMessage  `json:"evidence"` // the set: what was shown, when and where, and who declares that
}

// declared holds a declaration to its form: its set is the one its id names.
func declared(leaf int64, record []byte) error {
	var d declaration
	if err := form(record, &d, &d.Time); err != nil {
		return lie(ImproperRecord, "the declaration of evidence at leaf %d is none: %s", leaf, err)
	}
	set, err := transfer.ReadEvidence("the declaration", d.Evidence, "")
	if err != nil || set.ID() != d.ID || !versionForm.MatchString(string(d.Policy)) {
		return lie(ImproperRecord, "the declaration of evidence at leaf %d is not what its id names", leaf)
	}
	return nil
}

// form reads a record strictly, and holds its time to the one spelling.
func form(record []byte, into any, at *string) error {
	dec := json.NewDecoder(bytes.NewReader(record))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	_, err := receipt.Time(*at)
	return err
}

// takenOut holds the public record of an export to its form: somebody took
// everybody's answers out.
func takenOut(leaf int64, record []byte) error {
	var r struct{ Type, Time, By string }
	if err := form(record, &r, &r.Time); err != nil || r.By == "" {
		return lie(ImproperRecord, "the record of an export at leaf %d names no time or nobody", leaf)
	}
	return nil
}

// filtered holds the public record of a filtered list to its form.
func filtered(leaf int64, record []byte) error {
	var r struct{ Type, Time, Purpose, Recipient string }
	if err := form(record, &r, &r.Time); err != nil || r.Purpose == "" {
		return lie(ImproperRecord, "the record of a filtered list at leaf %d names no time or purpose", leaf)
	}
	return nil
}

// searched holds the public record of a search through everybody to its form.
func searched(leaf int64, record []byte) error {
	var r struct{ Type, Purpose, Time, By string }
	if err := form(record, &r, &r.Time); err != nil || r.Purpose == "" {
		return lie(ImproperRecord, "the record of a search at leaf %d names no time or purpose", leaf)
	}
	return nil
}

// keptOpened holds the public record of who opened what was kept of somebody
// erased to its form: it takes two people.
func keptOpened(leaf int64, record []byte) error {
	var r struct {
		Type, Receipt, Time string
		By                  []string
	}
	err := form(record, &r, &r.Time)
	if err != nil || r.Receipt == "" || len(r.By) != 2 || r.By[0] == "" || r.By[1] == "" || strings.EqualFold(r.By[0], r.By[1]) {
		return lie(ImproperRecord, "the record at leaf %d does not name two people who opened what was kept, or not when and what", leaf)
	}
	return nil
}

// told holds a head of the feed, which replicas were told, to the log's keys. One
// of the log before, which a later log took over, was signed by others.
func (a *audit) told(leaf int64, record []byte) error {
	var r struct{ Type, Time, Head string }
	if err := form(record, &r, &r.Time); err != nil {
		return lie(ImproperRecord, "the head of the feed at leaf %d is none: %s", leaf, err)
	}
	if lines := strings.SplitN(r.Head, "\n", 3); len(lines) < 3 || lines[1] != a.v.Origin || len(a.keys) == 0 {
		return nil
	}
	for _, k := range a.keys {
		if _, err := feed.OpenHead([]byte(r.Head), k); err == nil {
			return nil
		}
	}
	return lie(ImproperRecord, "the head of the feed at leaf %d was not signed by a key of this log", leaf)
}
