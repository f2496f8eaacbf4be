// Package fulfil does what people demanded and what needs nobody's hand: it
// erases whoever had time to think, prepares what they take away, and deletes it
// when its time is over. What it does is durable step by step, and doing it
// again after a crash, or on two servers at once, does it once.
package fulfil

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/known"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/notice"
	"github.com/amana-privacy/amana/parcel"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// often is how often it is looked for what is due, unless said otherwise.
const often = 2 * time.Second

// atOnce is how many requests are done before it is looked again.
const atOnce = 32

// Engine does requests.
type Engine struct {
	Store *store.DB
	Log   *slog.Logger  // ids only
	Every time.Duration // how often it is looked for what is due; 0 = two seconds
}

// Run does what is due until ctx is done.
func (e *Engine) Run(ctx context.Context) {
	tick := time.NewTicker(cmp.Or(e.Every, often))
	defer tick.Stop()
	for {
		if _, err := e.Step(ctx); err != nil && ctx.Err() == nil {
			e.Log.Error("requests could not be done yet", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Step does what is due now and gives how much that was. A request that fails
// holds up none of the others, and is tried again by the next step.
func (e *Engine) Step(ctx context.Context) (done int, err error) {
	due, err := e.Store.DueRequests(ctx, atOnce)
	if err != nil {
		return 0, err
	}
	erased := false
	for _, d := range due {
		err := e.do(ctx, d)
		switch k := fault.KindOf(err); {
		case err == nil:
			done++
			erased = erased || d.Kind == request.Erasure
		case ctx.Err() != nil:
			return done, ctx.Err()
		case k == fault.Unknown || k == fault.Conflict: // another server was sooner
		default:
			e.Log.Error("a request could not be done yet", "request", d.ID, "kind", string(d.Kind), "error", err)
		}
	}
	if erased {
		if err := e.Store.Shred(ctx); err != nil {
			return done, fmt.Errorf("destroying the keys of who was erased: %w", err)
		}
	}
	return done, nil
}

func (e *Engine) do(ctx context.Context, d store.DueRequest) error {
	switch {
	case d.Kind == request.Erasure:
		_, err := e.Store.EraseRequested(ctx, d.ID)
		return err
	case d.Kind == request.Pause:
		_, err := e.Store.EndPause(ctx, d.ID)
		return err
	case d.Kind == request.Permission && d.State == request.Working:
		return e.Store.Permitted(ctx, d.ID)
	case d.Kind == request.Permission && d.State == request.Cancelled:
		return e.Store.Unpermitted(ctx, d.ID)
	case d.Kind == request.Permission:
		return e.Store.AskAgain(ctx, d.ID)
	case d.Kind == request.Portability && d.State == request.Working:
		return e.pack(ctx, d.ID)
	case d.Kind == request.Portability:
		return e.Store.EndDownload(ctx, d.ID)
	}
	return fault.New(fault.Internal, "nothing is to be done for such a request")
}

// pack prepares a download.
func (e *Engine) pack(ctx context.Context, id string) error {
	r, owner, err := e.Store.RequestAny(ctx, id)
	if err != nil {
		return err
	}
	ids := []subject.ID{owner}
	for _, l := range r.Demand.Linked {
		ids = append(ids, subject.ID(l))
	}
	c, err := e.gather(ctx, ids, r.Demand.Language)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	if err := c.Zip(&archive); err != nil {
		return err
	}
	sealed, err := parcel.Seal(r.Demand.Seal, archive.Bytes())
	if err != nil {
		return err
	}
	_, err = e.Store.SaveDownload(ctx, id, sealed, int64(c.Receipts()))
	return err
}

// gather reads everything that is kept of a person.
func (e *Engine) gather(ctx context.Context, ids []subject.ID, language string) (c parcel.Contents, err error) {
	v := e.Store.InForce()
	w, ok := lang.For(language, lang.Options{})
	if !ok {
		w, _ = lang.For(v.Policy.Master(), lang.Options{})
	}
	c = parcel.Contents{Words: w, Notice: notice.Of(v, w), Version: v, Made: e.Store.Now()}
	voices, err := e.Store.Voices(ctx, ids...)
	if err != nil {
		return c, err
	}
	c.Picture = known.Of(c.Notice, v, w, voices)
	if c.Requests, err = e.Store.Requests(ctx, ids...); err != nil {
		return c, err
	}
	for _, id := range ids {
		p := parcel.Person{ID: id}
		facts, err := e.Store.Facts(ctx, id)
		if err != nil {
			return c, err
		}
		p.Since = facts.Restricted
		if p.States, err = e.Store.States(ctx, id); err != nil {
			return c, err
		}
		for cursor, first := "", true; first || cursor != ""; first = false {
			list, next, err := e.Store.ReceiptsOf(ctx, id, 0, cursor)
			if err != nil {
				return c, err
			}
			p.Receipts, cursor = append(p.Receipts, list...), next
		}
		c.Persons = append(c.Persons, p)
	}
	return c, nil
}
