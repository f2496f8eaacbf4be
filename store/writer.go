package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// maxBatch is how many acts share one commit at most.
const maxBatch = 512

// act is something to be written. Its do first checks, then writes; an error
// before its first write leaves its neighbours alone. It may be run again in
// another transaction.
type act struct {
	ctx  context.Context
	do   func(*tx) error
	done chan error // buffered; gets one value, after the commit is durable
}

// writer is the one goroutine that writes. It takes whatever waits, writes it
// in one transaction, and acknowledges after the commit is on the disk.
type writer struct {
	db     *DB
	sql    *sql.DB
	conn   *sql.Conn // the one connection that writes; owned by the goroutine
	queue  chan *act
	quit   chan struct{}
	once   sync.Once // closes quit
	closed chan struct{}
	stmts  map[string]*sql.Stmt // owned by the goroutine
	outbox map[int]int64        // last sequence number by shard; owned by the goroutine

	last atomic.Pointer[error] // of the last batch; nil if it was written

	unsaved *signedHead // signed after the last batch, to be written with the next; owned by the goroutine
}

// tx is the transaction of a batch, as an act sees it.
type tx struct {
	w       *writer
	ctx     context.Context
	now     time.Time
	known   *versions // with what the batch published so far
	entries []ledger.Entry
	first   int64       // leaf of entries[0]
	head    *signedHead // of the log with this batch; filled in when it is durable
	wrote   bool        // the act that runs has written
	after   []func()    // run once the commit is durable, before anything is acknowledged
}

func newWriter(ctx context.Context, db *DB, pool *sql.DB) (*writer, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening the writer's connection: %w", err)
	}
	w := &writer{db: db, sql: pool, conn: conn, queue: make(chan *act, maxBatch), quit: make(chan struct{}), closed: make(chan struct{}),
		stmts: map[string]*sql.Stmt{}, outbox: map[int]int64{}}
	go w.run(context.WithoutCancel(ctx))
	return w, nil
}

// write runs do in the next batch and gives its error, or nil when it is durable.
func (db *DB) write(ctx context.Context, do func(*tx) error) error {
	a := &act{ctx, do, make(chan error, 1)}
	select {
	case db.writer.queue <- a:
	case <-ctx.Done():
		return ctx.Err()
	case <-db.writer.quit:
		return fault.New(fault.Overloaded, "the store is closing")
	}
	select {
	case err := <-a.done:
		return err
	case <-db.writer.closed: // it may have been acknowledged just before
		select {
		case err := <-a.done:
			return err
		default:
			return fault.New(fault.Overloaded, "the store is closing")
		}
	}
}

func (w *writer) close() error {
	w.once.Do(func() { close(w.quit) })
	<-w.closed
	return errors.Join(w.tidy(), ignoreDone(w.conn.Close()), w.sql.Close())
}

func (w *writer) run(ctx context.Context) {
	defer close(w.closed)
	for {
		select {
		case <-w.quit:
			return
		case a := <-w.queue:
			w.batch(ctx, w.gather(a))
		}
	}
}

// gather takes what waits behind the first act.
func (w *writer) gather(first *act) []*act {
	batch := []*act{first}
	for len(batch) < maxBatch {
		select {
		case a := <-w.queue:
			batch = append(batch, a)
		default:
			return batch
		}
	}
	return batch
}

// batch writes acts in one transaction. Where one of them spoils it, each is
// tried in a transaction of its own; where the database itself fails, all fail.
func (w *writer) batch(ctx context.Context, acts []*act) {
	results, err := w.try(ctx, acts)
	if _, spoiled := errors.AsType[spoiler](err); spoiled && len(acts) > 1 {
		for _, a := range acts {
			w.batch(ctx, []*act{a})
		}
		return
	}
	if w.last.Store(nil); err != nil {
		w.last.Store(&err)
	}
	for i, a := range acts {
		if err != nil {
			a.done <- err
		} else {
			a.done <- results[i]
		}
	}
}

// spoiler is the error of an act that failed after it had written.
type spoiler struct{ error }

// Unwrap gives the act's error.
func (s spoiler) Unwrap() error { return s.error }

// try gives each act's own error, or one error for the whole transaction.
func (w *writer) try(ctx context.Context, acts []*act) (results []error, err error) {
	if _, err := w.conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return nil, unavailable("beginning a transaction", err)
	}
	t := &tx{w: w, ctx: ctx, now: w.db.cfg.Now().UTC().Truncate(time.Millisecond), known: w.db.known.Load(), first: w.db.tree.Size(), head: new(signedHead)}
	defer func() {
		if err != nil {
			clear(w.outbox) // its numbers were not taken
			w.rollback(ctx)
		}
	}()
	results = make([]error, len(acts))
	for i, a := range acts {
		if results[i] = a.ctx.Err(); results[i] != nil {
			continue // whoever asked is gone
		}
		entries, after, known := len(t.entries), len(t.after), t.known
		t.wrote = false
		if results[i] = t.run(a); results[i] == nil {
			continue
		}
		if t.wrote {
			return nil, spoiler{results[i]}
		}
		t.entries, t.after, t.known = t.entries[:entries], t.after[:after], known
	}
	return results, t.commit()
}

// run does one act. A panic in it is its error, and spoils the batch: nobody
// knows what it had written.
func (t *tx) run(a *act) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.wrote, err = true, fmt.Errorf("a panic while writing: %T", p) // its value may hold a person's data
		}
	}()
	return a.do(t)
}

// rollback leaves the connection without a transaction. A connection that
// cannot be brought there is given up for a new one.
func (w *writer) rollback(ctx context.Context) {
	w.conn.ExecContext(ctx, `ROLLBACK`) // an error here where the failure had rolled back already
	if _, err := w.conn.ExecContext(ctx, `BEGIN`); err == nil {
		if _, err = w.conn.ExecContext(ctx, `COMMIT`); err == nil {
			return
		}
	}
	w.conn.Raw(func(any) error { return driver.ErrBadConn })
	clear(w.stmts)
	if conn, err := w.sql.Conn(ctx); err == nil {
		w.conn = conn
	}
}

// unavailable is an error of the database itself: whoever asks may try again.
func unavailable(doing string, err error) error {
	return &fault.Error{Kind: fault.Overloaded, Words: doing + " failed; try again later", Err: err}
}

// commit writes the batch's entries, makes it durable, and then signs the head.
func (t *tx) commit() error {
	db := t.w.db
	staged := db.tree.Stage(t.entries)
	if err := t.writeEntries(staged); err != nil {
		return unavailable("writing the ledger", err)
	}
	root, err := staged.Root()
	if err != nil {
		return fmt.Errorf("computing the root of %d entries: %w", staged.Size, err)
	}
	if _, err := t.w.conn.ExecContext(t.ctx, `COMMIT`); err != nil {
		return unavailable("committing", err)
	}
	db.tree.Accept(staged)
	db.known.Store(t.known)
	if len(t.entries) > 0 {
		db.sign(t.head, staged.Size, root)
		t.w.unsaved = t.head
	}
	for _, f := range t.after {
		f()
	}
	return nil
}

// exec runs a statement that writes.
func (t *tx) exec(query string, args ...any) error {
	t.wrote = true
	stmt, err := t.stmt(query)
	if err != nil {
		return err
	}
	if _, err = stmt.ExecContext(t.ctx, args...); diskTrouble(err) {
		return unavailable("writing", err)
	}
	return err
}

// diskTrouble reports whether an error is the disk's or another process's, and
// not the statement's: the first byte of SQLite's code is BUSY, READONLY, IOERR
// or FULL.
func diskTrouble(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && slices.Contains([]int{5, 8, 10, 13}, e.Code()&0xff)
}

// row runs a statement that gives at most one row; false if it gives none.
func (t *tx) row(query string, args []any, into ...any) (bool, error) {
	stmt, err := t.stmt(query)
	if err != nil {
		return false, err
	}
	return found(stmt.QueryRowContext(t.ctx, args...).Scan(into...))
}

// rows runs a statement that gives rows; the caller closes them before the next.
func (t *tx) rows(query string, args ...any) (*sql.Rows, error) {
	stmt, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(t.ctx, args...)
}

func (t *tx) stmt(query string) (*sql.Stmt, error) {
	s, ok := t.w.stmts[query]
	if !ok {
		var err error
		if s, err = t.w.conn.PrepareContext(t.ctx, query); err != nil {
			return nil, fmt.Errorf("preparing a statement: %w", err)
		}
		t.w.stmts[query] = s
	}
	return s, nil
}

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

// tidy folds the write-ahead file into the database, so that a stopped
// installation is one file.
func (w *writer) tidy() error {
	var errs []error
	for _, s := range w.stmts {
		errs = append(errs, s.Close())
	}
	clear(w.stmts)
	_, err := w.conn.ExecContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`)
	return errors.Join(append(errs, ignoreDone(err))...)
}

// ignoreDone makes closing twice as good as once.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}
