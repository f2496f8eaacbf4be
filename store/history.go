package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// HistoryQuery says which events are shown, and in what order.
type HistoryQuery struct {
	Subject subject.ID // of one subject, in the order of its events; "" = of everybody
	Purpose string     // about one purpose; "" = about any. Not with Subject

	From, Until time.Time // from From on, and before Until; zero = no bound. Not with Subject

	Oldest bool   // the oldest first; otherwise the newest
	Limit  int    // events on a page, 1 to MaxHistory; 0 = DefaultHistory
	Cursor string // Next of the page before; "" = the first page
}

// Events on a page of the history.
const (
	DefaultHistory = 50
	MaxHistory     = 200
)

// HistoryPage is one page. Next leads to the one after it, and is "" where there
// is none. A page shows what stood when it was read: nothing that was there at
// the first page is left out of the later ones or shown twice, whatever is
// written in between; what is new comes before the first page, or after the
// last. Who follows what happens as it happens reads the feed.
type HistoryPage struct {
	Events []HistoryEvent
	Next   string
}

// HistoryEvent is one event. Of what was somebody's who is erased since, the
// time is kept and the kind is "erased".
type HistoryEvent struct {
	ID      string // also of its receipt; "" where it is kept no more
	Time    time.Time
	Kind    string // consent.given …, subject.erased, erased
	Purpose string

	// What only an event of consent has.
	Subject   subject.ID
	Decision  consent.Act
	Recipient string
	Policy    policy.VersionID
	Language  string
	Surface   consent.Surface
	Attested  bool // entered by the company
}

// HistoryErased is the kind of what is kept of an erased person's events.
const HistoryErased = "erased"

// consentKind is how the kind of every event of consent begins.
const consentKind = "consent."

// Events gives a page of the history. A cursor is good for the question it was
// given with, on every server of the installation, for as long as the
// installation stands.
func (db *DB) Events(ctx context.Context, q HistoryQuery) (HistoryPage, error) {
	if err := q.check(); err != nil {
		return HistoryPage{}, err
	}
	page, err := db.events(ctx, q)
	if errors.Is(err, keyring.ErrNoKey) { // a bucket's key was changed between reading and opening
		page, err = db.events(ctx, q)
	}
	if err != nil {
		return HistoryPage{}, fmt.Errorf("reading the history: %w", err)
	}
	return page, nil
}

func (q *HistoryQuery) check() error {
	if q.Limit == 0 {
		q.Limit = DefaultHistory
	}
	switch {
	case q.Limit < 1 || q.Limit > MaxHistory:
		return fault.At(fault.Invalid, "limit", "must be a number from 1 to %d", MaxHistory)
	case q.Subject != "" && (q.Purpose != "" || !q.From.IsZero() || !q.Until.IsZero()):
		return fault.At(fault.Invalid, "subject", "the events of a subject are shown whole: neither by purpose nor by time")
	case !q.From.IsZero() && !q.Until.IsZero() && !q.From.Before(q.Until):
		return fault.At(fault.Invalid, "until", "must be later than from")
	}
	return nil
}

func (db *DB) events(ctx context.Context, q HistoryQuery) (HistoryPage, error) {
	if q.Subject != "" {
		return db.eventsOf(ctx, q)
	}
	binding := q.binding(nil)
	at := q.start()
	if q.Cursor != "" {
		numbers, err := db.openCursor(q.Cursor, binding, 3)
		if err != nil {
			return HistoryPage{}, err
		}
		at = position{numbers[0], numbers[1], numbers[2]}
	}
	purposes := []string{q.Purpose}
	if q.Purpose == "" {
		var err error
		if purposes, err = db.purposesSeen(ctx); err != nil {
			return HistoryPage{}, err
		}
	}
	list, err := db.eventsAbout(ctx, q, purposes, at)
	if err != nil {
		return HistoryPage{}, err
	}
	return db.pageOf(list, q.Limit, nil, func(last historyRow) string { return db.cursor(binding, last.at, last.shard, last.n) })
}

// pageOf makes a page of rows, of which there is one more than it takes where
// another page follows. owner is whose all of them are; nil where they are
// anybody's.
func (db *DB) pageOf(list []historyRow, limit int, owner *person, next func(last historyRow) string) (HistoryPage, error) {
	var page HistoryPage
	if len(list) > limit {
		list = list[:limit]
		page.Next = next(list[limit-1])
	}
	opened := map[keyring.SubjectID]*person{}
	if owner != nil {
		opened[owner.id] = owner
	}
	for _, r := range list {
		e, err := db.openEvent(r, opened)
		if err != nil {
			return HistoryPage{}, fmt.Errorf("event %d of shard %d: %w", r.n, r.shard, err)
		}
		page.Events = append(page.Events, e)
	}
	return page, nil
}

// openEvent opens an event. Its subject's keys are opened once a page.
func (db *DB) openEvent(r historyRow, opened map[keyring.SubjectID]*person) (HistoryEvent, error) {
	e := HistoryEvent{Time: fromMillis(r.at), Kind: r.kind, Purpose: r.purpose}
	if len(r.id) != len(uuid.UUID{}) || r.owner.id == nil {
		return e, nil // nothing is left of whose it was
	}
	e.ID = uuid.UUID(r.id).String()
	p, err := db.ownerIn(r.owner, opened)
	if err != nil {
		return e, err
	}
	if e.Subject = p.name; r.sealed == nil || !strings.HasPrefix(r.kind, consentKind) {
		return e, nil
	}
	parts, _, err := unsealEvent(p, uuid.UUID(r.id), r.sealed)
	if err != nil {
		return e, err
	}
	c, err := eventOf(parts.Record, r.seq)
	if err != nil {
		return e, err
	}
	e.Decision, e.Recipient, e.Policy, e.Language, e.Surface, e.Attested = c.Act, c.Recipient, c.Policy, c.Language, c.Surface, c.Attested
	return e, nil
}

func (db *DB) ownerIn(o historyOwner, opened map[keyring.SubjectID]*person) (*person, error) {
	if len(o.id) != len(keyring.SubjectID{}) {
		return nil, fmt.Errorf("a subject's id has %d bytes", len(o.id))
	}
	id := keyring.SubjectID(o.id)
	if p := opened[id]; p != nil {
		return p, nil
	}
	p := &person{id: id, wrapped: keyring.Wrapped{Data: o.data, Evidence: o.evidence}, identifier: o.identifier}
	if err := p.open(db.cfg.Ring); err != nil {
		return nil, err
	}
	opened[id] = p
	return p, p.nameOf()
}
