package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

// Pause lets the yeses of one identifier to some purposes count as none until a
// time, and come back then as they were. The request that ends it is durable
// first: a crash in between leaves a yes that stands. Where no yes stands it is
// fault.Conflict.
func (db *DB) Pause(ctx context.Context, id subject.ID, purposes []string, until time.Time, language string) (request.Request, Recorded, error) {
	states, err := db.States(ctx, id)
	if err != nil {
		return request.Request{}, Recorded{}, err
	}
	if !slices.ContainsFunc(purposes, func(p string) bool { return states[consent.Key{Purpose: p}].Yes != nil }) {
		return request.Request{}, Recorded{}, errNoYes
	}
	r, _, err := db.Ask(ctx, Ask{Subjects: []subject.ID{id}, Kind: request.Pause, Demand: request.Demand{Purposes: purposes, Until: until, Language: language}})
	if err != nil {
		return r, Recorded{}, err
	}
	done, err := db.paused(ctx, id, purposes, consent.ActPaused, until)
	return r, done, err
}

var errNoYes = fault.New(fault.Conflict, "there is no yes that could be paused")

// paused appends the events of a pause, or of its end, for what it changes.
func (db *DB) paused(ctx context.Context, id subject.ID, purposes []string, act consent.Act, until time.Time) (Recorded, error) {
	done, err := db.append(ctx, &recording{id: id, existing: true, make: func(_ *batch, p *person) ([]consent.Event, error) {
		var events []consent.Event
		for key, s := range p.states {
			y := s.Yes
			if act == consent.ActResumed {
				y = s.Paused
			}
			if y != nil && slices.Contains(purposes, key.Purpose) {
				events = append(events, consent.Event{Act: act, Purpose: key.Purpose, Recipient: key.Recipient, Policy: y.Policy, Language: y.Language,
					Surface: consent.SurfaceChoices, Shown: y.Shown, Until: until})
			}
		}
		if len(events) == 0 {
			return nil, errNoYes
		}
		slices.SortFunc(events, func(a, b consent.Event) int {
			return slices.Compare([]string{a.Purpose, a.Recipient}, []string{b.Purpose, b.Recipient})
		})
		return events, nil
	}})
	if err != nil {
		return Recorded{}, fmt.Errorf("pausing: %w", err)
	}
	return done, nil
}

// EndPause ends a pause whose time is over: what was paused, and nothing was
// said about since, stands again.
func (db *DB) EndPause(ctx context.Context, id string) (Recorded, error) {
	r, owner, err := db.RequestAny(ctx, id)
	if err != nil {
		return Recorded{}, err
	}
	if r.Kind != request.Pause || r.State != request.Waiting || db.now().Before(r.Until) {
		return Recorded{}, fault.New(fault.Conflict, "its time is not over")
	}
	return db.resume(ctx, r, owner, true)
}

// Resume ends a pause by the person's own word.
func (db *DB) Resume(ctx context.Context, id string, owners ...subject.ID) (Recorded, error) {
	r, owner, err := db.RequestAny(ctx, id)
	if err == nil && !slices.Contains(owners, owner) {
		err = errNoRequest
	}
	if err == nil && (r.Kind != request.Pause || r.State != request.Waiting) {
		err = fault.New(fault.Conflict, "the pause is over")
	}
	if err != nil {
		return Recorded{}, err
	}
	return db.resume(ctx, r, owner, false)
}

// resume lets the yeses stand again first, and ends the request then: after a
// crash in between it is done again, which changes nothing.
func (db *DB) resume(ctx context.Context, r request.Request, owner subject.ID, itself bool) (Recorded, error) {
	done, err := db.paused(ctx, owner, r.Demand.Purposes, consent.ActResumed, time.Time{})
	if err != nil && fault.KindOf(err) != fault.Conflict {
		return Recorded{}, err
	}
	_, _, err = db.move(ctx, "ending a pause", r.ID, BySubject, func(t *tx, _ *person, r request.Request) (request.Request, receipt.DemandStep, error) {
		if r.State.Over() {
			return r, "", fault.New(fault.Conflict, "the pause is over")
		}
		r = r.Stepped("resumed", 0, t.now)
		r.State, r.Ended, r.Acts = request.Done, t.now, time.Time{}
		if !itself {
			r.State = request.Cancelled
			return r, receipt.DemandCancelled, nil
		}
		return r, receipt.DemandDone, nil
	})
	return done, err
}
