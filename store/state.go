package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/subject"
)

// rowsFunc runs a query that gives rows.
type rowsFunc func(query string, args ...any) (*sql.Rows, error)

func (db *DB) readRows(ctx context.Context) rowsFunc {
	return func(query string, args ...any) (*sql.Rows, error) {
		return db.reads.QueryContext(ctx, query, args...)
	}
}

// states gives the states of a subject.
func (db *DB) states(query rowsFunc, p *person) (map[consent.Key]consent.State, error) {
	rows, err := query(`SELECT purpose, recipient, state FROM state WHERE shard_id = ? AND subject_id = ?`, p.id.Shard(), p.id[:])
	if err != nil {
		return nil, fmt.Errorf("reading states: %w", err)
	}
	defer rows.Close()
	out := map[consent.Key]consent.State{}
	for rows.Next() {
		var key consent.Key
		var raw []byte
		var s consent.State
		if err := rows.Scan(&key.Purpose, &key.Recipient, &raw); err != nil {
			return nil, fmt.Errorf("reading states: %w", err)
		}
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, fmt.Errorf("reading a state: %w", err)
		}
		out[key] = s
	}
	return out, rows.Err()
}

// States gives the states of a subject; none where nobody is known by the identifier.
func (db *DB) States(ctx context.Context, id subject.ID) (map[consent.Key]consent.State, error) {
	p, err := db.lookup(db.reader(ctx), id)
	if err != nil || p == nil {
		return map[consent.Key]consent.State{}, err
	}
	return db.states(db.readRows(ctx), p)
}

// Decide answers a question about a subject from what is durable now.
func (db *DB) Decide(ctx context.Context, id subject.ID, q decision.Question) (decision.Answer, error) {
	w := decision.World{Policy: db.InForce(), Version: db.Version}
	if w.Policy == nil {
		return decision.Answer{}, fault.New(fault.Conflict, "no policy is in force yet")
	}
	p, err := db.lookup(db.reader(ctx), id)
	if err != nil {
		return decision.Answer{}, err
	}
	if p == nil {
		w.Person.Erased, err = db.suppressed(ctx, id)
	} else {
		w.Subject = &decision.Subject{Kind: id.Kind()}
		w.Subject.States, err = db.states(db.readRows(ctx), p)
	}
	if err != nil {
		return decision.Answer{}, err
	}
	return decision.Decide(w, q, db.cfg.Now().UTC().Truncate(time.Millisecond)), nil
}

// suppressed reports whether the person behind an identifier was erased.
func (db *DB) suppressed(ctx context.Context, id subject.ID) (bool, error) {
	var at int64
	return db.reader(ctx)(`SELECT at FROM suppression WHERE tag = ?`, []any{db.suppressionTag(id)}, &at)
}
