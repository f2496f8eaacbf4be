package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
