package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/policy"
)

// Report is what Check looked at.
type Report struct {
	Subjects, Events, Entries int64
}

// Check reads everything and holds it to the invariants: the ledger's tree is
// that of its entries, every record is in it, every state is the fold of its
// events, every event has its outbox row. The error names the first thing that
// is not so, by ids only. It sees one moment of the database.
func (db *DB) Check(ctx context.Context) (Report, error) {
	tx, err := db.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Report{}, fmt.Errorf("checking: %w", err)
	}
	defer tx.Rollback()
	c := &check{db: db, ctx: ctx, tx: tx}
	for _, step := range []func() error{c.ledger, c.public, c.subjects, c.orphans} {
		if err := step(); err != nil {
			return c.report, fmt.Errorf("checking: %w", err)
		}
	}
	return c.report, nil
}

type check struct {
	db      *DB
	ctx     context.Context
	tx      *sql.Tx
	entries []ledger.Entry
	report  Report
}

// each runs a query and calls f for each of its rows.
func (c *check) each(query string, args []any, f func(scan func(...any) error) error) error {
	rows, err := c.tx.QueryContext(c.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// ledger computes the tree anew from its entries.
func (c *check) ledger() error {
	err := c.each(`SELECT leaf, entry FROM ledger_entry ORDER BY leaf`, nil, func(scan func(...any) error) error {
		var leaf int64
		var b []byte
		if err := scan(&leaf, &b); err != nil {
			return err
		}
		if leaf != int64(len(c.entries)) || len(b) != len(ledger.Entry{}) {
			return fmt.Errorf("ledger entry %d is missing", len(c.entries))
		}
		c.entries = append(c.entries, ledger.Entry(b))
		return nil
	})
	if err != nil {
		return err
	}
	c.report.Entries = int64(len(c.entries))
	fresh, err := ledger.Load(0, func(int, int64) ([]tlog.Hash, error) { return nil, fmt.Errorf("not kept") })
	if err != nil {
		return err
	}
	staged := fresh.Stage(c.entries)
	for _, n := range staged.Nodes {
		var got []byte
		if err := c.tx.QueryRowContext(c.ctx, `SELECT hash FROM ledger_node WHERE level = ? AND n = ?`, n.Level, n.N).Scan(&got); err != nil || !bytes.Equal(got, n.Hash[:]) {
			return fmt.Errorf("ledger node %d of level %d is not that of its entries", n.N, n.Level)
		}
	}
	var size int64
	if err := c.tx.QueryRowContext(c.ctx, `SELECT coalesce(max(size), 0) FROM ledger_head`).Scan(&size); err != nil || size != staged.Size {
		return fmt.Errorf("the last head is of %d entries, but there are %d", size, staged.Size)
	}
	return nil
}

func (c *check) entered(leaf int64, e ledger.Entry) error {
	if leaf < 0 || leaf >= int64(len(c.entries)) || c.entries[leaf] != e {
		return fmt.Errorf("leaf %d of the ledger is not its record's", leaf)
	}
	return nil
}

func (c *check) public() error {
	return c.each(`SELECT leaf, salt, record FROM public_record`, nil, func(scan func(...any) error) error {
		var leaf int64
		var salt, record []byte
		if err := scan(&leaf, &salt, &record); err != nil {
			return err
		}
		return c.entered(leaf, ledger.EntryOf(ledger.Salt(salt), record))
	})
}

func (c *check) subjects() error {
	var all [][4][]byte
	err := c.each(`SELECT subject_id, data_key, evidence_key, identifier FROM subject`, nil, func(scan func(...any) error) error {
		var r [4][]byte
		all = append(all, r)
		last := &all[len(all)-1]
		return scan(&last[0], &last[1], &last[2], &last[3])
	})
	if err != nil {
		return err
	}
	for _, r := range all {
		p, err := c.db.openPerson(r[0], r[1], r[2], r[3])
		if err == nil {
			err = c.subject(p)
		}
		if err != nil {
			return fmt.Errorf("subject %x: %w", r[0], err)
		}
		c.report.Subjects++
	}
	return nil
}

// subject folds a subject's events and compares.
func (c *check) subject(p *person) error {
	var events []consent.Event
	var last int64
	err := c.each(`SELECT e.seq, e.event_id, e.at, e.leaf, e.sealed, EXISTS (SELECT 1 FROM outbox o WHERE o.shard_id = e.shard_id AND o.event_id = e.event_id)
		FROM event e WHERE e.shard_id = ? AND e.subject_id = ? ORDER BY e.seq`, []any{p.id.Shard(), p.id[:]}, func(scan func(...any) error) error {
		var seq, at, leaf int64
		var id, sealed []byte
		var told bool
		if err := scan(&seq, &id, &at, &leaf, &sealed, &told); err != nil {
			return err
		}
		parts, _, err := unsealEvent(p, uuid.UUID(id), sealed)
		if err != nil {
			return err
		}
		if seq != int64(len(events))+1 || at < last || !told {
			return fmt.Errorf("event %d: out of order, back in time or without its outbox row", seq)
		}
		last = at
		e, err := eventOf(parts.Record, seq)
		if err != nil {
			return err
		}
		if millis(e.Time) != at || e.ID != uuid.UUID(id).String() {
			return fmt.Errorf("event %d is not its record's", seq)
		}
		events = append(events, e)
		c.report.Events++
		return c.entered(leaf, parts.Entry())
	})
	if err != nil {
		return err
	}
	return c.folds(p, events)
}

func (c *check) folds(p *person, events []consent.Event) error {
	versions := func(id policy.VersionID) *policy.Version { return c.db.Version(id) }
	want := consent.Fold(events, versions)
	got, err := c.db.states(func(query string, args ...any) (*sql.Rows, error) { return c.tx.QueryContext(c.ctx, query, args...) }, p)
	if err != nil {
		return err
	}
	if len(got) != len(want) {
		return fmt.Errorf("it has %d states; its events come to %d", len(got), len(want))
	}
	for key := range want {
		w, err1 := json.Marshal(want[key])
		g, err2 := json.Marshal(got[key])
		if err1 != nil || err2 != nil || !bytes.Equal(w, g) {
			return fmt.Errorf("the state of %s %s is not the fold of its events", key.Purpose, key.Recipient)
		}
	}
	return nil
}

// orphans looks for rows that lead nowhere.
func (c *check) orphans() error {
	for what, query := range map[string]string{
		"events without a subject":       `SELECT count(*) FROM event e WHERE NOT EXISTS (SELECT 1 FROM subject s WHERE s.shard_id = e.shard_id AND s.subject_id = e.subject_id)`,
		"states without a subject":       `SELECT count(*) FROM state e WHERE NOT EXISTS (SELECT 1 FROM subject s WHERE s.shard_id = e.shard_id AND s.subject_id = e.subject_id)`,
		"identifiers without a subject":  `SELECT count(*) FROM identifier e WHERE NOT EXISTS (SELECT 1 FROM subject s WHERE s.shard_id = e.shard_id AND s.subject_id = e.subject_id)`,
		"subjects without an identifier": `SELECT count(*) FROM subject s WHERE NOT EXISTS (SELECT 1 FROM identifier i WHERE s.shard_id = i.shard_id AND s.subject_id = i.subject_id)`,
		"gaps in the outbox":             `SELECT count(*) FROM (SELECT shard_id FROM outbox GROUP BY shard_id HAVING max(seq) - min(seq) + 1 <> count(*))`,
	} {
		var n int64
		if err := c.tx.QueryRowContext(c.ctx, query).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%d %s", n, what)
		}
	}
	return nil
}
