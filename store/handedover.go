package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/subject"
)

// HandOver is the kind of passes by which the company's own login hands a
// customer over to the portal.
const HandOver = "handover"

// handOverFor is how long such a pass lasts: it is used at once, or not at all.
const handOverFor = 5 * time.Minute

// Handed is whom a hand-over is of.
type Handed struct {
	Subjects []subject.ID `json:"subjects"`     // the company vouches for all of them
	To       string       `json:"to,omitempty"` // the page, below the language
}

// IssueHandOver makes a pass for a customer who is signed in at the company, and
// gives its token and its end.
func (db *DB) IssueHandOver(ctx context.Context, h Handed) (token string, until time.Time, err error) {
	if len(h.Subjects) == 0 {
		return "", time.Time{}, fault.At(fault.Invalid, "subjects", "name who is handed over")
	}
	raw, err := json.Marshal(h)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("handing over: %w", err)
	}
	until = db.now().Add(handOverFor)
	tokens, err := db.Issue(ctx, Pass{Kind: HandOver, Owner: h.Subjects[0], Data: raw, Until: until})
	if err != nil {
		return "", time.Time{}, err
	}
	return tokens[0], until, nil
}

// HandedOver reads whom a pass hands over.
func HandedOver(p Pass) (h Handed, err error) {
	if err := json.Unmarshal(p.Data, &h); err != nil {
		return Handed{}, fmt.Errorf("reading a hand-over: %w", err)
	}
	return h, nil
}
