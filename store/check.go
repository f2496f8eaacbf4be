package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
)

// Report is what Check looked at.
type Report struct {
	Subjects int64 `json:"subjects"`
	Events   int64 `json:"events"`
	Entries  int64 `json:"entries"`
}

// Check reads everything and holds it to the invariants: the ledger's tree is
// that of its entries, every record is in it, every state is the fold of its
// events, no event is missing. The error names the first thing that
// is not so, by ids only; it is fault.Overloaded where the database could not be
// read. It sees one moment of the database.
//
// It holds personsAtOnce subjects in memory, the history of one of them, and as
// many entries as those have: some megabytes, however many there are of them.
// Whom an erasure takes away meanwhile is not counted.
func (db *DB) Check(ctx context.Context) (Report, error) {
	c := &check{}
	err := db.snapshot(ctx, func(s *snapshot) (err error) {
		c.snapshot = s
		if c.known, err = readVersions(s.rows, nil); err != nil {
			return err
		}
		for _, step := range []func() error{c.ledger, c.public, c.subjects, c.kept, c.orphans} {
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
	known  *versions // in the same moment
	owed   []owed    // at most those of one page and of one more history
	report Report
}

func (c *check) subjects() error {
	shard, last := int64(-1), []byte{}
	return c.pages(func() (int, error) {
		type placed struct {
			shard int64
			scanned
		}
		var page []placed
		err := c.each(`SELECT s.shard_id, `+subjectRow+` FROM subject s WHERE (s.shard_id, s.subject_id) > (?, ?) ORDER BY s.shard_id, s.subject_id LIMIT ?`,
			[]any{shard, last, personsAtOnce}, func(scan func(...any) error) error {
				page = append(page, placed{})
				s := &page[len(page)-1]
				return scan(append([]any{&s.shard}, s.into()...)...)
			})
		if err != nil {
			return 0, err
		}
		for i := range page {
			shard, last = page[i].shard, page[i].id
			if err := c.person(&page[i].scanned, func(p *person) error { return c.subject(p, shard) }); err != nil {
				return 0, fmt.Errorf("subject %x: %w", last, err)
			}
			if len(c.owed) > settledAtOnce {
				if err := c.settle(); err != nil {
					return 0, err
				}
			}
		}
		return len(page), nil
	})
}

// mutual holds that whoever a subject is linked with names it too.
func (c *check) mutual(p *person) error {
	for _, o := range p.links.Others {
		var raw string
		there, err := c.row(`SELECT links FROM subject WHERE shard_id = ? AND subject_id = ?`, []any{keyring.SubjectID(o.ID).Shard(), o.ID[:]}, &raw)
		if err != nil {
			return err
		}
		them, err := unmarshalLinks(raw)
		if err != nil {
			return err
		}
		if there && !slices.ContainsFunc(them.Others, func(back other) bool { return back.ID == linkedID(p.id) && back.Since == p.links.Since }) {
			return fmt.Errorf("it is linked with %x, which does not say so", o.ID)
		}
	}
	return nil
}

// kept opens what is kept of the erased.
func (c *check) kept() error {
	shard, last := int64(-1), int64(0)
	return c.pages(func() (int, error) {
		var page []keptRow
		err := c.each(`SELECT k.shard_id, k.n, `+keptColumns+` WHERE (k.shard_id, k.n) > (?, ?) ORDER BY k.shard_id, k.n LIMIT ?`, []any{shard, last, personsAtOnce}, func(scan func(...any) error) error {
			page = append(page, keptRow{})
			return scan(append([]any{&shard, &last}, page[len(page)-1].into()...)...)
		})
		for i := 0; err == nil && i < len(page); i++ {
			err = c.keptOne(&page[i])
		}
		return len(page), err
	})
}

func (c *check) keptOne(r *keptRow) error {
	parts, _, err := r.open(c.db.cfg.Ring)
	if errors.Is(err, keyring.ErrNoKey) { // its bucket has another key by now, or its time is over
		now, ok, rerr := c.db.keptRow(c.ctx, uuid.UUID(r.id).String())
		if rerr != nil || !ok {
			return rerr
		}
		parts, _, err = now.open(c.db.cfg.Ring)
	}
	if err != nil {
		return fmt.Errorf("what is kept as %x: %w", r.id, err)
	}
	shard, n := whereIs(uuid.UUID(r.id))
	c.committed(keyring.SubjectID{}, shard, n, r.leaf, parts.Entry())
	return nil
}

// subject folds the events of a subject, which lies in a shard, and compares.
func (c *check) subject(p *person, shard int64) error {
	if shard != int64(p.id.Shard()) {
		return fmt.Errorf("it lies in shard %d", shard)
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
		c.committed(p.id, p.id.Shard(), n, leaf, parts.Entry())
		if !strings.HasPrefix(kind, consentKind) {
			return nil
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
		return nil
	})
	if err != nil {
		return err
	}
	if count != p.seq || last != p.at {
		return fmt.Errorf("it leads to %d events; its row says %d", count, p.seq)
	}
	c.report.Subjects++
	if err := c.mutual(p); err != nil {
		return err
	}
	return c.folds(p, events)
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
		if _, err := c.row(query, nil, &n); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%d %s", n, what)
		}
	}
	return nil
}
