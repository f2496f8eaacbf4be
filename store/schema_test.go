package store

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
)

// An older program would overlook what a newer one wrote.
func TestASchemaOfANewerProgramIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.db.Close()
		driver, at := "pgx", w.dsn
		if at == "" {
			driver, at = "sqlite", w.file()
		}
		db, err := sql.Open(driver, at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		ring, err := keyring.Open(w.dir + "/keys")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), w.config(ring)); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "take a newer program") {
			t.Errorf("%v", err)
		}
	})
}

// What reads or changes everything may take longer than a statement that somebody
// waits for.
func TestLongWorkIsNotCutShort(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, "postgres15")
	w.say(sara, "newsletter", consent.Given)
	w.settled()
	hurried := w.server(w.dsn + "&statement_timeout=300ms")
	for what, c := range map[string]struct {
		waitsFor string
		do       func() error
	}{
		"a check":        {"kept", func() error { _, err := hurried.Check(t.Context()); return err }},
		"a new schema":   {"goose_db_version", func() error { return hurried.engine.(*postgresEngine).migrate(t.Context()) }},
		"a whole backup": {"event", func() error { _, err := hurried.Backup(t.Context(), new(strings.Builder), nil); return err }},
	} {
		held, err := pgx.Connect(t.Context(), w.dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close(t.Context())
		if _, err := held.Exec(t.Context(), `BEGIN; LOCK TABLE `+c.waitsFor+` IN ACCESS EXCLUSIVE MODE`); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- c.do() }()
		waits := `SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
			WHERE NOT l.granted AND l.relation = '` + c.waitsFor + `'::regclass AND clock_timestamp() - a.query_start > interval '500ms')`
		for late := false; !late && len(done) == 0; time.Sleep(20 * time.Millisecond) {
			if err := w.db.reads.QueryRowContext(t.Context(), waits).Scan(&late); err != nil { // held would see the same moment again and again
				t.Fatal(err)
			}
		}
		if _, err := held.Exec(t.Context(), `COMMIT`); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
