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
// there is fault.Invalid at its field.
func (db *DB) RegisterEvidence(ctx context.Context, set transfer.EvidenceSet) (Evidence, error) {
	e := Evidence{ID: set.ID(), Set: set, Version: policy.VersionID(set.Policy)}
	if err := set.Check(); err != nil {
		return e, fmt.Errorf("registering evidence: %w", err)
	}
	if !isName(set.By) {
		return e, fault.At(fault.Invalid, "by", "evidence is declared by a named person: letters, no control characters, at most %d bytes", maxName)
	}
	err := db.write(ctx, func(t *tx) error {
		if err := t.alone("evidence"); err != nil {
			return err
		}
		known, err := t.evidence(e.ID, set.Name)
		if err != nil || known != nil {
			if known != nil {
				e = *known
			}
			return err
		}
		return t.register(&e)
	})
	if err != nil {
		return e, fmt.Errorf("registering evidence: %w", err)
	}
	db.sets.Store(e.ID, e)
	return e, nil
}

// evidence finds a set by its id; nil where there is none and its name is free.
func (t *tx) evidence(id, name string) (*Evidence, error) {
	var e Evidence
	var canonical []byte
	var version string
	var at int64
	ok, err := t.row(`SELECT id, canonical, version, at FROM evidence WHERE name = ?`, []any{name}, &e.ID, &canonical, &version, &at)
	switch {
	case err != nil || !ok:
		return nil, err
	case e.ID != id:
		return nil, fault.At(fault.Conflict, "evidence", "a set of this name was registered that says something else; a set never changes, so give this one a name of its own")
	}
	e.Version, e.At = policy.VersionID(version), fromMillis(at)
	return &e, json.Unmarshal(canonical, &e.Set)
}

func (t *tx) register(e *Evidence) error {
	v := t.known.inForce()
	if e.Version != "" {
		v = t.known.byID[e.Version]
	}
	if v == nil {
		return fault.At(fault.Invalid, "policy", "no such version was ever published")
	}
	p, ok := v.Policy.Purposes[e.Set.Purpose]
	if !ok {
		return fault.At(fault.Invalid, "purpose", "the policy has no such purpose")
	}
	if err := consent.Check(v, p.Acts()[0], []consent.Choice{{Purpose: e.Set.Purpose, Recipient: e.Set.Recipient, Decision: consent.Given}}); err != nil {
		return err
	}
	e.Version, e.At = v.ID, t.now
	record, err := t.enterPublic(declaration{"evidence", e.ID, e.Version, stamp(e.At), e.Set.Canonical()})
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO evidence (id, name, canonical, version, at, record) VALUES (?, ?, ?, ?, ?, ?)`, e.ID, e.Set.Name, e.Set.Canonical(), string(e.Version), millis(e.At), record)
}
