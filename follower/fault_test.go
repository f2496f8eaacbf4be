package follower_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/follower"
	"github.com/amana-privacy/amana/subject"

	_ "modernc.org/sqlite"
)

// truth is what was acknowledged, and when.
type truth struct {
	mu   sync.Mutex
	gone map[subject.ID]time.Time // since when a withdrawal is acknowledged; absent: a yes may be told
	told map[decision.Reason]int
	bad  []string

	last    map[string]time.Time     // when a replica was asked
	stale   map[string]time.Duration // for how long it has been that, while the machine let anybody ask
	longest map[string]time.Duration // it was at once
}

// standstill is how far apart two questions are between which the machine did something
// else: they come a millisecond apart.
const standstill = 50 * time.Millisecond

func newTruth() *truth {
	return &truth{gone: map[subject.ID]time.Time{}, told: map[decision.Reason]int{}, last: map[string]time.Time{}, stale: map[string]time.Duration{}, longest: map[string]time.Duration{}}
}

// may says that a yes may be told from now on.
func (r *truth) may(id subject.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.gone, id)
}

// never says that a yes may be told for feed.Bound more.
func (r *truth) never(id subject.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone[id] = time.Now()
}

// heard holds an answer that was asked for at a time to what was acknowledged.
func (r *truth) heard(who string, id subject.ID, a decision.Answer, asked time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told[a.Reason]++
	if before, ok := r.last[who]; a.Reason != decision.Stale {
		r.stale[who] = 0
	} else if passed := asked.Sub(before); ok && passed > 0 { // two ask
		r.stale[who] += min(passed, standstill)
		r.longest[who] = max(r.longest[who], r.stale[who])
	}
	if asked.After(r.last[who]) {
		r.last[who] = asked
	}
	if at, gone := r.gone[id]; gone && a.Allowed && asked.Sub(at) >= feed.Bound {
		r.bad = append(r.bad, fmt.Sprintf("%s tells a yes of %s that was withdrawn %v before", who, id, asked.Sub(at)))
	}
}

// mirror is a replica that is asked all the time, and can be begun anew.
type mirror struct {
	name string
	s    *site
	mu   sync.Mutex
	f    *follower.Follower
}

func (m *mirror) begin(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.f != nil {
		m.f.Close() // as it goes, it keeps what it knows
	}
	f, err := follower.Start(t.Context(), follower.Config{URL: m.s.wire.url(), Token: m.s.token, Key: m.s.logKey, File: filepath.Join(m.s.dir, m.name+".snapshot")})
	must(t, err)
	m.f = f
}

func (m *mirror) now() *follower.Follower {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.f
}

// reason gives the answer of now.
func (m *mirror) reason(id subject.ID) decision.Answer {
	a, _, _ := m.now().Decide(context.Background(), id, decision.Question{Purpose: purpose})
	return a
}

// turmoil is two replicas of a server, and the way between.
type turmoil struct {
	*testing.T
	*truth
	s       *site
	mirrors []*mirror
	people  []subject.ID
}

// follows begins two replicas, and has them asked about everybody until stop, which
// tells what they said wrongly.
func (w *turmoil) follows() (stop func()) {
	w.Helper()
	for _, name := range []string{"one", "two"} {
		m := &mirror{name: name, s: w.s}
		m.begin(w.T)
		w.Cleanup(func() { m.f.Close() })
		w.mirrors = append(w.mirrors, m)
	}
	w.expect(w.people[0], decision.Given)
	done := make(chan struct{})
	var asking sync.WaitGroup
	for _, m := range w.mirrors {
		asking.Go(func() {
			for {
				for _, id := range w.people {
					asked := time.Now()
					w.heard(m.name, id, m.reason(id), asked)
				}
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond):
				}
			}
		})
	}
	return func() {
		w.Helper()
		close(done)
		asking.Wait()
		for _, bad := range w.bad {
			w.Error(bad)
		}
	}
}

// expect waits until both replicas say something of somebody.
func (w *turmoil) expect(id subject.ID, want decision.Reason) {
	w.Helper()
	for _, m := range w.mirrors {
		w.hears(m, id, want)
	}
}

// hears waits until a replica says something of somebody. What it says until then is
// held to what was acknowledged.
func (w *turmoil) hears(m *mirror, id subject.ID, want decision.Reason) {
	w.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		asked := time.Now()
		a := m.reason(id)
		w.heard(m.name, id, a, asked)
		if a.Reason == want {
			return
		}
		if asked.After(end) {
			w.Fatalf("%s says %s of %s, want %s: %v", m.name, a.Reason, id, want, m.now().Ready())
		}
	}
}

// gives and withdraws says so at the server.
func (w *turmoil) gives(id subject.ID) {
	w.may(id)
	must(w.T, w.s.say(id, consent.Given))
}

func (w *turmoil) withdraws(id subject.ID) {
	must(w.T, w.s.say(id, consent.Withdrawn))
	w.never(id)
}

// Two replicas follow a server over connections that are cut, hang, spoil what
// they carry and say old things again; the server and they themselves are
// restarted; its disk is slow; its database is set back. No yes is told that was
// withdrawn feed.Bound ago, and each time they come to the truth again.
func TestNoWrongYes(t *testing.T) {
	t.Parallel()
	w := &turmoil{T: t, truth: newTruth(), s: newSite(t)}
	for i := range 20 {
		w.people = append(w.people, subject.ID(fmt.Sprintf("phone:+1207555%04d", i)))
		w.gives(w.people[i])
	}
	stop := w.follows()
	next := 0
	person := func() subject.ID { next++; return w.people[next-1] }
	for _, part := range []struct {
		name string
		do   func()
	}{
		{"carried", func() {}},
		{"cut", func() { w.s.wire.set(refuse) }},
		{"held", func() { w.s.wire.set(hold) }},
		{"spoilt", func() { w.s.wire.set(spoil) }},
		{"said again", func() { w.s.wire.set(echo) }},
		{"cut again and again", func() {
			for range 20 {
				w.s.wire.cut()
				time.Sleep(20 * time.Millisecond)
			}
		}},
	} {
		a, b := person(), person()
		part.do()
		w.withdraws(a)
		time.Sleep(feed.Bound / 4)
		w.withdraws(b)
		time.Sleep(feed.Bound + feed.Bound/4) // so that a wrong yes would be one
		w.s.wire.set(carry)
		w.expect(a, decision.Withdrawn)
		w.expect(b, decision.Withdrawn)
		w.expect(w.people[19], decision.Given)
		t.Logf("%s: %v", part.name, w.counts())
	}

	a := person() // the server is restarted; what it acknowledged before counts
	w.withdraws(a)
	w.s.stop()
	time.Sleep(feed.Bound + feed.Bound/4)
	w.expect(w.people[19], decision.Stale)
	w.s.start()
	w.expect(a, decision.Withdrawn)
	w.expect(w.people[19], decision.Given)

	for _, m := range w.mirrors { // replicas are restarted, one with the server away
		a = person()
		w.withdraws(a)
		m.begin(t)
		w.expect(a, decision.Withdrawn)
	}
	w.s.wire.set(refuse)
	w.mirrors[0].begin(t)
	time.Sleep(feed.Bound + feed.Bound/4)
	w.expect(w.people[19], decision.Stale)
	w.s.wire.set(carry)
	w.expect(w.people[19], decision.Given)

	a = person() // a disk that is slow: another holds the database
	slow, err := sql.Open("sqlite", "file:"+w.s.file()+"?_txlock=immediate")
	must(t, err)
	defer slow.Close()
	held, err := slow.BeginTx(t.Context(), nil)
	must(t, err)
	over := time.AfterFunc(feed.Bound+feed.Bound/2, func() { held.Rollback() })
	defer over.Stop()
	w.withdraws(a) // acknowledged when the disk is done with it, and no sooner
	w.expect(a, decision.Withdrawn)
	w.expect(w.people[19], decision.Given)

	a = person() // the database is set back behind a withdrawal
	w.s.stop()
	old := w.s.keep()
	w.s.start()
	w.withdraws(a)
	b := person()
	w.withdraws(b)
	w.expect(a, decision.Withdrawn)
	w.expect(b, decision.Withdrawn)
	w.s.stop()
	newest := w.s.keep()
	w.s.wire.set(refuse)
	w.s.setBack(old)
	w.s.start()
	for _, answer := range []consent.Answer{consent.Given, consent.Withdrawn, consent.Given} {
		must(t, w.s.say("phone:+12075560000", answer)) // it goes on, and has more rows in all
	}
	w.mirrors[1].begin(t) // even where a replica is begun anew
	w.s.wire.set(carry)
	time.Sleep(2 * feed.Bound)
	w.expect(a, decision.Stale)
	w.expect(w.people[19], decision.Stale)
	w.s.stop()
	w.s.setBack(newest)
	w.s.start()
	w.expect(a, decision.Withdrawn)
	w.expect(w.people[19], decision.Given)

	stop()
	for _, r := range []decision.Reason{decision.Given, decision.Withdrawn, decision.Stale} {
		if w.told[r] < 100 {
			t.Errorf("%s was told %d times", r, w.told[r])
		}
	}
	t.Log(w.counts())
}

func (r *truth) counts() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprint(r.told)
}
