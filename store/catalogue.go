package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Shards is how many shards there are.
const Shards = 256

// shardColumn is the first column of the key of every table that lies in shards.
const shardColumn = "shard_id"

// catalogueTable is a table as the database describes it.
type catalogueTable struct {
	tableForm
	key []string // columns of its primary key, in order
}

func (t catalogueTable) names() []string {
	var out []string
	for _, c := range t.Columns {
		out = append(out, c.Name)
	}
	return out
}

// firstTables are those that others refer to; all others follow by name.
var firstTables = []string{"installation", "policy_version"}

// catalogues ask a database for its tables: for each column the table, the
// column, its type, and its place in the primary key, from 1 on; 0 = none.
var catalogues = map[dialect]string{
	sqliteDialect: `SELECT m.name, p.name, lower(p.type), p.pk FROM sqlite_master m JOIN pragma_table_info(m.name) p
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'`,
	postgresDialect: `SELECT c.relname, a.attname, format_type(a.atttypid, NULL), coalesce(array_position(i.indkey::smallint[], a.attnum), -1) + 1
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
		WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace`,
}

// kinds are the types that columns have, in any dialect.
var kinds = map[string]columnKind{"integer": kindInteger, "bigint": kindInteger, "text": kindText, "blob": kindBytes, "bytea": kindBytes}

// foreign says that a table is somebody else's, who keeps it in the same schema: it
// lies in no shard and stands in no list (see broken).
func (t catalogueTable) foreign() bool {
	_, copied := reference[t.Name]
	_, single := coordinated[t.Name]
	return t.index(shardColumn) < 0 && !copied && !single && !slices.Contains(derivedTables, t.Name)
}

// tables gives the tables of a database with their columns by name, so that
// both dialects give the same. Of tables that are not the store's own, goose's and
// foreign ones, only the names are good.
func (d dialect) tables(ctx context.Context, q querier) ([]catalogueTable, error) {
	rows, err := q.QueryContext(ctx, catalogues[d])
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	defer rows.Close()
	byName := map[string]*catalogueTable{}
	places, strange := map[string]map[int]string{}, map[string]error{}
	for rows.Next() {
		var table, column, kind string
		var place int
		if err := rows.Scan(&table, &column, &kind, &place); err != nil {
			return nil, fmt.Errorf("reading the catalogue: %w", err)
		}
		if byName[table] == nil {
			byName[table], places[table] = &catalogueTable{tableForm: tableForm{Name: table}}, map[int]string{}
		}
		if kinds[kind] == "" && !slices.Contains(derivedTables, table) {
			strange[table] = fmt.Errorf("column %s of table %s is a %s, which no backup has", column, table, kind)
		}
		byName[table].Columns = append(byName[table].Columns, columnForm{column, kinds[kind]})
		if place > 0 {
			places[table][place] = column
		}
	}
	var out []catalogueTable
	for name, t := range byName {
		if err := strange[name]; err != nil && !t.foreign() {
			return nil, err
		}
		for i := 1; i <= len(places[name]); i++ {
			t.key = append(t.key, places[name][i])
		}
		if len(t.key) == 0 && !slices.Contains(derivedTables, name) && !t.foreign() {
			return nil, fmt.Errorf("table %s has no primary key", name)
		}
		slices.SortFunc(t.Columns, func(a, b columnForm) int { return strings.Compare(a.Name, b.Name) })
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b catalogueTable) int { return strings.Compare(rank(a.Name), rank(b.Name)) })
	return out, rows.Err()
}

// rank orders tables: those that others refer to first.
func rank(name string) string {
	if i := slices.Index(firstTables, name); i >= 0 {
		return fmt.Sprint(i)
	}
	return name
}

// binary gives the columns of a key so that every database orders them alike.
func (d dialect) binary(t catalogueTable) []string {
	out := slices.Clone(t.key)
	for i, name := range out {
		if d == postgresDialect && t.Columns[t.index(name)].Kind == kindText {
			out[i] += ` COLLATE "C"`
		}
	}
	return out
}
