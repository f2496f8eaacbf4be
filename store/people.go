package store

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// Allowed is a page of the people whose data may be used for something.
type Allowed struct {
	Subjects []subject.ID
	Next     string // the cursor of the next page; "" where there is none
}

// MaxAllowed bounds a page of Allowed; mostLooked how many people are looked at
// for one, so that a purpose that few agreed to takes many pages, not minutes.
const (
	MaxAllowed = 1000
	mostLooked = 5000
)

// searching is the public record of a run through everybody.
type searching struct {
	Type    string `json:"type"` // search
	Purpose string `json:"purpose"`
	Time    string `json:"time"`
	By      string `json:"by"` // id of the token
}

// Search gives the people about whom a question is answered with yes, a page at
// a time; a page may have fewer than asked, or none, and still be followed by
// another. That somebody began to search, and for which purpose, is a public
// record, durable before anything is given out; for what the policy in force does
// not name nobody is found, and nothing is recorded. What is asked has to stay the
// same from page to page.
func (db *DB) Search(ctx context.Context, q decision.Question, by string, limit int, cursor string) (Allowed, error) {
	w := db.world(db.InForce())
	if w.Policy == nil {
		return Allowed{}, fault.New(fault.Conflict, "no policy is in force yet")
	}
	if !names(w.Policy, q.Purpose) {
		return Allowed{}, nil
	}
	binding := fmt.Sprintf("search\n%s\n%s\n%q\n%t", q.Purpose, q.Recipient, q.Data, q.Signals.GPC)
	var from keyring.SubjectID
	if cursor != "" {
		numbers, err := db.openCursor(cursor, binding, 2)
		if err != nil {
			return Allowed{}, err
		}
		binary.BigEndian.PutUint64(from[:8], uint64(numbers[0]))
		binary.BigEndian.PutUint64(from[8:], uint64(numbers[1]))
	} else if err := db.recordSearch(ctx, q.Purpose, by); err != nil {
		return Allowed{}, err
	}
	var out Allowed
	for looked := 0; looked < mostLooked; {
		people, err := db.peopleAfter(ctx, from)
		if err != nil {
			return Allowed{}, err
		}
		if len(people) == 0 {
			return out, nil
		}
		for _, p := range people {
			looked, from = looked+1, p.id
			if p.open(db.cfg.Ring) != nil || p.nameOf() != nil {
				continue // erased since the page was read
			}
			if err := db.about(&w, p, db.reader(ctx)); err != nil {
				return Allowed{}, err
			}
			if decision.Decide(w, q, db.now()).Allowed {
				out.Subjects = append(out.Subjects, p.name)
			}
			if len(out.Subjects) == limit {
				looked = mostLooked
				break
			}
		}
	}
	out.Next = db.cursor(binding, int64(binary.BigEndian.Uint64(from[:8])), int64(binary.BigEndian.Uint64(from[8:])))
	return out, nil
}

// names reports whether a version has a purpose. What it does not have may be
// anything, and stands in no record.
func names(v *policy.Version, purpose string) bool {
	_, ok := v.Policy.Purposes[purpose]
	return ok
}

func (db *DB) recordSearch(ctx context.Context, purpose, by string) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.enterPublic(searching{"search", purpose, receipt.Stamp(t.now), by})
		return err
	})
	if err != nil {
		return fmt.Errorf("recording a search: %w", err)
	}
	return nil
}

// peopleAfter gives the next people in the order of their ids, whose keys are not
// opened yet; none where there are no more.
func (db *DB) peopleAfter(ctx context.Context, from keyring.SubjectID) ([]*person, error) {
	rows, err := db.readRows(ctx)(`SELECT `+subjectRow+` FROM subject s WHERE (s.shard_id, s.subject_id) > (?, ?) ORDER BY s.shard_id, s.subject_id LIMIT 500`, from.Shard(), from[:])
	if err != nil {
		return nil, fmt.Errorf("reading people: %w", err)
	}
	people, err := rows.people()
	if err != nil {
		return nil, fmt.Errorf("reading people: %w", err)
	}
	return people, nil
}
