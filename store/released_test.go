package store

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/subject"
)

var dump = flag.Bool("dump", false, "write the dump of the newest schema anew, for a release (docs/design/store.md)")

// released has a folder for each schema that a release had: dumps of both
// databases and a backup of one small installation, and its keyring.
const released = "testdata/released"

// What the installation of every dump holds.
const (
	givenAt  = "email:sara@example.com" // said yes to the newsletter, and confirmed it
	erasedAt = "customer:2"
)

// TestEveryReleasedSchemaIsBroughtToTheNewest opens what each release left, on
// both databases and from a backup, with this program.
func TestEveryReleasedSchemaIsBroughtToTheNewest(t *testing.T) {
	if *dump {
		writeDump(t)
	}
	versions, err := filepath.Glob(released + "/*")
	if err != nil || len(versions) == 0 {
		t.Fatal("there is no dump of any schema", err)
	}
	for _, dir := range versions {
		for _, on := range append([]string{"backup"}, databases...) {
			t.Run(filepath.Base(dir)+"/"+on, func(t *testing.T) {
				t.Parallel()
				w := &world{t: t, dir: t.TempDir(), now: time.Date(2027, 1, 1, 9, 0, 0, 0, time.UTC), made: true}
				writeKeys(t, dir, filepath.Join(w.dir, "keys"))
				switch version, ok := strings.CutPrefix(on, "postgres"); {
				case ok:
					w.dsn = pgtest.Database(t, version)
					loadPostgres(t, w.dsn, filepath.Join(dir, "postgres.sql"))
					w.open()
				case on == "backup":
					raw, err := os.ReadFile(filepath.Join(dir, "backup"))
					if err != nil {
						t.Fatal(err)
					}
					w.run(Restore{Config: w.config(w.ring()), Backup: opens(raw)})
				default:
					loadSQLite(t, w.file(), filepath.Join(dir, "sqlite.sql"))
					w.open()
				}
				t.Cleanup(func() { w.db.Close() })
				w.holdsWhatWasReleased()
			})
		}
	}
}

// holdsWhatWasReleased looks at everything the dumps hold, and goes on from it.
func (w *world) holdsWhatWasReleased() {
	w.t.Helper()
	w.check()
	w.wants(w.ask(givenAt, "newsletter"), decision.Given)
	w.wants(w.ask("customer:1", "tailored_offers"), decision.Withdrawn)
	w.wants(w.ask(erasedAt, "tailored_offers"), decision.Erased)
	for _, id := range []subject.ID{givenAt, "customer:1"} {
		list, _, err := w.db.ReceiptsOf(w.t.Context(), id, 0, "")
		if err != nil || len(list) == 0 {
			w.t.Fatal(id.Kind(), len(list), err)
		}
		for _, r := range list {
			w.verified(r, w.db.LogKey(), w.db.Signers()...)
		}
	}
	if history := w.pages(HistoryQuery{Limit: 200}); len(history) != 6 {
		w.t.Errorf("the history has %d events", len(history))
	}
	if err := w.db.Shred(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	w.say(givenAt, "newsletter", consent.Withdrawn)
	w.settled()
	w.wants(w.ask(givenAt, "newsletter"), decision.Withdrawn)
	w.check()
}

// TestTheNewestSchemaIsDumped holds the newest dump to the schema that is.
func TestTheNewestSchemaIsDumped(t *testing.T) {
	const how = "go test ./store -run TestEveryReleasedSchema -dump; and take away that of a schema that was never released"
	w := newWorld(t)
	var newest int
	if err := w.db.reads.QueryRow(`SELECT max(version_id) FROM goose_db_version`).Scan(&newest); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dumpOf(newest)); err != nil {
		t.Fatalf("schema %d has no dump: %s", newest, how)
	}
	path := filepath.Join(t.TempDir(), "dumped.db")
	loadSQLite(t, path, filepath.Join(dumpOf(newest), "sqlite.sql"))
	dumped, err := openSQLiteFile(path, 1, "")
	if err != nil {
		t.Fatal(err)
	}
	defer dumped.Close()
	want, err1 := sqliteDialect.tables(t.Context(), w.db.reads)
	got, err2 := sqliteDialect.tables(t.Context(), dumped)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(catalogueTable{})); err1 != nil || err2 != nil || diff != "" {
		t.Errorf("the dump of schema %d is of another: %s\n%v %v %s", newest, how, err1, err2, diff)
	}
}

func dumpOf(version int) string { return fmt.Sprintf("%s/%04d", released, version) }

// writeDump makes the installation, and dumps it.
func writeDump(t *testing.T) {
	w := newWorld(t)
	w.registered()
	w.say(givenAt, "newsletter", consent.Given)
	w.pass(time.Minute)
	if _, err := w.db.Confirm(t.Context(), givenAt, "newsletter", consent.SurfaceChoices); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.HandOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.say("customer:1", "tailored_offers", consent.Given)
	w.say("customer:1", "tailored_offers", consent.Refused)
	w.say(erasedAt, "tailored_offers", consent.Given)
	if _, err := w.db.Erase(t.Context(), erasedAt, BySubject); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		w.db.CountRefusal(t.Context(), consent.SurfaceChoices, "ar"), w.db.CountShown(t.Context(), w.db.InForce().ID, "ar"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.db.CreateToken(t.Context(), "shop", []string{"decide"}); err != nil {
		t.Fatal(err)
	}
	backup := w.backup()
	r, v := w.restored("postgres15", backup)
	if _, err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.db.Close()

	lite, err := openSQLiteFile(w.file(), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	defer lite.Close()
	var version int
	if err := lite.QueryRow(`SELECT max(version_id) FROM goose_db_version`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"backup": backup, "sqlite.sql": dumpSQLite(t, lite), "postgres.sql": dumpPostgres(t, v.dsn), "keyring.json": dumpKeys(t, lite, filepath.Join(w.dir, "keys"))} {
		if err := os.MkdirAll(dumpOf(version), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dumpOf(version), name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// dumpSQLite writes a database as the statements that make it.
func dumpSQLite(t *testing.T, db *sql.DB) []byte {
	t.Helper()
	var out bytes.Buffer
	var tables []string
	query(t, db, `SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY type DESC, name`, func(v []any) {
		fmt.Fprintf(&out, "%s;\n", v[2])
		if v[0] == "table" {
			tables = append(tables, v[1].(string))
		}
	})
	slices.SortFunc(tables, func(a, b string) int { return strings.Compare(rank(a), rank(b)) })
	for _, name := range tables {
		query(t, db, `SELECT * FROM `+name, func(v []any) {
			var values []string
			for _, one := range v {
				values = append(values, literal(one))
			}
			fmt.Fprintf(&out, "INSERT INTO %s VALUES (%s);\n", name, strings.Join(values, ", "))
		})
	}
	return out.Bytes()
}

func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		return "X'" + hex.EncodeToString(v) + "'"
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case time.Time: // goose's own
		return "'" + v.Format(time.DateTime) + "'"
	}
	return fmt.Sprint(v)
}

func query(t *testing.T, db *sql.DB, q string, each func([]any)) {
	t.Helper()
	rows, err := db.Query(q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		each(values)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

func loadSQLite(t *testing.T, path, file string) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := private(path, true); err != nil {
		t.Fatal(err)
	}
	db, err := openSQLiteFile(path, 1, "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(string(src)); err != nil {
		t.Fatal(err)
	}
}

// dumpPostgres runs pg_dump, and leaves out what only psql understands.
func dumpPostgres(t *testing.T, dsn string) []byte {
	t.Helper()
	raw, err := exec.CommandContext(t.Context(), "/usr/lib/postgresql/15/bin/pg_dump", "--no-owner", "--no-privileges", "--inserts", dsn).Output()
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for line := range bytes.Lines(raw) {
		if !bytes.HasPrefix(line, []byte(`\restrict`)) && !bytes.HasPrefix(line, []byte(`\unrestrict`)) {
			out = append(out, line...)
		}
	}
	return out
}

func loadPostgres(t *testing.T, dsn, file string) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.PgConn().Exec(t.Context(), string(src)).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

// dumpedKeys is a keyring in short: of its 65,536 bucket keys those that are used.
type dumpedKeys struct {
	Master  string            `json:"master"`
	Ring    []byte            `json:"ring"`
	Head    string            `json:"head"` // first line of the buckets
	Buckets map[uint16]string `json:"buckets"`
}

func dumpKeys(t *testing.T, db *sql.DB, dir string) []byte {
	t.Helper()
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	k := dumpedKeys{Master: string(read("master")), Ring: read("ring"), Buckets: map[uint16]string{}}
	head, sealed, _ := bytes.Cut(read("buckets"), []byte("\n"))
	k.Head = string(head) + "\n"
	plain, err := keyring.Unseal(k.bucketsKey(t), []byte(k.Head), sealed)
	if err != nil || len(plain) != 4+keyring.Buckets*32 {
		t.Fatal(len(plain), err)
	}
	query(t, db, `SELECT subject_id FROM subject UNION SELECT subject_id FROM kept`, func(v []any) {
		b := keyring.SubjectID(v[0].([]byte)).Bucket()
		k.Buckets[b] = hex.EncodeToString(plain[4+int(b)*32:][:32])
	})
	raw, err := json.MarshalIndent(k, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(raw, '\n')
}

// bucketsKey is the key that seals the buckets (docs/design/sealing.md).
func (k dumpedKeys) bucketsKey(t *testing.T) keyring.Key {
	t.Helper()
	master, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(k.Master), "amana-master-v1:"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := hkdf.Key(sha256.New, master, nil, "amana/keyring/buckets/v1", 32)
	if err != nil {
		t.Fatal(err)
	}
	return keyring.Key(key)
}

func writeKeys(t *testing.T, from, dir string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(from, "keyring.json"))
	if err != nil {
		t.Fatal(err)
	}
	var k dumpedKeys
	if err := json.Unmarshal(raw, &k); err != nil {
		t.Fatal(err)
	}
	plain := make([]byte, 4+keyring.Buckets*32)
	binary.BigEndian.PutUint32(plain, 1<<32-1) // no rotation is under way
	for b, key := range k.Buckets {
		if _, err := hex.Decode(plain[4+int(b)*32:][:32], []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"master": []byte(k.Master), "ring": k.Ring, "buckets": append([]byte(k.Head), keyring.Seal(k.bucketsKey(t), []byte(k.Head), plain)...)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
