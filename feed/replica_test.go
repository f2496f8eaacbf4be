package feed_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/table"
)

const sara, omar = "phone:+12075550134", "phone:+12075550135"

// together runs a story of one server and one replica that has joined it, in a
// time of its own.
func together(t *testing.T, story func(t *testing.T, s *server, r *replica)) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.says(sara, consent.ActGiven, time.Now())
		r := newReplica(t, s)
		r.expect(sara, decision.Stale)
		r.join(s)
		story(t, s, r)
	})
}

func (r *replica) apply(batch []byte, want error) {
	r.t.Helper()
	if err := r.Apply(batch, time.Now()); !errors.Is(err, want) {
		r.t.Errorf("a batch: %v, want %v", err, want)
	}
}

func TestAnAnswerTakesEffect(t *testing.T) {
	together(t, func(t *testing.T, s *server, r *replica) {
		r.expect(sara, decision.Given)
		r.expect(omar, decision.UnknownSubject)
		r.apply(s.says(sara, consent.ActWithdrawn, time.Now()), nil)
		r.apply(s.says(omar, consent.ActGiven, time.Now()), nil)
		r.expect(sara, decision.Withdrawn)
		r.expect(omar, decision.Given)
		r.apply(s.batch(feed.Rules, feed.State{InForce: s.version.ID, Forbidden: []string{purpose}}), nil)
		r.expect(omar, decision.ForbiddenByLaw)
		r.apply(s.batch(feed.Rules, feed.State{}), nil)
		r.expect(omar, decision.UnknownPurpose)
	})
}

func TestSilenceIsStale(t *testing.T) {
	together(t, func(t *testing.T, s *server, r *replica) {
		time.Sleep(feed.Bound - 1)
		r.expect(sara, decision.Given)
		time.Sleep(time.Nanosecond)
		r.expect(sara, decision.Stale)
		r.apply(s.batch(0), nil)
		r.expect(sara, decision.Given)
	})
}

// A head counts from when it was signed, however long it was under way.
func TestALateHeadIsNoYounger(t *testing.T) {
	together(t, func(t *testing.T, s *server, r *replica) {
		late := s.batch(0)
		time.Sleep(feed.Bound - time.Millisecond)
		r.apply(late, nil)
		r.expect(sara, decision.Given)
		time.Sleep(time.Millisecond)
		r.expect(sara, decision.Stale)
		later := s.batch(0)
		time.Sleep(feed.Bound)
		r.apply(later, nil)
		r.expect(sara, decision.Stale)
	})
}

// A server's clock that differs, by whatever, changes nothing: only what passes
// between its heads counts.
func TestClocksNeedNotAgree(t *testing.T) {
	together(t, func(t *testing.T, s *server, r *replica) {
		sent := time.Now()
		hello, err := feed.Hello{Origin: origin, Epoch: s.w.Epoch, Nonce: "x", Time: sent.Add(-time.Hour)}.Sign(s.w.Key)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond) // the way back
		if err := r.Greet(hello, "x", sent); err != nil {
			t.Fatal(err)
		}
		b, err := s.w.Batch(nil, time.Now().Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		r.apply(b.Append(nil), nil)
		time.Sleep(feed.Bound - time.Millisecond)
		r.expect(sara, decision.Given)
		time.Sleep(time.Millisecond)
		r.expect(sara, decision.Stale)
	})
}

func TestAHelloIsForWhoeverAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		r := newReplica(t, s)
		if err := r.Load(bytes.NewReader(s.snapshot()), time.Now()); err != nil {
			t.Fatal(err)
		}
		r.apply(s.batch(0), feed.ErrUngreet)
		if err := r.Greet(s.hello("other"), "mine", time.Now()); !errors.Is(err, feed.ErrUnsigned) {
			t.Errorf("the hello to somebody else: %v", err)
		}
		r.apply(s.batch(0), feed.ErrUngreet)
	})
}

// A head is reckoned by the clock of the server that signed it. Between two servers
// whose clocks differ, the hello of one makes no head of the other younger.
func TestAHelloOfAnotherServerTellsNoAge(t *testing.T) {
	together(t, func(t *testing.T, s *server, r *replica) {
		late := s.batch(0)
		time.Sleep(feed.Bound)
		behind, err := feed.Hello{Origin: origin, Epoch: "another", Nonce: "n", Time: time.Now().Add(-time.Hour)}.Sign(s.w.Key)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Greet(behind, "n", time.Now()); err != nil {
			t.Fatal(err)
		}
		r.apply(late, feed.ErrUngreet)
		r.expect(sara, decision.Stale)
	})
}

// The key is handed over: what is here stays, and answers; heads by the new key go
// on from it, and those by the old one count no more.
func TestAHandOverKeepsTheRows(t *testing.T) {
	together(t, func(t *testing.T, s *server, r *replica) {
		old := s.w.Key
		s.w.Key, s.verifier = keysOf(t, 2)
		withdrawn := s.says(sara, consent.ActWithdrawn, time.Now())
		r.apply(withdrawn, feed.ErrUnsigned)
		r.expect(sara, decision.Given)
		r.Trust(s.verifier)
		r.apply(withdrawn, feed.ErrUngreet)
		if err := r.Greet(s.hello("n"), "n", time.Now()); err != nil {
			t.Fatal(err)
		}
		r.apply(withdrawn, nil)
		r.expect(sara, decision.Withdrawn)
		next := s.w.Key
		s.w.Key = old
		r.apply(s.says(sara, consent.ActGiven, time.Now()), feed.ErrUnsigned)
		r.expect(sara, decision.Withdrawn)
		s.w.Key = next
		time.Sleep(feed.Bound)
		r.expect(sara, decision.Stale)
		s.batch(0)
		r.apply(s.since(r.Position()), nil)
		r.expect(sara, decision.Given)
	})
}

func TestAGapIsSeenAndFilled(t *testing.T) {
	together(t, func(t *testing.T, s *server, r *replica) {
		s.says(sara, consent.ActWithdrawn, time.Now()) // lost
		r.apply(s.batch(0), feed.ErrGap)
		r.apply(s.says(sara, consent.ActGiven, time.Now()), feed.ErrGap)
		r.expect(sara, decision.Given)
		time.Sleep(feed.Bound)
		r.expect(sara, decision.Stale)
		s.says(sara, consent.ActWithdrawn, time.Now())
		s.batch(0)
		r.apply(s.since(r.Position()), nil)
		r.expect(sara, decision.Withdrawn)
		r.apply(s.since(feed.Begin(origin, "1")), nil) // all of it once more
		r.expect(sara, decision.Withdrawn)
	})
}

func TestAnotherRowIsSeen(t *testing.T) {
	together(t, func(t *testing.T, s *server, r *replica) {
		honest := s.says(sara, consent.ActWithdrawn, time.Now())
		m, err := feed.ReadBatch(honest)
		if err != nil {
			t.Fatal(err)
		}
		m.Runs[0].Rows[0] = slices.Clone(m.Runs[0].Rows[0])
		m.Runs[0].Rows[0][len(m.Runs[0].Rows[0])-1] ^= 1
		r.apply(m.Append(nil), feed.ErrForked)
		r.expect(sara, decision.Stale)
		r.apply(honest, feed.ErrGap)
		r.join(s)
		r.expect(sara, decision.Withdrawn)
	})
}

func TestARollbackIsSeen(t *testing.T) {
	together(t, func(t *testing.T, s *server, r *replica) {
		before, old := *s.w.At, s.batch(0)
		r.apply(s.says(sara, consent.ActWithdrawn, time.Now()), nil)
		r.apply(old, feed.ErrRollback) // an old head: no news
		r.expect(sara, decision.Withdrawn)
		backup := s.snapshot()
		r.apply(s.batch(0), nil)
		*s.w.At = before // restored from a backup
		r.apply(s.batch(0), feed.ErrRollback)
		r.expect(sara, decision.Stale)
		if err := r.Load(bytes.NewReader(backup), time.Now()); err != nil { // older than what was heard since
			t.Errorf("an older snapshot: %v", err)
		}
		r.apply(s.batch(0), feed.ErrRollback)
		r.expect(sara, decision.Stale)
	})
}

// What was heard before is not forgotten for an older snapshot: until the feed has
// led there again nothing is told.
func TestAnOlderSnapshotLeadsOn(t *testing.T) {
	together(t, func(t *testing.T, s *server, r *replica) {
		old := s.snapshot()
		from := *s.w.At
		withdrawn := s.says(sara, consent.ActWithdrawn, time.Now())
		r.apply(s.since(r.Position()), nil)
		newest := s.says(omar, consent.ActGiven, time.Now())
		r.apply(newest, nil)
		r.expect(omar, decision.Given)
		if err := r.Load(bytes.NewReader(old), time.Now()); err != nil {
			t.Fatal(err)
		}
		r.expect(sara, decision.Stale)
		if r.Position().Sum() != from.Sum() {
			t.Error("it stands elsewhere than its snapshot")
		}
		r.apply(withdrawn, nil)
		r.expect(sara, decision.Stale) // the yes of omar was heard, and is not here yet
		r.apply(newest, nil)
		r.expect(sara, decision.Withdrawn)
		r.expect(omar, decision.Given)
	})
}

// A server that begins anew, from a database that was set back, has fewer rows.
func TestAnEpochThatIsBehindIsRefused(t *testing.T) {
	together(t, func(t *testing.T, s *server, r *replica) {
		r.apply(s.says(sara, consent.ActWithdrawn, time.Now()), nil)
		before := s.w.At.Rows
		begun := func(rows [feed.Chains]uint64) []byte {
			s.w.Epoch, s.w.Number = "2", 0
			s.w.At = feed.BeginAt(origin, "2", rows)
			return s.snapshot()
		}
		less := before
		for chain := range less {
			if less[chain] > 0 {
				less[chain]--
				break
			}
		}
		if err := r.Load(bytes.NewReader(begun(less)), time.Now()); !errors.Is(err, feed.ErrRollback) {
			t.Errorf("a row less: %v", err)
		}
		r.expect(sara, decision.Withdrawn)
		others := less // set back, and gone on with others
		for chain := range others {
			if others[chain] == before[chain] {
				others[chain] += 2
				break
			}
		}
		if err := r.Load(bytes.NewReader(begun(others)), time.Now()); !errors.Is(err, feed.ErrRollback) {
			t.Errorf("more rows in all, and fewer in one chain: %v", err)
		}
		r.expect(sara, decision.Withdrawn)
		if err := r.Load(bytes.NewReader(begun(before)), time.Now()); err != nil {
			t.Errorf("as many rows: %v", err)
		}
		r.apply(s.batch(0), feed.ErrUngreet) // by the clock of the server of before nothing is reckoned
		if err := r.Greet(s.hello("n"), "n", time.Now()); err != nil {
			t.Fatal(err)
		}
		r.apply(s.batch(0), nil)
		r.expect(sara, decision.Withdrawn)
	})
}

func TestAnotherEpochAndKeyAreSeen(t *testing.T) {
	together(t, func(t *testing.T, s *server, r *replica) {
		other := s.w
		other.Epoch, other.At = "2", feed.Begin(origin, "2")
		b, err := other.Batch(nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		r.apply(b.Append(nil), feed.ErrEpoch)
		other = s.w
		other.Origin = "elsewhere.example/log"
		if b, err = other.Batch(nil, time.Now()); err != nil {
			t.Fatal(err)
		}
		r.apply(b.Append(nil), feed.ErrUnsigned)
		b.Head[len(b.Head)-5] ^= 1
		r.apply(b.Append(nil), feed.ErrUnsigned)
		r.expect(sara, decision.Given)
	})
}

// No byte of a snapshot can be another one.
func TestATouchedSnapshotIsRefused(t *testing.T) {
	s := newServer(t)
	for i := range 40 {
		s.says(fmt.Sprintf("phone:+1207555%04d", i), consent.ActGiven, newYear)
	}
	whole := s.snapshot()
	r := newReplica(t, s)
	for i := 0; i < len(whole); i += 1 + len(whole)/150 {
		touched := slices.Clone(whole)
		touched[i] ^= 4
		if err := r.Load(bytes.NewReader(touched), newYear); err == nil {
			t.Fatalf("byte %d of %d was changed, and it was taken", i, len(whole))
		}
	}
	if err := r.Load(bytes.NewReader(whole), newYear); err != nil {
		t.Error(err)
	}
}

// Whoever stands in between can say the signed beginning of a snapshot again, and then
// go on for ever: it is read for as long as one of so many rows may be.
func TestASnapshotWithoutEndIsRefused(t *testing.T) {
	s := newServer(t)
	for i := range 40 {
		s.says(fmt.Sprintf("phone:+1207555%04d", i), consent.ActGiven, newYear)
	}
	whole := s.snapshot()
	r := newReplica(t, s)
	r.Beside(1 << 20)
	if err := r.Load(bytes.NewReader(whole), newYear); err != nil {
		t.Fatal("one that has an end:", err)
	}
	size, n := binary.Uvarint(whole[len("amana/feed/snapshot/v1\n")+1:])
	begins := len("amana/feed/snapshot/v1\n") + 1 + n + int(size)
	endless := &more{record: append(binary.AppendUvarint([]byte{6}, 64<<10), make([]byte, 64<<10)...)} // of those erased
	if err := r.Load(io.MultiReader(bytes.NewReader(whole[:begins]), endless), newYear); err == nil || endless.said > 4<<20 {
		t.Errorf("%d bytes were read: %v", endless.said, err)
	}
}

// more says the same again and again, up to a gigabyte.
type more struct {
	record []byte
	said   int
}

func (m *more) Read(b []byte) (int, error) {
	if m.said > 1<<30 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(b, m.record[m.said%len(m.record):])
	m.said += n
	return n, nil
}

// link is the way from a server to a replica: it cuts, delays, repeats, mixes
// up and forges.
type link struct {
	*rand.Rand
	s    *server
	r    *replica
	wire chan []byte
}

// send lets a batch go its way, if it does.
func (l *link) send(b []byte) {
	switch n := l.IntN(100); {
	case n < 8: // cut
	case n < 14:
		forged := slices.Clone(b)
		forged[l.IntN(len(forged))] ^= byte(1 << l.IntN(8))
		l.later(forged)
	case n < 20:
		l.later(b)
		l.later(b)
	default:
		l.later(b)
	}
}

func (l *link) later(b []byte) {
	delay := time.Duration(l.IntN(40)) * time.Millisecond
	if l.IntN(40) == 0 {
		delay = time.Duration(l.IntN(4000)) * time.Millisecond
	}
	time.AfterFunc(delay, func() {
		select {
		case l.wire <- b:
		default: // a slow reader
		}
	})
}

// follow takes what comes, and asks again for what did not.
func (l *link) follow(lock, done chan struct{}) {
	for {
		var b []byte
		select {
		case b = <-l.wire:
		case <-done:
			return
		}
		<-lock
		switch err := l.r.Apply(b, time.Now()); {
		case err == nil, errors.Is(err, feed.ErrUnsigned), errors.Is(err, feed.ErrRollback) && l.r.Position() != nil:
		case l.r.Position() == nil:
			l.r.join(l.s)
		case errors.Is(err, feed.ErrGap):
			_ = l.r.Apply(l.s.since(l.r.Position()), time.Now()) // may be overtaken; then the next batch tells
		}
		lock <- struct{}{}
	}
}

// However replicas are cut off, lied to, held up and begun anew, a yes they tell
// was true at the server at most Bound ago.
func TestNoReplicaTellsAnOldYes(t *testing.T) {
	told, seeds := map[decision.Reason]int{}, uint64(3)
	if os.Getenv("AMANA_SOAK") != "" {
		seeds = 300
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) { turmoil(t, seed, told) })
	}
	for _, reason := range []decision.Reason{decision.Given, decision.Withdrawn, decision.Stale} {
		if told[reason] < 100 {
			t.Errorf("%s was told %d times: %v", reason, told[reason], told)
		}
	}
}

func turmoil(t *testing.T, seed uint64, told map[decision.Reason]int) {
	s := newServer(t)
	rnd := rand.New(rand.NewPCG(seed, 9))
	lock := make(chan struct{}, 1)
	lock <- struct{}{}
	done := make(chan struct{})
	var links []*link
	for i := range uint64(2) {
		l := &link{rand.New(rand.NewPCG(seed, i)), s, newReplica(t, s), make(chan []byte, 4)}
		l.r.join(s)
		links = append(links, l)
		go l.follow(lock, done)
	}
	withdrawn := time.Time{} // when the last yes ended; zero while it stands
	said := false
	for range 1500 {
		time.Sleep(time.Duration(rnd.IntN(60)) * time.Millisecond)
		<-lock
		var b []byte
		switch n := rnd.IntN(100); {
		case n < 6 && (!said || !withdrawn.IsZero()):
			said, withdrawn = true, time.Time{}
			b = s.says(sara, consent.ActGiven, time.Now())
		case n < 10 && said && withdrawn.IsZero():
			withdrawn = time.Now()
			b = s.says(sara, consent.ActWithdrawn, time.Now())
		case n < 11: // a server that is away
			lock <- struct{}{}
			time.Sleep(time.Duration(rnd.IntN(5)) * time.Second)
			<-lock
		case n < 12: // a replica begun anew
			l := links[rnd.IntN(2)]
			l.r.Replica = feed.NewReplica(l.r.tab, origin, s.verifier, l.r.Last())
			l.r.join(s)
		default:
			b = s.batch(0)
		}
		for _, l := range links {
			if b != nil {
				l.send(b)
			}
			reason := l.r.asks(sara)
			told[reason]++
			if reason == decision.Given && (!said || !withdrawn.IsZero() && time.Since(withdrawn) >= feed.Bound) {
				t.Fatalf("seed %d: a yes that was withdrawn %v ago", seed, time.Since(withdrawn))
			}
		}
		lock <- struct{}{}
	}
	time.Sleep(time.Minute) // what is under way arrives
	close(done)
}

// A table of another key knows nobody: the tags are another's.
func TestTagsNeedTheirKey(t *testing.T) {
	if (table.Key{1, 2}).Tag(sara) == (table.Key{1, 3}).Tag(sara) {
		t.Error("two keys give one tag")
	}
}
