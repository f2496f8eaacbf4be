package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/keyring"
)

// Report is what Check looked at.
type Report struct {
	Subjects int64 `json:"subjects"`
	Events   int64 `json:"events"`
	Entries  int64 `json:"entries"`
}

// Check reads everything and holds it to the invariants: the ledger's tree is
// that of its entries and that of every head that was kept, every record is in it,
// every state is the fold of its events, no event is missing. The error names the
// first thing that is not so, by ids only; it is fault.Overloaded where the database
// could not be read. It sees one moment of the database.
//
// It takes all processors. It holds some hundreds of subjects in memory with their
// events, or the history of one that is longer, and the entries that those have: some
// megabytes, however many there are of them. Whom an erasure takes away meanwhile is
// not counted.
func (db *DB) Check(ctx context.Context) (Report, error) {
	c := &check{}
	err := db.snapshot(ctx, func(s *snapshot) error {
		c.snapshot = s
		return c.run()
	})
	if err != nil {
		return c.report, fmt.Errorf("checking: %w", err)
	}
	return c.report, nil
}

type check struct {
	*snapshot
	known     *versions // in the same moment
	owed      []owed    // at most those of a page and of a group of people
	suspected error     // what is wrong with the entries of the ledger, but for which
	report    Report
}

// run does one step after the other. Which entry of the ledger is wrong, the record
// tells that it is of.
func (c *check) run() (err error) {
	if c.known, err = readVersions(c.rows, nil); err != nil {
		return err
	}
	for _, step := range []func() error{c.ledger, c.public, c.subjects, c.kept, c.orphans} {
		if err = step(); err != nil {
			break
		}
	}
	switch {
	case c.suspected == nil:
		return err
	case err == nil:
		return c.suspected
	}
	return fmt.Errorf("%w; %w", c.suspected, err)
}

// mutual holds that whoever a subject is linked with names it too.
func (c *check) mutual(id keyring.SubjectID, links links) error {
	for _, o := range links.Others {
		var raw string
		there, err := c.row(`SELECT links FROM subject WHERE shard_id = ? AND subject_id = ?`, []any{keyring.SubjectID(o.ID).Shard(), o.ID[:]}, &raw)
		if err != nil {
			return err
		}
		them, err := unmarshalLinks(raw)
		if err != nil {
			return err
		}
		if there && !slices.ContainsFunc(them.Others, func(back other) bool { return back.ID == linkedID(id) && back.Since == links.Since }) {
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

// orphans looks for rows that lead nowhere.
func (c *check) orphans() error {
	for what, query := range map[string]string{
		"events without a subject":        `SELECT count(*) FROM event e WHERE e.sealed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM subject s WHERE s.shard_id = e.shard_id AND s.subject_id = e.subject_id)`,
		"events that no subject leads to": `SELECT (SELECT count(*) FROM event WHERE sealed IS NOT NULL) - (SELECT coalesce(sum(seq), 0) FROM subject)`,
		"identifiers without a subject":   `SELECT count(*) FROM identifier e WHERE NOT EXISTS (SELECT 1 FROM subject s WHERE s.shard_id = e.shard_id AND s.subject_id = e.subject_id)`,
		// Of identifiers that lead to a subject. No index finds them by it: a search for each would read a whole shard.
		"subjects without an identifier":              `SELECT (SELECT count(*) FROM subject) - (SELECT coalesce(sum(s.n), 0) FROM (SELECT count(DISTINCT subject_id) AS n FROM identifier GROUP BY shard_id) s)`,
		"public records that are named and not there": `SELECT count(*) FROM (SELECT record FROM publication UNION ALL SELECT record FROM evidence UNION ALL SELECT record FROM handover) p WHERE NOT EXISTS (SELECT 1 FROM public_record r WHERE r.id = p.record)`,
		"gaps in the numbers of events":               `SELECT count(*) FROM (SELECT shard_id FROM event GROUP BY shard_id HAVING max(n) <> count(*)) g`,
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
