// Package demo simulates customers of a company, so that a newcomer sees an
// installation at work. They answer through the same doors of the store as real
// ones; every answer says on which surface it was given: demo.
package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// FirstCustomer is the customer whose answers are always the same: yes,
// confirmed, to everything an e-mail address can say yes to.
const FirstCustomer subject.ID = "email:layla.haddad@example.com"

// Sum is what was loaded.
type Sum struct{ Customers, Answers int64 }

// Fresh reports whether no customer was simulated in this store yet.
func Fresh(ctx context.Context, db *store.DB) (bool, error) {
	r, _, err := db.ReceiptsOf(ctx, FirstCustomer, 1, "")
	return len(r) == 0, err
}

// FirstPurpose is a purpose that FirstCustomer said yes to; "" if the policy
// has none that an e-mail address can answer.
func FirstPurpose(p *policy.Policy) string {
	for _, id := range asked(p, subject.Email) {
		return id
	}
	return ""
}

// atOnce is how many customers answer at the same time: twice as many as the store
// writes in one commit, so that each commit is full: while one is written the next
// one gathers.
const atOnce = 2048

// Load simulates n customers, many at once, and reports each that is done. It
// stops at the first error or when ctx is done.
func Load(ctx context.Context, db *store.DB, n int, done func(int)) (Sum, error) {
	l := &loader{db: db, version: db.InForce()}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, atOnce) {
		wg.Go(func() {
			for i := range next {
				if err := l.customer(ctx, i); err != nil {
					cancel(err)
				}
				l.customers.Add(1)
				done(1)
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	return Sum{l.customers.Load(), l.answers.Load()}, context.Cause(ctx)
}

type loader struct {
	db                 *store.DB
	version            *policy.Version
	customers, answers atomic.Int64
}

// customer answers as customer i, by each identifier it has.
func (l *loader) customer(ctx context.Context, i int) error {
	rng := rand.New(rand.NewPCG(uint64(i), 20260101)) // the same people every time
	for _, id := range identifiers(i) {
		if err := l.answer(ctx, rng, i, id); err != nil && ctx.Err() == nil {
			return fmt.Errorf("simulated customer %d: %w", i, err)
		}
	}
	return nil
}

func (l *loader) answer(ctx context.Context, rng *rand.Rand, i int, id subject.ID) error {
	languages := l.version.Policy.Languages
	s := store.Submission{Subject: id, Language: languages[rng.IntN(len(languages))], Surface: consent.SurfaceDemo}
	var again []string // purposes said yes to, to be confirmed or taken back
	for _, purpose := range asked(l.version.Policy, id.Kind()) {
		switch dice := rng.IntN(100); {
		case i == 0 || dice < 55:
			s.Choices = append(s.Choices, consent.Choice{Purpose: purpose, Decision: consent.Given})
			again = append(again, purpose)
		case dice < 80:
			s.Choices = append(s.Choices, consent.Choice{Purpose: purpose, Decision: consent.Refused})
		}
	}
	if len(s.Choices) == 0 {
		return nil
	}
	if _, err := l.db.Submit(ctx, s); err != nil {
		return err
	}
	l.answers.Add(int64(len(s.Choices)))
	for _, purpose := range again {
		if err := l.later(ctx, rng, i, s, purpose); err != nil {
			return err
		}
	}
	return nil
}

// later is what becomes of a yes: most are confirmed where that is needed, some
// are taken back.
func (l *loader) later(ctx context.Context, rng *rand.Rand, i int, s store.Submission, purpose string) error {
	if l.version.Policy.Purposes[purpose].Double() && (i == 0 || rng.IntN(100) < 85) {
		if _, err := l.db.Confirmed(ctx, s.Subject, purpose, consent.SurfaceDemo); err != nil {
			return err
		}
		l.answers.Add(1)
	}
	if i > 0 && rng.IntN(100) < 12 {
		s.Choices = []consent.Choice{{Purpose: purpose, Decision: consent.Withdrawn}}
		if _, err := l.db.Submit(ctx, s); err != nil {
			return err
		}
		l.answers.Add(1)
	}
	return nil
}
