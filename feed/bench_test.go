package feed_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// BenchmarkLoad loads a snapshot of a million identifiers from a file that is not in
// memory; of AMANA_LOAD, where that is set.
func BenchmarkLoad(b *testing.B) {
	n := 1_000_000
	if more, err := strconv.Atoi(os.Getenv("AMANA_LOAD")); err == nil {
		n = more
	}
	s := newServer(b)
	var profiles []table.Profile
	var times [][]int64
	for i := range 2_000 {
		w := decision.World{Version: s.find, Subject: &decision.Subject{Kind: subject.Phone, States: map[consent.Key]consent.State{}}}
		for j, id := range []string{"newsletter", "offers", purpose, "tailored_offers", "coverage_study", "analytics", "comfort", "ad_measurement"} {
			act := []consent.Act{consent.ActGiven, consent.ActRefused, consent.ActWithdrawn}[(i>>j+j*i)%3]
			consent.Apply(w.Subject.States, s.find, consent.Event{Time: newYear.Add(time.Duration(i) * time.Minute), Act: act, Purpose: id, Policy: s.version.ID, Meaning: s.version.Meanings[id]})
		}
		p, t := table.ProfileOf(w)
		profiles, times = append(profiles, p), append(times, t)
	}
	s.w.At.Rows[0] = uint64(n) // rows that nobody will ask for
	s.batch(0)
	file, err := os.Create(filepath.Join(b.TempDir(), "snapshot"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	w, err := feed.NewSnapshotWriter(file, s.head, s.verifier, s.w.At, uint64(n), s.w.Key)
	if err != nil {
		b.Fatal(err)
	}
	row, v := versions(b)
	if err := w.Rule(row); err != nil {
		b.Fatal(err)
	}
	if err := w.Rule(feed.State{InForce: v.ID}); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if err := w.Add(tagKey.Tag(subject.ID(fmt.Sprintf("phone:+1207%07d", i))), profiles[i%2000], times[i%2000]); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), file.Sync()); err != nil {
		b.Fatal(err)
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for b.Loop() {
		forget(file)
		r := newReplica(b, s)
		if err := r.Load(io.NewSectionReader(file, 0, size), newYear); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "identifiers/s")
	b.ReportMetric(float64(size)/float64(n), "bytes/identifier")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/load")
}
