package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
)

// Report is what Check looked at.
type Report struct {
	Subjects, Events, Entries int64
}

// Check reads everything and holds it to the invariants: the ledger's tree is
// that of its entries, every record is in it, every state is the fold of its
// events, no event is missing. The error names the first thing that
// is not so, by ids only. It sees one moment of the database.
func (db *DB) Check(ctx context.Context) (Report, error) {
	c := &check{}
	err := db.snapshot(ctx, func(s *snapshot) (err error) {
		c.snapshot = s
		if c.known, err = readVersions(s.rows, nil); err != nil {
			return err
		}
		for _, step := range []func() error{c.ledger, c.waiting, c.public, c.subjects, c.kept, c.orphans} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return c.report, fmt.Errorf("checking: %w", err)
	}
	return c.report, nil
}

type check struct {
	*snapshot
	known   *versions // in the same moment
	entries []ledger.Entry
	queue   map[[2]int64]ledger.Entry // by shard and n: what the ledger has yet to take
	report  Report
}

// ledger computes the tree anew from its entries.
func (c *check) ledger() error {
	err := c.each(`SELECT n, entries FROM ledger_entries ORDER BY n`, nil, func(scan func(...any) error) error {
		var n int64
		var packed []byte
		err := scan(&n, &packed)
		if err == nil {
			c.entries, err = unpackEntries(c.entries, int64(len(c.entries)), n, packed)
		}
		return err
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
		if err := c.tx.QueryRowContext(c.ctx, c.db.d.sql(`SELECT hash FROM ledger_node WHERE level = ? AND n = ?`), n.Level, n.N).Scan(&got); err != nil || !bytes.Equal(got, n.Hash[:]) {
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

// waiting reads what the ledger has yet to take.
func (c *check) waiting() error {
	c.queue = map[[2]int64]ledger.Entry{}
	if c.db.d == sqliteDialect {
		return nil // it takes everything at once
	}
	return c.each(`SELECT shard_id, n, entry FROM ledger_queue`, nil, func(scan func(...any) error) error {
		var shard, n int64
		var entry []byte
		if err := scan(&shard, &n, &entry); err != nil {
			return err
		}
		c.queue[[2]int64{shard, n}] = ledger.Entry(entry)
		return nil
	})
}

func (c *check) public() error {
	return c.each(`SELECT id, leaf, salt, record FROM public_record`, nil, func(scan func(...any) error) error {
		var id int64
		var leaf sql.NullInt64
		var salt, record []byte
		if err := scan(&id, &leaf, &salt, &record); err != nil {
			return err
		}
		return c.committed(publicShard, id, leaf, ledger.EntryOf(ledger.Salt(salt), record))
	})
}

func (c *check) subjects() error {
	var all []scanned
	err := c.each(`SELECT `+subjectRow+` FROM subject s`, nil, func(scan func(...any) error) error {
		all = append(all, scanned{})
		return scan(all[len(all)-1].into()...)
	})
	if err != nil {
		return err
	}
	linked := map[keyring.SubjectID]links{}
	for _, s := range all {
		p, err := s.person()
		if err == nil {
			linked[p.id] = p.links
		}
		if err == nil {
			err = c.subject(p)
		}
		if err != nil {
			return fmt.Errorf("subject %x: %w", s.id, err)
		}
		c.report.Subjects++
	}
	return mutual(linked)
}

// mutual holds that whoever is linked with another is named by it too.
func mutual(linked map[keyring.SubjectID]links) error {
	for id, l := range linked {
		for _, o := range l.Others {
			them, there := linked[keyring.SubjectID(o.ID)]
			if there && !slices.ContainsFunc(them.Others, func(back other) bool { return back.ID == linkedID(id) && back.Since == l.Since }) {
				return fmt.Errorf("subject %x: it is linked with %x, which does not say so", id, o.ID)
			}
		}
	}
	return nil
}

// kept opens what is kept of the erased.
func (c *check) kept() error {
	return c.each(findKept, nil, func(scan func(...any) error) error {
		var r keptRow
		if err := scan(r.into()...); err != nil {
			return err
		}
		parts, _, err := r.open(c.db.cfg.Ring)
		if err != nil || len(r.id) != len(uuid.UUID{}) {
			return fmt.Errorf("what is kept as %x: %w", r.id, err)
		}
		shard, n := whereIs(uuid.UUID(r.id))
		return c.committed(shard, n, r.leaf, parts.Entry())
	})
}

// subject folds a subject's events and compares.
func (c *check) subject(p *person) error {
	if err := p.open(c.db.cfg.Ring); err != nil {
		return err
	}
	if err := p.nameOf(); err != nil {
		return err
	}
	var events []consent.Event
	var last, next, count int64
	err := c.each(chain+`SELECT seq, event_id, at, leaf, sealed, subject_id, n, kind FROM chain ORDER BY seq`, chainOf(p), func(scan func(...any) error) error {
		var seq, at, n int64
		var leaf sql.NullInt64
		var id, sealed, owner []byte
		var kind string
		if err := scan(&seq, &id, &at, &leaf, &sealed, &owner, &n, &kind); err != nil {
			return err
		}
		if len(id) != len(uuid.UUID{}) || !bytes.Equal(owner, p.id[:]) {
			return fmt.Errorf("event %d is not the subject's", seq)
		}
		parts, _, err := unsealEvent(p, uuid.UUID(id), sealed)
		if err != nil {
			return err
		}
		if count++; seq != count || at < last || n <= next {
			return fmt.Errorf("event %d is out of order or back in time", seq)
		}
		last, next = at, n
		if !strings.HasPrefix(kind, consentKind) {
			return c.committed(p.id.Shard(), n, leaf, parts.Entry())
		}
		e, err := eventOf(parts.Record, seq)
		if err != nil {
			return err
		}
		if millis(e.Time) != at || e.ID != uuid.UUID(id).String() {
			return fmt.Errorf("event %d is not its record's", seq)
		}
		events = append(events, e)
		c.report.Events++
		return c.committed(p.id.Shard(), n, leaf, parts.Entry())
	})
	if err != nil {
		return err
	}
	if count != p.seq || last != p.at {
		return fmt.Errorf("it leads to %d events; its row says %d", count, p.seq)
	}
	return c.folds(p, events)
}

// committed holds a record's entry to the ledger, or to the queue before it.
func (c *check) committed(shard int, n int64, leaf sql.NullInt64, e ledger.Entry) error {
	if leaf.Valid {
		return c.entered(leaf.Int64, e)
	}
	if c.queue[[2]int64{int64(shard), n}] != e {
		return fmt.Errorf("the record of event %d of shard %d is neither in the ledger nor on its way", n, shard)
	}
	return nil
}

func (c *check) folds(p *person, events []consent.Event) error {
	want := consent.Fold(events, c.known.version)
	if got, should := marshalStates(p.states), marshalStates(want); !bytes.Equal(got, should) {
		return fmt.Errorf("its states are not the fold of its events")
	}
	return nil
}

// orphans looks for rows that lead nowhere.
func (c *check) orphans() error {
	for what, query := range map[string]string{
		"events without a subject":        `SELECT count(*) FROM event e WHERE e.sealed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM subject s WHERE s.shard_id = e.shard_id AND s.subject_id = e.subject_id)`,
		"events that no subject leads to": `SELECT (SELECT count(*) FROM event WHERE sealed IS NOT NULL) - (SELECT coalesce(sum(seq), 0) FROM subject)`,
		"identifiers without a subject":   `SELECT count(*) FROM identifier e WHERE NOT EXISTS (SELECT 1 FROM subject s WHERE s.shard_id = e.shard_id AND s.subject_id = e.subject_id)`,
		"subjects without an identifier":  `SELECT count(*) FROM subject s WHERE NOT EXISTS (SELECT 1 FROM identifier i WHERE s.shard_id = i.shard_id AND s.subject_id = i.subject_id)`,
		"gaps in the numbers of events":   `SELECT count(*) FROM (SELECT shard_id FROM event GROUP BY shard_id HAVING max(n) <> count(*)) g`,
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
