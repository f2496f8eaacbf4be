package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"

	"github.com/amana-privacy/amana/fault"
)

// dialect is what databases say differently. Statements are written for SQLite.
type dialect string

const (
	sqliteDialect   dialect = "sqlite"
	postgresDialect dialect = "postgres"
)

// numbered are statements with PostgreSQL's numbered parameters, by the same
// with question marks.
var numbered sync.Map

// sql gives a statement in the dialect. No statement has a question mark that
// is not a parameter.
func (d dialect) sql(query string) string {
	if d == sqliteDialect {
		return query
	}
	if q, ok := numbered.Load(query); ok {
		return q.(string)
	}
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	numbered.Store(query, b.String())
	return b.String()
}

// numbers gives a table v of one column, value, that has these numbers, and the
// argument that it takes.
func (d dialect) numbers(list []int64) (from string, arg any, err error) {
	if d == postgresDialect {
		return `unnest(?::bigint[]) AS v (value)`, list, nil
	}
	raw, err := json.Marshal(list)
	return `json_each(?) AS v`, string(raw), err
}

// migrate brings a schema to the newest. Servers that start at once wait for
// each other.
func (d dialect) migrate(ctx context.Context, writes *sql.DB, g goose.Dialect, opts ...goose.ProviderOption) error {
	return d.migrateTo(ctx, newestSchema, writes, g, opts...)
}

// newestSchema as a version is the newest that this program knows.
const newestSchema = -1

// migrateTo brings a schema to a version. Versions have the same numbers in every
// dialect. One that this program does not know is fault.Invalid, and so is a database
// that a newer program has brought further: what that wrote would be overlooked.
func (d dialect) migrateTo(ctx context.Context, version int64, writes *sql.DB, g goose.Dialect, opts ...goose.ProviderOption) error {
	dir, err := fs.Sub(schema, "schema/"+string(d))
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(g, writes, dir, opts...)
	if err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	known := p.ListSources()
	newest := known[len(known)-1].Version
	if version == newestSchema {
		version = newest
	}
	if version < 1 || version > newest {
		return tooNew(version, newest)
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return fmt.Errorf("bringing the schema to version %d: %w", version, err)
	}
	var is int64
	if err := writes.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&is); err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	if is > newest {
		return tooNew(is, newest)
	}
	return nil
}

func tooNew(version, newest int64) error {
	return fault.New(fault.Invalid, "the schema has version %d, and this program knows those up to %d: take a newer program", version, newest)
}

// snapshot is the isolation in which a transaction that reads sees one moment.
func (d dialect) snapshot() sql.IsolationLevel {
	if d == sqliteDialect {
		return sql.LevelDefault
	}
	return sql.LevelRepeatableRead
}
