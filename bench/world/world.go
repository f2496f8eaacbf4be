// Package world makes what benchmarks measure: an empty database, and a store
// on it with the policy of an example in force.
package world

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
)

// Databases are the kinds everything is measured on.
var Databases = []string{"sqlite", "postgres"}

// Policy is the file in force, seen from a package of benchmarks.
const Policy = "../../examples/casco-fiber/amana.yaml"

// settings are those of a PostgreSQL as it is installed, apart from the room it
// has for writing: pgtest makes small ones.
var settings = []string{"shared_buffers=256MB", "max_wal_size=2GB", "min_wal_size=512MB"}

// Database gives the address of an empty database, sqlite:PATH or postgres://…,
// that is gone after the benchmark. more are settings of the server.
func Database(b testing.TB, kind string, more ...string) string {
	b.Helper()
	if kind == "postgres" {
		return pgtest.NewServer(b, "15", append(settings, more...)...).Database(b)
	}
	return "sqlite:" + filepath.Join(b.TempDir(), "bench.db")
}

// Open opens a store on an empty database, within this process.
func Open(b testing.TB, database string) *store.DB {
	db, _ := OpenKeys(b, database)
	return db
}

// OpenKeys is Open; it also gives the keyring that the store was made with.
func OpenKeys(b testing.TB, database string) (*store.DB, *keyring.Ring) {
	b.Helper()
	ring, err := keyring.Create(filepath.Join(b.TempDir(), "keys"), "cascofiber.example/amana")
	Must(b, err)
	c := store.Config{Ring: ring, Create: true, Now: time.Now,
		TakeBack: func(l string) (string, string) {
			return "https://privacy.cascofiber.example/" + l + "/choices", "One click."
		}}
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		c.Path = path
	} else {
		c.Postgres = database
	}
	db, err := store.Open(b.Context(), c)
	Must(b, err)
	b.Cleanup(func() { db.Close() })
	src, err := os.ReadFile(Policy)
	Must(b, err)
	doc, found := policy.Read("amana.yaml", src)
	if doc == nil {
		b.Fatal(found)
	}
	_, err = db.Publish(b.Context(), doc, nil, "Ellen Pettengill")
	Must(b, err)
	return db, ring
}

// Must ends the benchmark at an error.
func Must(b testing.TB, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
