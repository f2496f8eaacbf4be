package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
)

// position is a place in the order of all events: time, shard, number.
type position [3]int64

// start is the position before the first event of the question.
func (q *HistoryQuery) start() position {
	switch {
	case q.Oldest && q.From.IsZero():
		return position{math.MinInt64, -1, -1}
	case q.Oldest:
		return position{millis(q.From), -1, -1}
	case q.Until.IsZero():
		return position{math.MaxInt64, -1, -1}
	default:
		return position{millis(q.Until), -1, -1}
	}
}

// end is the bound at the other side, in milliseconds: the last that is shown.
func (q *HistoryQuery) end() int64 {
	switch {
	case q.Oldest && q.Until.IsZero():
		return math.MaxInt64
	case q.Oldest:
		return millis(q.Until) - 1
	case q.From.IsZero():
		return math.MinInt64
	default:
		return millis(q.From)
	}
}

// purposesSeen gives every purpose that an event is about, "" among them: it
// leaps from one to the next in the index.
func (db *DB) purposesSeen(ctx context.Context) ([]string, error) {
	rows, err := db.readRows(ctx)(`WITH RECURSIVE p (purpose) AS (
		SELECT (SELECT purpose FROM event ORDER BY purpose LIMIT 1)
		UNION ALL SELECT (SELECT e.purpose FROM event e WHERE e.purpose > p.purpose ORDER BY e.purpose LIMIT 1) FROM p WHERE p.purpose IS NOT NULL)
		SELECT purpose FROM p WHERE purpose IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var p string
		if err := rows.Scan(&p); err != nil {
			return nil, err
		}
		if p != changedKind { // told to replicas alone
			out = append(out, p)
		}
	}
	return out, rows.Err()
}

// historyRow is an event's row with that of its subject, who may be gone.
type historyRow struct {
	shard, n, prev, seq, at int64
	kind, purpose           string
	id, sealed              []byte
	leaf                    sql.NullInt64
	owner                   historyOwner
}

type historyOwner struct {
	id, data, evidence, identifier []byte
}

const (
	eventColumns = `e.shard_id, e.n, e.prev, e.seq, e.at, e.kind, e.purpose, e.event_id, e.sealed, e.leaf`
	ownerColumns = `s.subject_id, s.data_key, s.evidence_key, s.identifier`
)

func (r *historyRow) into() []any {
	o := &r.owner
	return []any{&r.shard, &r.n, &r.prev, &r.seq, &r.at, &r.kind, &r.purpose, &r.id, &r.sealed, &r.leaf, &o.id, &o.data, &o.evidence, &o.identifier}
}

// maxMerged is how many purposes one statement merges.
const maxMerged = 64

// eventsAbout gives the events of purposes from a position on, one more than
// the page takes. Each purpose is read in the order of the index, no further
// than the page is long.
func (db *DB) eventsAbout(ctx context.Context, q HistoryQuery, purposes []string, at position) ([]historyRow, error) {
	var all []historyRow
	for some := range slices.Chunk(purposes, maxMerged) {
		list, err := db.merged(ctx, q, some, at)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b historyRow) int {
		order := slices.Compare([]int64{a.at, a.shard, a.n}, []int64{b.at, b.shard, b.n})
		if !q.Oldest {
			order = -order
		}
		return order
	})
	return all[:min(len(all), q.Limit+1)], nil
}

func (db *DB) merged(ctx context.Context, q HistoryQuery, purposes []string, at position) ([]historyRow, error) {
	beyond, within, direction := "<", ">=", "DESC"
	if q.Oldest {
		beyond, within, direction = ">", "<=", "ASC"
	}
	order := fmt.Sprintf(`ORDER BY at %[1]s, shard_id %[1]s, n %[1]s`, direction)
	one := fmt.Sprintf(`SELECT at, shard_id, n FROM (SELECT at, shard_id, n FROM event
		WHERE purpose = ? AND (at, shard_id, n) %s (?, ?, ?) AND at %s ? %s LIMIT ?) p`, beyond, within, order)
	var args []any
	for _, p := range purposes {
		args = append(args, p, at[0], at[1], at[2], q.end(), q.Limit+1)
	}
	if len(purposes) == 0 {
		return nil, nil
	}
	query := `SELECT ` + eventColumns + `, ` + ownerColumns + ` FROM (SELECT at, shard_id, n FROM (` + strings.Repeat(one+` UNION ALL `, len(purposes)-1) + one + `) u ` + order + ` LIMIT ?) k
		JOIN event e ON e.shard_id = k.shard_id AND e.n = k.n
		LEFT JOIN subject s ON s.shard_id = e.shard_id AND s.subject_id = e.subject_id`
	return db.historyRows(ctx, query, append(args, q.Limit+1)...)
}

func (db *DB) historyRows(ctx context.Context, query string, args ...any) ([]historyRow, error) {
	rows, err := db.readRows(ctx)(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []historyRow
	for rows.Next() {
		var r historyRow
		if err := rows.Scan(r.into()...); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// eventsOf gives a page of one subject's events.
func (db *DB) eventsOf(ctx context.Context, q HistoryQuery) (HistoryPage, error) {
	p, err := db.lookup(db.reader(ctx), q.Subject)
	if err != nil || p == nil {
		return HistoryPage{}, err
	}
	var from int64
	binding := q.binding(p)
	if q.Cursor != "" {
		numbers, err := db.openCursor(q.Cursor, binding, 1)
		if err != nil {
			return HistoryPage{}, err
		}
		from = numbers[0]
	}
	list, err := db.walk(ctx, p, q.Oldest, from, q.Limit+1)
	if err != nil {
		return HistoryPage{}, err
	}
	return db.pageOf(list, q.Limit, p, func(last historyRow) string {
		if q.Oldest {
			return db.cursor(binding, last.seq)
		}
		return db.cursor(binding, last.prev)
	})
}

// walk gives up to limit events of a subject. The newest first it begins at
// event n of its shard (0 = its last) and reads no more than it gives; the
// oldest first it gives those after a seq, and walks the whole chain to them. Of
// the owner the rows have the id alone: it is the subject, whose keys are open.
//
// The walk carries the columns along: joined to the events once more, PostgreSQL
// reads the whole shard.
func (db *DB) walk(ctx context.Context, p *person, oldest bool, from int64, limit int) ([]historyRow, error) {
	step, pick, begin := `AND c.depth < ?`, `ORDER BY c.depth`, p.last
	shard := p.id.Shard()
	args := []any{shard, begin, shard, limit}
	if oldest {
		step, pick = ``, `WHERE c.seq > ? ORDER BY c.seq LIMIT ?`
		args = []any{shard, begin, shard, from, limit}
	} else if from > 0 {
		args[1] = from
	}
	return db.historyRows(ctx, `WITH RECURSIVE c (shard_id, n, prev, seq, at, kind, purpose, event_id, sealed, leaf, subject_id, depth) AS (
		SELECT `+eventColumns+`, e.subject_id, 1 FROM event e WHERE e.shard_id = ? AND e.n = ?
		UNION ALL SELECT `+eventColumns+`, e.subject_id, c.depth + 1 FROM c JOIN event e ON e.n = c.prev WHERE e.shard_id = ? `+step+`)
		SELECT shard_id, n, prev, seq, at, kind, purpose, event_id, sealed, leaf, subject_id, NULL, NULL, NULL FROM c `+pick, args...)
}
