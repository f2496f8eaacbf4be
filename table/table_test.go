package table_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/consent/consenttest"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/decision/decisiontest"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// saying gives the world of an address that said some things under version v1
// of the history.
func saying(t testing.TB, said ...string) decision.World {
	all := history.Publish(t)
	find := func(id policy.VersionID) *policy.Version { return all[id] }
	return decision.World{
		Policy: all["v1"], Version: find,
		Subject: &decision.Subject{Kind: subject.Email, States: consent.Fold(consenttest.Meant(consenttest.Events(t, said), find), find)},
	}
}

func put(tab *table.Table, id subject.ID, w decision.World, fresh bool) {
	p, times := table.ProfileOf(w)
	tab.Put(tab.Tag(id), p, times, fresh)
}

func TestAskingAllocatesNothing(t *testing.T) {
	w := saying(t, "given letters v1 2026-01-01", "given resale v1 2026-01-02", "given resale/bank v1 2026-02-01T03:00:00Z")
	tab := table.New(key, rules(w), newYear.AddDate(0, 3, 0))
	put(tab, "email:sara@example.com", w, true)
	ids := []subject.ID{"email:sara@example.com", "email:nobody@example.com", "email:sara@example.com"}
	out := make([]table.Answer, len(ids))
	for name, q := range map[string]decision.Question{
		"a purpose": {Purpose: "letters"}, "a recipient": {Purpose: "letters", Recipient: "mailer"},
		"a permission": {Purpose: "resale", Recipient: "bank", Signals: consent.Signals{GPC: true}},
		"some data":    {Purpose: "letters", Data: []string{"email"}, Recipient: "nobody"}, "nonsense": {Purpose: "raffle"},
	} {
		for when, now := range map[string]time.Time{"between ends": newYear.AddDate(0, 3, 0), "at an end": newYear.AddDate(1, 0, 0)} {
			ready := tab.Question(q)
			ready.Decide(ids[0], now)
			queries := []table.Query{{ids[0], ready}, {ids[1], ready}, {ids[2], ready}}
			for way, ask := range map[string]func(){
				"by name":    func() { tab.Decide(ids[0], q, now) },
				"made ready": func() { ready.Decide(ids[0], now) },
				"of many":    func() { ready.DecideEach(ids, out, now) },
				"among many": func() { tab.DecideEach(queries, out, now) },
			} {
				if n := testing.AllocsPerRun(100, ask); n != 0 {
					t.Errorf("%s, %s, %s: %v allocations", name, when, way, n)
				}
			}
		}
	}
}

// However few sets and ends there is room for, the answers are the same.
func TestAgreesWhenCramped(t *testing.T) {
	for seed := range uint64(4) {
		tn := newTown(t, 1000+seed, 200)
		tn.tab.Cramp(40, 12)
		for range 1_500 {
			tn.step(t)
		}
	}
}

// A bound that was passed comes before everything, and lifts again.
func TestStale(t *testing.T) {
	w := saying(t, "given letters v1 2026-01-01")
	now := time.Now()
	tab := table.New(key, rules(w), now)
	put(tab, "email:sara@example.com", w, true)
	tab.StaleAfter(now.Add(2 * time.Second))
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, false}, {2*time.Second - 1, false}, {2 * time.Second, true}, {time.Hour, true}} {
		for way, got := range inEveryWay(tab, "email:sara@example.com", decision.Question{Purpose: "raffle"}, now.Add(c.after)) {
			if (got.Reason == decision.Stale) != c.want {
				t.Errorf("%s, after %v: %s", way, c.after, got.Reason)
			}
		}
	}
	tab.StaleAfter(time.Time{})
	if got := tab.Decide("email:sara@example.com", decision.Question{Purpose: "raffle"}, now.Add(time.Hour)); got.Reason != decision.UnknownPurpose {
		t.Errorf("without a bound: %s", got.Reason)
	}
}

// What is turned to ahead of time tells when the next yes ends.
func TestTurnTellsWhenToComeAgain(t *testing.T) {
	w := saying(t, "given letters v1 2026-01-01", "given nothing v1 2026-01-02")
	tab := table.New(key, rules(w), newYear.AddDate(0, 0, 1))
	put(tab, "email:sara@example.com", w, true)
	now := newYear.AddDate(0, 0, 1)
	for range 10_000 {
		next := tab.Turn(now)
		if !next.After(now) {
			t.Fatalf("turned at %v, told to come again at %v", now, next)
		}
		if now = next; now.After(newYear.AddDate(1, 0, 2)) {
			break
		}
		if now.Equal(newYear.AddDate(0, 0, 2)) && tab.Quick(now) {
			t.Fatal("the end of a yes was not waited for")
		}
		q := decision.Question{Purpose: "letters"}
		if got, want := tab.Decide("email:sara@example.com", q, now), decision.Decide(w, q, now); got.Reason != want.Reason {
			t.Fatalf("at %v: %s, want %s", now, got.Reason, want.Reason)
		}
	}
	if !now.After(newYear.AddDate(1, 0, 0)) {
		t.Errorf("ten thousand turns came to %v", now)
	}
}

// word is what was last put for an identifier: a number that counts up while it
// is being put, and whether it is a yes.
type word struct{ atomic.Int64 }

func (w *word) begin()         { w.Add(4 - w.Load()%4) }
func (w *word) settle(yes int) { w.Add(1 + int64(yes)) }

// square is a table under way: one writes, grows, turns, rules and loads while
// many ask.
type square struct {
	*rand.Rand
	tab   *table.Table
	now   time.Time
	words [12]word
	said  [2]decision.World // no, yes
	other decision.World
}

func (s *square) id(i int) subject.ID { return subject.ID(fmt.Sprintf("email:p%d@example.com", i)) }

// voice gives a yes or a no to letters of one of many sorts of people, so that
// numbers of sets are used again and again.
func (s *square) voice(which int) decision.World {
	w := s.said[which]
	w.Person.Named, w.Person.Objected = decisiontest.Set(purposes[:s.IntN(len(purposes))]), decisiontest.Set(purposes[s.IntN(len(purposes)):])
	return w
}

func (s *square) speak(i, which int, fresh bool) {
	w := s.voice(which)
	s.words[i].begin()
	put(s.tab, s.id(i), w, fresh)
	s.words[i].settle(which)
}

func newSquare(t *testing.T) *square {
	s := &square{Rand: rand.New(rand.NewPCG(1, 2)), now: newYear.AddDate(0, 1, 0), other: saying(t, "given resale v1 2026-01-01")}
	s.said = [2]decision.World{saying(t, "given letters v1 2026-01-01", "withdrawn letters v1 2026-01-02"), saying(t, "given letters v1 2026-01-01")}
	s.tab = table.New(key, rules(s.other), s.now)
	s.tab.Cramp(40, 1000)
	for i := range s.words {
		s.speak(i, 0, true)
	}
	return s
}

func (s *square) step(i int) {
	switch {
	case i%3 == 0:
		put(s.tab, subject.ID(fmt.Sprintf("email:more%d@example.com", i)), s.other, true)
	case i%997 == 0:
		ruled := rules(s.other)
		ruled.Suspended = map[string]bool{"bank": i%2 == 0}
		s.tab.Rule(ruled)
	case i%499 == 0:
		s.tab.Turn(s.now.Add(time.Duration(i) * time.Millisecond))
	case i%7001 == 0:
		s.reload()
	case i%2 == 0: // another sort of person, of the same word: no read may hear anything else
		i := s.IntN(len(s.words))
		put(s.tab, s.id(i), s.voice(int(s.words[i].Load()%4-1)), false)
	default:
		s.speak(s.IntN(len(s.words)), s.IntN(2), false)
	}
}

// reload loads the table anew with what it has to answer.
func (s *square) reload() {
	l := s.tab.Loader(len(s.words), rules(s.other), s.now)
	for i := range s.words {
		p, times := table.ProfileOf(s.voice(int(s.words[i].Load()%4 - 1)))
		l.Add(s.tab.Tag(s.id(i)), l.Shape(p), times)
	}
	l.Swap()
	s.tab.Cramp(40, 1000)
}

// listen asks until it is told to stop, and holds each answer to the last word.
func (s *square) listen(t *testing.T, many bool, seed uint64, done chan struct{}) {
	r := rand.New(rand.NewPCG(seed, 3))
	ready := s.tab.Question(decision.Question{Purpose: "letters"})
	var ids [8]subject.ID
	var who [8]int
	var before [8]int64
	var out [8]table.Answer
	for {
		select {
		case <-done:
			return
		default:
		}
		for i := range ids {
			who[i] = r.IntN(len(s.words))
			ids[i], before[i] = s.id(who[i]), s.words[who[i]].Load()
		}
		now := s.now.Add(time.Duration(r.IntN(30_000)) * time.Millisecond)
		if many {
			ready.DecideEach(ids[:], out[:], now)
		} else {
			for i := range ids {
				before[i] = s.words[who[i]].Load()
				out[i] = s.tab.Decide(ids[i], decision.Question{Purpose: "letters"}, now)
				if before[i] != s.words[who[i]].Load() {
					before[i] = 0
				}
			}
		}
		for i, a := range out {
			if before[i]%4 != 0 && (!many || s.words[who[i]].Load() == before[i]) && a.Allowed != (before[i]%4 == 2) {
				t.Errorf("allowed is %v (%s) while the last word was %d", a.Allowed, a.Reason, before[i]%4)
				return
			}
		}
	}
}

// A yes that was withdrawn is never told once the call that withdrew it has
// returned, nor is one that was given missed.
func TestNobodyHearsAWithdrawnYes(t *testing.T) {
	s := newSquare(t)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for seed := range uint64(3) {
		readers.Go(func() { s.listen(t, seed == 0, seed, done) })
	}
	for i := range 20_000 {
		s.step(i)
	}
	close(done)
	readers.Wait()
}

// A machine that sleeps stops the monotonic clock; what was known when it fell asleep
// is stale when it wakes up. A wall clock that somebody sets back changes nothing.
func TestWhatWasKnownBeforeASleepIsStale(t *testing.T) {
	w := saying(t, "given letters v1 2026-01-01")
	now := time.Now()
	tab := table.New(key, rules(w), now)
	tab.StaleAfter(now.Add(2 * time.Second))
	for _, c := range []struct {
		wall, monotonic time.Duration
		stale           bool
	}{
		{time.Second, time.Second, false}, {2 * time.Second, 2 * time.Second, true},
		{time.Hour, time.Second, true}, {-time.Hour, time.Second, false}, {-time.Hour, 2 * time.Second, true},
	} {
		at := now.Add(c.monotonic)
		// Seconds of the wall clock stand above 30 bits of nanoseconds where a time
		// has a monotonic reading, which nobody else can make differ.
		*(*uint64)(unsafe.Pointer(&at)) += uint64((c.wall-c.monotonic)/time.Second) << 30
		if got := at.Sub(now); got != c.monotonic {
			t.Fatalf("the monotonic clock says %v, not %v", got, c.monotonic)
		}
		if got := at.Round(0).Sub(now.Round(0)); got != c.wall {
			t.Fatalf("the wall clock says %v, not %v", got, c.wall)
		}
		if tab.Stale(at) != c.stale {
			t.Errorf("%v later by the wall clock, %v by the monotonic one: stale is %v", c.wall, c.monotonic, !c.stale)
		}
	}
}
