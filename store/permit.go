package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// PermitQuery asks who is permitted, and then what has changed since.
type PermitQuery struct {
	Question decision.Question
	Kind     string // of identifiers: email …; "" = of any
	By       string // who asks: stands in the public record of the search
	Limit    int    // people on a page, 1 to MaxAllowed; 0 = MaxAllowed
	Cursor   string // Next of the page before; "" = from the beginning
}

// Permits is a page. First come pages of everybody who is permitted (Filling);
// then, for as long as anybody asks, pages of what has changed since the page before.
// What a page says held at At or later.
type Permits struct {
	List    []Permit
	Next    string // there is always a next page
	Filling bool   // there are people who were not looked at yet
	Reset   bool   // what was told is worth nothing: another policy is in force, or the database went back. Next begins anew
	Policy  policy.VersionID
	At      time.Time
}

// Permit is what is known of one identifier.
type Permit struct {
	Ref     string     // names the subject for this question alone, also after it is erased
	Subject subject.ID // where it is permitted
	Allowed bool
	Until   time.Time // when it stops by itself, exclusive; zero if it does not
}

// permitPlace is how far somebody has been told: the events of each shard, the
// policy, and the people up to an id.
type permitPlace struct {
	seen      [Shards]int64
	published int64 // publications, and changes of what is stopped
	inForce   int64 // of the version's id
	filling   bool
	person    keyring.SubjectID
}

const permitNumbers = Shards + 5

func (p *permitPlace) numbers() []int64 {
	flag := int64(0)
	if p.filling {
		flag = 1
	}
	return append(append([]int64{}, p.seen[:]...), p.published, p.inForce, flag, int64(binary.BigEndian.Uint64(p.person[:8])), int64(binary.BigEndian.Uint64(p.person[8:])))
}

func placeOf(n []int64) *permitPlace {
	p := &permitPlace{published: n[Shards], inForce: n[Shards+1], filling: n[Shards+2] == 1}
	copy(p.seen[:], n)
	binary.BigEndian.PutUint64(p.person[:8], uint64(n[Shards+3]))
	binary.BigEndian.PutUint64(p.person[8:], uint64(n[Shards+4]))
	return p
}

// Permits gives a page of who is permitted, or of what has changed. That somebody began
// to ask, and for which purpose, is a public record, durable before anything is
// given out; a purpose that the policy in force does not have is fault.Invalid then. Whoever applies all pages in their order has, but for times that run
// out (Until), exactly those about whom Decide says yes.
//
// It holds because the positions in the shards are taken before anybody is looked
// at: whatever is written later is behind them, and is told again.
func (db *DB) Permits(ctx context.Context, q PermitQuery) (Permits, error) {
	if q.Limit == 0 {
		q.Limit = MaxAllowed
	}
	if q.Limit < 1 || q.Limit > MaxAllowed {
		return Permits{}, fault.At(fault.Invalid, "limit", "must be a number from 1 to %d", MaxAllowed)
	}
	out := Permits{At: db.now()}
	now, err := db.permitsNow(ctx)
	if err != nil {
		return Permits{}, fmt.Errorf("reading who is permitted: %w", err)
	}
	v := db.InForce()
	if v == nil {
		return Permits{}, fault.New(fault.Conflict, "no policy is in force yet")
	}
	now.inForce, out.Policy = prefixOf(v.ID)^prefixOf(policy.VersionID(db.origin)), v.ID // after a restore the log is another
	binding := fmt.Sprintf("permits\n%s\n%s\n%q\n%t\n%s", q.Question.Purpose, q.Question.Recipient, q.Question.Data, q.Question.Signals.GPC, q.Kind)
	at := now
	if q.Cursor == "" && !names(v, q.Question.Purpose) {
		err = fault.At(fault.Invalid, "purpose", "the policy in force has no such purpose")
	} else if q.Cursor == "" {
		err = db.recordSearch(ctx, q.Question.Purpose, q.By)
	} else if numbers, e := db.openCursor(q.Cursor, binding, permitNumbers); e != nil {
		err = e
	} else if at = placeOf(numbers); at.overtaken(now) {
		out.Reset, at = true, now
	}
	if err != nil {
		return Permits{}, err
	}
	stops := db.Stops().Seq
	look := permitting{db: db, q: q, binding: binding, world: db.world(v)}
	switch {
	case out.Reset:
	case at.filling:
		out.List, err = look.fill(ctx, at)
	default:
		out.List, err = look.changes(ctx, at, now)
	}
	if err != nil {
		return Permits{}, fmt.Errorf("reading who is permitted: %w", err)
	}
	if db.InForce() != v || db.Stops().Seq != stops { // other rules came into force meanwhile
		out.List, out.Reset, at = nil, true, now
	}
	out.Filling, out.Next = at.filling, db.cursor(binding, at.numbers()...)
	return out, nil
}

// permitsNow gives the place of somebody who begins now. Every version published
// by then is known here afterwards.
func (db *DB) permitsNow(ctx context.Context) (*permitPlace, error) {
	p := &permitPlace{filling: true}
	rows, err := db.readRows(ctx)(`WITH RECURSIVE s (shard_id) AS (SELECT 0 UNION ALL SELECT shard_id + 1 FROM s WHERE shard_id < ?)
		SELECT s.shard_id, CASE WHEN s.shard_id < ? THEN (SELECT coalesce(max(e.n), 0) FROM event e WHERE e.shard_id = s.shard_id) ELSE (SELECT coalesce(max(seq), 0) FROM publication) END FROM s`, rulesShard, rulesShard)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var shard int
		var n int64
		if err := rows.Scan(&shard, &n); err != nil {
			return nil, err
		}
		if shard == rulesShard {
			p.published = n
		} else {
			p.seen[shard] = n
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	rows.Close()
	if _, err = db.follow(ctx, p.published); err == nil {
		err = db.stopsNow(ctx)
	}
	p.published += db.Stops().Seq
	return p, err
}

// overtaken reports whether what was told up to a place is worth nothing now.
func (p *permitPlace) overtaken(now *permitPlace) bool {
	for shard := range p.seen {
		if p.seen[shard] > now.seen[shard] {
			return true
		}
	}
	return p.published != now.published || p.inForce != now.inForce
}

func prefixOf(id policy.VersionID) int64 {
	var n int64
	for _, c := range []byte(id[max(0, len(id)-12):]) {
		n = n<<5 ^ int64(c)
	}
	return n
}

// permitting looks at people for one page.
type permitting struct {
	db      *DB
	q       PermitQuery
	binding string
	world   decision.World
}

// permit is what is known of somebody.
func (l *permitting) permit(ctx context.Context, p *person) (Permit, error) {
	out := Permit{Ref: l.ref(p.id[:])}
	if l.q.Kind != "" && p.name.Kind() != l.q.Kind {
		return out, nil
	}
	if err := l.db.about(&l.world, p, l.db.reader(ctx)); err != nil {
		return out, err
	}
	if a := decision.Decide(l.world, l.q.Question, l.db.now()); a.Allowed {
		out.Subject, out.Allowed, out.Until = p.name, true, a.Ends()
	}
	return out, nil
}

func (l *permitting) ref(id []byte) string { return l.db.subjectFor(l.binding, id) }

// fill gives those of the next people who are permitted, and moves the place behind them.
func (l *permitting) fill(ctx context.Context, at *permitPlace) ([]Permit, error) {
	rows, err := l.db.readRows(ctx)(`SELECT `+subjectRow+` FROM subject s WHERE (s.shard_id, s.subject_id) > (?, ?) ORDER BY s.shard_id, s.subject_id LIMIT ?`, at.person.Shard(), at.person[:], l.q.Limit)
	if err != nil {
		return nil, err
	}
	people, err := rows.people()
	if err != nil {
		return nil, err
	}
	var out []Permit
	for _, p := range people {
		at.person = p.id
		if p.open(l.db.cfg.Ring) == nil {
			err = p.nameOf()
		} else { // its bucket has another key since
			p, err = l.db.byID(l.db.reader(ctx), p.id)
		}
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		permit, err := l.permit(ctx, p)
		if err != nil {
			return nil, err
		}
		if permit.Allowed {
			out = append(out, permit)
		}
	}
	at.filling = len(people) == l.q.Limit
	return out, nil
}

// changes gives everybody about whom something happened, as they stand now, and
// moves the place behind what was looked at.
func (l *permitting) changes(ctx context.Context, at, now *permitPlace) ([]Permit, error) {
	var out []Permit
	for shard := range at.seen {
		if at.seen[shard] == now.seen[shard] {
			continue
		}
		room := l.q.Limit - len(out)
		if room <= 0 {
			break
		}
		ids, last, err := l.touched(ctx, shard, at.seen[shard], room)
		if err != nil {
			return nil, err
		}
		for _, e := range ids {
			some, err := l.now(ctx, e)
			if err != nil {
				return nil, err
			}
			out = append(out, some...)
		}
		at.seen[shard] = last
	}
	return out, nil
}

// happened is that something happened with a subject.
type happened struct {
	id     keyring.SubjectID
	demand bool // a step of a request, which is about others as well
}

// now gives what is known now of a subject something happened with, of those it is
// linked with, and of those that a step of a request is about. Nothing is permitted
// of an erased one.
func (l *permitting) now(ctx context.Context, e happened) ([]Permit, error) {
	p, err := l.db.byID(l.db.reader(ctx), e.id)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return []Permit{{Ref: l.ref(e.id[:])}}, nil
	}
	others, err := l.db.others(l.db.reader(ctx), p.links)
	if err != nil {
		return nil, err
	}
	people := append([]*person{p}, others...)
	if e.demand {
		named, err := l.named(ctx, p)
		if err != nil {
			return nil, err
		}
		people = append(people, named...)
	}
	var out []Permit
	for _, p := range people {
		permit, err := l.permit(ctx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, permit)
	}
	return out, nil
}

// named gives those that requests of a person are about besides.
func (l *permitting) named(ctx context.Context, p *person) (list []*person, err error) {
	requests, err := requestsIn(l.db.readRows(ctx), []*person{p})
	if err != nil {
		return nil, err
	}
	for _, r := range requests {
		for _, id := range linked(r) {
			q, err := l.db.lookup(l.db.reader(ctx), id)
			if err != nil {
				return nil, err
			}
			if q != nil {
				list = append(list, q)
			}
		}
	}
	return list, nil
}

// touched gives what the next events of a shard tell, each subject once, and the
// number of the last event.
func (l *permitting) touched(ctx context.Context, shard int, from int64, limit int) (list []happened, last int64, err error) {
	rows, err := l.db.readRows(ctx)(`SELECT n, kind, subject_id FROM event WHERE shard_id = ? AND n > ? ORDER BY n LIMIT ?`, shard, from, limit)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	last = from
	for rows.Next() {
		var id []byte
		var kind string
		if err := rows.Scan(&last, &kind, &id); err != nil {
			return nil, 0, err
		}
		if id == nil { // somebody's who is erased: the erasure itself follows
			continue
		}
		if len(id) != len(keyring.SubjectID{}) {
			return nil, 0, errors.New("a subject's id has a wrong length")
		}
		e := happened{keyring.SubjectID(id), strings.HasPrefix(kind, "request.")}
		if i := slices.IndexFunc(list, func(o happened) bool { return o.id == e.id }); i >= 0 {
			list[i].demand = list[i].demand || e.demand
		} else {
			list = append(list, e)
		}
	}
	return list, last, rows.Err()
}
