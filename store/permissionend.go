package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// The end of what a parent permitted: first the permission goes, then what it gave,
// and before a parent is erased all of it.

// EndPermission takes a permission back, at once and at any time: what it gave is
// withdrawn, but for what another permission gives as well. One that was not
// confirmed yet is forgotten. Done twice it is done once.
func (db *DB) EndPermission(ctx context.Context, id string) (Recorded, error) {
	var done *appended
	var r request.Request
	err := db.write(ctx, func(t *tx) (err error) {
		r, done, err = t.unpermitted(id)
		return err
	})
	if err == nil && r.State == request.Cancelled {
		err = db.Unpermitted(context.WithoutCancel(ctx), id)
	}
	if err != nil {
		return Recorded{}, fmt.Errorf("taking a permission back: %w", err)
	}
	if done == nil {
		return Recorded{db: db}, nil
	}
	return Recorded{db: db, appended: []*appended{done}, ids: []string{done.id.String()}}, nil
}

func (t *tx) unpermitted(id string) (r request.Request, done *appended, err error) {
	child, err := t.lockPermission(id)
	if err != nil {
		return r, nil, err
	}
	p, r, err := t.request(id)
	switch {
	case err != nil || r.State == request.Cancelled:
		return r, nil, err
	case r.State == request.Waiting:
		return r, nil, t.forgetPermission(p, r)
	}
	if err := t.unpermit(child, r); err != nil {
		return r, nil, err
	}
	r.State, r.Ended, r.Acts = request.Cancelled, t.now, t.now
	if done, err = t.record(p, &r, receipt.DemandCancelled, BySubject, t.known.inForce().ID); err != nil {
		return r, nil, err
	}
	return r, done, t.saveRequest(p, r)
}

// unpermit takes a permission from a child's facts.
func (t *tx) unpermit(child subject.ID, r request.Request) error {
	if child == "" {
		return nil
	}
	c, err := t.db.lookup(t.row, child)
	if err != nil || c == nil {
		return err
	}
	if slices.Contains(c.facts.Permits, r.ID) {
		t.below(c, slices.DeleteFunc(slices.Clone(c.facts.Permits), func(p string) bool { return p == r.ID }))
	}
	return t.tellChild(c, r, receipt.DemandCancelled)
}

// Unpermitted withdraws what a permission gave that was taken back. After a crash
// it is gone on with.
func (db *DB) Unpermitted(ctx context.Context, id string) error {
	r, _, err := db.RequestAny(ctx, id)
	if err != nil || r.Kind != request.Permission || r.State != request.Cancelled || r.Acts.IsZero() {
		return err
	}
	child, err := db.ChildOf(ctx, r)
	if err == nil && child != "" {
		err = db.takeFor(ctx, child, r)
	}
	if err != nil {
		return err
	}
	_, _, err = db.move(ctx, "ending what a permission gave", id, BySubject, func(_ *tx, _ *person, r request.Request) (request.Request, receipt.DemandStep, error) {
		r.Acts = time.Time{}
		return r, "", nil
	})
	return err
}

// byParents gives which yeses of a person a parent gave, by their events.
func (db *DB) byParents(ctx context.Context, id subject.ID) (map[string]bool, error) {
	states, err := db.States(ctx, id)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, s := range states {
		if y := s.Ended(); y != nil {
			ids = append(ids, y.Event)
		}
	}
	list, err := db.Receipts(ctx, ids)
	given := map[string]bool{}
	for _, r := range list {
		if c := r.Record.HasConsent; c != nil && c.Surface == consent.SurfaceParent {
			given[r.ID] = true
		}
	}
	return given, err
}

// errPermits says that other permissions stand than those that were looked at.
var errPermits = errors.New("other permissions stand by now")

// takeFor withdraws what a permission gave and no other does, each third party for
// itself; of somebody who is not known to be a child no yes but a parent's.
func (db *DB) takeFor(ctx context.Context, child subject.ID, r request.Request) error {
	err := errPermits
	for errors.Is(err, errPermits) {
		err = db.tryTake(ctx, child, r)
	}
	if fault.KindOf(err) == fault.Unknown { // erased in between
		return nil
	}
	return err
}

func (db *DB) tryTake(ctx context.Context, child subject.ID, r request.Request) error {
	facts, err := db.Facts(ctx, child)
	if err != nil {
		return err
	}
	others := map[consent.Key]bool{}
	for _, id := range facts.Permits {
		other, _, err := db.RequestAny(ctx, id)
		if err != nil && fault.KindOf(err) != fault.Unknown {
			return err
		}
		if err == nil && id != r.ID {
			maps.Copy(others, givenBy(other))
		}
	}
	var given map[string]bool
	if !facts.Child {
		if given, err = db.byParents(ctx, child); err != nil {
			return err
		}
	}
	_, err = db.append(ctx, &recording{id: child, existing: true, make: func(b *batch, p *person) (events []consent.Event, err error) {
		if p.facts.Child != facts.Child || !slices.Equal(p.facts.Permits, facts.Permits) {
			return nil, errPermits
		}
		for _, key := range ending(p.states, func(k consent.Key) bool {
			return slices.Contains(r.Demand.Purposes, k.Purpose) && !others[k] && (facts.Child || given[p.states[k].Ended().Event])
		}) {
			events = append(events, b.takenByParent(p, key))
		}
		return events, nil
	}})
	return err
}

// errPermitted says that somebody who is to be erased has permitted something since
// it was looked.
var errPermitted = errors.New("a permission stands by now")

// erasing does what erases people once nothing that they permitted stands: nobody
// could take it back any more. erase holds that nothing does (noPermissions).
func (db *DB) erasing(ctx context.Context, whose func() ([]subject.ID, error), erase func(*tx) error) error {
	err := errPermitted
	for errors.Is(err, errPermitted) {
		var ids []subject.ID
		if ids, err = whose(); err == nil {
			err = db.endPermissionsOf(ctx, ids...)
		}
		if err == nil {
			err = db.write(ctx, erase)
		}
	}
	return err
}

// noPermissions holds that people, whose shards are locked, have permitted nothing
// that stands.
func (t *tx) noPermissions(ids []subject.ID) error {
	for _, id := range ids {
		p, err := t.db.lookup(t.row, id)
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		list, err := t.requestsOf([]*person{p})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(list, stillPermits) {
			return errPermitted
		}
	}
	return nil
}

// stillPermits reports whether a request is a permission whose end is not complete.
func stillPermits(r request.Request) bool {
	return r.Kind == request.Permission && (r.State != request.Cancelled || !r.Acts.IsZero())
}

// endPermissionsOf ends what parents have permitted.
func (db *DB) endPermissionsOf(ctx context.Context, parents ...subject.ID) error {
	list, err := db.Requests(ctx, parents...)
	if err != nil {
		return err
	}
	for _, r := range list {
		if stillPermits(r) {
			if _, err := db.EndPermission(ctx, r.ID); err != nil && fault.KindOf(err) != fault.Unknown {
				return err
			}
		}
	}
	return nil
}
