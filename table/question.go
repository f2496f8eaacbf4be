package table

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/subject"
)

// Question is a question made ready, for a program that asks the same of many:
// its names are looked up once, and again only when the rules change. It is safe
// for concurrent use.
type Question struct {
	table *Table
	q     decision.Question
	ready atomic.Pointer[ready]
}

// ready is a question under one plan.
type ready struct {
	plan *plan
	ask  ask
}

// Question makes a question ready. It keeps nothing of q.
func (t *Table) Question(q decision.Question) *Question {
	q.Data = slices.Clone(q.Data)
	return &Question{table: t, q: q}
}

// under gives the question as a root understands it.
func (q *Question) under(r *root) *ask {
	if have := q.ready.Load(); have != nil && have.plan == r.plan {
		return &have.ask
	}
	made := &ready{plan: r.plan}
	r.plan.understand(&q.q, &made.ask)
	made.ask.prepare()
	q.ready.Store(made)
	return &made.ask
}

// Decide answers the question about an identifier in normal form.
func (q *Question) Decide(id subject.ID, now time.Time) Answer {
	t := q.table
	if t.stale(now) {
		return answers[codeStale]
	}
	tag, at := t.key.Tag(id), nanos(now)
	for {
		r := t.root.Load()
		s := r.spot(tag)
		if c, ok := t.answer(r, q.under(r), tag, s, at); ok {
			if t.hides(c) && t.gone(id) {
				return q.Decide(nobodyErased, now)
			}
			return answers[c]
		}
	}
}

// DecideEach answers the question about each of ids into out, which is as long.
// Their answers may differ in time as those of single questions would.
func (q *Question) DecideEach(ids []subject.ID, out []Answer, now time.Time) {
	t := q.table
	if t.stale(now) {
		for i := range ids {
			out[i] = answers[codeStale]
		}
		return
	}
	var b batch
	for at := nanos(now); len(ids) > 0; {
		n := min(len(ids), batchSize)
		r := t.root.Load()
		for i, id := range ids[:n] {
			b.look(t, r, i, id)
		}
		if !b.find(t, r, n, at) {
			for i, id := range ids[:n] {
				out[i] = q.Decide(id, now)
			}
		} else {
			a := q.under(r)
			for i := range n {
				out[i] = b.answer(t, r, i, a, q, ids[i], now)
			}
		}
		ids, out = ids[n:], out[n:]
	}
}

// Query is one of many questions.
type Query struct {
	Subject  subject.ID
	Question *Question // of the same table
}

// DecideEach answers each query into out, which is as long.
func (t *Table) DecideEach(queries []Query, out []Answer, now time.Time) {
	if t.stale(now) {
		for i := range queries {
			out[i] = answers[codeStale]
		}
		return
	}
	var b batch
	for at := nanos(now); len(queries) > 0; {
		n := min(len(queries), batchSize)
		r := t.root.Load()
		for i := range queries[:n] {
			b.look(t, r, i, queries[i].Subject)
		}
		if !b.find(t, r, n, at) {
			for i, q := range queries[:n] {
				out[i] = q.Question.Decide(q.Subject, now)
			}
		} else {
			for i := range queries[:n] {
				q := &queries[i]
				out[i] = b.answer(t, r, i, q.Question.under(r), q.Question, q.Subject, now)
			}
		}
		queries, out = queries[n:], out[n:]
	}
}

// batchSize is how many lines are fetched at once.
const batchSize = 64

// batch goes through several questions in stages, so that the memory of one is
// fetched while others are worked on.
type batch struct {
	spots [batchSize]spot
	sets  [batchSize]uint32
}

// look has the line of an identifier fetched.
func (b *batch) look(t *Table, r *root, i int, id subject.ID) { b.spots[i] = r.spot(t.key.Tag(id)) }

// find gives the sets of n identifiers; false where a root cannot answer from them.
func (b *batch) find(t *Table, r *root, n int, now int64) bool {
	if now < r.from || now >= r.until {
		return false
	}
	for i := range n {
		b.sets[i] = b.spots[i].find()
	}
	return t.root.Load() == r
}

// answer judges one question by the set that was found.
func (b *batch) answer(t *Table, r *root, i int, a *ask, q *Question, id subject.ID, now time.Time) Answer {
	switch {
	case a.fixed != codeNone:
		return answers[a.fixed]
	case b.sets[i] == setElsewhere:
		return q.Decide(id, now)
	}
	c := r.verdict(a, b.sets[i])
	if t.hides(c) && t.gone(id) {
		return q.Decide(nobodyErased, now)
	}
	return answers[c]
}
