package powerloss

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// rows is how many the program writes: enough for the log to be copied into the
// database and begun anew several times.
const rows = 60

func database(dir, query string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "words.db")+"?"+query)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// sqlite writes rows, a transaction each, and says each once it is committed.
func sqlite(dir, synchronous string) error {
	db, err := database(dir, "_pragma=journal_mode(WAL)&_pragma=wal_autocheckpoint(20)&_pragma=synchronous("+synchronous+")")
	if err != nil {
		return err
	}
	if _, err := db.Exec("create table word (n integer primary key, x text)"); err != nil {
		return err
	}
	say("table")
	for n := range rows {
		if _, err := db.Exec("insert into word values (?, ?)", n, strings.Repeat("word ", 300)); err != nil {
			return err
		}
		say(fmt.Sprint("row ", n))
	}
	return db.Close()
}

// lost says what of that which was said is not in the database of an image.
func lost(image Image) error {
	db, err := database(image.Dir, "_pragma=synchronous(OFF)") // this one is safe from us
	if err != nil {
		return err
	}
	defer db.Close()
	var whole string
	if err := db.QueryRow("pragma integrity_check").Scan(&whole); err != nil || whole != "ok" {
		return fmt.Errorf("the database is broken: %s %w", whole, err)
	}
	if image.Output == "" {
		return nil
	}
	said := strings.Count(image.Output, "row")
	var found int
	if err := db.QueryRow("select count(*) from word where n < ?", said).Scan(&found); err != nil {
		return err
	}
	if found < said {
		return fmt.Errorf("said %d rows, found %d", said, found)
	}
	return nil
}

func TestSQLiteKeepsWhatItSynced(t *testing.T) {
	dir := t.TempDir()
	for image := range Trace(t, command("sqlite full", dir), dir).Images(seeded(t), 400) {
		if err := lost(image); err != nil {
			t.Errorf("cut %d: %v", image.Cut, err)
		}
	}
}

// Were this not found, the test above would prove nothing.
func TestSQLiteThatDoesNotSyncIsFound(t *testing.T) {
	dir := t.TempDir()
	found := map[string]int{}
	for image := range Trace(t, command("sqlite off", dir), dir).Images(seeded(t), 400) {
		if err := lost(image); err != nil {
			kind, _, _ := strings.Cut(err.Error(), " ")
			found[kind]++
		}
	}
	t.Logf("of 400 images, by how the complaint begins: %v", found)
	if len(found) == 0 {
		t.Error("no image lost a row")
	}
}
