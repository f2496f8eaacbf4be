package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
	decisiontable "github.com/amana-privacy/amana/table"
)

// Change is what an event of a shard came to: what whoever keeps decisions in
// memory has to know from then on.
type Change struct {
	Shard int
	N     int64 // of the event: 1, 2, 3 … within the shard

	Subject subject.ID // "" where the event leads to nobody any more
	Fresh   bool       // the subject's first event
	States  map[consent.Key]consent.State
	Person  decision.Person // what else holds

	Since  time.Time // when the identifier was linked with others
	Linked []Change  // what is known of those: Subject, States, Person and Since

	Unread bool // of what was committed nothing is told but the number: Changes reads it

	// Erased is the tag that somebody who was erased had under the feed key of that
	// version; nil but for the event that says so.
	Erased *ErasedTag
}

// ErasedTag is a tag, and under which version of the feed key it was made.
type ErasedTag struct {
	Version int
	Removed bool // nobody was erased by their own name: they are unknown, not erased
	Tag     decisiontable.Tag
}

// ErrShredded says that the tag of somebody erased cannot be opened any more:
// the keys it was sealed under are destroyed. Who needs it begins anew.
var ErrShredded = errors.New("the tag of somebody erased is shredded")

// Follow has hear called after each commit of this server, before it is
// acknowledged, with the changes it made, those of a shard in their order; also
// with none, when a policy was published or something stopped. hear is called by several goroutines
// at once on PostgreSQL. nil ends it.
func (db *DB) Follow(hear func([]Change)) {
	if hear == nil {
		hear = func([]Change) {}
	}
	db.hear.Store(&hear)
}

func (db *DB) changed(list []Change) {
	if hear := db.hear.Load(); hear != nil {
		(*hear)(list)
	}
}

// changedKind is the kind of the event that what holds for somebody changed, by an
// event of another subject: replicas hear of it, the history does not tell of it.
const changedKind = "subject.changed"

// announce has it told that what holds for a person changed, where no event of
// theirs says so.
func (t *tx) announce(p *person) error {
	shard := p.id.Shard()
	n, err := t.next(shard)
	if err != nil {
		return err
	}
	return t.exec(insertEvent, shard, n, nil, p.id[:], 0, 0, changedKind, changedKind, millis(t.now), nil, nil)
}

// telling has whoever follows told of the numbers that a transaction takes.
func (t *tx) telling(next func(int) (int64, error)) func(int) (int64, error) {
	return func(shard int) (int64, error) {
		n, err := next(shard)
		if err == nil {
			t.after = append(t.after, func() { t.db.changed([]Change{{Shard: shard, N: n, Unread: true}}) })
		}
		return n, err
	}
}

// changes are those of a batch that is durable. What they hold is changed no more.
func (b *batch) changes() []Change {
	if b.db.hear.Load() == nil {
		return nil
	}
	list := make([]Change, len(b.events))
	for i, a := range b.events {
		list[i] = Change{Shard: a.shard, N: a.n, Subject: a.p.name, Fresh: a.event.Seq == 1, States: a.p.states, Person: a.p.facts.Person()}
	}
	return list
}

// Reach is how far the database is.
type Reach struct {
	Last         [Shards]int64 // number of the last event of each shard
	Publications int64         // number of the last one
}

// Reach looks how far the database is. Every policy published by then, and all that
// was stopped, is known here afterwards.
func (db *DB) Reach(ctx context.Context) (r Reach, err error) {
	query := `WITH RECURSIVE s (shard_id) AS (SELECT 0 UNION ALL SELECT shard_id + 1 FROM s WHERE shard_id < 255)
		SELECT shard_id, (SELECT coalesce(max(n), 0) FROM event e WHERE e.shard_id = s.shard_id) FROM s`
	if db.d == postgresDialect {
		query = `SELECT shard_id, n FROM shard`
	}
	if err := db.lasts(ctx, query, &r); err != nil {
		return r, fmt.Errorf("looking how far the database is: %w", err)
	}
	r.Publications, err = db.publishedNow(ctx) // looked for last: what events rest on is known then
	return r, err
}

func (db *DB) lasts(ctx context.Context, query string, r *Reach) error {
	rows, err := db.readRows(ctx)(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var shard int
		var n int64
		if err := rows.Scan(&shard, &n); err != nil {
			return err
		}
		if shard >= 0 && shard < Shards {
			r.Last[shard] = n
		}
	}
	return rows.Err()
}

// publishedNow makes every policy published by now known here.
func (db *DB) publishedNow(ctx context.Context) (seq int64, err error) {
	if _, err := db.reader(ctx)(`SELECT coalesce(max(seq), 0) FROM publication`, nil, &seq); err != nil {
		return 0, fmt.Errorf("reading the last publication: %w", err)
	}
	if _, err = db.follow(ctx, seq); err == nil {
		err = db.stopsNow(ctx)
	}
	return seq, err
}

// Publications is the number of the last publication that is known here.
func (db *DB) Publications() int64 { return db.known.Load().seq }

// Changes gives the changes of a shard after the one numbered n, in order, so
// many at most. Each says what is so now, which later events may have brought about.
func (db *DB) Changes(ctx context.Context, shard int, n int64, limit int) ([]Change, error) {
	list, err := db.readChanges(ctx, shard, n, limit, false)
	if errors.Is(err, keyring.ErrNoKey) { // keys were changed since the rows were read
		list, err = db.readChanges(ctx, shard, n, limit, true)
	}
	if err == nil {
		_, err = db.publishedNow(ctx) // what they rest on
	}
	if err != nil {
		return nil, fmt.Errorf("reading what changed: %w", err)
	}
	return list, nil
}

// Alone reports whether this process is the only one that writes.
func (db *DB) Alone() bool { return db.d == sqliteDialect }

// Origin is the name of the log.
func (db *DB) Origin() string { return db.origin }

// People is about how many subjects there are.
func (db *DB) People(ctx context.Context) (n int, err error) {
	if _, err := db.reader(ctx)(`SELECT count(*) FROM identifier`, nil, &n); err != nil {
		return 0, fmt.Errorf("counting people: %w", err)
	}
	return n, nil
}

// feedHead is the public record of a head of the feed: what replicas were told
// stands in the log, for whoever doubts it.
type feedHead struct {
	Type string `json:"type"` // feed
	Time string `json:"time"`
	Head string `json:"head"` // the signed note
}

// EnterFeedHead enters a signed head of the feed into the log.
func (db *DB) EnterFeedHead(ctx context.Context, head []byte) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.enterPublic(feedHead{"feed", receipt.Stamp(t.now), string(head)})
		return err
	})
	if err != nil {
		return fmt.Errorf("recording a head of the feed: %w", err)
	}
	return nil
}

func (db *DB) readChanges(ctx context.Context, shard int, after int64, limit int, leaveOut bool) ([]Change, error) {
	rows, err := db.readRows(ctx)(`SELECT e.n, e.seq, e.kind, e.subject_id, r.sealed, s.data_key, s.evidence_key, s.identifier, s.states, coalesce(s.facts, ''), coalesce(s.links, '') FROM event e
		LEFT JOIN subject s ON s.shard_id = e.shard_id AND s.subject_id = e.subject_id
		LEFT JOIN erasure r ON r.shard_id = e.shard_id AND r.n = e.n
		WHERE e.shard_id = ? AND e.n > ? ORDER BY e.n LIMIT ?`, shard, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Change
	var people []*person
	for rows.Next() {
		c, p, err := db.change(rows.Rows, shard)
		if leaveOut && errors.Is(err, keyring.ErrNoKey) { // who it was about was erased after this copy
			err, p = nil, nil
		}
		if err != nil {
			return nil, err
		}
		list, people = append(list, c), append(people, p)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for i, p := range people {
		if p == nil {
			continue
		}
		if err := db.tell(&list[i], p, db.reader(ctx)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// change reads one row of readChanges, and whom it is about: nil where that is
// nobody any more.
func (db *DB) change(rows *sql.Rows, shard int) (Change, *person, error) {
	c := Change{Shard: shard}
	var p person
	var seq int64
	var kind, facts, linked string
	var id, sealed, states []byte
	if err := rows.Scan(&c.N, &seq, &kind, &id, &sealed, &p.wrapped.Data, &p.wrapped.Evidence, &p.identifier, &states, &facts, &linked); err != nil {
		return c, nil, err
	}
	if len(id) != len(p.id) {
		return c, nil, nil // of somebody who was erased since
	}
	p.id = keyring.SubjectID(id)
	if kind == erasedKind {
		var err error
		c.Erased, err = db.openErasedTag(p.id, c.N, sealed)
		return c, nil, err
	}
	if p.identifier == nil {
		return c, nil, nil // who it was about is gone
	}
	if err := p.open(db.cfg.Ring); err != nil {
		return c, nil, err
	}
	if err := p.nameOf(); err != nil {
		return c, nil, err
	}
	c.Fresh = seq == 1
	return c, &p, p.read(states, facts, linked)
}

// read fills in what a row says of a person in words.
func (p *person) read(states []byte, facts, linked string) (err error) {
	if p.states, err = unmarshalStates(states); err == nil {
		p.facts, err = unmarshalFacts(facts)
	}
	if err == nil {
		p.links, err = unmarshalLinks(linked)
	}
	return err
}

// tell fills in what is known of a person, and of those it is linked with.
func (db *DB) tell(c *Change, p *person, row rowFunc) error {
	others, err := db.others(row, p.links)
	if err != nil {
		return err
	}
	c.Subject, c.States, c.Person, c.Since = p.name, p.states, p.facts.Person(), fromMoment(p.links.Since)
	for _, o := range others {
		c.Linked = append(c.Linked, Change{Subject: o.name, States: o.voice(), Person: o.facts.Person(), Since: fromMoment(o.links.Since)})
	}
	return nil
}
