package writes

import (
	"context"
	"crypto/rand"
	"database/sql"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/amana-privacy/amana/bench/world"
	"github.com/amana-privacy/amana/decision"
)

// asked is how many people there are whom decisions are about.
const asked = 10_000

// BenchmarkDecide asks the store for a decision, which it takes from the
// database, and beside it reads one row of the same length by its key.
func BenchmarkDecide(b *testing.B) {
	for _, kind := range world.Databases {
		b.Run("store/"+kind, func(b *testing.B) {
			db := world.Open(b, world.Database(b, kind))
			world.Fill(b, db, asked, world.Yes("tailored_offers"))
			var i int64
			for b.Loop() {
				i++
				a, err := db.Decide(b.Context(), world.Person(1+i*7919%asked), decision.Question{Purpose: "tailored_offers"})
				world.Must(b, err)
				if !a.Allowed {
					b.Fatal(a.Reason)
				}
			}
		})
		b.Run("bare/"+kind, func(b *testing.B) {
			read := rows(b, world.Database(b, kind))
			var i int64
			for b.Loop() {
				i++
				var value []byte
				world.Must(b, read.QueryRowContext(b.Context(), 1+i*7919%asked).Scan(&value))
			}
		})
	}
}

// rows makes a table of as many rows, and gives the statement that reads one.
func rows(b *testing.B, at string) *sql.Stmt {
	driver, blob := "pgx", "bytea"
	if path, ok := strings.CutPrefix(at, "sqlite:"); ok {
		driver, blob, at = "sqlite", "blob", "file:"+path+"?_pragma=journal_mode(WAL)"
	}
	db, err := sql.Open(driver, at)
	world.Must(b, err)
	b.Cleanup(func() { db.Close() })
	_, err = db.Exec(`CREATE TABLE bare (id bigint PRIMARY KEY, value ` + blob + `)`)
	world.Must(b, err)
	tx, err := db.Begin()
	world.Must(b, err)
	value := make([]byte, 600)
	for i := range asked {
		rand.Read(value)
		_, err := tx.Exec(`INSERT INTO bare (id, value) VALUES ($1, $2)`, i+1, value)
		world.Must(b, err)
	}
	world.Must(b, tx.Commit())
	read, err := db.PrepareContext(context.Background(), `SELECT value FROM bare WHERE id = $1`)
	world.Must(b, err)
	b.Cleanup(func() { read.Close() })
	return read
}
