package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/amana-privacy/amana/keyring"
)

// snapshot is one moment of the database, for as long as it is read.
type snapshot struct {
	db  *DB
	ctx context.Context
	tx  *sql.Tx
}

// snapshot lets f read one moment.
func (db *DB) snapshot(ctx context.Context, f func(*snapshot) error) error {
	tx, err := db.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: db.d.snapshot()})
	if err != nil {
		return fmt.Errorf("reading one moment: %w", err)
	}
	defer tx.Rollback()
	if err := db.d.patience(ctx, tx); err != nil {
		return fmt.Errorf("reading one moment: %w", err)
	}
	return f(&snapshot{db, ctx, tx})
}

// patience lets a transaction take as long as whoever reads what it gives does.
func (d dialect) patience(ctx context.Context, tx *sql.Tx) error {
	if d == sqliteDialect {
		return nil
	}
	for _, limit := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
		if _, err := tx.ExecContext(ctx, `SET LOCAL `+limit+` = 0`); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshot) rows(query string, args ...any) (*selected, error) {
	return selecting(s.tx.QueryContext(s.ctx, s.db.d.sql(query), args...))
}

// each runs a query and calls f for each of its rows. f must not ask the
// snapshot anything.
func (s *snapshot) each(query string, args []any, f func(scan func(...any) error) error) error {
	rows, err := s.rows(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// row runs a query that gives at most one row.
func (s *snapshot) row(query string, args []any, into ...any) (bool, error) {
	ok, err := found(s.tx.QueryRowContext(s.ctx, s.db.d.sql(query), args...).Scan(into...))
	return ok, reading(err)
}

// personsAtOnce is how many persons are held in memory.
const personsAtOnce = 256

// persons calls f for everybody, with open keys and name. Whom an erasure took
// away meanwhile is left out: their key may be gone.
func (s *snapshot) persons(f func(*person) error) error {
	shard, last := -1, []byte{}
	for {
		var page []scanned
		err := s.each(`SELECT `+subjectRow+` FROM subject s WHERE (s.shard_id, s.subject_id) > (?, ?) ORDER BY s.shard_id, s.subject_id LIMIT ?`,
			[]any{shard, last, personsAtOnce}, func(scan func(...any) error) error {
				page = append(page, scanned{})
				return scan(page[len(page)-1].into()...)
			})
		if err != nil {
			return fmt.Errorf("reading persons: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		for i := range page {
			if err := s.person(&page[i], f); err != nil {
				return err
			}
		}
		last = page[len(page)-1].id
		shard = int(last[0])
	}
}

func (s *snapshot) person(row *scanned, f func(*person) error) error {
	p, err := row.person()
	if err != nil {
		return err
	}
	if err = p.open(s.db.cfg.Ring); errors.Is(err, keyring.ErrNoKey) { // its bucket has another key by now
		var now scanned
		ok, rerr := s.db.reader(s.ctx)(`SELECT `+subjectRow+` FROM subject s WHERE s.shard_id = ? AND s.subject_id = ?`, []any{p.id.Shard(), p.id[:]}, now.into()...)
		if rerr != nil || !ok {
			return rerr
		}
		p.wrapped = now.p.wrapped
		err = p.open(s.db.cfg.Ring)
	}
	if err == nil {
		err = p.nameOf()
	}
	if err != nil {
		return fmt.Errorf("reading subject %x: %w", p.id, err)
	}
	return f(p)
}

// others gives those whom a person is linked with, as they are at this moment.
func (s *snapshot) others(p *person) (list []*person, err error) {
	for _, o := range p.links.Others {
		var row scanned
		ok, err := s.row(`SELECT `+subjectRow+` FROM subject s WHERE s.shard_id = ? AND s.subject_id = ?`, []any{int(o.ID[0]), o.ID[:]}, row.into()...)
		if err == nil && ok {
			err = s.person(&row, func(q *person) error { list = append(list, q); return nil })
		}
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}
