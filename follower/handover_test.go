package follower_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/follower"
	"github.com/amana-privacy/amana/subject"
)

// The key of the log and that of the feed are changed while two replicas follow:
// neither tells a yes that was withdrawn, one that goes on is not stale for it, and
// one that begins then, knowing the first key alone, comes to the truth as well.
func TestReplicasFollowThroughChangesOfKeys(t *testing.T) {
	t.Parallel()
	w := &turmoil{T: t, truth: newTruth(), s: newSite(t)}
	for i := range 10 {
		w.people = append(w.people, subject.ID(fmt.Sprintf("phone:+1207555%04d", i)))
		w.gives(w.people[i])
	}
	stop := w.follows()
	last := w.people[len(w.people)-1]
	for i, change := range []func() error{
		func() error { _, err := w.s.db.HandOver(t.Context()); return err },
		func() error { return w.s.db.RotateFeed(t.Context()) },
		func() error { _, err := w.s.db.HandOver(t.Context()); return err },
	} {
		must(t, change())
		w.withdraws(w.people[2*i])
		w.expect(w.people[2*i], decision.Withdrawn)
		w.expect(last, decision.Given)

		w.mirrors[0].begin(t) // from a file that the key of before signed
		late, err := follower.Start(t.Context(), follower.Config{URL: w.s.wire.url(), Token: w.s.token, Key: w.s.logKey})
		must(t, err)
		must(t, late.Wait(t.Context()))
		begun := &mirror{name: fmt.Sprintf("one that begins after change %d", i), s: w.s, f: late}
		w.hears(begun, w.people[2*i], decision.Withdrawn)
		w.hears(begun, last, decision.Given)
		must(t, late.Close())
		w.withdraws(w.people[2*i+1])
		w.expect(w.people[2*i+1], decision.Withdrawn)
		w.expect(last, decision.Given)
	}
	time.Sleep(feed.Bound + feed.Bound/4) // so that a wrong yes would be one
	stop()
	if w.longest["two"] > 5*feed.Bound {
		t.Errorf("a replica that goes on was stale for %v", w.longest["two"])
	}
	t.Log(w.counts(), w.longest)
}

// Every hour a head of the feed goes into the log: one that replicas were told.
func TestWhatReplicasAreToldIsLoggedEveryHour(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const sara = subject.ID("phone:+12075550134")
	must(t, s.say(sara, consent.Given))
	file := filepath.Join(s.dir, "one")
	f, err := follower.Start(t.Context(), follower.Config{URL: s.wire.url(), Token: s.token, Key: s.logKey, File: file})
	must(t, err)
	defer f.Close()
	must(t, f.Wait(t.Context()))
	for hour := range 2 {
		s.ahead.Add(int64(time.Hour))
		for end := time.Now().Add(30 * time.Second); len(s.logged()) <= hour; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("after %d hours %d heads are in the log", hour+1, len(s.logged()))
			}
		}
	}
	must(t, f.Wait(t.Context()))
	if a, _, _ := f.Decide(t.Context(), sara, decision.Question{Purpose: purpose}); a.Reason != decision.Given {
		t.Errorf("the replica says %s", a.Reason)
	}
	must(t, f.Close())
	var heard feed.Head
	raw, err := os.ReadFile(file + ".head")
	must(t, err)
	must(t, json.Unmarshal(raw, &heard))
	for _, h := range s.logged() {
		if h.Epoch != heard.Epoch || h.Origin != heard.Origin || h.Rows != heard.Rows || h.Sum != heard.Sum || h.Number > heard.Number {
			t.Errorf("in the log is %+v, and the replica was told %+v", h, heard)
		}
	}
}

// logged gives the heads of the feed that are in the log.
func (s *site) logged() (heads []feed.Head) {
	s.t.Helper()
	leaves, err := s.db.PublicLeaves(s.t.Context(), 0, 1000)
	must(s.t, err)
	key, err := note.NewVerifier(s.db.LogKey())
	must(s.t, err)
	for _, leaf := range leaves {
		r, err := s.db.PublicRecord(s.t.Context(), leaf)
		must(s.t, err)
		var record struct{ Type, Head string }
		must(s.t, json.Unmarshal(r.Record, &record))
		if record.Type != "feed" {
			continue
		}
		h, err := feed.OpenHead([]byte(record.Head), key)
		must(s.t, err)
		heads = append(heads, h)
	}
	return heads
}
