// Package writes measures what a consent costs inside the process: how long its
// proof takes, which part of the work is the ledger's, and how fast a page of a
// long history is read.
package writes

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amana-privacy/amana/bench/world"
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/store"
)

// BenchmarkProof measures the time from the acknowledgement of a consent to its
// proof, alone and while others write as fast as they can. On SQLite the proof
// is there with the acknowledgement.
func BenchmarkProof(b *testing.B) {
	for name, others := range map[string]int{"alone": 0, "loaded": 256} {
		b.Run(name, func(b *testing.B) {
			db := world.Open(b, world.Database(b, "postgres"))
			var person atomic.Int64
			stop := besides(b, db, &person, others)
			var times []time.Duration
			for b.Loop() {
				times = append(times, proved(b, db, person.Add(1)))
			}
			stop()
			slices.Sort(times)
			b.ReportMetric(millis(times[len(times)/2]), "p50-ms")
			b.ReportMetric(millis(times[len(times)*99/100]), "p99-ms")
		})
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// proved records a consent and waits for its proof from then on.
func proved(b *testing.B, db *store.DB, person int64) time.Duration {
	done, err := submit(b, db, person)
	world.Must(b, err)
	acknowledged := time.Now()
	world.Must(b, done.Wait(b.Context()))
	return time.Since(acknowledged)
}

func submit(b *testing.B, db *store.DB, person int64) (store.Recorded, error) {
	return db.Submit(b.Context(), store.Submission{Subject: world.Person(person), Surface: consent.SurfaceAPI,
		Choices: []consent.Choice{world.Yes("tailored_offers")}})
}

// besides lets so many others write until stop is called.
func besides(b *testing.B, db *store.DB, person *atomic.Int64, others int) (stop func()) {
	var wg sync.WaitGroup
	var over atomic.Bool
	for range others {
		wg.Go(func() {
			for !over.Load() {
				if _, err := submit(b, db, person.Add(1)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	return func() { over.Store(true); wg.Wait() }
}
