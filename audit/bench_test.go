package audit

import (
	"testing"
	"time"
)

// BenchmarkAudit measures a whole audit, fetching over loopback included; the
// server that it fetches from shares the machine.
func BenchmarkAudit(b *testing.B) {
	const size = 1 << 18
	s := newShop(b).to(size)
	s.signed = s.head()
	for b.Loop() {
		v, _, err := Run(b.Context(), Config{URL: s.URL, Key: s.key, Patience: time.Millisecond})
		if err != nil || v.Outcome != Holds {
			b.Fatal(v.Lines(), err)
		}
	}
	b.ReportMetric(size*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}
