package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// openTarget makes the schema of a version in the empty database.
func (r Restore) openTarget(ctx context.Context, schema int64) (target, error) {
	if r.Postgres != "" {
		return openPostgresTarget(ctx, r.Postgres, schema)
	}
	return openSQLiteTarget(ctx, r.Path, schema)
}

// vacant refuses a database that is not empty, before the backup is read.
func (r Restore) vacant(ctx context.Context) error {
	if r.Postgres == "" {
		return vacant(r.Path)
	}
	t, err := connectTarget(ctx, r.Postgres)
	if err != nil {
		return err
	}
	_, err = t.left(ctx)
	return errors.Join(err, t.close())
}

func vacant(path string) error {
	switch _, err := os.Lstat(path); {
	case err == nil:
		return fault.New(fault.Conflict, "there is a database at %s: a backup is restored into an empty place", path)
	case errors.Is(err, os.ErrNotExist):
		return nil
	default:
		return fmt.Errorf("looking for the database: %w", err)
	}
}

// sqliteTarget fills a file of another name, which takes its own when it is
// complete.
type sqliteTarget struct {
	path, begun string
	sql         *sql.DB
	conn        *sql.Conn
	stmts       map[string]*sql.Stmt
	rows        int // of the transaction that is open
}

// rowsAtOnce is how many rows share a transaction, or a message.
const rowsAtOnce = 20_000

func openSQLiteTarget(ctx context.Context, path string, schema int64) (target, error) {
	if err := vacant(path); err != nil {
		return nil, err
	}
	t := &sqliteTarget{path: path, begun: path + "." + restoringMark, stmts: map[string]*sql.Stmt{}}
	if err := t.clear(); err != nil {
		return nil, err
	}
	if err := private(t.begun, true); err != nil {
		return nil, err
	}
	var err error
	if t.sql, err = openSQLiteFile(t.begun, 1, "_pragma=cache_size(-64000)"); err != nil {
		return nil, err
	}
	if err = sqliteDialect.migrateTo(ctx, schema, t.sql, goose.DialectSQLite3); err == nil {
		t.conn, err = t.sql.Conn(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// clear removes what a restore that was cut short left.
func (t *sqliteTarget) clear() error {
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(t.begun + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing what an earlier restore left: %w", err)
		}
	}
	return nil
}

func (t *sqliteTarget) tables(ctx context.Context) ([]catalogueTable, error) {
	return sqliteDialect.tables(ctx, t.conn)
}

func (t *sqliteTarget) put(ctx context.Context, f tableForm, values []any) error {
	s, ok := t.stmts[f.Name]
	if !ok {
		var err error
		if s, err = t.conn.PrepareContext(ctx, insertInto(f)); err != nil {
			return fmt.Errorf("table %s: %w", f.Name, err)
		}
		t.stmts[f.Name] = s
	}
	if t.rows == 0 {
		if _, err := t.conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
			return unavailable("writing", err)
		}
	}
	if _, err := s.ExecContext(ctx, values...); err != nil {
		return fmt.Errorf("table %s: %w", f.Name, err)
	}
	if t.rows++; t.rows == rowsAtOnce {
		return t.commit(ctx)
	}
	return nil
}

func insertInto(f tableForm) string {
	names, marks := make([]string, len(f.Columns)), make([]string, len(f.Columns))
	for i, c := range f.Columns {
		names[i], marks[i] = c.Name, "?"
	}
	return `INSERT INTO ` + f.Name + ` (` + strings.Join(names, ", ") + `) VALUES (` + strings.Join(marks, ", ") + `)`
}

func (t *sqliteTarget) commit(ctx context.Context) error {
	if t.rows == 0 {
		return nil
	}
	t.rows = 0
	if _, err := t.conn.ExecContext(ctx, `COMMIT`); err != nil {
		return unavailable("writing", err)
	}
	return nil
}

func (t *sqliteTarget) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.conn.ExecContext(ctx, query, args...)
	return err
}

func (t *sqliteTarget) migrate(ctx context.Context) error {
	if err := t.letGo(ctx); err != nil {
		return err
	}
	err := sqliteDialect.migrate(ctx, t.sql, goose.DialectSQLite3)
	if err == nil {
		t.conn, err = t.sql.Conn(ctx)
	}
	return err
}

// letGo commits, and gives the one connection back.
func (t *sqliteTarget) letGo(ctx context.Context) error {
	errs := []error{t.commit(ctx)}
	for _, s := range t.stmts {
		errs = append(errs, s.Close())
	}
	clear(t.stmts)
	return errors.Join(append(errs, t.conn.Close())...)
}

// finish folds the write-ahead file into the database and renames it, durably.
func (t *sqliteTarget) finish(ctx context.Context, _ *ledger.Tree, before func() error) error {
	if err := t.commit(ctx); err != nil {
		return err
	}
	if _, err := t.conn.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return unavailable("writing", err)
	}
	if err := errors.Join(t.letGo(ctx), t.sql.Close()); err != nil {
		return err
	}
	t.sql = nil
	if err := before(); err != nil {
		return err
	}
	if err := os.Rename(t.begun, t.path); err != nil {
		return fmt.Errorf("putting the database in its place: %w", err)
	}
	dir, err := os.Open(filepath.Dir(t.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (t *sqliteTarget) close() error {
	if t.sql == nil {
		return nil
	}
	var err error
	if t.conn != nil {
		err = ignoreDone(t.conn.Close())
	}
	return errors.Join(err, t.sql.Close(), t.clear())
}

// postgresTarget fills a database that bears the mark of a restore until the last
// transaction takes it away.
type postgresTarget struct {
	conn  *pgx.Conn
	cfg   *pgx.ConnConfig
	form  tableForm // of the rows
	rows  [][]any   // not sent yet
	begun bool      // a transaction is open
}

func connectTarget(ctx context.Context, address string) (*postgresTarget, error) {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the database's address is not like postgres://user@host/name") // the error may hold a password
	}
	for name, value := range map[string]string{"synchronous_commit": "on", "timezone": "UTC", "application_name": "amana restore"} {
		cfg.RuntimeParams[name] = value
	}
	t := &postgresTarget{cfg: cfg}
	if t.conn, err = pgx.ConnectConfig(ctx, cfg); err != nil {
		return nil, fault.New(fault.Overloaded, "the database cannot be reached: %s", plainly(err))
	}
	return t, nil
}

func openPostgresTarget(ctx context.Context, address string, schema int64) (target, error) {
	t, err := connectTarget(ctx, address)
	if err != nil {
		return nil, err
	}
	if err = t.clear(ctx); err == nil {
		err = t.migrateTo(ctx, schema)
	}
	if err == nil {
		_, err = t.conn.Exec(ctx, `INSERT INTO installation (name, value) VALUES ($1, '')`, restoringMark)
	}
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// left gives the tables that a restore that was cut short left. A database that
// holds anything else is refused.
func (t *postgresTarget) left(ctx context.Context) (names []string, err error) {
	tables, err := t.tables(ctx)
	if err != nil {
		return nil, err
	}
	for _, table := range tables {
		names = append(names, table.Name)
	}
	ours := len(names) == 0 || slices.Equal(names, []string{"goose_db_version"})
	if slices.Contains(names, "installation") {
		err = t.conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM installation WHERE name = $1) OR NOT EXISTS (SELECT 1 FROM installation)`, restoringMark).Scan(&ours)
	}
	if err != nil || !ours {
		return nil, errors.Join(fault.New(fault.Conflict, "the database is not empty: a backup is restored into an empty one"), err)
	}
	return names, nil
}

// clear removes what a restore that was cut short left.
func (t *postgresTarget) clear(ctx context.Context) error {
	names, err := t.left(ctx)
	if err != nil || len(names) == 0 {
		return err
	}
	_, err = t.conn.Exec(ctx, `DROP TABLE `+strings.Join(names, ", ")+` CASCADE`)
	return err
}

// migrateTo brings the schema to a version, on a connection of its own.
func (t *postgresTarget) migrateTo(ctx context.Context, version int64) error {
	db := stdlib.OpenDB(*t.cfg)
	return errors.Join(postgresDialect.migrateTo(ctx, version, db, goose.DialectPostgres), db.Close())
}

func (t *postgresTarget) tables(ctx context.Context) ([]catalogueTable, error) {
	db := stdlib.OpenDB(*t.cfg)
	defer db.Close()
	return postgresDialect.tables(ctx, db)
}

func (t *postgresTarget) begin(ctx context.Context) error {
	if t.begun {
		return nil
	}
	t.begun = true
	_, err := t.conn.Exec(ctx, `BEGIN`)
	return err
}

func (t *postgresTarget) put(ctx context.Context, f tableForm, values []any) error {
	if f.Name != t.form.Name || len(t.rows) == rowsAtOnce {
		if err := t.send(ctx); err != nil {
			return err
		}
		t.form = f
	}
	t.rows = append(t.rows, values)
	return nil
}

// send copies the rows that wait.
func (t *postgresTarget) send(ctx context.Context) error {
	if len(t.rows) == 0 {
		return nil
	}
	if err := t.begin(ctx); err != nil {
		return unavailable("writing", err)
	}
	var names []string
	for _, c := range t.form.Columns {
		names = append(names, c.Name)
	}
	_, err := t.conn.CopyFrom(ctx, pgx.Identifier{t.form.Name}, names, pgx.CopyFromRows(t.rows))
	t.rows = t.rows[:0]
	if err != nil {
		return fmt.Errorf("table %s: %w", t.form.Name, err)
	}
	return nil
}

func (t *postgresTarget) exec(ctx context.Context, query string, args ...any) error {
	if err := t.send(ctx); err != nil {
		return err
	}
	if err := t.begin(ctx); err != nil {
		return err
	}
	_, err := t.conn.Exec(ctx, postgresDialect.sql(query), args...)
	return err
}

func (t *postgresTarget) commit(ctx context.Context) error {
	if err := t.send(ctx); err != nil || !t.begun {
		return err
	}
	t.begun = false
	tag, err := t.conn.Exec(ctx, `COMMIT`)
	if err == nil && tag.String() != "COMMIT" {
		err = errors.New("it was rolled back")
	}
	if err != nil {
		return unavailable("committing", err)
	}
	return nil
}

func (t *postgresTarget) migrate(ctx context.Context) error {
	if err := t.commit(ctx); err != nil {
		return err
	}
	return t.migrateTo(ctx, newestSchema)
}

// finish writes what only PostgreSQL has: the last number of each shard, the tip
// of the log, the next of each numbered column. It ends by taking the mark away.
func (t *postgresTarget) finish(ctx context.Context, tree *ledger.Tree, before func() error) error {
	root, err := tree.Stage(nil).Root()
	if err != nil {
		return err
	}
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`UPDATE shard s SET n = coalesce((SELECT max(n) FROM event e WHERE e.shard_id = s.shard_id), 0)`, nil},
		{`INSERT INTO ledger_tip (one, size, root, shown_size, shown) VALUES (1, ?, ?, -1, '')`, []any{tree.Size(), root[:]}},
		{`DELETE FROM installation WHERE name = ?`, []any{restoringMark}},
	} {
		if err := t.exec(ctx, q.sql, q.args...); err != nil {
			return err
		}
	}
	if err := t.number(ctx); err != nil {
		return err
	}
	if err := before(); err != nil {
		return err
	}
	if err := t.commit(ctx); err != nil {
		return err
	}
	_, err = t.conn.Exec(ctx, `ANALYZE`) // or its first plans would be those of empty tables
	return err
}

// number lets numbered columns go on behind what was restored.
func (t *postgresTarget) number(ctx context.Context) error {
	rows, err := t.conn.Query(ctx, `SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = current_schema() AND is_identity = 'YES'`)
	if err != nil {
		return err
	}
	numbered, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Table, Column string }])
	if err != nil {
		return err
	}
	for _, c := range numbered {
		query := fmt.Sprintf(`SELECT setval(pg_get_serial_sequence('%[1]s', '%[2]s'), coalesce(max(%[2]s), 0) + 1, false) FROM %[1]s`, c.Table, c.Column)
		if err := t.exec(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

func (t *postgresTarget) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return t.conn.Close(ctx) // what was not committed goes
}
