package feed_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/consent/consenttest"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/feed"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

const origin = "shop.example/log"

var (
	newYear = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tagKey  = table.Key{5, 6}
)

// keys gives the pair of a feed's key.
func keys(t testing.TB) (note.Signer, note.Verifier) { return keysOf(t, 1) }

func keysOf(t testing.TB, seed byte) (note.Signer, note.Verifier) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.NewChaCha8([32]byte{seed}), "shop.example/feed")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

// versions gives the policy that the tests' rows speak of.
func versions(t testing.TB) (feed.Version, *policy.Version) {
	t.Helper()
	src, err := os.ReadFile("../examples/casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, findings := policy.Read("amana.yaml", src)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	meanings, err := policy.MeaningsAfter(nil, doc.Policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &policy.Version{ID: doc.ID, Canonical: doc.Canonical, Policy: doc.Policy, Meanings: meanings}
	return feed.Version{Canonical: doc.Canonical, Meanings: meanings}, v
}

// purpose is one of that policy that rests on consent, without a confirmation,
// and acts on telephone numbers.
const purpose = "text_updates"

// server is the side of a feed that writes: what it knows, the rows it keeps,
// and who vouches for them.
type server struct {
	t        testing.TB
	w        feed.Writer
	verifier note.Verifier
	version  *policy.Version
	runs     []feed.Run // every row, in the order in which they came
	known    map[string]decision.World
	head     []byte
	now      func() time.Time
}

func newServer(t testing.TB) *server { return newServerAt(t, time.Now) }

func newServerAt(t testing.TB, now func() time.Time) *server {
	signer, verifier := keys(t)
	row, v := versions(t)
	s := &server{t: t, verifier: verifier, version: v, known: map[string]decision.World{}, now: now}
	s.w = feed.Writer{Origin: origin, Epoch: "1", Key: signer, At: feed.Begin(origin, "1")}
	s.batch(feed.Rules, row, feed.State{InForce: v.ID})
	return s
}

// batch keeps rows of one chain, and gives them as a batch.
func (s *server) batch(chain int, rows ...feed.Row) []byte {
	s.t.Helper()
	var runs []feed.Run
	if len(rows) > 0 {
		run := feed.Run{Chain: chain, First: s.w.At.Rows[chain]}
		for _, row := range rows {
			run.Rows = append(run.Rows, feed.Encode(row))
		}
		runs = append(runs, run)
		s.runs = append(s.runs, run)
	}
	b, err := s.w.Batch(runs, s.now())
	if err != nil {
		s.t.Fatal(err)
	}
	s.head = b.Head
	return b.Append(nil)
}

// says notes an answer of somebody, and gives the batch.
func (s *server) says(who string, act consent.Act, at time.Time) []byte {
	w, ok := s.known[who]
	if !ok {
		w = decision.World{Policy: s.version, Version: s.find, Subject: &decision.Subject{Kind: subject.Phone, States: map[consent.Key]consent.State{}}}
	}
	consent.Apply(w.Subject.States, s.find, consent.Event{Time: at, Act: act, Purpose: purpose, Policy: s.version.ID, Meaning: s.version.Meanings[purpose]})
	s.known[who] = w
	p, times := table.ProfileOf(w)
	tag := tagKey.Tag(subject.ID(who))
	return s.batch(int(tag.Hi>>56), feed.Identifier{Tag: tag, Fresh: !ok, Profile: p, Times: times})
}

func (s *server) find(id policy.VersionID) *policy.Version {
	if id == s.version.ID {
		return s.version
	}
	return nil
}

// since gives everything from a position on, as a batch.
func (s *server) since(at *feed.Position) []byte {
	var runs []feed.Run
	for _, run := range s.runs {
		if run.First+uint64(len(run.Rows)) > at.Rows[run.Chain] {
			runs = append(runs, run)
		}
	}
	return feed.Batch{Head: s.head, Runs: runs}.Append(nil)
}

func (s *server) snapshot() []byte {
	s.t.Helper()
	var b bytes.Buffer
	s.batch(0) // a head of now
	w, err := feed.NewSnapshotWriter(&b, s.head, s.verifier, s.w.At, uint64(len(s.known)), s.w.Key)
	if err != nil {
		s.t.Fatal(err)
	}
	row, v := versions(s.t)
	err = errors.Join(w.Rule(row), w.Rule(feed.State{InForce: v.ID}))
	for who, world := range s.known {
		p, times := table.ProfileOf(world)
		err = errors.Join(err, w.Add(tagKey.Tag(subject.ID(who)), p, times))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}

func (s *server) hello(nonce string) []byte {
	s.t.Helper()
	signed, err := feed.Hello{Origin: origin, Epoch: s.w.Epoch, Nonce: nonce, Time: time.Now()}.Sign(s.w.Key)
	if err != nil {
		s.t.Fatal(err)
	}
	return signed
}

// replica follows a server, with the table it feeds.
type replica struct {
	*feed.Replica
	t   testing.TB
	tab *table.Table
}

func newReplica(t testing.TB, s *server) *replica {
	tab := table.New(tagKey, table.Rules{}, time.Now())
	return &replica{feed.NewReplica(tab, origin, s.verifier, feed.Head{}), t, tab}
}

// join begins: snapshot, hello, and a first head.
func (r *replica) join(s *server) {
	r.t.Helper()
	if err := errors.Join(r.Load(bytes.NewReader(s.snapshot()), time.Now()), r.Greet(s.hello("n"), "n", time.Now()), r.Apply(s.batch(0), time.Now())); err != nil {
		r.t.Fatal(err)
	}
}

func (r *replica) asks(who string) decision.Reason {
	return r.tab.Decide(subject.ID(who), decision.Question{Purpose: purpose}, time.Now()).Reason
}

func (r *replica) expect(who string, want decision.Reason) {
	r.t.Helper()
	if got := r.asks(who); got != want {
		r.t.Errorf("%s: %s, want %s", who, got, want)
	}
}

func TestRowsReadBack(t *testing.T) {
	all := consenttest.Versions{{ID: "sha256:0000000000000000000000000000000000000000000000000000000000000001",
		Recipients: map[string]policy.Permission{"partner": policy.Own},
		Purposes:   map[string]consenttest.Purpose{"letters": {Data: []string{"email"}, Recipients: []string{"partner"}, Keep: "P1Y"}, "digest": {Keep: "P6M"}}}}.Publish(t)
	id := policy.VersionID("sha256:0000000000000000000000000000000000000000000000000000000000000001")
	find := func(id policy.VersionID) *policy.Version { return all[id] }
	world := func(said ...string) decision.World {
		for i := range said {
			said[i] = fmt.Sprintf(said[i], id)
		}
		return decision.World{Version: find, Subject: &decision.Subject{Kind: "email", States: consent.Fold(consenttest.Events(t, said), find)}}
	}
	linked := world("given letters %s 2026-01-01 gpc", "given letters/partner %s 2026-01-02", "refused digest %s 2026-01-03T04:05:06Z")
	linked.Linked = []decision.Subject{*world("given letters %s 2026-02-01").Subject, {Kind: "customer"}}
	linked.Person = decision.Person{GPC: true, Named: map[string]bool{"a": true}, Objected: map[string]bool{"a": true, "b": true}, Overruled: map[string]bool{"b": true}}
	for name, w := range map[string]decision.World{"nobody": {}, "erased": {Person: decision.Person{Erased: true}}, "one": world("given letters %s 2026-01-01"), "linked": linked} {
		p, times := table.ProfileOf(w)
		row := feed.Identifier{Tag: table.Tag{Hi: 1, Lo: 2}, Fresh: true, Profile: p, Times: times}
		got, err := feed.Decode(feed.Encode(row))
		if diff := cmp.Diff(feed.Row(row), got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	version, v := versions(t)
	for _, row := range []feed.Row{version, feed.State{InForce: v.ID, Suspended: []string{"a", "b"}, Forbidden: []string{"c"}}} {
		got, err := feed.Decode(feed.Encode(row))
		if diff := cmp.Diff(row, got); err != nil || diff != "" {
			t.Errorf("%T: %v\n%s", row, err, diff)
		}
	}
}

func FuzzDecode(f *testing.F) {
	version, v := versions(f)
	p, times := table.ProfileOf(decision.World{Subject: &decision.Subject{Kind: "email"}})
	for _, row := range []feed.Row{version, feed.State{InForce: v.ID, Suspended: []string{"a"}}, feed.Identifier{Profile: p, Times: times}} {
		f.Add(feed.Encode(row))
	}
	tab := table.New(tagKey, table.Rules{}, newYear)
	f.Fuzz(func(t *testing.T, raw []byte) {
		row, err := feed.Decode(raw)
		if err != nil {
			return
		}
		again, err := feed.Decode(feed.Encode(row))
		if diff := cmp.Diff(row, again); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
		if i, ok := row.(feed.Identifier); ok { // whatever can be read can be asked about
			tab.Put(tab.Tag("email:x"), i.Profile, i.Times, false)
			tab.Turn(newYear)
			tab.Decide("email:x", decision.Question{Purpose: "letters"}, newYear.AddDate(1, 0, 0))
		}
	})
}

func FuzzReadBatch(f *testing.F) {
	f.Add(feed.Batch{Head: []byte("head"), Runs: []feed.Run{{Chain: 3, First: 7, Rows: [][]byte{{1}, {}}}}}.Append(nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := feed.ReadBatch(raw)
		if err != nil {
			return
		}
		again, err := feed.ReadBatch(b.Append(nil))
		if diff := cmp.Diff(b, again); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
	})
}

// Nothing that is no whole, signed snapshot is taken, and nothing of it stays.
func FuzzLoad(f *testing.F) {
	s := newServerAt(f, func() time.Time { return newYear }) // the same file in every process
	s.says("phone:+12075550134", consent.ActGiven, newYear)
	whole := s.snapshot()
	f.Add(whole)
	for _, n := range []int{0, 1, 30, 500, len(whole) - 1} {
		f.Add(whole[:n])
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := newReplica(t, s)
		if err := r.Load(bytes.NewReader(raw), newYear); (err == nil) != bytes.HasPrefix(raw, whole) {
			t.Fatalf("taken is %v: %v", err == nil, err)
		}
		r.expect("phone:+12075550134", decision.Stale)
	})
}
