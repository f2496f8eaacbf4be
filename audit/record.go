package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/gowebpki/jcs"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
)

// maxRecord is the largest public record that is read, in bytes.
const maxRecord = 1 << 20

// list is a page of /log/records.
type list struct {
	Leaves []int64 `json:"leaves"`
	Next   *int64  `json:"next"`
}

// opened is what /log/record/{leaf} gives.
type opened struct {
	Leaf   int64           `json:"leaf"`
	Salt   []byte          `json:"salt"`
	Record json.RawMessage `json:"record"`
}

// records checks the public records that are new since the audit before:
// against their entries, and against each other.
func (a *audit) records(ctx context.Context, h tlog.HashReader) error {
	from := int64(0)
	if a.State != nil {
		from = a.State.NextRecord
		a.next.Policies = append(a.next.Policies, a.State.Policies...)
	}
	a.next.NextRecord = from
	for {
		raw, err := a.src.get(ctx, fmt.Sprintf("%s/records?from=%d", a.src.log, from), nil, maxRecord, false)
		if errors.Is(err, errMissing) {
			return a.noRecords()
		}
		var l list
		if err == nil {
			err = json.Unmarshal(raw, &l)
		}
		if err != nil {
			return fmt.Errorf("the list of public records: %w", err)
		}
		for _, leaf := range l.Leaves {
			if leaf < from {
				return lie(ImproperRecord, "the list of public records does not go up at leaf %d", leaf)
			}
			if leaf >= a.v.head.Size { // came after our head
				a.listed = true
				return nil
			}
			if err := a.record(ctx, leaf, h); err != nil {
				return err
			}
			from = leaf + 1
			a.next.NextRecord = from
		}
		if l.Next == nil || len(l.Leaves) == 0 {
			a.next.NextRecord, a.listed = from, true
			return nil
		}
		from = max(from, *l.Next)
	}
}

// noRecords is said of a log that has no list of public records: another program's
// has none. One of ours that hides its list is found out by what names a record: the audit
// before, a hand-over, a receipt, the policy shown.
func (a *audit) noRecords() error {
	a.listed = true
	if a.State != nil && a.State.NextRecord > 0 {
		return lie(WithheldRecord, "the log lists no public records; the audit before knows some")
	}
	a.note("not looked at: public records, of which the log lists none")
	return nil
}

func (a *audit) record(ctx context.Context, leaf int64, h tlog.HashReader) error {
	raw, err := a.src.get(ctx, fmt.Sprintf("%s/record/%d", a.src.log, leaf), nil, maxRecord, false)
	if errors.Is(err, errMissing) {
		return lie(WithheldRecord, "the public record of leaf %d is listed and not served", leaf)
	}
	if err != nil {
		return fmt.Errorf("the public record of leaf %d: %w", leaf, err)
	}
	var o opened
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil || o.Leaf != leaf || len(o.Salt) != ledger.SaltSize {
		return lie(ChangedRecord, "the public record of leaf %d is not one", leaf)
	}
	canonical, err := jcs.Transform(o.Record)
	if err != nil {
		return lie(ChangedRecord, "the public record of leaf %d is not one: %s", leaf, err)
	}
	want, err := h.ReadHashes([]int64{tlog.StoredHashIndex(0, leaf)})
	if err != nil {
		return fmt.Errorf("leaf %d: %w", leaf, err)
	}
	if ledger.EntryOf(ledger.Salt(o.Salt), canonical).Leaf() != want[0] {
		return lie(ChangedRecord, "the public record of leaf %d is not the one that the log committed to: %s", leaf, canonical)
	}
	a.v.Records++
	return a.content(leaf, canonical)
}

// published is the public record of a publication.
type published struct {
	Type        string           `json:"type"`
	Policy      policy.VersionID `json:"policy"`
	Time        string           `json:"time"`
	By          string           `json:"by"`
	SameMeaning []string         `json:"same_meaning"`
}

var versionForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// content holds a record to what its type says, and to those before it.
func (a *audit) content(leaf int64, record []byte) error {
	var kind struct{ Type string }
	if err := json.Unmarshal(record, &kind); err != nil || kind.Type == "" {
		return lie(ImproperRecord, "the public record of leaf %d has no type", leaf)
	}
	switch kind.Type {
	case ledger.HandoverType:
		return a.handover(leaf, record)
	case ledger.OriginType:
		return a.begins(leaf, record)
	case "evidence":
		return declared(leaf, record)
	case "export":
		return takenOut(leaf, record)
	case "scrub":
		return filtered(leaf, record)
	case "search":
		return searched(leaf, record)
	case "kept_opened":
		return keptOpened(leaf, record)
	case "feed":
		return a.told(leaf, record)
	}
	if kind.Type != "policy" {
		a.note("not looked at: what public records of type " + kind.Type + " say, which this version does not know")
		return nil
	}
	var p published
	dec := json.NewDecoder(bytes.NewReader(record))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return lie(ImproperRecord, "the publication at leaf %d is none: %s", leaf, err)
	}
	at, err := receipt.Time(p.Time)
	switch {
	case !versionForm.MatchString(string(p.Policy)) || err != nil:
		return lie(ImproperRecord, "the publication at leaf %d names no version or no time", leaf)
	case p.By == "":
		return lie(ImproperRecord, "the publication at leaf %d names nobody who published", leaf)
	case !slices.IsSorted(p.SameMeaning):
		return lie(ImproperRecord, "the publication at leaf %d is not in its one spelling", leaf)
	}
	if n := len(a.next.Policies); n > 0 {
		if last, err := receipt.Time(a.next.Policies[n-1].Time); err == nil && at.Before(last) {
			// A clock may have been set back; the order of the leaves is what counts.
			a.note(fmt.Sprintf("the publication at leaf %d bears an earlier time than the one before it, at leaf %d", leaf, a.next.Policies[n-1].Leaf))
		}
	}
	a.next.Policies = append(a.next.Policies, Publication{leaf, p.Policy, p.Time})
	return nil
}

func (a *audit) note(text string) {
	if !slices.Contains(a.v.Notes, text) {
		a.v.Notes = append(a.v.Notes, text)
	}
}

// policyShown holds the policy that the public door gives as data to the log.
// One that was published a moment ago stands behind our head.
func (a *audit) policyShown(ctx context.Context) {
	a.v.Policies = len(a.next.Policies)
	a.note("not looked at: the texts of the policies; the log has their hashes, and receipts the texts that customers saw")
	raw, err := a.src.get(ctx, a.src.site+"/policy.jsonld", nil, 8<<20, false)
	var shown struct {
		Identifier policy.VersionID `json:"identifier"`
	}
	if err != nil || json.Unmarshal(raw, &shown) != nil || shown.Identifier == "" {
		a.note("not looked at: which policy is shown today; /policy.jsonld is not served here")
		return
	}
	if !a.listed || a.logged(shown.Identifier) || a.loggedSince(ctx, shown.Identifier) {
		return
	}
	a.tell(lie(UnloggedPolicy, "the policy shown today, %s, was never published in the log", shown.Identifier))
}

func (a *audit) logged(id policy.VersionID) bool {
	return slices.ContainsFunc(a.next.Policies, func(p Publication) bool { return p.Policy == id })
}

// loggedSince looks for a publication behind our head.
func (a *audit) loggedSince(ctx context.Context, id policy.VersionID) bool {
	raw, err := a.src.get(ctx, fmt.Sprintf("%s/records?from=%d", a.src.log, a.v.head.Size), nil, maxRecord, true)
	var l list
	if err != nil || json.Unmarshal(raw, &l) != nil {
		return false
	}
	for _, leaf := range l.Leaves {
		raw, err := a.src.get(ctx, fmt.Sprintf("%s/record/%d", a.src.log, leaf), nil, maxRecord, false)
		var o opened
		var p published
		if err == nil && json.Unmarshal(raw, &o) == nil && json.Unmarshal(o.Record, &p) == nil && p.Policy == id {
			return true // the next audit holds it to its entry
		}
	}
	return false
}
