package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// postgresEngine writes a PostgreSQL database, beside other servers that do the
// same. Events are written by a few writers, each for its shards; what is
// written is seen by all. Entries of the ledger wait in a queue for the
// sequencer.
type postgresEngine struct {
	db      *DB
	pool    *pgxpool.Pool
	sql     *sql.DB // the same connections
	writers []*postgresWriter
	quit    chan struct{}
	once    sync.Once // closes quit
	closed  chan struct{}
	running sync.WaitGroup
	trouble atomic.Pointer[error] // of the last transaction; nil if it was written
	acts    chan struct{}         // one for each act that is being written
	citus   bool                  // the tables may lie on many machines
	integrating
}

const (
	postgresWriters     = 4  // that write events, each on a connection of its own
	postgresConnections = 16 // at most, with readers
	postgresActs        = 8  // written at once: each may need a second connection while it holds one, so that some have to be left
	retries             = 8  // of a transaction that lost against another, or lost its connection before its commit was sent
)

// bound has an attempt to connect end after five seconds, unless the address says
// otherwise (connect_timeout): a host that drops packets would keep it for minutes.
// A connection ends half a minute after the database's machine was last heard of,
// where TCP by itself would send again for a quarter of an hour.
func bound(cfg *pgx.ConnConfig) {
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	cfg.DialFunc = (&net.Dialer{Control: unheard, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: unheardFor / 3, Interval: unheardFor / 6, Count: 4}}).DialContext
}

// unheardFor is how long a machine may acknowledge nothing that was sent to it, and
// answer no keepalive.
const unheardFor = 30 * time.Second

func (db *DB) openPostgres(ctx context.Context) error {
	db.d = postgresDialect
	cfg, err := pgxpool.ParseConfig(db.cfg.Postgres)
	if err != nil {
		return fault.New(fault.Invalid, "the database's address is not like postgres://user@host/name") // the error may hold a password
	}
	cfg.MaxConns = max(cfg.MaxConns, postgresConnections)
	asked := cfg.ConnConfig.RuntimeParams
	for name, value := range map[string]string{"statement_timeout": "60000", "lock_timeout": "20000", "idle_in_transaction_session_timeout": "60000",
		// Every statement finds by key or walks along one. A plan that was made while the tables were empty would read them whole until somebody analyses them.
		"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off"} {
		if asked[name] == "" { // the address may say otherwise
			asked[name] = value
		}
	}
	asked["synchronous_commit"], asked["timezone"], asked["application_name"] = "on", "UTC", "amana"
	bound(cfg.ConnConfig)
	cfg.AfterConnect = learnColumns
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	e := &postgresEngine{db: db, pool: pool, sql: stdlib.OpenDBFromPool(pool), acts: make(chan struct{}, postgresActs), quit: make(chan struct{}), closed: make(chan struct{})}
	db.reads, db.engine = e.sql, e
	if err := e.start(ctx); err != nil {
		pool.Close()
		return errors.Join(err, e.sql.Close())
	}
	return nil
}

func (e *postgresEngine) start(ctx context.Context) error {
	if err := e.suits(ctx); err != nil {
		return err
	}
	if err := e.migrate(ctx); err != nil {
		return err
	}
	if err := e.db.recognise(ctx, e.sql); err != nil {
		return err
	}
	if err := e.db.loadVersions(ctx); err != nil {
		return err
	}
	if err := e.db.named(ctx, e.begin(ctx)); err != nil {
		return err
	}
	if err := e.db.goesOn(ctx); err != nil {
		return err
	}
	run := context.WithoutCancel(ctx)
	for range postgresWriters {
		w := &postgresWriter{e: e, queue: make(chan *recording, maxBatch)}
		e.writers = append(e.writers, w)
		e.running.Go(func() { w.run(run) })
	}
	e.running.Go(func() { e.sequence(run) })
	return nil
}

// migrate brings the schema to the newest, over a connection whose statements may
// take as long as they do: an index over all events is not made in a minute.
func (e *postgresEngine) migrate(ctx context.Context) error {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	cfg := e.pool.Config().ConnConfig
	cfg.RuntimeParams["statement_timeout"] = "0"
	patient := stdlib.OpenDB(*cfg)
	return errors.Join(e.db.d.migrate(ctx, patient, goose.DialectPostgres, goose.WithSessionLocker(locker)), patient.Close())
}

// suits refuses a database that would lose what it acknowledged, and an empty
// one where there should be one.
func (e *postgresEngine) suits(ctx context.Context) error {
	var fsync, encoding string
	var exists bool
	err := e.sql.QueryRowContext(ctx, `SELECT current_setting('fsync'), current_setting('server_encoding'), to_regclass('installation') IS NOT NULL,
		to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL`).Scan(&fsync, &encoding, &exists, &e.citus)
	switch {
	case err != nil:
		return fault.New(fault.Overloaded, "the database cannot be reached: %s", plainly(err))
	case fsync != "on":
		return fault.New(fault.Conflict, "the database server runs with fsync = off and would lose what was acknowledged: set fsync = on")
	case encoding != "UTF8":
		return fault.New(fault.Conflict, "the database is in %s: make it with ENCODING 'UTF8'", encoding)
	case !exists && !e.db.cfg.Create:
		return fault.New(fault.Conflict, "the database is empty, and the keyring is another's: put the database back")
	}
	return nil
}

// plainly gives an error of the database without its address, which may hold a
// password.
func plainly(err error) string {
	if p, ok := errors.AsType[*pgconn.PgError](err); ok {
		return p.Message
	}
	if c, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return strings.TrimSpace(strings.SplitN(c.Unwrap().Error(), "\n", 2)[0])
	}
	return "no connection"
}

// clean has nothing to do: rows that were deleted are PostgreSQL's to clean up
// (VACUUM), and no key opens them.
func (e *postgresEngine) clean(context.Context) error { return nil }

func (e *postgresEngine) writable() error {
	if err := e.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// ended notes how a transaction went.
func (e *postgresEngine) ended(err error) {
	if fault.KindOf(err) == fault.Overloaded {
		e.trouble.Store(&err)
	} else {
		e.trouble.Store(nil)
	}
}

func (e *postgresEngine) record(ctx context.Context, r *recording) error {
	return await(ctx, r, e.writers[r.place.shard%len(e.writers)].queue, e.quit, e.closed)
}

func (e *postgresEngine) close() error {
	e.once.Do(func() { close(e.quit) })
	e.running.Wait()
	select {
	case <-e.closed:
	default:
		close(e.closed)
	}
	err := e.sql.Close()
	e.pool.Close()
	return err
}

// write runs do in a transaction of its own, again where it lost against
// another.
func (e *postgresEngine) write(ctx context.Context, do func(*tx) error) (err error) {
	select {
	case <-e.quit:
		return closing()
	default:
	}
	select {
	case <-e.quit:
		return closing()
	case <-ctx.Done():
		return ctx.Err()
	case e.acts <- struct{}{}:
	}
	defer func() { <-e.acts }()
	ctx = context.WithoutCancel(ctx) // what began is ended: a commit cut short would leave nobody knowing
	for try := range retries {
		var t *tx
		if t, err = e.try(ctx, do); err == nil {
			e.db.adopt(t.known)
			for _, f := range t.after {
				f()
			}
			break
		}
		if !again(err) {
			break
		}
		time.Sleep(pause(try))
	}
	if postgresTrouble(err) {
		err = unavailable("writing", err)
	}
	e.ended(err)
	return err
}

// try runs do in one transaction.
func (e *postgresEngine) try(ctx context.Context, do func(*tx) error) (*tx, error) {
	release, err := e.db.cfg.Ring.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	stx, err := e.sql.BeginTx(ctx, nil)
	if err != nil {
		return nil, unavailable("beginning a transaction", err)
	}
	defer stx.Rollback()
	t := &tx{db: e.db, ctx: ctx, q: stx, now: e.db.now(), known: e.db.known.Load()}
	t.enter, t.next, t.lock, t.alone = t.enqueue, t.telling(t.nextNumber), t.lockShard, t.lockTable
	mark := make([]byte, 16)
	rand.Read(mark)
	if err := t.exec(`INSERT INTO mark (id, at) VALUES (?, ?)`, mark, millis(t.now)); err != nil {
		return nil, unsent(err)
	}
	if err := t.run(do); err != nil {
		return nil, unsent(err)
	}
	err = stx.Commit()
	if err != nil && postgresTrouble(err) && !refused(err) {
		err = e.settle(ctx, err, func(ctx context.Context) (bool, error) { return e.marked(ctx, mark) })
	}
	return t, err
}

// marked reports whether the transaction that wrote a mark was committed; it
// waits for one that is under way.
func (e *postgresEngine) marked(ctx context.Context, mark []byte) (bool, error) {
	stx, err := e.sql.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer stx.Rollback()
	res, err := stx.ExecContext(ctx, `INSERT INTO mark (id, at) VALUES ($1, 0) ON CONFLICT DO NOTHING`, mark)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 0, err
}

// settleFor is how long the end of a commit is looked for whose answer was lost.
const settleFor = 15 * time.Second

// settle finds out what became of a commit whose answer was lost: nil if it is
// durable, errLost if it is not and may be tried again, else that nobody knows.
func (e *postgresEngine) settle(ctx context.Context, lost error, committed func(context.Context) (bool, error)) error {
	e.ended(unavailable("committing", lost)) // which is said at once
	for end, try := time.Now().Add(settleFor), 0; time.Now().Before(end); try++ {
		select {
		case <-e.quit:
			return untold(lost)
		case <-time.After(pause(try)):
		}
		ok, err := committed(ctx)
		switch {
		case err != nil:
		case ok:
			return nil
		default:
			return errLost
		}
	}
	return untold(lost)
}

// untold says of a commit whose answer was lost that nobody knows what became of it.
func untold(lost error) error {
	return unavailable("committing: whether it was written could not be told; committing", lost)
}

// errLost says that a transaction is not in the database.
var errLost = errors.New("the connection was lost before the commit")

// unsent says of an error before the commit was sent, where it is a lost
// connection, that nothing is in the database.
func unsent(err error) error {
	if lost(err) {
		return errors.Join(errLost, err)
	}
	return err
}

// again reports whether a transaction may be tried again as it is: it is known
// not to be in the database.
func again(err error) bool {
	if p, ok := errors.AsType[*pgconn.PgError](err); ok {
		// The same idempotency key on two shards at once: the later one finds the earlier.
		return p.Code == "40001" || p.Code == "40P01" || p.Code == "23505" && p.ConstraintName == "once_pkey"
	}
	return errors.Is(err, errLost)
}

// refused reports whether the server itself said that nothing was committed. One
// that ends the session, or itself, says nothing of a commit under way: what it
// could not write to its log may be found there when it is back.
func refused(err error) bool {
	p, ok := errors.AsType[*pgconn.PgError](err)
	return ok && p.SeverityUnlocalized == "ERROR" || errors.Is(err, pgx.ErrTxCommitRollback)
}

func pause(try int) time.Duration { return min(5*time.Millisecond<<min(try, 8), 500*time.Millisecond) }

// postgresTrouble reports whether an error is the server's or the network's,
// and not the statement's: no answer at all, or one of class 08 (connection),
// 40 (another transaction), 53 (no room), 55 (not now), 57 (shutting down), 58
// (system), XX (its own fault), or that it writes nothing now (25006, a standby)
// or has ended a session that was silent for too long (25P03, 25P04).
func postgresTrouble(err error) bool {
	if _, connecting := errors.AsType[*pgconn.ConnectError](err); connecting || err == nil {
		return connecting
	}
	if p, ok := errors.AsType[*pgconn.PgError](err); ok {
		return len(p.Code) == 5 && (strings.Contains("08 40 53 55 57 58 XX", p.Code[:2]) || strings.Contains("25006 25P03 25P04", p.Code))
	}
	return lost(err)
}

// lost reports whether a connection could not be made or ended under a statement.
func lost(err error) bool {
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connect || network || pgconn.SafeToRetry(err) || slices.ContainsFunc([]error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET,
		syscall.EPIPE, sql.ErrConnDone, driver.ErrBadConn, errLost}, func(e error) bool { return errors.Is(err, e) })
}

// enqueue puts an entry into the queue of the ledger.
func (t *tx) enqueue(shard int, n int64, entry ledger.Entry) (*int64, error) {
	return nil, t.exec(`INSERT INTO ledger_queue (shard_id, n, at, entry) VALUES (?, ?, ?, ?)`, shard, n, millis(t.now), entry[:])
}

func (t *tx) nextNumber(shard int) (n int64, err error) {
	t.wrote = true
	_, err = t.row(`UPDATE shard SET n = n + 1 WHERE shard_id = ? RETURNING n`, []any{shard}, &n)
	return n, err
}

func (t *tx) lockShard(shard int) error {
	var n int64
	_, err := t.row(`SELECT n FROM shard WHERE shard_id = ? FOR UPDATE`, []any{shard}, &n)
	return err
}

func (t *tx) lockTable(table string) error {
	if _, err := t.q.ExecContext(t.ctx, `LOCK TABLE `+table+` IN EXCLUSIVE MODE`); err != nil {
		return err
	}
	known, err := readVersions(t.rows, t.known)
	t.known = known
	return err
}
