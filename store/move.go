package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/transfer"
)

// An installation moves by its export: policies first, then evidence, then one
// person after the other. What is there already stays as it is, so that it may be
// done again after a crash.

// MovePolicies publishes the policies of another installation in their order,
// each by the name of who published it. In a store that has them it does
// nothing; one that has people's answers to other policies is fault.Conflict.
func (db *DB) MovePolicies(ctx context.Context, list []transfer.Publication) error {
	if db.has(list) {
		return nil
	}
	var people bool
	if _, err := db.reader(ctx)(`SELECT EXISTS (SELECT 1 FROM subject)`, nil, &people); err != nil {
		return fmt.Errorf("moving policies: %w", err)
	}
	if people {
		return fault.New(fault.Conflict, "people have answered to other policies here: an export is moved into an installation of its own")
	}
	for i, p := range list {
		pol, err := policy.FromCanonical(p.Policy)
		if err == nil && policy.IDOf(p.Policy) != p.Version {
			err = fault.New(fault.Malformed, "the policy is not the one that its version names")
		}
		if err != nil {
			return fmt.Errorf("moving publication %d: %w", i+1, err)
		}
		v, err := db.Publish(ctx, &policy.Document{ID: p.Version, Canonical: p.Policy, Policy: pol}, p.SameMeaning, p.By)
		if err != nil {
			return fmt.Errorf("moving publication %d: %w", i+1, err)
		}
		if !maps.Equal(v.Meanings, p.Meanings) {
			return fault.New(fault.Conflict, "publication %d would mean something else here than it did: an export is moved into an installation of its own", i+1)
		}
	}
	return nil
}

// has reports whether all versions were published, and mean what they meant last.
func (db *DB) has(list []transfer.Publication) bool {
	last := map[policy.VersionID]map[string]string{}
	for _, p := range list {
		last[p.Version] = p.Meanings
	}
	for id, meanings := range last {
		if v := db.Version(id); v == nil || !maps.Equal(v.Meanings, meanings) {
			return false
		}
	}
	return len(list) > 0
}

// MoveEvidence registers an evidence set of another installation, equal to the
// version it was declared to equal there.
func (db *DB) MoveEvidence(ctx context.Context, e transfer.DeclaredEvidence) error {
	if e.Set.ID() != e.ID {
		return fault.New(fault.Malformed, "the evidence set is not the one that its id names")
	}
	_, err := db.registerEvidence(ctx, e.Set, e.Version)
	return err
}

// Move takes a person of another installation in, whose log is given by name,
// with all that they said, when they said it, and what else holds for them. The new
// records name the receipts they come from, which stay verifiable by the old log.
// Where the person is known here already their answers stay as they are
// (Standing), and only what is stricter than here is taken; where they were erased
// nothing is done. What comes to other states than it did is an error, and writes
// nothing.
func (db *DB) Move(ctx context.Context, log string, who transfer.Person, receipts []receipt.Receipt) (Outcome, error) {
	events, err := movedEvents(log, receipts)
	if err != nil {
		return "", fmt.Errorf("moving a person: %w", err)
	}
	outcome := Taken
	r := &recording{id: who.Subject, attested: true, make: func(b *batch, p *person) ([]consent.Event, error) {
		switch outcome = Taken; {
		case p.suppressed:
			outcome = Erased
			return nil, nil // refused by the batch
		case !p.fresh:
			outcome = Standing
			return nil, nil
		}
		return events, b.same(who, events)
	}}
	if who.Facts == nil && len(who.Linked) == 0 {
		_, err = db.append(ctx, r)
	} else {
		err = db.moveWhole(ctx, r, who)
	}
	if outcome == Erased && fault.KindOf(err) == fault.Conflict {
		return Erased, nil
	}
	if err != nil {
		return "", fmt.Errorf("moving a person: %w", err)
	}
	return outcome, nil
}

// movedEvents reads what receipts say.
func movedEvents(log string, receipts []receipt.Receipt) ([]consent.Event, error) {
	var out []consent.Event
	for i, r := range receipts {
		if r.Record.HasDemand != nil {
			continue // it was demanded of the other installation, which has to answer it
		}
		if r.Record.HasConsent == nil || r.Record.HasNotice == nil {
			return nil, fault.New(fault.Invalid, "a receipt is of no answer")
		}
		e, err := eventIn(r.Record, int64(i+1))
		if err != nil {
			return nil, err
		}
		e.Claim.Moved = cmp.Or(e.Claim.Moved, log+"/"+r.ID) // the first log stays the one
		out = append(out, e)
	}
	return out, nil
}

// same folds events beforehand, and holds what they come to to what they came to
// in the other installation.
func (b *batch) same(who transfer.Person, events []consent.Event) error {
	states := map[consent.Key]consent.State{}
	for _, e := range events {
		if b.known.byID[e.Policy] == nil {
			return fault.New(fault.Invalid, "an answer names a version that was never published")
		}
		if e.Time.After(b.now) {
			return fault.New(fault.Invalid, "an answer is of a time to come")
		}
		consent.Apply(states, b.known.version, e)
	}
	if got := standings(states); !equalStandings(got, who.States) {
		return fault.New(fault.Invalid, "the answers of a person come to something else here than they did")
	}
	return nil
}

func equalStandings(a, b []transfer.Standings) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// MoveStops adds what is stopped in another installation to what is stopped here.
func (db *DB) MoveStops(ctx context.Context, s transfer.Stops) error {
	if err := db.stopsNow(ctx); err != nil {
		return err
	}
	here := db.Stops()
	recipients, purposes := sortedSet(append(s.Recipients, here.Recipients...)), sortedSet(append(s.Purposes, here.Purposes...))
	if slices.Equal(recipients, here.Recipients) && slices.Equal(purposes, here.Purposes) {
		return nil
	}
	return db.Stop(ctx, recipients, purposes)
}

// MoveRefusals sets the count of a day, unless it is higher here.
func (db *DB) MoveRefusals(ctx context.Context, r transfer.Refusals) error {
	if _, err := time.Parse(time.DateOnly, r.Day); err != nil || r.Count < 1 || strings.TrimSpace(r.Language) == "" {
		return errors.New("moving a count of refusals: it is none")
	}
	err := db.write(ctx, func(t *tx) error {
		return t.exec(`INSERT INTO refusal (day, surface, language, n) VALUES (?, ?, ?, ?)
			ON CONFLICT (day, surface, language) DO UPDATE SET n = excluded.n WHERE refusal.n < excluded.n`, r.Day, string(r.Surface), r.Language, r.Count)
	})
	if err != nil {
		return fmt.Errorf("moving a count of refusals: %w", err)
	}
	return nil
}
