package store

import (
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/subject"
)

// BenchmarkRecord writes consents of new subjects from many callers at once:
// durable, sealed, and in the ledger or on the way there. Compare it with
// BenchmarkBareRows at the same number.
func BenchmarkRecord(b *testing.B) {
	for _, on := range databases[:2] {
		for _, batch := range []int{1, 64, 1024} {
			b.Run(fmt.Sprintf("%s/batch=%d", on, batch), func(b *testing.B) {
				w := newWorldOn(b, on)
				callers := batch // so many wait for each writer
				if w.dsn != "" {
					callers *= postgresWriters
				}
				if batch == maxBatch {
					callers *= 2 // while one batch is written the next one gathers, and is not longer
				}
				var next atomic.Int64
				b.ResetTimer()
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
							_, err := w.db.Submit(b.Context(), Submission{Subject: subject.ID(fmt.Sprintf("customer:%d", i)), Surface: consent.SurfaceAPI,
								Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}})
							if err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "consents/s")
			})
		}
	}
}

// BenchmarkBareRows is what the same driver does with the same rows, of random
// bytes and over the same shards, at as many a commit: nothing is read, folded,
// sealed or hashed.
func BenchmarkBareRows(b *testing.B) {
	for _, on := range databases[:2] {
		for _, batch := range []int{1, 64, 1024} {
			b.Run(fmt.Sprintf("%s/batch=%d", on, batch), func(b *testing.B) {
				w := newWorldOn(b, on)
				made := bareBatches(b, w.db, batch)
				b.ResetTimer()
				switch e := w.db.engine.(type) {
				case *sqliteEngine:
					bareSQLite(b, e, made)
				case *postgresEngine:
					barePostgres(b, e, made)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "consents/s")
			})
		}
	}
}

// bareBatches makes b.N consents as they are after sealing, in random bytes.
func bareBatches(b *testing.B, db *DB, size int) []*batch {
	var out []*batch
	numbers := map[int]int64{}
	for made := 0; made < b.N; {
		m := &batch{db: db, now: db.now(), last: map[int]int64{}}
		for ; len(m.events) < size && made < b.N; made++ {
			p := bareSubject()
			if _, ok := db.engine.(*postgresEngine); ok { // one writer's shards
				p.id = newSubjectID(p.id.Shard()/postgresWriters*postgresWriters + len(out)%postgresWriters)
			}
			shard := p.id.Shard()
			numbers[shard]++
			m.last[shard] = numbers[shard] + 1<<20
			a := &appended{p: p, shard: shard, n: m.last[shard], sealed: random(967), event: consent.Event{Act: consent.ActGiven, Purpose: "tailored_offers", Seq: 1, Time: m.now}}
			a.id = newEventID(shard, a.n)
			rand.Read(a.entry[:])
			p.last = a.n
			m.changed, m.events = append(m.changed, p), append(m.events, a)
		}
		out = append(out, m)
	}
	return out
}

func bareSubject() *person {
	p := &person{fresh: true, seq: 1, at: 1_795_000_000_000, identifier: random(44), stored: random(380), place: place{tag: random(32)}, turn: new(sync.Once)}
	p.turn.Do(func() {}) // it is sealed
	p.wrapped = keyring.Wrapped{Data: random(60), Evidence: random(60)}
	for i := range p.stored {
		p.stored[i] = 'a' + p.stored[i]%26
	}
	p.id = newSubjectID(int(random(1)[0]))
	return p
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func bareSQLite(b *testing.B, e *sqliteEngine, made []*batch) {
	leaf := int64(1 << 20)
	for _, m := range made {
		if err := e.write(b.Context(), func(*tx) error { // on the writer's connection, in its transaction
			e.first = leaf
			if err := e.save(b.Context(), m); err != nil {
				return err
			}
			entries := make([]ledger.Entry, len(m.events))
			for i, a := range m.events {
				entries[i] = a.entry
			}
			n, packed := entryRows(leaf, entries)
			packed[0] = append(random(int(leaf%perRow*entryLength)), packed[0]...) // what stands in the row already
			for i := range n {
				if _, err := (prepared{e}).ExecContext(b.Context(), insertEntries, n[i], packed[i]); err != nil {
					return err
				}
			}
			leaf += int64(len(m.events))
			e.batch = e.batch[:0] // they are in the table, not in the tree
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}

func barePostgres(b *testing.B, e *postgresEngine, made []*batch) {
	var wg sync.WaitGroup
	for of := range postgresWriters {
		wg.Go(func() {
			w := &postgresWriter{e: e}
			var err error
			if w.conn, err = e.pool.Acquire(b.Context()); err != nil {
				b.Error(err)
				return
			}
			defer w.release()
			for i := of; i < len(made); i += postgresWriters {
				m, asked := made[i], &pgx.Batch{}
				asked.Queue(`BEGIN`)
				w.savePeople(asked, m)
				saveEvents(asked, m)
				asked.Queue(`COMMIT`)
				if err := w.conn.SendBatch(b.Context(), asked).Close(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
