package audit

import (
	"fmt"

	"github.com/amana-privacy/amana/ledger"
)

// begins holds the record of a log's beginning to what it says. It is the first
// entry of the log it names, or one that a later log took over with the rest.
func (a *audit) begins(leaf int64, record []byte) error {
	o, err := ledger.ParseOrigin(record)
	if err != nil || o.Origin == a.v.Origin && leaf != 0 || o.Origin != a.v.Origin && leaf == 0 || leaf+o.Restored >= a.v.head.Size {
		return lie(ImproperRecord, "the beginning of a log at leaf %d is none", leaf)
	}
	head, err := o.Head()
	if err != nil {
		return lie(ImproperRecord, "the beginning of a log at leaf %d: %s", leaf, err)
	}
	if leaf == 0 {
		a.note(fmt.Sprintf("this log follows %s, which showed a head of %s: %d of them stand here, from leaf 1 on; what came after is lost", o.Before, entries(head.Size), o.Restored))
	}
	return nil
}
