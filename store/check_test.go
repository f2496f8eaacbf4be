package store

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/decision"
)

// Everything is checked page by page, and what is wrong on any of them is found.
func TestTheCheckFindsWhatIsWrongOnALaterPage(t *testing.T) {
	each(t, testTheCheckFindsWhatIsWrongOnALaterPage)
}

func testTheCheckFindsWhatIsWrongOnALaterPage(t *testing.T, w *world) {
	const people = 2*personsAtOnce + 60
	w.sayAll(people)
	w.settled()
	if r, err := w.db.Check(t.Context()); err != nil || r.Subjects != people || r.Events != people {
		t.Fatalf("%+v, %v", r, err)
	}
	last := `(SELECT max(n) FROM event WHERE shard_id = (SELECT max(shard_id) FROM event))`
	for _, c := range []struct{ spoil, mend, says string }{
		{`UPDATE event SET leaf = leaf - 1000 WHERE shard_id = (SELECT max(shard_id) FROM event) AND n = ` + last,
			`UPDATE event SET leaf = leaf + 1000 WHERE shard_id = (SELECT max(shard_id) FROM event) AND n = ` + last, "of the ledger is not its record's"},
		{`UPDATE event SET leaf = leaf + 1000 WHERE shard_id = (SELECT max(shard_id) FROM event) AND n = ` + last,
			`UPDATE event SET leaf = leaf - 1000 WHERE shard_id = (SELECT max(shard_id) FROM event) AND n = ` + last, "of the ledger is not its record's"},
		{`CREATE TABLE aside AS SELECT shard_id, n, leaf FROM event WHERE shard_id = (SELECT max(shard_id) FROM event); UPDATE event SET leaf = NULL WHERE shard_id = (SELECT max(shard_id) FROM event)`,
			`UPDATE event SET leaf = (SELECT leaf FROM aside a WHERE a.n = event.n) WHERE shard_id = (SELECT max(shard_id) FROM event); DROP TABLE aside`, "neither in the ledger nor on its way"},
		{`UPDATE ledger_node SET n = n + 1 WHERE level = 1 AND n = 1`, `UPDATE ledger_node SET n = n - 1 WHERE level = 1 AND n = 2`, "ledger node 1 of level 1"},
		{`UPDATE public_record SET leaf = leaf + 5 WHERE id = 1`, `UPDATE public_record SET leaf = leaf - 5 WHERE id = 1`, "of the ledger is not its record's"},
		{`UPDATE publication SET record = record + 1000`, `UPDATE publication SET record = record - 1000`, "public records that are named and not there"},
	} {
		w.changes(c.spoil)
		if _, err := w.db.Check(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.spoil, err)
		}
		w.changes(c.mend)
		if _, err := w.db.Check(t.Context()); err != nil {
			t.Fatalf("%s: %v", c.mend, err)
		}
	}
}

// changes runs statements behind the store's back.
func (w *world) changes(statements string) {
	w.t.Helper()
	db := w.db.reads
	if w.db.d == sqliteDialect {
		other, err := openSQLiteFile(w.file(), 1, "")
		if err != nil {
			w.t.Fatal(err)
		}
		defer other.Close()
		db = other
	}
	for s := range strings.SplitSeq(statements, ";") {
		if _, err := db.Exec(s); err != nil {
			w.t.Fatalf("%s: %v", s, err)
		}
	}
}

// What a check holds in memory does not grow with the people. Nothing runs beside
// it, so that what is alive is its own.
func TestTheCheckHoldsAFewPeopleAtOnce(t *testing.T) {
	w := newWorld(t)
	for i := range 16 {
		w.sayFrom(i*500, 500)
	}
	alive := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most := alive(), uint64(0)
	done := make(chan error, 1)
	go func() {
		_, err := w.db.Check(t.Context())
		done <- err
	}()
	for len(done) == 0 {
		most = max(most, alive())
		time.Sleep(20 * time.Millisecond)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Logf("a check of 8,000 people held %d kB", (int64(most)-int64(before))>>10)
	if more := int64(most) - int64(before); more > 10<<20 {
		t.Errorf("a check of 8,000 people held %d kB", more>>10)
	}
}

// People whom no key opens, a whole page of them, do not end a search.
func TestASearchGoesOnBehindThoseWhomNoKeyOpens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sayAll(530)
	w.changes(`UPDATE subject SET data_key = zeroblob(length(data_key)) WHERE (shard_id, subject_id) IN (SELECT shard_id, subject_id FROM subject ORDER BY 1, 2 LIMIT 500)`)
	got, err := w.db.Search(t.Context(), decision.Question{Purpose: "tailored_offers"}, "t", MaxAllowed, "")
	if err != nil || len(got.Subjects) != 30 || got.Next != "" {
		t.Fatalf("%d people, %q, %v", len(got.Subjects), got.Next, err)
	}
}
