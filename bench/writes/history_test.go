package writes

import (
	"os"
	"strconv"
	"testing"

	"github.com/amana-privacy/amana/bench/world"
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/store"
)

// events is how long the history is, from AMANA_BENCH_EVENTS: five million take
// minutes to write and gigabytes of disk.
func events(b *testing.B) int64 {
	n, err := strconv.ParseInt(os.Getenv("AMANA_BENCH_EVENTS"), 10, 64)
	if err != nil {
		return 100_000
	}
	return n
}

// BenchmarkHistory reads pages of 50 events: by time, of one purpose, of one
// subject, and one from the middle.
func BenchmarkHistory(b *testing.B) {
	db := world.Open(b, world.Database(b, "sqlite"))
	purposes := []string{"newsletter", "offers", "text_updates", "analytics", "comfort", "ad_measurement", "tailored_offers", "coverage_study"}
	var choices []consent.Choice
	for _, p := range purposes {
		choices = append(choices, consent.Choice{Purpose: p, Decision: consent.Refused})
	}
	people := events(b) / int64(len(choices))
	world.Fill(b, db, people, choices...)
	for name, q := range map[string]func(i int64) store.HistoryQuery{
		"newest":  func(int64) store.HistoryQuery { return store.HistoryQuery{} },
		"purpose": func(i int64) store.HistoryQuery { return store.HistoryQuery{Purpose: purposes[i%int64(len(purposes))]} },
		"subject": func(i int64) store.HistoryQuery { return store.HistoryQuery{Subject: world.Person(1 + i*7919%people)} },
	} {
		b.Run(name, func(b *testing.B) {
			var i int64
			for b.Loop() {
				i++
				page, err := db.Events(b.Context(), q(i))
				world.Must(b, err)
				if len(page.Events) == 0 {
					b.Fatal("an empty page")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/page")
		})
	}
}
