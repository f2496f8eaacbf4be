package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// deed is something that is written. It is done again and again, with another i
// each time.
type deed struct {
	name    string
	prepare func(i int) // what has to be there before; may be nil
	do      func(i int) error
	done    func(i int) int64 // how often it is in the database
	again   bool              // doing it twice is doing it once
}

// deeds are done by db and looked at through the world's own server, which is
// not cut.
func (w *world) deeds(db *DB) []deed {
	ctx, cosigner := w.t.Context(), w.cosigner()
	one := func(kind string) func(int) subject.ID {
		return func(i int) subject.ID { return subject.ID(fmt.Sprintf("customer:%s%d", kind, i)) }
	}
	fresh, known, keyed, gone, waits := one("f"), one("k"), one("i"), one("g"), func(i int) subject.ID { return subject.ID(fmt.Sprintf("email:w%d@example.com", i)) }
	first := func(i int) subject.ID { return subject.ID(fmt.Sprintf("email:p%d@example.com", i)) }
	submit := func(db *DB, s Submission) error { _, err := db.Submit(ctx, s); return err }
	must := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	words := w.db.InForce().Policy.Purposes["offers"].Benefit["en"]
	edition := func(i int) *policy.Document {
		doc, findings := policy.Read("amana.yaml", []byte(strings.Replace(w.source(), words, fmt.Sprintf("%s Edition %d.", words, i), 1)))
		if len(findings) > 0 {
			w.t.Fatal(findings)
		}
		return doc
	}
	return []deed{
		{"record of a new subject", nil,
			func(i int) error { return submit(db, answer(fresh(i), "tailored_offers", consent.Given)) },
			func(i int) int64 { return w.eventsOf(fresh(i)) }, false},
		{"record of a known subject",
			func(i int) { must(submit(w.db, answer(known(i), "coverage_study", consent.Given))) },
			func(i int) error { return submit(db, answer(known(i), "tailored_offers", consent.Given)) },
			func(i int) int64 { return w.eventsOf(known(i)) - 1 }, false},
		{"record under a key", nil,
			func(i int) error {
				s := answer(keyed(i), "tailored_offers", consent.Given)
				s.Once = &Once{Client: "shop", Key: fmt.Sprint(i), Body: []byte("body")}
				return submit(db, s)
			},
			func(i int) int64 { return w.eventsOf(keyed(i)) }, true},
		{"confirmation",
			func(i int) { must(submit(w.db, answer(waits(i), "newsletter", consent.Given))) },
			func(i int) error {
				_, err := db.Confirm(ctx, waits(i), "newsletter", consent.SurfaceDemo)
				return err
			},
			func(i int) int64 { return w.eventsOf(waits(i)) - 1 }, false},
		{"erasure",
			func(i int) { must(submit(w.db, answer(gone(i), "tailored_offers", consent.Given))) },
			func(i int) error { _, err := db.Erase(ctx, gone(i), BySubject); return err },
			func(i int) int64 {
				return w.number(`SELECT count(*) FROM suppression WHERE tag = $1`, db.suppressionTag(gone(i)))
			}, false},
		{"shredding",
			func(i int) {
				must(submit(w.db, answer(gone(i), "tailored_offers", consent.Given)))
				_, err := w.db.Erase(ctx, gone(i), BySubject)
				must(err)
			},
			func(int) error { return db.Shred(ctx) },
			func(int) int64 { return 1 - min(1, w.number(`SELECT count(*) FROM shred`)) }, true},
		{"token", nil,
			func(i int) error { _, err := db.CreateToken(ctx, fmt.Sprint("t", i), []string{"decide"}); return err },
			func(i int) int64 { return w.number(`SELECT count(*) FROM token WHERE name = $1`, fmt.Sprint("t", i)) }, false},
		{"refusal", nil,
			func(i int) error { return db.CountRefusal(ctx, consent.SurfaceChoices, fmt.Sprint("l", i)) },
			func(i int) int64 {
				return w.number(`SELECT coalesce(sum(n), 0) FROM refusal WHERE language = $1`, fmt.Sprint("l", i))
			}, false},
		{"co-signature", nil,
			func(i int) error { return db.Cosigned(ctx, Growth{Size: 1}, fmt.Sprint("w", i), cosigner) },
			func(i int) int64 {
				return w.number(`SELECT count(*) FROM cosignature WHERE witness = $1`, fmt.Sprint("w", i))
			}, true},
		{"record under a new policy",
			func(i int) { _, err := w.db.Publish(ctx, edition(-i), nil, "Mona Haddad"); must(err) },
			func(i int) error { return submit(db, answer(first(i), "offers", consent.Given)) },
			func(i int) int64 { return w.eventsOf(first(i)) }, false},
		{"publication", nil,
			func(i int) error { _, err := db.Publish(ctx, edition(i), nil, "Mona Haddad"); return err },
			func(i int) int64 {
				return w.number(`SELECT count(*) FROM publication WHERE version = $1`, string(edition(i).ID))
			}, true},
	}
}

// cosigner is the line of a witness that never was.
func (w *world) cosigner() string { return "— w AAAA\n" }

// number reads one.
func (w *world) number(query string, args ...any) (n int64) {
	w.t.Helper()
	if err := w.db.reads.QueryRow(query, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// eventsOf counts a subject's.
func (w *world) eventsOf(id subject.ID) int64 {
	w.t.Helper()
	at := w.db.placeOf(id)
	return w.number(`SELECT coalesce(sum(s.seq), 0)::bigint FROM identifier i JOIN subject s ON s.shard_id = i.shard_id AND s.subject_id = i.subject_id
		WHERE i.shard_id = $1 AND i.tag = $2`, at.shard, at.tag)
}

func TestAConnectionLostAtAnyStatementLosesNothing(t *testing.T) {
	eachPostgres(t, testAConnectionLostAtAnyStatementLosesNothing)
}

// Each deed is done once to hear its statements, and then with the connection
// cut before and after each. Who is told that it went well finds it once, and
// who is told of trouble at most once.
func testAConnectionLostAtAnyStatementLosesNothing(t *testing.T, w *world) {
	w.settled()
	wire := pgtest.NewWire(t, w.dsn)
	db := w.server(wire.DSN())
	still(t, wire, db)
	cuts := map[string]func(string) <-chan struct{}{"before": wire.CutBefore, "after": wire.CutAfter}
	i := 0
	for _, d := range w.deeds(db) {
		var statements []string
		for range 2 { // of the second time: what is done once for all is no part of it
			i++
			wire.Heard()
			w.cutInDeed(d, i, "nowhere", nil)
			statements = one(wire.Heard())
		}
		refused := 0
		for _, s := range statements {
			for when, cut := range cuts {
				i++
				if w.cutInDeed(d, i, when+" "+s, func() <-chan struct{} { return cut(s) }) != nil {
					refused++
				}
			}
		}
		t.Logf("%s: %d statements, %d times refused", d.name, len(statements), refused)
	}
	w.settled()
	w.check()
}

// still keeps a server's sequencer from doing anything until the test's end, so
// that nothing but what the test does is on the wire.
func still(t *testing.T, wire *pgtest.Wire, db *DB) {
	e := db.engine.(*postgresEngine)
	e.mu.Lock()
	t.Cleanup(e.mu.Unlock)
	for wire.Heard(); ; {
		time.Sleep(2 * integrateEvery)
		if len(wire.Heard()) == 0 {
			return
		}
	}
}

// cutInDeed does a deed with a cut in it, and gives what whoever did it was told.
func (w *world) cutInDeed(d deed, i int, where string, cut func() <-chan struct{}) (err error) {
	t := w.t
	t.Helper()
	if d.prepare != nil {
		d.prepare(i)
	}
	if cut != nil {
		is := cut()
		err = d.do(i)
		happens(t, d.name+" "+where, is)
	} else {
		err = d.do(i)
	}
	n := d.done(i)
	switch {
	case err == nil && n != 1:
		t.Errorf("%s, cut %s: acknowledged, and in the database %d times", d.name, where, n)
	case err != nil && fault.KindOf(err) != fault.Overloaded:
		t.Errorf("%s, cut %s: %v", d.name, where, err)
	case err != nil && n > 1:
		t.Errorf("%s, cut %s: %d times in the database", d.name, where, n)
	}
	if err != nil && (d.again || n == 0) {
		if err := d.do(i); err != nil {
			t.Errorf("%s, cut %s: tried again: %v", d.name, where, err)
		}
		if n := d.done(i); n != 1 {
			t.Errorf("%s, cut %s: tried again, %d times in the database", d.name, where, n)
		}
	}
	return err
}
