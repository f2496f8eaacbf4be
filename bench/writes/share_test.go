package writes

import (
	"bytes"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/pprof/profile"
	"github.com/jackc/pgx/v5"

	"github.com/amana-privacy/amana/bench/world"
)

// The functions below which everything is the write path, and those below which
// it is the ledger's: hashing and entering leaves, the tree, its nodes and heads,
// signatures. A record's commitment, that is its hash, counts to the ledger.
var (
	writing  = []string{"store.(*sqliteEngine).recordBatch", "store.(*postgresWriter).batch", "store.(*batch).sealEvery", "store.(*postgresEngine).sequence"}
	ledgered = []string{"store.(*sqliteEngine).writeEntries", "store.(*logKeys).sign", "store.(*postgresEngine).sequence", "/amana/ledger.", "receipt.Parts.Entry", "receipt.(*Parts).Entry"}
)

// BenchmarkLedgerShare records consents from many callers at once and tells
// which part of the processor time on the write path is the ledger's: in this
// process, and with PostgreSQL also in the server, statement by statement.
func BenchmarkLedgerShare(b *testing.B) {
	for _, kind := range world.Databases {
		b.Run(kind, func(b *testing.B) {
			at := world.Database(b, kind, "shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track_utility=off")
			db := world.Open(b, at)
			var statements *counted
			if kind == "postgres" {
				statements = count(b, at)
			}
			var raw bytes.Buffer
			var person atomic.Int64
			world.Must(b, pprof.StartCPUProfile(&raw))
			b.ResetTimer()
			var wg sync.WaitGroup
			for range 1024 {
				wg.Go(func() {
					for i := person.Add(1); i <= int64(b.N); i = person.Add(1) {
						if _, err := submit(b, db, i); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			pprof.StopCPUProfile()
			all, ledger := spent(b, &raw)
			if statements != nil {
				more, of := statements.spent(b)
				all, ledger = all+more, ledger+of
			}
			if all > 0 {
				b.ReportMetric(100*ledger/all, "%ledger")
			}
		})
	}
}

// spent gives the milliseconds of a profile that are the write path's, and of
// those the ledger's.
func spent(b *testing.B, raw *bytes.Buffer) (all, ledger float64) {
	p, err := profile.Parse(raw)
	world.Must(b, err)
	for _, s := range p.Sample {
		if ms := float64(s.Value[1]) / 1e6; within(s, writing) {
			all += ms
			if within(s, ledgered) {
				ledger += ms
			}
		}
	}
	return all, ledger
}

// within reports whether a sample was taken below one of the functions.
func within(s *profile.Sample, functions []string) bool {
	for _, l := range s.Location {
		for _, line := range l.Line {
			for _, f := range functions {
				if strings.Contains(line.Function.Name, f) {
					return true
				}
			}
		}
	}
	return false
}

// counted is a connection to a server that counts what its statements take.
type counted struct{ *pgx.Conn }

func count(b *testing.B, at string) *counted {
	c, err := pgx.Connect(b.Context(), at)
	world.Must(b, err)
	b.Cleanup(func() { c.Close(b.Context()) })
	_, err = c.Exec(b.Context(), `CREATE EXTENSION IF NOT EXISTS pg_stat_statements`)
	world.Must(b, err)
	_, err = c.Exec(b.Context(), `SELECT pg_stat_statements_reset()`)
	world.Must(b, err)
	return &counted{c}
}

// spent gives the milliseconds that all statements took, and those that touch
// the ledger.
func (c *counted) spent(b *testing.B) (all, ledger float64) {
	world.Must(b, c.QueryRow(b.Context(), `SELECT coalesce(sum(total_exec_time), 0), coalesce(sum(total_exec_time) FILTER (WHERE query LIKE '%ledger_%'), 0)
		FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'`).Scan(&all, &ledger))
	return all, ledger
}
