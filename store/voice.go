package store

import (
	"context"
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
		w, err := db.worldOf(ctx, id)
		if err != nil {
			return nil, err
		}
		w.Policy = v
		for purpose := range v.Policy.Purposes {
			voice.Answers[purpose] = decision.Decide(w, decision.Question{Purpose: purpose}, db.now())
		}
		out = append(out, voice)
	}
	return out, nil
}

// Now gives the time of the store's clock.
func (db *DB) Now() time.Time { return db.now() }
