package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/amana-privacy/amana/fault"
)

// target is the view in the company's database, on one connection.
type target struct {
	conn    *pgx.Conn
	m       *Mirror
	cursor  string // "" = from the beginning
	current bool   // filled, and the last page had nothing new
	behind  bool   // the last page had changes: there may be more
	gen     int64
}

// open makes what is missing, and reads how far it is. A table that answers
// another question is fault.Conflict, as is one that another mirror keeps.
func (t *target) open(ctx context.Context) error {
	// Where this machine loses its power, the database lets go of the table within half a minute, not within hours.
	if _, err := t.conn.Exec(ctx, `SELECT set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
		set_config('tcp_keepalives_count', '4', false), set_config('tcp_user_timeout', '30000', false)`); err != nil {
		return fmt.Errorf("preparing the connection: %w", err)
	}
	var mine bool
	if err := t.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended('amana sync ' || $1, 0))`, t.m.names.plain).Scan(&mine); err != nil {
		return fmt.Errorf("taking the table: %w", err)
	}
	switch {
	case !mine && t.m.kept: // the database has not seen yet that the connection of before is gone
		return fmt.Errorf("taking the table: the connection of before, or another amana sync, still has %s", t.m.names.plain)
	case !mine:
		return fault.New(fault.Conflict, "another amana sync keeps %s", t.m.names.plain)
	}
	t.m.kept = true
	if err := t.make(ctx); err != nil {
		return err
	}
	question, err := t.m.question()
	if err != nil {
		return err
	}
	var had string
	var filled bool
	err = t.conn.QueryRow(ctx, `SELECT question, generation, filled, cursor FROM `+t.m.names.state).Scan(&had, &t.gen, &filled, &t.cursor)
	if errors.Is(err, pgx.ErrNoRows) {
		_, err = t.conn.Exec(ctx, `INSERT INTO `+t.m.names.state+` (question, generation, filled, cursor, policy, fresh_until) VALUES ($1, 0, false, '', '', '-infinity')`, question)
		had = question
	}
	if err != nil {
		return fmt.Errorf("reading how far the table is: %w", err)
	}
	if had != question {
		return fault.New(fault.Conflict, "%s answers another question: %s. Give this one a table of its own", t.m.names.plain, had)
	}
	return nil
}

// question is what the table answers.
func (m *Mirror) question() (string, error) {
	raw, err := json.Marshal(m.door.question)
	return string(raw), err
}

// make makes the view and its tables where they are missing.
func (t *target) make(ctx context.Context) error {
	var there bool
	if err := t.conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, t.m.names.view).Scan(&there); err != nil {
		return fmt.Errorf("looking for the table: %w", err)
	}
	if there {
		return nil
	}
	return pgx.BeginFunc(ctx, t.conn, func(tx pgx.Tx) error {
		for _, s := range t.m.names.schema() {
			if _, err := tx.Exec(ctx, s); err != nil {
				return fmt.Errorf("making the table: %w; the statements that make it are printed by --schema", err)
			}
		}
		return nil
	})
}

// clock gives the time of the database that holds the view: by it everything that is
// shown ends. What is reckoned from a time that was read before a page was asked for
// stays right however long it takes to write the page.
func (t *target) clock(ctx context.Context) (now time.Time, err error) {
	err = answers(ctx, t.m.Silence, func(ctx context.Context) error {
		return t.conn.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	})
	if err != nil {
		return now, fmt.Errorf("asking the database for the time: %w", err)
	}
	return now, nil
}

// answers does something with the database that takes less than some time. A machine
// that has lost its power does not say so: whoever waits for it to answer would wait
// for as long as the system does, a quarter of an hour and more. The connection is
// closed then.
func answers(ctx context.Context, within time.Duration, do func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := do(bounded)
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		return fmt.Errorf("the database has not answered for %v", within)
	}
	return err
}

// apply brings a page into the tables: rows, cursor, and until when they are
// believed, in one transaction. asked is when the page was asked for, by the
// database's clock: what it says held then or later.
func (t *target) apply(ctx context.Context, page permits, asked time.Time) (news News, err error) {
	within := t.m.Silence
	if t.begins(page) {
		within *= emptying
	}
	gen := t.gen
	err = answers(ctx, within, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, t.conn, func(tx pgx.Tx) (err error) {
			gen, news, err = t.put(ctx, tx, page, asked)
			return err
		})
	})
	if err != nil {
		return News{}, fmt.Errorf("writing to the table: %w", err)
	}
	was := t.current
	t.gen, t.cursor = gen, page.Next
	t.behind = len(page.Permits) > 0
	t.current = !page.Filling && !t.behind
	switch {
	case page.Reset:
		news.Event = "reset"
	case page.Filling:
		news.Event = "filling"
	case t.current && !was:
		news.Event = "current"
	case len(page.Permits) > 0:
		news.Event = "changed"
	}
	return news, nil
}

// emptying is how many times as long as any other a page may take before which all
// rows are deleted.
const emptying = 20

// begins reports whether nothing stays of what was before a page.
func (t *target) begins(page permits) bool { return t.cursor == "" || page.Reset }

// put is what apply does in its transaction. It gives the generation of the rows.
func (t *target) put(ctx context.Context, tx pgx.Tx, page permits, asked time.Time) (gen int64, news News, err error) {
	gen = t.gen
	if t.begins(page) {
		gen++
		if _, err := tx.Exec(ctx, `DELETE FROM `+t.m.names.rows); err != nil {
			return gen, news, err
		}
	}
	if news.Permitted, news.Withdrawn, err = t.write(ctx, tx, page, gen, asked); err != nil {
		return gen, news, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM `+t.m.names.rows+` WHERE expires_at <= statement_timestamp()`); err != nil {
		return gen, news, err
	}
	tag, err := tx.Exec(ctx, `UPDATE `+t.m.names.state+` SET generation = $1, filled = $2, cursor = $3, policy = $4,
			fresh_until = CASE WHEN $2 THEN $5::timestamptz ELSE '-infinity' END WHERE cursor = $6`,
		gen, !page.Filling, page.Next, page.Policy, asked.Add(t.m.Bound), t.cursor)
	if err == nil && tag.RowsAffected() != 1 {
		err = fault.New(fault.Conflict, "somebody else writes to %s", t.m.names.plain)
	}
	return gen, news, err
}

// write writes the rows of a page. Times are turned into those of the database's clock,
// early rather than late: what remained of a time when the page was made is counted
// from when it was asked for.
func (t *target) write(ctx context.Context, tx pgx.Tx, page permits, gen int64, asked time.Time) (permitted, withdrawn int, err error) {
	var refs, kinds, ids, gone []string
	var ends []*time.Time
	for _, p := range page.Permits {
		kind, id, ok := strings.Cut(p.Subject, ":")
		if !p.Allowed || !ok {
			gone = append(gone, p.Ref)
			continue
		}
		refs, kinds, ids = append(refs, p.Ref), append(kinds, kind), append(ids, id)
		var end *time.Time
		if !p.Expires.IsZero() {
			end = new(asked.Add(p.Expires.Sub(page.Time)))
		}
		ends = append(ends, end)
	}
	if len(refs) > 0 {
		if _, err := tx.Exec(ctx, `INSERT INTO `+t.m.names.rows+` (ref, kind, id, expires_at, generation)
			SELECT ref, kind, id, ends, $5 FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) AS u (ref, kind, id, ends)
			ON CONFLICT (ref) DO UPDATE SET kind = excluded.kind, id = excluded.id, expires_at = excluded.expires_at, generation = excluded.generation`, refs, kinds, ids, ends, gen); err != nil {
			return 0, 0, err
		}
	}
	if len(gone) > 0 {
		tag, err := tx.Exec(ctx, `DELETE FROM `+t.m.names.rows+` WHERE ref = ANY ($1)`, gone)
		if err != nil {
			return 0, 0, err
		}
		withdrawn = int(tag.RowsAffected())
	}
	return len(refs), withdrawn, nil
}
