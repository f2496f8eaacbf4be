package demo

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
)

// customers is how many the benchmarks load: 1,000,000 of them make 5 million events.
var customers = flag.Int("customers", 2_000, "customers that the benchmarks load")

// BenchmarkLoad loads a company's customers and looks at their history, on each
// database: go test ./demo -run - -bench Load -benchtime 1x -customers 1000000
func BenchmarkLoad(b *testing.B) {
	for _, on := range []string{"sqlite", "postgres15"} {
		b.Run(on, func(b *testing.B) {
			for range b.N {
				db := loaded(b, on)
				start := time.Now()
				sum, err := Load(b.Context(), db, *customers, func(int) {})
				if err != nil {
					b.Fatal(err)
				}
				took := time.Since(start)
				b.ReportMetric(float64(sum.Answers)/took.Seconds(), "events/s")
				b.ReportMetric(float64(sum.Answers), "events")
				pages(b, db, start.Add(took/2))
			}
		})
	}
}

func loaded(b *testing.B, on string) *store.DB {
	b.Helper()
	dir := b.TempDir()
	ring, err := keyring.Create(filepath.Join(dir, "keys"), "casco.example/log")
	if err != nil {
		b.Fatal(err)
	}
	c := store.Config{Path: filepath.Join(dir, "amana.db"), Ring: ring, Create: true, Now: time.Now,
		TakeBack: func(string) (string, string) { return "https://privacy.example/choices", "one click" }}
	if on != "sqlite" {
		c.Path, c.Postgres = "", pgtest.Database(b, on[len("postgres"):])
	}
	db, err := store.Open(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	storetest.Publish(b, db, storetest.Source(b, "casco-fiber"))
	return db
}

// pages reads pages of 200 events from the middle of the history on, and reports
// how long one takes.
func pages(b *testing.B, db *store.DB, middle time.Time) {
	b.Helper()
	for name, q := range map[string]store.HistoryQuery{
		"time": {Until: middle}, "time,oldest": {From: middle, Oldest: true}, "purpose": {Purpose: "newsletter", Until: middle}, "subject": {Subject: FirstCustomer},
	} {
		q.Limit = store.MaxHistory
		var took []time.Duration
		for range 31 {
			start := time.Now()
			page, err := db.Events(b.Context(), q)
			if err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(start))
			if q.Cursor = page.Next; len(page.Events) == 0 {
				b.Fatal("an empty page")
			}
		}
		slices.Sort(took)
		for what, one := range map[string]time.Duration{"median": took[len(took)/2], "slowest": took[len(took)-1]} {
			b.ReportMetric(float64(one.Microseconds())/1000, fmt.Sprintf("ms/page-by-%s-%s", name, what))
		}
	}
}
