package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// sqliteEngine writes a SQLite file. One goroutine owns the one connection that
// writes. It takes whatever waits, writes it in one transaction, and
// acknowledges after the commit is on the disk.
type sqliteEngine struct {
	db     *DB
	sql    *sql.DB
	conn   *sql.Conn // the one connection that writes; owned by the goroutine, as all below
	stmts  map[string]*sql.Stmt
	last   map[int]int64 // n of each shard that was read
	first  int64         // leaf of entries[0]
	batch  []ledger.Entry
	signed *signedHead // of the transaction, filled in when it is durable
	handed *handed     // the transaction's last entry, if it hands over the log's key
	after  *signedHead // signed after the last transaction, to be written with the next

	recordings chan *recording
	acts       chan *act
	quit       chan struct{}
	once       sync.Once // closes quit
	closed     chan struct{}
	trouble    atomic.Pointer[error] // of the last transaction; nil if it was written
}

// act is something to be written that is no recording.
type act struct {
	ctx   context.Context
	do    func(*tx) error
	alone bool       // has a transaction to itself
	done  chan error // buffered; gets one value, after the commit is durable
}

// SQLite's settings, for each connection. A batch touches a few pages for each
// subject: they are held in memory (cache_size, KiB when negative) until they
// are written once, and the write-ahead file is folded into the database when
// it has 40 MB, not 4, for a page that changed often is then copied once.
var sqlitePragmas = []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "secure_delete(ON)"}

func (db *DB) openSQLite(ctx context.Context) error {
	db.d = sqliteDialect
	path := db.cfg.Path
	if err := private(path, db.cfg.Create); err != nil {
		return err
	}
	writes, err := openSQLiteFile(path, 1, "_txlock=immediate&_pragma=cache_size(-32000)&_pragma=wal_autocheckpoint(10000)")
	if err != nil {
		return err
	}
	if db.reads, err = openSQLiteFile(path, 8, "_pragma=query_only(ON)"); err != nil {
		return errors.Join(err, writes.Close())
	}
	for _, step := range []func() error{
		func() error { return db.d.migrate(ctx, writes, goose.DialectSQLite3) },
		func() error { return db.recognise(ctx, writes) },
		func() error { return db.loadVersions(ctx) },
		func() error { return db.named(ctx, db.loadLedger(ctx)) },
		func() error { return db.goesOn(ctx) },
		func() error { return db.loadCosignatures(ctx) },
		func() error { return db.startSQLite(ctx, writes) },
	} {
		if err = step(); err != nil {
			break
		}
	}
	if err != nil {
		return errors.Join(err, writes.Close(), db.reads.Close())
	}
	return nil
}

func (db *DB) startSQLite(ctx context.Context, writes *sql.DB) error {
	conn, err := writes.Conn(ctx)
	if err != nil {
		return fmt.Errorf("opening the writer's connection: %w", err)
	}
	w := &sqliteEngine{db: db, sql: writes, conn: conn, stmts: map[string]*sql.Stmt{}, last: map[int]int64{},
		recordings: make(chan *recording, maxBatch), acts: make(chan *act, maxBatch), quit: make(chan struct{}), closed: make(chan struct{})}
	db.engine = w
	go w.run(context.WithoutCancel(ctx))
	return nil
}

// private opens the file, or makes it so that nobody else may read it; SQLite
// gives its other files the same rights.
func private(path string, create bool) error {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return fault.New(fault.Conflict, "the database %s is missing: put it back", path)
	}
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	return f.Close()
}

// openSQLiteFile gives a pool of connections in write-ahead mode that
// acknowledge a commit only after it is on the disk.
func openSQLiteFile(path string, connections int, more string) (*sql.DB, error) {
	q := url.Values{"_pragma": sqlitePragmas}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode()+"&"+more)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func (w *sqliteEngine) newest(context.Context) error { return nil }

func (w *sqliteEngine) shown() string {
	_, note := w.db.published.choose(w.db.head.Load(), w.db.cfg.Now())
	return note
}

func (w *sqliteEngine) writable() error {
	if err := w.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

func (w *sqliteEngine) record(ctx context.Context, r *recording) error {
	return await(ctx, r, w.recordings, w.quit, w.closed)
}

func (w *sqliteEngine) write(ctx context.Context, do func(*tx) error) error {
	return w.await(ctx, &act{ctx: ctx, do: do, done: make(chan error, 1)})
}

// handOver enters a hand-over in a transaction of its own: its record is the
// last entry by being the only one.
func (w *sqliteEngine) handOver(ctx context.Context, to string) error {
	return w.await(ctx, &act{ctx: ctx, alone: true, done: make(chan error, 1), do: func(t *tx) error {
		from := w.db.keys.Load().now()
		_, h, entry, err := w.db.writeHandover(t.ctx, t.q, from, to, w.first)
		if t.wrote = true; err != nil {
			return err
		}
		w.handed = &h
		_, err = t.enter(publicShard, 0, entry)
		return err
	}})
}

func (w *sqliteEngine) await(ctx context.Context, a *act) error {
	select {
	case w.acts <- a:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.quit:
		return closing()
	}
	return ended(a.done, w.closed)
}

func (w *sqliteEngine) close() error {
	w.once.Do(func() { close(w.quit) })
	<-w.closed
	return errors.Join(w.tidy(), ignoreDone(w.conn.Close()), w.sql.Close())
}

func (w *sqliteEngine) run(ctx context.Context) {
	defer close(w.closed)
	for {
		select {
		case <-w.quit:
			return
		case r := <-w.recordings:
			w.recordBatch(ctx, gather(r, w.recordings))
		case a := <-w.acts:
			w.actBatch(ctx, gather(a, w.acts))
		}
	}
}

// recordBatch writes recordings in one transaction. Where one of them spoils
// it, each is tried in a transaction of its own; where the database itself
// fails, all fail.
func (w *sqliteEngine) recordBatch(ctx context.Context, recs []*recording) {
	var results []error
	var b *batch
	err := w.transact(ctx, func() (_ *versions, err error) {
		b, results, err = w.tryRecordings(ctx, recs)
		return nil, err
	})
	if _, spoiled := errors.AsType[spoiler](err); spoiled && len(recs) > 1 {
		for _, r := range recs {
			w.recordBatch(ctx, []*recording{r})
		}
		return
	}
	if err == nil {
		b.keepTexts()
		b.wakeMail()
		for _, a := range b.events {
			a.head = w.signed
		}
		w.db.changed(b.changes())
	}
	finish(recs, results, err)
}

// actBatch likewise writes acts.
func (w *sqliteEngine) actBatch(ctx context.Context, acts []*act) {
	if len(acts) > 1 && slices.ContainsFunc(acts, func(a *act) bool { return a.alone }) {
		for _, a := range acts {
			w.actBatch(ctx, []*act{a})
		}
		return
	}
	var results []error
	t := &tx{db: w.db, ctx: ctx, q: prepared{w}, now: w.db.now(), known: w.db.known.Load(), enter: w.enter,
		alone: func(string) error { return nil }, lock: func(int) error { return nil }}
	t.next = t.telling(w.next)
	err := w.transact(ctx, func() (_ *versions, err error) {
		results, err = t.tryActs(acts, func() func() { n := len(w.batch); return func() { w.batch = w.batch[:n] } })
		return t.known, err
	})
	if _, spoiled := errors.AsType[spoiler](err); spoiled && len(acts) > 1 {
		for _, a := range acts {
			w.actBatch(ctx, []*act{a})
		}
		return
	}
	if err == nil {
		for _, f := range t.after {
			f()
		}
	}
	for i, a := range acts {
		if err != nil {
			a.done <- err
		} else {
			a.done <- results[i]
		}
	}
}

// tryActs gives each act's own error, or one error for the whole transaction.
// mark gives what takes back the entries that a refused act left.
func (t *tx) tryActs(acts []*act, mark func() func()) ([]error, error) {
	results := make([]error, len(acts))
	for i, a := range acts {
		if results[i] = a.ctx.Err(); results[i] != nil {
			continue // whoever asked is gone
		}
		undo, after, known := mark(), len(t.after), t.known
		t.wrote = false
		if results[i] = t.run(a.do); results[i] == nil {
			continue
		}
		if t.wrote {
			return nil, spoiler{results[i]}
		}
		undo()
		t.after, t.known = t.after[:after], known
	}
	return results, nil
}

// transact runs do in a transaction and commits it. do gives the versions known
// after it, nil for as they are.
func (w *sqliteEngine) transact(ctx context.Context, do func() (*versions, error)) (err error) {
	defer func() {
		if _, spoiled := errors.AsType[spoiler](err); spoiled {
			return // said by the tries that follow
		}
		if w.trouble.Store(nil); err != nil {
			w.trouble.Store(&err)
		}
	}()
	if _, err := w.conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return unavailable("beginning a transaction", err)
	}
	w.first, w.batch, w.signed, w.handed = w.db.tree.Load().Size(), w.batch[:0], new(signedHead), nil
	known, err := do()
	if err == nil {
		err = w.commit(ctx, known)
	}
	if err != nil {
		clear(w.last) // its numbers were not taken
		w.rollback(ctx)
	}
	return err
}

// commit writes the entries, makes the transaction durable, and then signs the
// head.
func (w *sqliteEngine) commit(ctx context.Context, known *versions) error {
	db := w.db
	tree := db.tree.Load()
	staged := tree.Stage(w.batch)
	if err := w.writeEntries(ctx, staged); err != nil {
		return unavailable("writing the ledger", err)
	}
	root, err := staged.Root()
	if err != nil {
		return fmt.Errorf("computing the root of %d entries: %w", staged.Size, err)
	}
	keys := db.keys.Load()
	if w.handed != nil {
		if keys, err = keys.with(db, w.handed.Handover); err != nil {
			return err
		}
	}
	if len(w.batch) > 0 {
		if _, err := keys.at(db, staged.Size); err != nil { // what cannot be signed is not committed
			return err
		}
	}
	if _, err := w.conn.ExecContext(ctx, `COMMIT`); err != nil {
		return unavailable("committing", err)
	}
	tree.Accept(staged)
	if known != nil {
		db.known.Store(known)
	}
	if len(w.batch) == 0 {
		return nil
	}
	signed, err := keys.sign(db, staged.Size, root)
	if err == nil && w.handed != nil {
		keys, err = keys.proved(tree, *w.handed, signed)
	}
	if err != nil {
		return err // only for what no note can have
	}
	db.keys.Store(keys)
	*w.signed = signed
	db.head.Store(w.signed)
	w.after = w.signed
	return nil
}

func (w *sqliteEngine) writeEntries(ctx context.Context, s *ledger.Staged) error {
	q := prepared{w}
	n, packed := entryRows(s.First, w.batch)
	for i := range n {
		if i == 0 && s.First%perRow > 0 {
			var before []byte
			if err := q.QueryRowContext(ctx, `SELECT entries FROM ledger_entries WHERE n = ?`, n[0]).Scan(&before); err != nil {
				return fmt.Errorf("reading the last ledger entries: %w", err)
			}
			if err := growable(s.First, int64(len(before))); err != nil {
				return err
			}
			packed[0] = append(before, packed[0]...)
		}
		if _, err := q.ExecContext(ctx, insertEntries, n[i], packed[i]); err != nil {
			return fmt.Errorf("writing ledger entries: %w", err)
		}
	}
	for _, n := range s.Nodes {
		if _, err := q.ExecContext(ctx, `INSERT INTO ledger_node (level, n, hash) VALUES (?, ?, ?)`, n.Level, n.N, n.Hash[:]); err != nil {
			return fmt.Errorf("writing a ledger node: %w", err)
		}
	}
	if len(w.batch) == 0 {
		return nil
	}
	if h := w.after; h != nil {
		if _, err := q.ExecContext(ctx, `UPDATE ledger_head SET note = ? WHERE size = ?`, h.note, h.size); err != nil {
			return fmt.Errorf("writing a signed head: %w", err)
		}
	}
	if _, err := q.ExecContext(ctx, `INSERT INTO ledger_head (size, at) VALUES (?, ?)`, s.Size, millis(w.db.now())); err != nil {
		return fmt.Errorf("writing a ledger head: %w", err)
	}
	return nil
}

// enter puts an entry into the transaction and gives its leaf.
func (w *sqliteEngine) enter(_ int, _ int64, e ledger.Entry) (*int64, error) {
	w.batch = append(w.batch, e)
	return new(w.first + int64(len(w.batch)) - 1), nil
}

// next gives the next number of a shard.
func (w *sqliteEngine) next(shard int) (int64, error) {
	last, err := w.lastOf(shard)
	w.last[shard] = last + 1
	return last + 1, err
}

// lastOf gives the last number of a shard.
func (w *sqliteEngine) lastOf(shard int) (int64, error) {
	last, ok := w.last[shard]
	if ok {
		return last, nil
	}
	if err := (prepared{w}).QueryRowContext(context.Background(), `SELECT coalesce(max(n), 0) FROM event WHERE shard_id = ?`, shard).Scan(&last); err != nil {
		return 0, fmt.Errorf("reading the last event of a shard: %w", err)
	}
	w.last[shard] = last
	return last, nil
}

// rollback leaves the connection without a transaction. A connection that
// cannot be brought there is given up for a new one.
func (w *sqliteEngine) rollback(ctx context.Context) {
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

// prepared runs each statement of the writer's connection prepared.
type prepared struct{ w *sqliteEngine }

func (p prepared) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	s, ok := p.w.stmts[query]
	if !ok {
		var err error
		if s, err = p.w.conn.PrepareContext(ctx, query); err != nil {
			return nil, fmt.Errorf("preparing a statement: %w", err)
		}
		p.w.stmts[query] = s
	}
	return s, nil
}

func (p prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (p prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (p prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := p.stmt(ctx, query)
	if err != nil {
		return p.w.conn.QueryRowContext(ctx, query, args...) // says the same error
	}
	return s.QueryRowContext(ctx, args...)
}

// sqliteTrouble reports whether an error is the disk's or another process's,
// and not the statement's: the first byte of SQLite's code is BUSY, READONLY,
// IOERR or FULL.
func sqliteTrouble(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && slices.Contains([]int{5, 8, 10, 13}, e.Code()&0xff)
}

// tidy folds the write-ahead file into the database, so that a stopped
// installation is one file.
func (w *sqliteEngine) tidy() error {
	var errs []error
	for _, s := range w.stmts {
		errs = append(errs, s.Close())
	}
	clear(w.stmts)
	_, err := w.conn.ExecContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`)
	return errors.Join(append(errs, ignoreDone(err))...)
}

// clean folds the write-ahead file into the database and empties it: rows that
// were deleted stand in it until it is overwritten. Where somebody reads for
// long, as a backup does, it gives way: writers are held up for a moment only,
// and the next time it is done.
func (w *sqliteEngine) clean(ctx context.Context) error {
	one, err := openSQLiteFile(w.db.cfg.Path, 1, "_pragma=query_only(ON)")
	if err != nil {
		return err
	}
	defer one.Close()
	var busy, frames, folded int
	for range 20 {
		if err := errors.Join(
			one.QueryRowContext(ctx, `PRAGMA busy_timeout = 100`).Scan(&busy),
			one.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &folded)); err != nil {
			return unavailable("emptying the write-ahead file", err)
		}
		if busy == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// ignoreDone makes closing twice as good as once.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}
