package store

import (
	"context"
	"database/sql"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/subject"
)

// catalogue reads what the world's database says of its tables.
func (w *world) catalogue() []table {
	w.t.Helper()
	read := postgresCatalogue
	if w.dsn == "" {
		read = sqliteCatalogue
	}
	tables, err := read(w.t.Context(), w.db.reads)
	if err != nil {
		w.t.Fatal(err)
	}
	return tables
}

// sqliteCatalogue reads what a SQLite file says of its tables.
func sqliteCatalogue(ctx context.Context, db *sql.DB) ([]table, error) {
	all := map[string]*table{}
	const tables = `FROM sqlite_master t, `
	for _, q := range []struct {
		sql string
		add func(t *table, what, of string, primary bool)
	}{
		{`SELECT t.name, c.name, '', 0 ` + tables + `pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY c.cid`,
			func(t *table, what, _ string, _ bool) { t.columns = append(t.columns, what) }},
		{`SELECT t.name, c.name, 'primary key', 1 ` + tables + `pragma_table_info(t.name) c WHERE t.type = 'table' AND c.pk > 0 AND t.name NOT LIKE 'sqlite_%' ORDER BY c.pk`,
			(*table).addUnique},
		{`SELECT t.name, coalesce(c.name, ''), i.name, 0 ` + tables + `pragma_index_list(t.name) i, pragma_index_info(i.name) c WHERE t.type = 'table' AND i."unique" AND i.origin <> 'pk' ORDER BY c.seqno`,
			(*table).addUnique},
		{`SELECT t.name, f."table", '', 0 ` + tables + `pragma_foreign_key_list(t.name) f WHERE t.type = 'table' ORDER BY f.id`,
			func(t *table, what, _ string, _ bool) { t.refers = append(t.refers, what) }},
	} {
		if err := catalogued(ctx, db, q.sql, all, q.add); err != nil {
			return nil, err
		}
	}
	return sorted(all), nil
}

func TestTheSchemaCanBeDistributed(t *testing.T) { each(t, testTheSchemaCanBeDistributed) }

func testTheSchemaCanBeDistributed(t *testing.T, w *world) {
	tables := w.catalogue()
	if err := broken(tables); err != nil {
		t.Error(err)
	}
	var names, sharded []string
	for _, x := range tables {
		names = append(names, x.name)
		if x.sharded() {
			sharded = append(sharded, x.name)
		}
	}
	for _, hot := range []string{"identifier", "subject", "event", "suppression", "kept"} {
		if !slices.Contains(sharded, hot) {
			t.Errorf("%s is not divided by %s", hot, shardColumn)
		}
	}
	alone := []string{"ledger_tip", "mark"} // of several servers on one database
	for _, list := range []map[string]string{reference, coordinated} {
		for name, why := range list {
			if !slices.Contains(names, name) && (w.dsn != "" || !slices.Contains(alone, name)) {
				t.Errorf("the list names %s (%s), which is not there", name, why)
			}
		}
	}
}

// What is unique in one database is unique in the other: else one of them takes
// what the other refuses.
func TestBothSchemasForbidTheSame(t *testing.T) {
	t.Parallel()
	forbids := func(w *world) map[string][]string {
		out := map[string][]string{}
		for _, x := range w.catalogue() {
			if slices.Contains([]string{"shard", "ledger_queue", "ledger_tip", "mark", "goose_db_version"}, x.name) {
				continue
			}
			for _, u := range x.unique {
				out[x.name] = append(out[x.name], strings.Join(u.columns, ", "))
			}
			for _, to := range x.refers {
				out[x.name] = append(out[x.name], "references "+to)
			}
			slices.Sort(x.columns)
			out[x.name] = append(out[x.name], "has "+strings.Join(x.columns, ", "))
			slices.Sort(out[x.name])
		}
		return out
	}
	if d := cmp.Diff(forbids(newWorldOn(t, "sqlite")), forbids(newWorldOn(t, "postgres18"))); d != "" {
		t.Error(d)
	}
}

func TestATableThatBreaksARuleIsNamed(t *testing.T) {
	good := table{name: "visit", columns: []string{"shard_id", "n"}, unique: []index{{"visit_pkey", true, []string{"shard_id", "n"}}}, refers: []string{"process"}}
	if err := broken([]table{good}); err != nil {
		t.Fatal(err)
	}
	for rule, change := range map[string]func(t *table){
		"is not among those that need none": func(t *table) { t.columns = []string{"n"} },
		"is among those that need none":     func(t *table) { t.name = "token" },
		"no primary key":                    func(t *table) { t.unique = nil },
		"visit_pkey (n) is unique without":  func(t *table) { t.unique[0].columns = []string{"n"} },
		"visit_by_tag () is unique without": func(t *table) { t.unique = append(t.unique, index{"visit_by_tag", false, []string{""}}) },
		"foreign key to \"subject\"":        func(t *table) { t.refers = []string{"subject"} },
	} {
		bad := good
		bad.unique = slices.Clone(good.unique)
		change(&bad)
		err := broken([]table{good, bad})
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), rule) || !strings.Contains(err.Error(), bad.name) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

// citus stands for Citus: functions with its names and parameters, which note
// what they are asked.
const citus = `CREATE TABLE asked (n bigint GENERATED ALWAYS AS IDENTITY, what text);
	CREATE FUNCTION create_reference_table(table_name regclass) RETURNS void LANGUAGE sql AS $$ INSERT INTO asked (what) VALUES ('reference ' || $1) $$;
	CREATE FUNCTION create_distributed_table(table_name regclass, distribution_column text, distribution_type text DEFAULT 'hash', colocate_with text DEFAULT 'default', shard_count int DEFAULT NULL)
		RETURNS void LANGUAGE sql AS $$ INSERT INTO asked (what) VALUES ('distributed ' || $1 || ' by ' || $2 || ' beside ' || $4) $$;`

func TestTheStatementsThatDistributeRun(t *testing.T) {
	eachPostgres(t, testTheStatementsThatDistributeRun)
}

func testTheStatementsThatDistributeRun(t *testing.T, w *world) {
	d, err := Distribute(t.Context(), w.dsn)
	if err != nil {
		t.Fatal(err)
	}
	w.admin(citus)
	for _, s := range d.Statements {
		w.admin(s)
	}
	var got []string
	rows, err := w.db.reads.Query(`SELECT what FROM asked ORDER BY n`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var what string
		if err := rows.Scan(&what); err != nil {
			t.Fatal(err)
		}
		got = append(got, what)
	}
	want := []string{"reference policy_version", "reference process", "reference evidence", "reference publication",
		"distributed download by shard_id beside none"}
	for _, name := range []string{"erasure", "event", "identifier", "kept", "ledger_queue", "mail", "passkey", "request", "shard", "subject", "suppression", "unconfirmed", "unreachable", "webhook_delivery", "webhook_place"} {
		want = append(want, "distributed "+name+" by shard_id beside download")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(d.Sharded) + len(d.Reference) + len(d.Coordinator); n != len(w.catalogue())-1 { // but for what the stand-in noted
		t.Errorf("%d tables have a place, of %d", n, len(w.catalogue())-1)
	}
}

func TestADatabaseThatCannotBeDistributedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, "postgres18")
	if err := w.db.Close(); err != nil { // nobody else locks what is changed
		t.Fatal(err)
	}
	for rule, change := range map[string][2]string{
		"is not among those":           {`CREATE TABLE visit (n bigint PRIMARY KEY)`, `DROP TABLE visit`},
		"visit_pkey (n)":               {`CREATE TABLE visit (shard_id bigint, n bigint PRIMARY KEY)`, `DROP TABLE visit`},
		"event_by_id (event_id)":       {`CREATE UNIQUE INDEX event_by_id ON event (event_id)`, `DROP INDEX event_by_id`},
		`foreign key to "ledger_node"`: {`ALTER TABLE event ADD CONSTRAINT l FOREIGN KEY (seq, leaf) REFERENCES ledger_node (level, n) NOT VALID`, `ALTER TABLE event DROP CONSTRAINT l`},
		`"subject" cannot`:             {`ALTER TABLE subject DROP CONSTRAINT subject_pkey`, `ALTER TABLE subject ADD PRIMARY KEY (shard_id, subject_id)`},
	} {
		w.admin(change[0])
		if _, err := Distribute(t.Context(), w.dsn); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), rule) {
			t.Errorf("%s: %v", rule, err)
		}
		w.admin(change[1])
	}
	if _, err := Distribute(t.Context(), w.dsn); err != nil {
		t.Error(err)
	}
	if _, err := Distribute(t.Context(), pgtest.Database(t, "15")); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty database: %v", err)
	}
	for _, address := range []string{"postgres://u:secret@127.0.0.1:1/x?connect_timeout=1", "postgres://u:secret@[::1"} {
		if _, err := Distribute(t.Context(), address); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}

// wide are the statements that touch more shards than one, and why they may.
var wide = map[string]string{
	"SELECT shard_id, n, entry FROM ledger_queue ORDER BY": "the log is one: its sequencer takes what waits in every shard",
	"SELECT EXISTS (SELECT 1 FROM kept WHERE until <=":     "looks for what has ended, now and then",
}

func TestWhatIsDoneForAPersonStaysInTheirShard(t *testing.T) {
	eachPostgres(t, testWhatIsDoneForAPersonStaysInTheirShard)
}

// Everything that is done for a person is done, and what was sent to the
// database is read: each table that is divided is held to its shard.
func testWhatIsDoneForAPersonStaysInTheirShard(t *testing.T, w *world) {
	var divided []string
	for _, x := range w.catalogue() {
		if x.sharded() {
			divided = append(divided, x.name)
		}
	}
	wire := pgtest.NewWire(t, w.dsn)
	db := w.server(wire.DSN())
	db.engine.(*postgresEngine).citus = true // nothing is written yet
	wire.Heard()
	w.everything(db)
	heard := one(wire.Heard())
	if len(heard) < 30 {
		t.Fatalf("only %d statements were heard", len(heard))
	}
	for _, s := range heard {
		if slices.ContainsFunc(slices.Collect(maps.Keys(wide)), func(begin string) bool { return strings.HasPrefix(s, begin) }) {
			continue
		}
		for _, name := range divided {
			if loose := unheld(s, name); loose != "" {
				t.Errorf("%s is not held to its shard in\n%s", loose, s)
			}
		}
	}
}

// everything does what is done for a person.
func (w *world) everything(db *DB) {
	t, ctx := w.t, w.t.Context()
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []subject.ID{sara, "email:b@example.com"} {
		s := answer(id, "newsletter", consent.Given)
		s.Once = &Once{Client: "shop", Key: string(id), Body: []byte("body")}
		for range 2 {
			r, err := db.Submit(ctx, s)
			must(err)
			must(r.Wait(ctx))
			_, err = db.Receipts(ctx, r.IDs())
			must(err)
		}
		_, err := db.Confirm(ctx, id, "newsletter", consent.SurfaceDemo)
		must(err)
		_, err = db.Decide(ctx, id, decision.Question{Purpose: "newsletter"})
		must(err)
		for _, oldest := range []bool{true, false} {
			_, err = db.Events(ctx, HistoryQuery{Subject: id, Oldest: oldest, Limit: 10})
			must(err)
		}
	}
	_, err := db.Erase(ctx, sara, BySubject)
	must(err)
	must(db.Shred(ctx))
	_, err = db.Submit(ctx, answer(sara, "offers", consent.Given))
	must(err)
}

// unheld gives the first mention of a table in a statement that is not held to a
// shard: neither to a value, nor to the shard of something beside it.
func unheld(statement, table string) string {
	if regexp.MustCompile(`(?i)\bINSERT INTO ` + table + ` \(shard_id,`).MatchString(statement) {
		return ""
	}
	mention := regexp.MustCompile(`(?i)\b(FROM|JOIN|UPDATE|USING) ` + table + `\b(?: (?:AS )?([a-z])\b)?`)
	for _, m := range mention.FindAllStringSubmatch(statement, -1) {
		column := `shard_id`
		if m[2] != "" {
			column = m[2] + `\.shard_id`
		}
		beside := regexp.MustCompile(`\b` + column + ` = ([a-z])\.shard_id|\b([a-z])\.shard_id = ` + column + `\b`).FindStringSubmatch(statement)
		told := func(column string) bool { return regexp.MustCompile(`\b` + column + ` = \$\d+`).MatchString(statement) }
		strict := strings.Contains(statement, "FOR UPDATE") || strings.Contains(statement, "RECURSIVE") // Citus wants to be told the shard
		switch {
		case told(column):
		case beside == nil, strict && !told(beside[1]+beside[2]+`\.shard_id`):
			return m[0]
		}
	}
	return ""
}
