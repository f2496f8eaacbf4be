package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	decisiontable "github.com/amana-privacy/amana/table"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/subject"
)

// followed gathers what is told of commits.
type followed struct {
	mu   sync.Mutex
	list []Change
}

func (f *followed) hear(list []Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, list...)
}

// What is told of a commit is what is read of it afterwards.
func TestChangesAreToldAndRead(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var told followed
		w.db.Follow(told.hear)
		w.say(sara, "offers", consent.Given)
		w.say(sara, "offers", consent.Withdrawn)
		w.say(customer, "tailored_offers", consent.Given)
		tag := w.db.placeOf(customer)
		if _, err := w.db.Erase(t.Context(), customer, BySubject); err != nil {
			t.Fatal(err)
		}
		if len(told.list) != 4 {
			t.Fatalf("%d changes were told of, not 4", len(told.list))
		}
		reach, err := w.db.Reach(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		for _, last := range reach.Last {
			n += last
		}
		if n != 4 || reach.Publications != w.db.Publications() {
			t.Errorf("it reaches to %d events and publication %d", n, reach.Publications)
		}
		of := func(id subject.ID) []Change {
			at := w.db.placeOf(id)
			list, err := w.db.Changes(t.Context(), at.shard, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		list := of(sara)
		if !list[0].Fresh || list[1].Fresh || list[1].Subject != sara || list[1].States[consent.Key{Purpose: "offers"}].Status != consent.StatusGone {
			t.Errorf("of a withdrawal: %+v", list)
		}
		list = of(customer)
		last := list[len(list)-1]
		if list[len(list)-2].Subject != "" || last.Erased == nil || last.Erased.Tag != decisiontable.KeyFrom(w.db.cfg.Ring.Feed()).Tag(customer) || !told.list[3].Unread {
			t.Errorf("of an erasure: %+v", list)
		}
		var all []subject.ID
		err = w.db.Everybody(t.Context(), func(list []Change) error {
			for _, c := range list {
				all = append(all, c.Subject)
			}
			return nil
		})
		if err != nil || !slices.Equal(all, []subject.ID{sara}) {
			t.Errorf("everybody: %v, %v", all, err)
		}
		erased, err := w.db.Suppressed(t.Context())
		if want := decisiontable.ShortTag(decisiontable.SuppressedTag(w.db.cfg.Ring.Suppression(), customer)); err != nil || !slices.Equal(erased, []decisiontable.Tag{want}) {
			t.Errorf("erased: %v, %v", erased, err)
		}
		if err := w.db.Shred(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.Changes(t.Context(), tag.shard, last.N-1, 10); !errors.Is(err, ErrShredded) {
			t.Errorf("the tag of somebody shredded: %v", err)
		}
		w.check()
	})
}

// Who is told of nothing is told of nothing.
func TestNobodyFollows(t *testing.T) {
	w := newWorld(t)
	w.db.Follow(func([]Change) { t.Error("it was told") })
	w.db.Follow(nil)
	w.say(sara, "offers", consent.Given)
}

// The sealed tag of somebody erased goes with the bucket's key, wherever it lies.
func TestATagOfSomebodyErasedIsShredded(t *testing.T) {
	w := newWorld(t)
	w.say(sara, "offers", consent.Given)
	if _, err := w.db.Erase(t.Context(), sara, BySubject); err != nil {
		t.Fatal(err)
	}
	var id, sealed []byte
	var n int64
	if _, err := w.db.reader(context.Background())(`SELECT e.subject_id, r.n, r.sealed FROM erasure r JOIN event e ON e.shard_id = r.shard_id AND e.n = r.n`, nil, &id, &n, &sealed); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.openErasedTag([16]byte(id), n, sealed); err != nil {
		t.Fatalf("the test is worth nothing: %v", err)
	}
	if err := w.db.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.openErasedTag([16]byte(id), n, sealed); !errors.Is(err, ErrShredded) {
		t.Errorf("what a backup has of it opens: %v", err)
	}
	left := 0
	if _, err := w.db.reader(context.Background())(`SELECT count(*) FROM erasure`, nil, &left); err != nil || left > 0 {
		t.Errorf("%d of them are left: %v", left, err)
	}
}
