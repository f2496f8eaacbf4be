package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/amana-privacy/amana/fault"
)

// reference are the tables that each machine would have a copy of: small, seldom
// written, and read beside the rows of a person.
var reference = map[string]string{
	"policy_version": "the few policies that publications and evidence lead to",
	"publication":    "read with every decision and every answer",
	"evidence":       "leads to a policy",
	"process":        "the texts that receipts show",
}

// coordinated are the tables that would stay on one machine, and why.
var coordinated = map[string]string{
	"installation":     "two rows",
	"goose_db_version": "the steps of the schema",
	"ledger_entries":   "the log is one: 32 bytes an event",
	"ledger_node":      "the log is one",
	"ledger_head":      "the log is one",
	"ledger_tip":       "the log is one, and here it is moved",
	"handover":         "the log is one",
	"cosignature":      "a row a witness",
	"public_record":    "records that are about nobody, found by their leaf",
	"shred":            "a row a bucket, for an hour",
	"once":             "found by a key before the person is known, and forgotten after a day",
	"token":            "found by its hash",
	"session":          "found by a hash of its token, and forgotten after hours",
	"pass":             "found by a hash of its token, and forgotten after an hour",
	"knock":            "a number an identifier, and forgotten after a day",
	"ticket":           "found by its key, and about nobody who is known",
	"webhook":          "a few rows, which are about nobody",
	"refusal":          "counts that are about nobody",
	"shown":            "counts that are about nobody",
	"mark":             "a row a transaction that is not a person's, for as long as its end is in doubt",
}

// table is what a catalogue says of one.
type table struct {
	name    string
	columns []string
	unique  []index  // its primary key and all indexes that forbid two of a kind
	refers  []string // tables that its foreign keys lead to
}

type index struct {
	name    string
	primary bool
	columns []string // "" for an expression
}

func (t table) sharded() bool { return slices.Contains(t.columns, shardColumn) }

// broken gives the first rule that a table breaks: one that is divided has the
// shard in its primary key and in every unique index, and foreign keys to
// reference tables alone; one that is not stands in a list with its reason.
func broken(tables []table) error {
	says := func(t table, rule string, args ...any) error {
		return fault.New(fault.Conflict, "table %q cannot be distributed: %s", t.name, fmt.Sprintf(rule, args...))
	}
	for _, t := range tables {
		_, isReference := reference[t.name]
		_, isCoordinated := coordinated[t.name]
		if !t.sharded() && !isReference && !isCoordinated {
			return says(t, "it has no %s, and is not among those that need none", shardColumn)
		}
		if t.sharded() && (isReference || isCoordinated) {
			return says(t, "it has a %s, and is among those that need none", shardColumn)
		}
		if !slices.ContainsFunc(t.unique, func(x index) bool { return x.primary }) {
			return says(t, "it has no primary key")
		}
		for _, x := range t.unique {
			if t.sharded() && !slices.Contains(x.columns, shardColumn) {
				return says(t, "%s (%s) is unique without %s, which no machine could see to alone", x.name, strings.Join(x.columns, ", "), shardColumn)
			}
		}
		for _, to := range t.refers {
			if _, ok := reference[to]; !ok {
				return says(t, "it has a foreign key to %q, which is not on every machine", to)
			}
		}
	}
	return nil
}

// Distribution is where Citus would keep the tables of a database.
type Distribution struct {
	Sharded     []string          `json:"sharded"`     // divided by shard_id, the rows of a shard beside each other
	Reference   map[string]string `json:"reference"`   // copied to every machine, and why
	Coordinator map[string]string `json:"coordinator"` // where they are, and why
	Statements  []string          `json:"statements"`  // that bring them there, in this order
}

// Distribute reads the catalogue of a PostgreSQL database that a server has made
// its tables in, and gives the statements that distribute them over a Citus
// cluster. It changes nothing. A table that breaks a rule of distribution is
// fault.Conflict with the rule.
func Distribute(ctx context.Context, postgres string) (Distribution, error) {
	cfg, err := pgx.ParseConfig(postgres)
	if err != nil {
		return Distribution{}, fault.New(fault.Invalid, "the database's address is not like postgres://user@host/name") // the error may hold a password
	}
	bound(cfg)
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	tables, err := postgresCatalogue(ctx, db)
	if outside(err) {
		return Distribution{}, fault.New(fault.Overloaded, "the database cannot be reached: %s", plainly(err))
	} else if err != nil {
		return Distribution{}, fmt.Errorf("reading the catalogue: %w", err)
	}
	if !slices.ContainsFunc(tables, func(t table) bool { return t.name == "installation" }) {
		return Distribution{}, fault.New(fault.Conflict, "the database is empty: start a server on it first, which makes its tables")
	}
	if err := broken(tables); err != nil {
		return Distribution{}, err
	}
	return distribute(tables), nil
}

// distribute gives where tables that break no rule go.
func distribute(tables []table) Distribution {
	d := Distribution{Reference: map[string]string{}, Coordinator: map[string]string{}}
	for _, t := range tables {
		if why, ok := reference[t.name]; ok {
			d.Reference[t.name] = why
		} else if t.sharded() {
			d.Sharded = append(d.Sharded, t.name)
		} else {
			d.Coordinator[t.name] = coordinated[t.name]
		}
	}
	// What others lead to comes first.
	leads := func(name string) int {
		return len(tables[slices.IndexFunc(tables, func(t table) bool { return t.name == name })].refers)
	}
	for _, name := range slices.SortedFunc(maps.Keys(d.Reference), func(a, b string) int { return cmp.Or(leads(a)-leads(b), strings.Compare(a, b)) }) {
		d.Statements = append(d.Statements, fmt.Sprintf("SELECT create_reference_table('%s');", name))
	}
	beside := "none"
	for _, name := range d.Sharded {
		d.Statements = append(d.Statements, fmt.Sprintf("SELECT create_distributed_table('%s', '%s', colocate_with => '%s');", name, shardColumn, beside))
		beside = d.Sharded[0]
	}
	return d
}

// postgresCatalogue reads what a database says of its tables.
func postgresCatalogue(ctx context.Context, db *sql.DB) ([]table, error) {
	all := map[string]*table{}
	columns := `SELECT table_name, column_name, '', false FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY ordinal_position`
	unique := `SELECT t.relname, coalesce(a.attname, ''), i.relname, x.indisprimary FROM pg_index x
		JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
		CROSS JOIN LATERAL unnest(x.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
		LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
		WHERE x.indisunique AND t.relkind IN ('r', 'p') AND t.relnamespace = current_schema()::regnamespace AND k.place <= x.indnkeyatts ORDER BY i.relname, k.place`
	refers := `SELECT t.relname, r.relname, '', false FROM pg_constraint f JOIN pg_class t ON t.oid = f.conrelid JOIN pg_class r ON r.oid = f.confrelid
		WHERE f.contype = 'f' AND t.relnamespace = current_schema()::regnamespace ORDER BY f.conname`
	for _, q := range []struct {
		sql string
		add func(t *table, what, of string, primary bool)
	}{
		{columns, func(t *table, what, _ string, _ bool) { t.columns = append(t.columns, what) }},
		{unique, (*table).addUnique},
		{refers, func(t *table, what, _ string, _ bool) { t.refers = append(t.refers, what) }},
	} {
		if err := catalogued(ctx, db, q.sql, all, q.add); err != nil {
			return nil, err
		}
	}
	return sorted(all), nil
}

// addUnique adds a column to an index, which it begins if it is new.
func (t *table) addUnique(column, of string, primary bool) {
	i := slices.IndexFunc(t.unique, func(x index) bool { return x.name == of })
	if i < 0 {
		t.unique = append(t.unique, index{name: of, primary: primary})
		i = len(t.unique) - 1
	}
	t.unique[i].columns = append(t.unique[i].columns, column)
}

// catalogued reads rows of a table's name, a name within it, and what that belongs to.
func catalogued(ctx context.Context, db *sql.DB, query string, all map[string]*table, add func(t *table, what, of string, primary bool)) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name, what, of string
		var primary bool
		if err := rows.Scan(&name, &what, &of, &primary); err != nil {
			return err
		}
		if all[name] == nil {
			all[name] = &table{name: name}
		}
		add(all[name], what, of, primary)
	}
	return rows.Err()
}

func sorted(all map[string]*table) []table {
	out := make([]table, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, *all[name])
	}
	return out
}
