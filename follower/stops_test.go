package follower_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/follower"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// decider is the server or a replica.
type decider interface {
	Decide(context.Context, subject.ID, decision.Question) (decision.Answer, policy.VersionID, error)
}

var _ api.Replica = (*follower.Follower)(nil)

// A recipient is suspended, or a law forbids a purpose: everybody's answer changes at
// once, of the server, of its store, and of two replicas within their bound; a
// replica that begins later has it from the snapshot, and so has a server that
// starts anew. Lifted, the yes is there again.
func TestWhatIsStoppedIsStoppedEverywhere(t *testing.T) {
	s := newSite(t)
	people := []subject.ID{"phone:+12075550134", "phone:+12075550135", "phone:+12075550136"}
	for _, id := range people {
		must(t, s.say(id, consent.Given))
	}
	replica := func(name string) *follower.Follower {
		f, err := follower.Start(t.Context(), follower.Config{URL: s.wire.url(), Token: s.token, Key: s.logKey, File: filepath.Join(s.dir, name)})
		must(t, err)
		t.Cleanup(func() { f.Close() })
		must(t, f.Wait(t.Context()))
		return f
	}
	one, two := replica("one"), replica("two")
	handed := decision.Question{Purpose: purpose, Recipient: "texter"}
	used := decision.Question{Purpose: purpose}
	// hold waits until a decider says so of everybody, and gives how long that took.
	hold := func(who string, of decider, q decision.Question, want decision.Reason) {
		t.Helper()
		start := time.Now()
		for _, id := range people {
			for {
				asked := time.Since(start)
				a, _, err := of.Decide(t.Context(), id, q)
				must(t, err)
				if a.Reason == want {
					break
				}
				if a.Allowed && asked > feed.Bound {
					t.Fatalf("%s says %s, not %s, after %v", who, a.Reason, want, asked)
				}
				if asked > time.Minute {
					t.Fatalf("%s says %s, not %s", who, a.Reason, want)
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
	everywhere := func(q decision.Question, want decision.Reason) {
		t.Helper()
		for _, id := range people { // this server at once, and what its store says
			a, _, err := s.p.Decide(t.Context(), id, q)
			must(t, err)
			b, err := s.db.Decide(t.Context(), id, q)
			must(t, err)
			if a.Reason != want || b.Reason != want {
				t.Fatalf("the server says %s, its store %s, not %s", a.Reason, b.Reason, want)
			}
		}
		hold("one", one, q, want)
		hold("two", two, q, want)
	}
	everywhere(handed, decision.Given)
	must(t, s.db.Stop(t.Context(), []string{"texter"}, nil))
	everywhere(handed, decision.RecipientSuspended)
	everywhere(used, decision.Given)
	must(t, s.db.Stop(t.Context(), nil, []string{purpose}))
	everywhere(used, decision.ForbiddenByLaw)
	everywhere(handed, decision.ForbiddenByLaw)
	must(t, s.db.Stop(t.Context(), []string{"texter", "mailer", "texter"}, nil))
	everywhere(handed, decision.RecipientSuspended)
	hold("one that begins later", replica("three"), handed, decision.RecipientSuspended)

	s.stop()
	s.start()
	must(t, s.p.Ready(t.Context()))
	must(t, one.Wait(t.Context()))
	must(t, two.Wait(t.Context()))
	everywhere(handed, decision.RecipientSuspended)
	must(t, s.db.Stop(t.Context(), nil, nil))
	everywhere(handed, decision.Given)
}
