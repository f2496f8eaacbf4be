package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/transfer"
)

// moveWhole moves somebody of whom more is known than answers, all of it in one
// transaction: at no moment are they freer here than they were.
func (db *DB) moveWhole(ctx context.Context, r *recording, who transfer.Person) error {
	f, err := factsIn(who.Facts)
	if err != nil {
		return err
	}
	erasing := who.Facts != nil && who.Facts.Erasing
	return db.write(ctx, func(t *tx) error {
		if t.known.inForce() == nil {
			return fault.New(fault.Conflict, "no policy is in force yet")
		}
		p, fresh, err := t.answersOf(r, who)
		if err != nil {
			return err
		}
		if !fresh {
			f.Heard = nil // what a browser said here is its own word
		}
		if err := t.carry(p, f); err != nil {
			return err
		}
		if fresh {
			err = t.relink(p, who.Linked)
		}
		if err == nil && p.fresh && len(who.Linked) > 0 { // whoever comes later has to find them
			err = t.saveFacts(p)
		}
		if err == nil && erasing {
			err = t.eraseToo(p)
		}
		return err
	})
}

// answersOf locks the shards of all that somebody is linked with, writes their
// answers, and gives them; fresh reports that they were not known here.
func (t *tx) answersOf(r *recording, who transfer.Person) (p *person, fresh bool, err error) {
	r.appended, r.replay, r.place = nil, nil, t.db.placeOf(r.id) // of an earlier try
	ids := []subject.ID{r.id}
	for _, l := range who.Linked {
		ids = append(ids, l.Subject)
	}
	if err = t.lockPerson(ids...); err == nil {
		p, err = t.db.lookup(t.row, r.id)
	}
	if err != nil {
		return nil, false, err
	}
	fresh = p == nil
	b, err := t.batchOf(r, p)
	if err == nil {
		err = b.fold(r)
	}
	if err == nil {
		err = t.saveBatch(b)
	}
	if err != nil {
		return nil, false, err
	}
	if p = b.people[r.place.key()]; p == nil { // without an answer
		p, err = t.someone(r.id)
	}
	return p, fresh, err
}

// elsewhere stands for a request of another installation: no end of one here lifts
// what it restricts.
const elsewhere = "elsewhere"

// factsIn reads what an export says.
func factsIn(in *transfer.Facts) (f Facts, err error) {
	if in == nil {
		return f, nil
	}
	at := func(s string) (when time.Time) {
		if err == nil {
			if when, err = receipt.Time(s); err != nil {
				err = fault.New(fault.Invalid, "what holds for a person has a time that is none")
			}
		}
		return when
	}
	f = Facts{Named: in.Named, Child: in.Child}
	if in.Restricted != "" {
		f.Restricted, f.By = at(in.Restricted), []string{elsewhere}
	}
	if in.Grown != "" {
		f.Grown = at(in.Grown)
	}
	for purpose, since := range in.Objected {
		put(&f.Objected, purpose, at(since))
	}
	for _, no := range in.Heard {
		put(&f.Heard, consent.Key{Purpose: no.Purpose, Recipient: no.Recipient}, at(no.Since))
	}
	return f, err
}

// carry adds to a person what held for them elsewhere, where it is stricter than
// what holds here. What is new is entered like a demand of the company's, and holds
// for all that they are linked with.
func (t *tx) carry(p *person, f Facts) error {
	was := p.facts
	p.facts = stricter(p.facts, f, t.now)
	if f.Heard != nil {
		p.facts.Heard = f.Heard
	}
	if p.facts.stored() == was.stored() {
		return nil
	}
	noted, err := t.noteCarried(p, was)
	if err != nil {
		return err
	}
	others, err := t.db.others(t.row, p.links)
	if err != nil {
		return err
	}
	for _, o := range others {
		o.facts = stricter(o.facts, p.facts, t.now)
	}
	if !noted { // a no that was only heard has no record
		others = append(others, p)
	}
	return t.settle(others)
}

// noteCarried enters what is new of somebody's facts; noted reports that anything was.
func (t *tx) noteCarried(p *person, was Facts) (noted bool, err error) {
	objected := slices.Sorted(maps.Keys(p.facts.Objected))
	objected = slices.DeleteFunc(objected, func(id string) bool { _, before := was.Objected[id]; return before })
	for _, d := range []struct {
		holds    bool
		kind     request.Kind
		step     receipt.DemandStep
		purposes []string
	}{
		{was.Restricted.IsZero() && !p.facts.Restricted.IsZero(), request.Restriction, receipt.DemandAsked, nil},
		{len(objected) > 0, request.Objection, receipt.DemandAsked, objected},
		{!was.Child && p.facts.Child, request.Permission, receipt.DemandCancelled, nil}, // what a parent permitted elsewhere is not permitted here
	} {
		if !d.holds {
			continue
		}
		noted = true
		if _, err := t.note(p, "request."+string(d.step), func(eventID string) (receipt.Parts, error) {
			return receipt.MakeDemand(eventID, receipt.Demand{Time: receipt.Stamp(t.now), By: string(ByCompany), Policy: t.known.inForce().ID, Request: eventID,
				Kind: string(d.kind), Step: d.step, Purposes: d.purposes}, p.name)
		}); err != nil {
			return noted, err
		}
	}
	return noted, nil
}

// relink links somebody who came with those they were linked with, as far as these
// are here: whoever comes last finds all. The times are those of the links then, so
// that what they said comes to the same.
func (t *tx) relink(p *person, list []transfer.Linked) error {
	since := map[subject.ID]links{}
	for _, l := range list {
		at, err := receipt.Time(l.Since)
		if err != nil {
			return fault.New(fault.Invalid, "a link has a time that is none")
		}
		since[l.Subject] = links{Since: millis(at), Unsure: l.Unsure, Vouched: l.Vouched}
	}
	for _, l := range list {
		if l.Subject == p.name {
			continue
		}
		q, err := t.db.lookup(t.row, l.Subject)
		if err == nil && q != nil {
			err = t.tieAgain(q, p, since)
		}
		if err != nil {
			return fmt.Errorf("linking: %w", err)
		}
	}
	return nil
}

// tieAgain links two that were linked elsewhere, unless they are, or one of them
// has found others here.
func (t *tx) tieAgain(q, p *person, since map[subject.ID]links) error {
	j := joined{first: q, second: p}
	var err error
	if j.firsts, err = t.db.others(t.row, q.links); err == nil {
		j.seconds, err = t.db.others(t.row, p.links)
	}
	if err != nil || slices.ContainsFunc(j.firsts, func(o *person) bool { return o.name == p.name }) {
		return err
	}
	j.firsts, j.seconds = append(j.firsts, q), append(j.seconds, p)
	if len(j.firsts) > 1 && len(j.seconds) > 1 || len(j.all()) > MaxLinked {
		return nil
	}
	for _, one := range []*person{q, p} {
		if was := since[one.name]; !one.links.any() {
			one.links = was
		}
	}
	j.tie(Linking{}, millis(t.now))
	id := ""
	for _, one := range []*person{q, p} {
		if _, err := t.noteLink(one, &id, receipt.DemandDone, t.known.inForce().ID); err != nil {
			return err
		}
	}
	return t.settle(j.all(), q, p)
}

// eraseToo asks anew for an erasure that waited elsewhere, unless it was asked for
// here already: its time to think begins again, and the person is told. Of whom
// nothing came there is nothing to erase.
func (t *tx) eraseToo(p *person) error {
	if p.fresh {
		return nil
	}
	before, err := t.requestsOf([]*person{p})
	if err != nil || slices.ContainsFunc(before, func(r request.Request) bool { return r.Kind == request.Erasure }) {
		return err
	}
	_, _, err = t.ask(Ask{Subjects: []subject.ID{p.name}, Kind: request.Erasure, Demand: request.Demand{Language: t.known.inForce().Policy.Master()}, Alone: true})
	return err
}
