package publisher

import (
	"context"
	"slices"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// Decide answers a question about an identifier in normal form, and says by which
// policy: from the table, or from the store where that may be behind. What an
// answer rests on is in the store's alone: State and Yes may be zero.
func (p *Publisher) Decide(ctx context.Context, id subject.ID, q decision.Question) (decision.Answer, policy.VersionID, error) {
	if e := p.now.Load(); e != nil {
		if a, v := e.table.DecideBy(id, q, p.Now()); a.Reason != decision.Stale && v != nil {
			return decision.Answer{Allowed: a.Allowed, Reason: a.Reason}, v.ID, nil
		}
	}
	return p.Store.DecideBy(ctx, id, q)
}

// DecideEach answers questions, one about each of ids, into out; all are equally
// long. It says by which policy; nil where Decide has to be asked about each.
func (p *Publisher) DecideEach(ids []subject.ID, asked []decision.Question, out []table.Answer) *policy.Version {
	e := p.now.Load()
	if e == nil {
		return nil
	}
	return e.table.DecideAll(ids, asked, out, p.Now())
}

// InForce is the policy in force.
func (p *Publisher) InForce() *policy.Version { return p.Store.InForce() }

// Asking asks one question of many, of which only the data changes. It is not
// safe for concurrent use.
type Asking struct {
	p     *Publisher
	ctx   context.Context
	q     decision.Question
	epoch *epoch
	ready []prepared
	out   []table.Answer
}

type prepared struct {
	data     []string
	question *table.Question
}

// Asking makes a question ready.
func (p *Publisher) Asking(ctx context.Context, q decision.Question) *Asking {
	return &Asking{p: p, ctx: ctx, q: q}
}

// Decide answers the question with this data about each of ids into why, which is as long.
func (a *Asking) Decide(ids []subject.ID, data []string, why []decision.Reason) error {
	e := a.p.now.Load()
	if e != nil {
		a.out = slices.Grow(a.out[:0], len(ids))[:len(ids)]
		a.question(e, data).DecideEach(ids, a.out, a.p.Now())
	}
	for i := range ids {
		if e != nil && a.out[i].Reason != decision.Stale {
			why[i] = a.out[i].Reason
			continue
		}
		q := a.q
		q.Data = data
		answer, err := a.p.Store.Decide(a.ctx, ids[i], q)
		if err != nil {
			return err
		}
		why[i] = answer.Reason
	}
	return nil
}

// question gives the question with this data, made ready for an epoch's table.
func (a *Asking) question(e *epoch, data []string) *table.Question {
	if a.epoch != e {
		a.epoch, a.ready = e, nil
	}
	i := slices.IndexFunc(a.ready, func(r prepared) bool { return slices.Equal(r.data, data) })
	if i < 0 {
		q := a.q
		q.Data = slices.Clone(data)
		i = len(a.ready)
		a.ready = append(a.ready, prepared{q.Data, e.table.Question(q)})
	}
	return a.ready[i].question
}
