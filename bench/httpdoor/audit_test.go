package httpdoor

import (
	"os/exec"
	"testing"
	"time"

	"github.com/amana-privacy/amana/bench/world"
	"github.com/amana-privacy/amana/consent"
)

// answers are all that a customer number may say to the policy of the example.
var answers = func() (list []consent.Choice) {
	for _, purpose := range []string{"newsletter", "offers", "text_updates", "analytics", "comfort", "ad_measurement"} {
		list = append(list, consent.Choice{Purpose: purpose, Decision: consent.Refused})
	}
	return append(list, world.Yes("tailored_offers"), world.Yes("coverage_study"))
}()

// BenchmarkAudit has the program audit a log from outside, from its first leaf:
// it fetches all entries and tiles over loopback from a server on the same
// machine, recomputes every node, and compares.
func BenchmarkAudit(b *testing.B) {
	const leaves = 400_000
	db := world.Open(b, world.Database(b, "sqlite"))
	world.Fill(b, db, leaves/int64(len(answers)), answers...)
	s := public(b, db)
	for b.Loop() {
		out, err := exec.Command(program, "audit", "http://"+s.addr, "--key", db.LogKey()).CombinedOutput()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	b.ReportMetric(leaves*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}

// BenchmarkIdle tells the memory that a server holds once it has started and
// nobody asks it anything.
func BenchmarkIdle(b *testing.B) {
	products := map[string]func(*testing.B) server{
		"amana/sqlite":   func(b *testing.B) server { return amana(b, world.Database(b, "sqlite")) },
		"amana/postgres": func(b *testing.B) server { return amana(b, world.Database(b, "postgres")) },
		"c15t/sqlite":    func(b *testing.B) server { return c15t(b, world.Database(b, "sqlite"), 1) },
	}
	for name, start := range products {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s := start(b)
				time.Sleep(5 * time.Second)
				b.ReportMetric(float64(s.resident(b))/1e6, "resident-MB")
			}
		})
	}
}
