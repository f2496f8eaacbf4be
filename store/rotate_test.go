package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/subject"
)

func quiet(int, int) {}

// tagsOf gives how many identifiers there are, and how many of some customers'
// are entered by the newest index key.
func (w *world) tagsOf(n int) (all, fresh int) {
	w.t.Helper()
	if _, err := w.db.reader(w.t.Context())(`SELECT count(*) FROM identifier`, nil, &all); err != nil {
		w.t.Fatal(err)
	}
	for i := range n {
		at := w.db.placeOf(nth(i))
		found, err := w.db.reader(w.t.Context())(`SELECT 1 FROM identifier WHERE shard_id = ? AND tag = ?`, []any{at.shard, at.tag}, new(int))
		if err != nil {
			w.t.Fatal(err)
		}
		if found {
			fresh++
		}
	}
	return all, fresh
}

func nth(i int) subject.ID { return subject.ID(fmt.Sprintf("customer:%d", i)) }

func (w *world) sayAll(n int) {
	w.t.Helper()
	w.sayFrom(0, n)
}

// sayFrom lets n people say yes at once.
func (w *world) sayFrom(first, n int) {
	w.t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if _, err := w.db.Submit(w.t.Context(), Submission{Subject: nth(first + i), Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}}); err != nil {
				w.t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestIdentifiersAreTaggedAnew(t *testing.T) { each(t, testIdentifiersAreTaggedAnew) }

func testIdentifiersAreTaggedAnew(t *testing.T, w *world) {
	const n = 40
	w.sayAll(n)
	before := w.db.placeOf(nth(0)).tag

	// Cut short after some shards, and opened again: everybody is found, whichever
	// key they are entered by, nobody is entered twice, and whoever is erased is gone.
	if _, err := w.db.cfg.Ring.BeginIndex(t.Context()); err != nil {
		t.Fatal(err)
	}
	var cut cursor
	for err := error(nil); cut.shard < 100; {
		if cut, err = w.db.retag(t.Context(), cut, 2, 3); err != nil {
			t.Fatal(err)
		}
	}
	w.db.Close()
	w.open()
	if all, fresh := w.tagsOf(n); all != n || fresh == 0 || fresh == n {
		t.Fatalf("%d of %d are tagged anew", fresh, all)
	}
	if done, err := w.db.tagged(t.Context(), 2); err != nil || done != cut.shard {
		t.Errorf("%d shards are done, not %d (%v)", done, cut.shard, err)
	}
	for i := range n {
		w.wants(w.ask(nth(i), "tailored_offers"), decision.Given)
		if list, _, err := w.db.ReceiptsOf(t.Context(), nth(i), 0, ""); err != nil || len(list) != 1 {
			t.Fatalf("customer %d has %d receipts: %v", i, len(list), err)
		}
	}
	w.sayAll(n)
	for i := range n / 4 {
		if _, err := w.db.Erase(t.Context(), nth(i), BySubject); err != nil {
			t.Fatal(err)
		}
		w.wants(w.ask(nth(i), "tailored_offers"), decision.Erased)
	}
	w.say(sara, "offers", consent.Refused) // somebody new, in the middle of it
	w.check()

	var told []int
	if err := w.db.RotateIndex(t.Context(), func(done, total int) { told = append(told, done) }); err != nil {
		t.Fatal(err)
	}
	if done, err := w.db.tagged(t.Context(), 2); err != nil || done != allShards || len(told) == 0 || told[len(told)-1] != allShards {
		t.Errorf("%d shards are done, %v; it told %v", done, err, told)
	}
	if all, fresh := w.tagsOf(n); all != n-n/4+1 || fresh != n-n/4 {
		t.Errorf("%d of %d are tagged anew", fresh, all)
	}
	if len(w.db.cfg.Ring.Indexes()) != 1 {
		t.Error("the old index key is still there")
	}
	at := w.db.placeOf(nth(0))
	if found, _ := w.db.reader(t.Context())(`SELECT 1 FROM identifier WHERE shard_id = ? AND tag = ?`, []any{at.shard, before}, new(int)); found {
		t.Error("an old tag is left")
	}
	w.wants(w.ask(sara, "offers"), decision.Refused)
	w.check()
}

// TestAnAnswerThatWaitsIsEnteredByTheNewKey makes a recording, changes the index
// key, and then lets it be written.
func TestAnAnswerThatWaitsIsEnteredByTheNewKey(t *testing.T) {
	each(t, testAnAnswerThatWaitsIsEnteredByTheNewKey)
}

func testAnAnswerThatWaitsIsEnteredByTheNewKey(t *testing.T, w *world) {
	w.say(sara, "offers", consent.Refused)
	var waiting []*recording
	for _, id := range []subject.ID{sara, customer} { // one that is there, one that is new
		waiting = append(waiting, &recording{ctx: t.Context(), id: id, place: w.db.placeOf(id), done: make(chan error, 1), make: func(b *batch, _ *person) ([]consent.Event, error) {
			return []consent.Event{{Act: consent.ActRefused, Purpose: "newsletter", Policy: b.known.inForce().ID, Language: "en", Surface: consent.SurfaceAPI}}, nil
		}})
	}
	if _, err := w.db.cfg.Ring.BeginIndex(t.Context()); err != nil {
		t.Fatal(err)
	}
	for at, err := (cursor{}), error(nil); at.shard < allShards; {
		if at, err = w.db.retag(t.Context(), at, 2, retagAtOnce); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range waiting {
		if err := w.db.engine.record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.db.RotateIndex(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	for _, id := range []subject.ID{sara, customer} {
		w.wants(w.ask(id, "newsletter"), decision.Refused)
	}
	w.wants(w.ask(sara, "offers"), decision.Refused)
	w.check()
}

// TestKeysAreRotatedWhileServing rotates everything, from each server, while
// answers are recorded and read: nobody is lost, and nobody is entered under both
// keys (their tags would collide when they are made one).
func TestKeysAreRotatedWhileServing(t *testing.T) { each(t, testKeysAreRotatedWhileServing) }

func testKeysAreRotatedWhileServing(t *testing.T, w *world) {
	servers := []*world{w}
	if w.dsn != "" { // two servers on one database and one keyring
		other := &world{t: t, dir: w.dir, dsn: w.dsn, now: w.now, made: true}
		other.open()
		t.Cleanup(func() { other.db.Close() })
		servers = append(servers, other)
	}
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for _, s := range servers {
		for writer := range 3 {
			busy.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					id := nth(1_000_000*writer + i/2) // the same people on every server, and new ones all the time
					if _, err := s.db.Submit(t.Context(), Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}}); err != nil {
						t.Errorf("recording: %v", err)
						return
					}
					if a, err := s.db.Decide(t.Context(), id, decision.Question{Purpose: "tailored_offers"}); err != nil || a.Reason != decision.Given {
						t.Errorf("a yes is not found: %v, %v", a.Reason, err)
						return
					}
				}
			})
		}
	}
	for _, s := range servers {
		for name, rotate := range map[string]func() error{
			"index":   func() error { return s.db.RotateIndex(t.Context(), quiet) },
			"buckets": func() error { return s.db.RotateBuckets(t.Context(), quiet) },
			"feed":    func() error { return s.db.RotateFeed(t.Context()) },
			"master":  func() error { return s.db.cfg.Ring.RotateMaster(t.Context()) },
			"ledger":  func() error { _, err := s.db.HandOver(t.Context()); return err },
		} {
			if err := rotate(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	close(stop)
	busy.Wait()
	w.settled()
	w.check()
	var people, identifiers int
	if _, err := w.db.reader(t.Context())(`SELECT (SELECT count(*) FROM subject), (SELECT count(*) FROM identifier)`, nil, &people, &identifiers); err != nil {
		t.Fatal(err)
	}
	if people != identifiers || people < 20 {
		t.Errorf("%d people with %d identifiers", people, identifiers)
	}
	if len(w.db.Signers()) != 1+len(servers) {
		t.Errorf("%d keys of the log", len(w.db.Signers()))
	}
}

// TestABucketRotationShutsOutCopies takes a copy of the database's rows, rotates,
// and tries every key that is left.
func TestABucketRotationShutsOutCopies(t *testing.T) {
	w := newWorld(t)
	w.sayAll(20)
	type copied struct{ id, data, evidence []byte }
	var rows []copied
	list, err := w.db.readRows(t.Context())(`SELECT subject_id, data_key, evidence_key FROM subject`)
	if err != nil {
		t.Fatal(err)
	}
	for list.Next() {
		var c copied
		if err := list.Scan(&c.id, &c.data, &c.evidence); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, c)
	}
	list.Close()
	if err := w.db.RotateBuckets(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	for _, c := range rows {
		if _, err := w.db.cfg.Ring.Unwrap(keyring.SubjectID(c.id), keyring.Wrapped{Data: c.data, Evidence: c.evidence}); !errors.Is(err, keyring.ErrNoKey) {
			t.Fatalf("what was copied still opens: %v", err)
		}
	}
	w.wants(w.ask(nth(3), "tailored_offers"), decision.Given)
	w.check()
}

// TestAnOlderCopyOfTheKeyringIsRefused puts a copy of the keyring back from
// before somebody was erased.
func TestAnOlderCopyOfTheKeyringIsRefused(t *testing.T) {
	each(t, testAnOlderCopyOfTheKeyringIsRefused)
}

func testAnOlderCopyOfTheKeyringIsRefused(t *testing.T, w *world) {
	keys := filepath.Join(w.dir, "keys")
	if err := os.CopyFS(keys+".old", os.DirFS(keys)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(keys+".old", 0o700); err != nil {
		t.Fatal(err)
	}
	w.say(sara, "offers", consent.Refused)
	if _, err := w.db.Erase(t.Context(), sara, BySubject); err != nil {
		t.Fatal(err)
	}
	if err := w.db.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.db.Close()
	ring, err := keyring.Open(keys + ".old")
	if err != nil {
		t.Fatal(err)
	}
	if db, err := Open(t.Context(), w.config(ring)); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "older copy") {
		if err == nil {
			db.Close()
		}
		t.Errorf("%v", err)
	}
	w.open()
	w.check()
}

// A backup from the middle of a rotation has tags by both keys. Restored when one
// of them is destroyed, it finds everybody.
func TestABackupFromTheMiddleOfAnIndexRotationFindsEverybody(t *testing.T) {
	const n = 40
	w := newWorld(t)
	w.sayAll(n)
	if _, err := w.db.cfg.Ring.BeginIndex(t.Context()); err != nil {
		t.Fatal(err)
	}
	for at, err := (cursor{}), error(nil); at.shard < 100; {
		if at, err = w.db.retag(t.Context(), at, 2, 3); err != nil {
			t.Fatal(err)
		}
	}
	backup := w.backup()
	r, meanwhile := w.restored("sqlite", backup)
	meanwhile.run(r)
	if err := w.db.RotateIndex(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	r, after := w.restored("sqlite", backup)
	after.run(r)
	if err := meanwhile.db.RotateIndex(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]*world{"restored meanwhile": meanwhile, "restored after it": after} {
		if all, fresh := v.tagsOf(n); all != n || fresh != n {
			t.Errorf("%s: %d of %d are found", name, fresh, all)
		}
		v.check()
	}
}
