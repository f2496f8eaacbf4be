package store

import (
	"context"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/known"
	"github.com/amana-privacy/amana/subject"
)

// Voices gives what is decided now of every purpose in force, for each of a
// person's identifiers.
func (db *DB) Voices(ctx context.Context, ids ...subject.ID) ([]known.Voice, error) {
	v := db.InForce()
	if v == nil {
		return nil, nil
	}
	var out []known.Voice
	for _, id := range ids {
		voice := known.Voice{ID: id, Answers: map[string]decision.Answer{}}
		is, states, facts, erased, err := db.standing(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("reading what a subject said: %w", err)
		}
		w := db.world(v)
		w.Person = facts.Person()
		if is {
			w.Subject = &decision.Subject{Kind: id.Kind(), States: states}
		} else {
			w.Person.Erased = erased
		}
		for purpose := range v.Policy.Purposes {
			voice.Answers[purpose] = decision.Decide(w, decision.Question{Purpose: purpose}, db.now())
		}
		out = append(out, voice)
	}
	return out, nil
}

// Now gives the time of the store's clock.
func (db *DB) Now() time.Time { return db.now() }
