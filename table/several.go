package table

import (
	"slices"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// DecideAll answers questions, one about each of ids, into out; all are equally
// long. It says by which policy; nil where another came into force meanwhile.
func (t *Table) DecideAll(ids []subject.ID, asked []decision.Question, out []Answer, now time.Time) *policy.Version {
	v := t.InForce()
	queries := make([]Query, len(ids))
	for i, id := range ids {
		queries[i].Subject = id
		if i > 0 && same(&asked[i], &asked[i-1]) {
			queries[i].Question = queries[i-1].Question
		} else {
			queries[i].Question = t.Question(asked[i])
		}
	}
	t.DecideEach(queries, out, now)
	if t.InForce() != v {
		return nil
	}
	return v
}

func same(a, b *decision.Question) bool {
	return a.Purpose == b.Purpose && a.Recipient == b.Recipient && a.Signals == b.Signals &&
		(a.Data == nil) == (b.Data == nil) && slices.Equal(a.Data, b.Data)
}
