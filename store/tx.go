package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// tx is a transaction, as an act sees it.
type tx struct {
	db    *DB
	ctx   context.Context
	q     querier
	now   time.Time
	known *versions // with what the transaction published so far
	after []func()  // run once the commit is durable, before anything is acknowledged
	wrote bool      // something was written since it was last cleared

	// enter puts the entry of a public record or an event's record on its way
	// into the ledger. It gives the leaf where that is known already, else nil.
	enter func(shard int, n int64, e ledger.Entry) (leaf *int64, err error)

	// alone waits until no other transaction writes a table, and keeps it so.
	// What was published since is known then.
	alone func(table string) error

	// lock keeps other servers from writing to a shard. Of several shards the
	// smaller is locked first.
	lock func(shard int) error

	// next gives the next number of a shard, which it locks.
	next func(shard int) (int64, error)
}

// querier runs statements of the dialect.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// exec runs a statement that writes.
func (t *tx) exec(query string, args ...any) error {
	t.wrote = true
	_, err := t.q.ExecContext(t.ctx, t.db.d.sql(query), args...)
	if outside(err) {
		return unavailable("writing", err)
	}
	return err
}

// row runs a statement that gives at most one row; false if it gives none.
func (t *tx) row(query string, args []any, into ...any) (bool, error) {
	return found(t.q.QueryRowContext(t.ctx, t.db.d.sql(query), args...).Scan(into...))
}

// rows runs a statement that gives rows; the caller closes them before the next.
func (t *tx) rows(query string, args ...any) (*selected, error) {
	return selecting(t.q.QueryContext(t.ctx, t.db.d.sql(query), args...))
}

// run does one act. A panic in it is its error, and spoils the transaction:
// nobody knows what it had written.
func (t *tx) run(do func(*tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.wrote, err = true, panicked(p)
		}
	}()
	return do(t)
}

// panicked is the error of a panic, whose value may hold a person's data.
func panicked(p any) error { return fmt.Errorf("a panic while writing: %T", p) }

// outside reports whether an error is the disk's, the network's or another
// process's, and not the statement's.
func outside(err error) bool { return sqliteTrouble(err) || postgresTrouble(err) }

// unavailable is an error of the database itself: whoever asks may try again.
func unavailable(doing string, err error) error {
	return &fault.Error{Kind: fault.Overloaded, Words: doing + " failed; try again later", Err: err}
}

// closing is what is said while a store closes.
func closing() error { return fault.New(fault.Overloaded, "the store is closing") }

// found turns "no rows" into false.
func found(err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// millis is a time as it is stored.
func millis(t time.Time) int64 { return t.UnixMilli() }

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
