package store

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/subject"
)

// BenchmarkRecord writes consents of new subjects from many callers at once,
// durable, sealed and in the ledger. Compare with BenchmarkBareRows.
func BenchmarkRecord(b *testing.B) {
	for _, callers := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			w := newWorld(b)
			var next atomic.Int64
			b.ResetTimer()
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for {
						i := next.Add(1)
						if i > int64(b.N) {
							return
						}
						_, err := w.db.Record(b.Context(), Submission{Subject: subject.ID(fmt.Sprintf("customer:%d", i)), Surface: consent.SurfaceAPI,
							Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}})
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "consents/s")
		})
	}
}

// BenchmarkBareRows is what the same driver does with an event of 300 bytes and
// a state a row, at the same number of rows a commit, and nothing else.
func BenchmarkBareRows(b *testing.B) {
	for _, batch := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			db, err := openSQLiteFile(filepath.Join(b.TempDir(), "bare.db"), 1, "")
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			conn, err := db.Conn(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			exec := func(q string) {
				if _, err := conn.ExecContext(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
			exec(`CREATE TABLE event (id INTEGER PRIMARY KEY, data BLOB)`)
			exec(`CREATE TABLE state (id BLOB PRIMARY KEY, status TEXT) WITHOUT ROWID`)
			event, state := prepare(b, conn, `INSERT INTO event (data) VALUES (?)`), prepare(b, conn, `INSERT INTO state (id, status) VALUES (?, ?)`)
			data, id := make([]byte, 300), make([]byte, 16)
			b.ResetTimer()
			for i := 0; i < b.N; i += batch {
				exec(`BEGIN IMMEDIATE`)
				for range min(batch, b.N-i) {
					rand.Read(id)
					if _, err := event.ExecContext(b.Context(), data); err != nil {
						b.Fatal(err)
					}
					if _, err := state.ExecContext(b.Context(), id, "given"); err != nil {
						b.Fatal(err)
					}
				}
				exec(`COMMIT`)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "consents/s")
		})
	}
}

func prepare(b *testing.B, conn *sql.Conn, q string) *sql.Stmt {
	b.Helper()
	s, err := conn.PrepareContext(b.Context(), q)
	if err != nil {
		b.Fatal(err)
	}
	return s
}
