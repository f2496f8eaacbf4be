package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/transfer"
)

// Evidence is a registered evidence set: a legacy scope. What it covers is what
// its purpose covers in the version it is declared to equal.
type Evidence struct {
	ID      string
	Set     transfer.EvidenceSet
	Version policy.VersionID
	At      time.Time
}

// declaration is the public record of one, like that of a same meaning.
type declaration struct {
	Type     string           `json:"type"` // evidence
	ID       string           `json:"id"`
	Policy   policy.VersionID `json:"policy"`
	Time     string           `json:"time"`
	Evidence json.RawMessage  `json:"evidence"`
}

// RegisterEvidence registers a set and enters it in the ledger, by the name of
// who declares it. A set that is registered already is given as it is; a name
// that stands for another is fault.Conflict. A version or purpose that is not
// there, and a text that nobody was shown yet, are fault.Invalid at their field.
func (db *DB) RegisterEvidence(ctx context.Context, set transfer.EvidenceSet) (Evidence, error) {
	if err := db.shownYet(set); err != nil {
		return Evidence{}, err
	}
	return db.registerEvidence(ctx, set, policy.VersionID(set.Policy))
}

func (db *DB) registerEvidence(ctx context.Context, set transfer.EvidenceSet, equal policy.VersionID) (Evidence, error) {
	var e Evidence
	err := db.write(ctx, func(t *tx) (err error) {
		if err = t.alone("evidence"); err != nil {
			return err
		}
		var registered bool
		if e, registered, err = t.known.declare(t.row, set, equal, t.now); err != nil || registered {
			return err
		}
		return t.register(e)
	})
	if err != nil {
		return e, fmt.Errorf("registering evidence: %w", err)
	}
	db.sets.Store(e.ID, e)
	return e, nil
}

// CheckEvidence gives what RegisterEvidence would, and registers nothing.
func (db *DB) CheckEvidence(ctx context.Context, set transfer.EvidenceSet) (Evidence, error) {
	if err := db.shownYet(set); err != nil {
		return Evidence{}, err
	}
	e, _, err := db.known.Load().declare(db.reader(ctx), set, policy.VersionID(set.Policy), db.now())
	if err != nil {
		return e, fmt.Errorf("looking at evidence: %w", err)
	}
	return e, nil
}

// shownYet refuses a set whose first day lies ahead: a year was mistyped, and a yes
// without a time would be one of that day.
func (db *DB) shownYet(set transfer.EvidenceSet) error {
	if set.FirstDay().After(db.now().AddDate(0, 0, 1)) { // it may be a day of any place on earth
		return fault.At(fault.Invalid, "from", "lies ahead: nobody was shown the text yet")
	}
	return nil
}

// declare gives what a set is declared to be: as it was registered, or as it
// will be.
func (k *versions) declare(row rowFunc, set transfer.EvidenceSet, equal policy.VersionID, now time.Time) (e Evidence, registered bool, err error) {
	e = Evidence{ID: set.ID(), Set: set, Version: equal, At: now}
	if err := set.Check(); err != nil {
		return e, false, err
	}
	if !isName(set.By) {
		return e, false, fault.At(fault.Invalid, "by", "evidence is declared by a named person: letters, no control characters, at most %d bytes", maxName)
	}
	var id, version string
	var at int64
	registered, err = row(`SELECT id, version, at FROM evidence WHERE name = ?`, []any{set.Name}, &id, &version, &at)
	switch {
	case err != nil:
		return e, false, err
	case registered && id != e.ID:
		return e, false, fault.At(fault.Conflict, "evidence", "a set of this name was registered that says something else; a set never changes, so give this one a name of its own")
	case registered:
		e.Version, e.At = policy.VersionID(version), fromMillis(at)
		return e, true, nil
	}
	return e, false, k.equals(&e)
}

// equals finds the version whose words a set is declared to equal, and holds the
// set to it.
func (k *versions) equals(e *Evidence) error {
	v := k.inForce()
	if e.Version != "" {
		v = k.byID[e.Version]
	}
	if v == nil {
		return fault.At(fault.Invalid, "policy", "no such version was ever published")
	}
	p, ok := v.Policy.Purposes[e.Set.Purpose]
	if !ok {
		return fault.At(fault.Invalid, "purpose", "the policy has no such purpose")
	}
	e.Version = v.ID
	return consent.Check(v, p.Acts()[0], []consent.Choice{{Purpose: e.Set.Purpose, Recipient: e.Set.Recipient, Decision: consent.Given}})
}

func (t *tx) register(e Evidence) error {
	record, err := t.enterPublic(declaration{"evidence", e.ID, e.Version, stamp(e.At), e.Set.Canonical()})
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO evidence (id, name, canonical, version, at, record) VALUES (?, ?, ?, ?, ?, ?)`, e.ID, e.Set.Name, e.Set.Canonical(), string(e.Version), millis(e.At), record)
}
