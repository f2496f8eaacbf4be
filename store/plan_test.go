package store

import (
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/subject"
)

// Plans are kept from when the tables were empty; none of them may read a table
// of people or events whole when it has grown. A row that gets its leaf is
// written beside itself, without another entry in any index.
func TestPostgresFindsByKey(t *testing.T) {
	eachPostgres(t, func(t *testing.T, w *world) {
		const writers, each = 8, 40 // of which two are of one person
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for j := range each {
					done, err := w.db.Submit(t.Context(), Submission{Subject: subject.ID(fmt.Sprintf("customer:%d", i*each+j/2)), Surface: consent.SurfaceAPI,
						Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}})
					if err == nil && j == each-1 {
						err = done.Wait(t.Context())
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if err := w.db.Close(); err != nil { // its connections tell what they did when they end
			t.Fatal(err)
		}
		db, err := sql.Open("pgx", w.dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		type counts struct{ whole, byKey, updated, hot int64 }
		of := func(table string) (c counts) {
			err := db.QueryRow(`SELECT coalesce(seq_scan, 0), coalesce(idx_scan, 0), n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = $1`, table).
				Scan(&c.whole, &c.byKey, &c.updated, &c.hot)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		for of("event").updated < writers*each {
			time.Sleep(10 * time.Millisecond) // until the server has counted
		}
		for _, table := range []string{"identifier", "subject", "event"} {
			c := of(table)
			if c.byKey == 0 || c.whole > 2 { // opening may look whether there is anything
				t.Errorf("%s was read whole %d times, by key %d times", table, c.whole, c.byKey)
			}
		}
		if c := of("event"); c.hot != c.updated {
			t.Errorf("of %d events that got their leaf, %d were written without an index", c.updated, c.hot)
		}
	})
}
