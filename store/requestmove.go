package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/proof"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
)

var errNoRequest = fault.New(fault.Unknown, "there is no such request")

// changed makes of a request what change says, in the transaction that is open,
// and enters the step where it has a receipt ("" = none). Its owner is given
// with open keys.
func (t *tx) changed(id string, by ErasedBy, change func(*person, request.Request) (request.Request, receipt.DemandStep, error)) (r request.Request, done *appended, err error) {
	p, r, err := t.request(id)
	if err != nil {
		return r, nil, err
	}
	r, step, err := change(p, r)
	if err != nil {
		return r, nil, err
	}
	if step != "" {
		if done, err = t.record(p, &r, step, by, t.known.inForce().ID); err != nil {
			return r, nil, err
		}
	}
	return r, done, t.saveRequest(p, r)
}

// request reads a request and its owner, and locks their shard.
func (t *tx) request(id string) (*person, request.Request, error) {
	var none request.Request
	u, err := uuid.Parse(id)
	if err != nil || u.String() != id {
		return nil, none, errNoRequest
	}
	shard, n := whereIs(u)
	if err := t.lock(shard); err != nil {
		return nil, none, err
	}
	p, row, err := t.db.requestAt(t.row, shard, n)
	if err == nil && (p == nil || uuid.UUID(row.id) != u) {
		err = errNoRequest
	}
	if err != nil {
		return nil, none, err
	}
	r, err := row.open(p)
	return p, r, err
}

// requestAt reads the request at a place and its owner, whose keys and name are
// open; nil where there is none.
func (db *DB) requestAt(row rowFunc, shard int, n int64) (*person, requestRow, error) {
	var r requestRow
	p, err := db.openTwice(func() (*person, error) {
		var s scanned
		ok, err := row(`SELECT `+requestColumns+`, `+subjectRow+` FROM request r
			JOIN subject s ON s.shard_id = r.shard_id AND s.subject_id = r.subject_id WHERE r.shard_id = ? AND r.n = ?`,
			[]any{shard, n}, append(r.into(), s.into()...)...)
		if err != nil || !ok {
			return nil, err
		}
		return s.person()
	})
	if err != nil || p == nil {
		return nil, r, err
	}
	return p, r, p.nameOf()
}

// Request gives a request of one of some identifiers. One that is somebody
// else's is fault.Unknown, like one that is not.
func (db *DB) Request(ctx context.Context, id string, owners ...subject.ID) (request.Request, error) {
	r, owner, err := db.RequestAny(ctx, id)
	if err == nil && !slices.Contains(owners, owner) {
		err = errNoRequest
	}
	if err != nil {
		return request.Request{}, err
	}
	return r, nil
}

// ErasureAbout gives an erasure that takes one of some identifiers, whichever of the
// person's it was asked by. Any other request is fault.Unknown.
func (db *DB) ErasureAbout(ctx context.Context, id string, ids ...subject.ID) (request.Request, error) {
	r, _, err := db.RequestAny(ctx, id)
	takes := func(one subject.ID) bool { return slices.Contains(ids, one) }
	if err == nil && (r.Kind != request.Erasure || !slices.ContainsFunc(linked(r), takes)) {
		err = errNoRequest
	}
	if err != nil {
		return request.Request{}, err
	}
	return r, nil
}

// RequestAny gives a request and whose it is, for who answers it.
func (db *DB) RequestAny(ctx context.Context, id string) (r request.Request, owner subject.ID, err error) {
	return db.requestBy(db.reader(ctx), id)
}

func (db *DB) requestBy(row rowFunc, id string) (r request.Request, owner subject.ID, err error) {
	u, err := uuid.Parse(id)
	if err != nil || u.String() != id {
		return r, "", errNoRequest
	}
	shard, n := whereIs(u)
	p, found, err := db.requestAt(row, shard, n)
	if err != nil {
		return r, "", fmt.Errorf("reading a request: %w", err)
	}
	if p == nil || uuid.UUID(found.id) != u {
		return r, "", errNoRequest
	}
	r, err = found.open(p)
	return r, p.name, err
}

// Cancel ends a request of one of some identifiers by their own word; what it
// brought about at once is lifted.
func (db *DB) Cancel(ctx context.Context, id string, owners ...subject.ID) (request.Request, Recorded, error) {
	return db.move(ctx, "cancelling a request", id, BySubject, func(t *tx, p *person, r request.Request) (request.Request, receipt.DemandStep, error) {
		if !owns(owners, p, r) {
			return r, "", errNoRequest
		}
		r, err := r.Cancel(t.now)
		if err != nil {
			return r, "", err
		}
		return r, receipt.DemandCancelled, t.lift(p, r)
	})
}

// ConfirmRequest lets an erasure be done at once: whoever calls has proof that
// second, another identifier than the one it was asked by, says so too.
func (db *DB) ConfirmRequest(ctx context.Context, id string, second subject.ID) (request.Request, Recorded, error) {
	return db.move(ctx, "confirming a request", id, BySubject, func(t *tx, p *person, r request.Request) (request.Request, receipt.DemandStep, error) {
		if second == p.name || !slices.Contains(r.Demand.Linked, string(second)) {
			return r, "", errNoRequest
		}
		if err := t.settled(p, second); err != nil {
			return r, "", err
		}
		r, err := r.Confirm(t.now)
		return r, receipt.DemandConfirmed, err
	})
}

// Outcome ends a request by the company, with words for the person.
func (db *DB) Outcome(ctx context.Context, id string, state request.State, words string) (request.Request, Recorded, error) {
	return db.move(ctx, "answering a request", id, ByCompany, func(t *tx, p *person, r request.Request) (request.Request, receipt.DemandStep, error) {
		r, err := r.Outcome(state, words, t.now)
		if err != nil {
			return r, "", err
		}
		step := receipt.DemandDone
		if state == request.Refused {
			step = receipt.DemandRefused
		}
		return r, step, t.lift(p, r)
	})
}

func (db *DB) move(ctx context.Context, doing, id string, by ErasedBy, change func(*tx, *person, request.Request) (request.Request, receipt.DemandStep, error)) (r request.Request, out Recorded, err error) {
	var done *appended
	err = db.write(ctx, func(t *tx) (err error) {
		if err := t.lockLinked(id); err != nil {
			return err
		}
		r, done, err = t.changed(id, by, func(p *person, r request.Request) (request.Request, receipt.DemandStep, error) {
			return change(t, p, r)
		})
		return err
	})
	if err != nil {
		return r, out, fmt.Errorf("%s: %w", doing, err)
	}
	if out.db = db; done != nil {
		out.appended, out.ids = []*appended{done}, []string{done.id.String()}
	}
	return r, out, nil
}

// lockLinked locks the shards of everybody a request is about, in order.
func (t *tx) lockLinked(id string) error {
	r, owner, err := t.db.requestBy(t.row, id) // who is linked never changes
	if err != nil {
		return err
	}
	return t.lockPerson(append(linked(r), owner)...)
}

func linked(r request.Request) []subject.ID {
	var ids []subject.ID
	for _, s := range r.Demand.Linked {
		ids = append(ids, subject.ID(s))
	}
	return ids
}

// owns reports whether a request is of one of the identifiers, or about it.
func owns(ids []subject.ID, p *person, r request.Request) bool {
	return slices.Contains(ids, p.name) || slices.ContainsFunc(linked(r), func(id subject.ID) bool { return slices.Contains(ids, id) })
}

// lift takes back what an erasure restricted. What another request restricts as well
// stays. p is saved with the event that follows.
func (t *tx) lift(p *person, r request.Request) error {
	p.facts.free(r.ID)
	ids, err := t.whole(append([]subject.ID{p.name}, linked(r)...))
	if err != nil {
		return err
	}
	return t.free(ids[1:], r.ID)
}

// free ends what a request restricts for identifiers, but for those that are not
// known any more.
func (t *tx) free(ids []subject.ID, request string) error {
	for _, id := range ids {
		q, err := t.db.lookup(t.row, id)
		if err == nil && q != nil && q.facts.free(request) {
			if err = t.saveFacts(q); err == nil {
				err = t.announce(q)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settled holds that a second identifier, where it is linked with the first, is
// for long enough: who got into a mailbox may have linked it a minute ago.
func (t *tx) settled(p *person, second subject.ID) error {
	others, err := t.db.others(t.row, p.links)
	if err != nil {
		return err
	}
	members := membersOf(append(others, p))
	is := slices.ContainsFunc(others, func(o *person) bool { return o.name == second })
	if is && !proof.ProvesTwo(members, []subject.ID{p.name, second}, t.now) {
		return ErrYoung
	}
	return nil
}

// ErrYoung says that an identifier was linked too lately to confirm anything.
var ErrYoung = fault.New(fault.Conflict, "it was linked too lately, or may be somebody else's by now, to confirm what another of your identifiers asked for")
