package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

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
	bound(cfg)
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
