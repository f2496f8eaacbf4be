package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
)

// stamp is a time as it stands in records.
func stamp(t time.Time) string { return t.UTC().Format(receipt.TimeForm) }

// processKey names the texts of a purpose in a version and a language.
type processKey struct {
	version  policy.VersionID
	purpose  string
	language string
	page     string // on which an answer is taken back
	evidence string // of an imported yes: id of the evidence set
}

type processRow struct {
	key   processKey
	id    int64
	shown receipt.Texts
	fresh bool // not known to be durable yet
}

// process gives the texts shown with an event and their row, which it writes if
// it is new.
func (db *DB) process(q querier, ctx context.Context, v *policy.Version, e consent.Event) (processRow, error) {
	frame := e.Language
	if !slices.Contains(v.Policy.Languages, frame) { // an imported answer may be in one that the policy is not in
		frame = v.Policy.Master()
	}
	page, how := db.cfg.TakeBack(frame)
	key := processKey{v.ID, e.Purpose, e.Language, page, e.Claim.Evidence}
	if row, ok := db.processes.Load(key); ok {
		return row.(processRow), nil
	}
	value, err := db.textsOf(v, e, frame, page, how)
	if err != nil {
		return processRow{}, err
	}
	hash := sha256.Sum256(value)
	if _, err := q.ExecContext(ctx, db.d.sql(`INSERT INTO process (hash, value) VALUES (?, ?) ON CONFLICT DO NOTHING`), hash[:], value); err != nil {
		return processRow{}, fmt.Errorf("writing the texts shown: %w", err)
	}
	scope, _ := v.ScopeOf(e.Purpose)
	row := processRow{key: key, fresh: true}
	if row.shown, err = receipt.NewTexts(value, scope.ID()); err != nil {
		return processRow{}, err
	}
	if err := q.QueryRowContext(ctx, db.d.sql(`SELECT id FROM process WHERE hash = ?`), hash[:]).Scan(&row.id); err != nil {
		return processRow{}, fmt.Errorf("reading the texts shown: %w", err)
	}
	return row, nil
}

// textsOf writes what was shown: the version's words, or for an imported yes
// those of its evidence set.
func (db *DB) textsOf(v *policy.Version, e consent.Event, frame, page, how string) ([]byte, error) {
	if e.Claim.Evidence == "" {
		return receipt.ProcessOf(v, e.Purpose, frame, page, how)
	}
	known, ok := db.sets.Load(e.Claim.Evidence)
	if !ok {
		return nil, fmt.Errorf("the evidence set of an event was never registered")
	}
	set := known.(Evidence).Set
	return receipt.ImportedProcessOf(v, e.Purpose, frame, page, how, receipt.ProcessEvidence{ID: e.Claim.Evidence, Language: e.Language,
		Text: set.Text[e.Language], From: set.From, Until: set.Until, Source: set.Source, By: set.By})
}

// chain begins a statement over the events of a subject, the newest first: each
// leads to the one before. Its arguments are those of chainOf.
const chain = `WITH RECURSIVE chain (shard_id, n, event_id, subject_id, prev, seq, kind, purpose, at, leaf, sealed) AS (
	SELECT shard_id, n, event_id, subject_id, prev, seq, kind, purpose, at, leaf, sealed FROM event WHERE shard_id = ? AND n = ?
	UNION ALL
	SELECT e.shard_id, e.n, e.event_id, e.subject_id, e.prev, e.seq, e.kind, e.purpose, e.at, e.leaf, e.sealed
	FROM chain c JOIN event e ON e.n = c.prev WHERE e.shard_id = ?) `

// chainOf are the arguments of a chain and of what follows it: the shard stands
// twice, so that every step is known to stay in it.
func chainOf(p *person, more ...any) []any {
	return append([]any{p.id.Shard(), p.last, p.id.Shard()}, more...)
}

// storedEvent is what of an event's row makes its receipt.
type storedEvent struct {
	id, sealed []byte
	leaf       sql.NullInt64
}

// Receipts gives the receipts of events by id, in the order asked. One that is
// not there is fault.Unknown at ids[i].
func (db *DB) Receipts(ctx context.Context, ids []string) ([]receipt.Receipt, error) {
	out := make([]receipt.Receipt, len(ids))
	for i, id := range ids {
		p, e, err := db.ownerOf(ctx, id)
		if err != nil {
			return nil, err
		}
		if p == nil {
			return nil, fault.At(fault.Unknown, fmt.Sprintf("ids[%d]", i), "no such receipt")
		}
		if out[i], err = db.receiptOf(ctx, p, e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ownerOf finds an event and the subject it belongs to; nil if there is none.
func (db *DB) ownerOf(ctx context.Context, eventID string) (*person, storedEvent, error) {
	id, err := uuid.Parse(eventID)
	if err != nil || eventID != id.String() {
		return nil, storedEvent{}, nil
	}
	shard, n := whereIs(id)
	var e storedEvent
	p, err := db.openTwice(func() (*person, error) {
		var s scanned
		ok, err := db.reader(ctx)(`SELECT e.event_id, e.leaf, e.sealed, `+subjectRow+` FROM event e
			JOIN subject s ON s.shard_id = e.shard_id AND s.subject_id = e.subject_id WHERE e.shard_id = ? AND e.n = ? AND e.event_id = ?`,
			[]any{shard, n, id[:]}, append([]any{&e.id, &e.leaf, &e.sealed}, s.into()...)...)
		if err != nil || !ok {
			return nil, err
		}
		return s.person()
	})
	if p == nil || err != nil {
		return nil, e, err
	}
	return p, e, p.nameOf()
}

// textsIn gives the texts of a row, which is read once.
func (db *DB) textsIn(ctx context.Context, id int64) (receipt.Texts, error) {
	if t, ok := db.texts.Load(id); ok {
		return t.(receipt.Texts), nil
	}
	var value []byte
	ok, err := db.reader(ctx)(`SELECT value FROM process WHERE id = ?`, []any{id}, &value)
	if err == nil && !ok {
		err = errors.New("the texts of an event are gone")
	}
	if err != nil {
		return receipt.Texts{}, fmt.Errorf("reading the texts shown: %w", err)
	}
	t, err := receipt.NewTexts(value, "")
	if err == nil {
		db.texts.Store(id, t)
	}
	return t, err
}

// keepTexts keeps in memory what a durable batch wrote of texts.
func (b *batch) keepTexts() {
	for _, a := range b.events {
		if row := a.texts; row.fresh {
			row.fresh = false
			b.db.processes.Store(row.key, row)
		}
	}
}

// newEventID makes the id of an event: a UUID of version 8 (RFC 9562) that says
// where it is found, shard and n, and is random in its last 74 bits.
func newEventID(shard int, n int64) uuid.UUID {
	id := uuid.New()
	var where [8]byte
	binary.BigEndian.PutUint64(where[:], uint64(n))
	id[0] = byte(shard)
	copy(id[1:6], where[3:])
	id[6] = id[6]&0x0f | 0x80
	return id
}

// whereIs gives the shard and the n of an event.
func whereIs(id uuid.UUID) (shard int, n int64) {
	var where [8]byte
	copy(where[3:], id[1:6])
	return int(id[0]), int64(binary.BigEndian.Uint64(where[:]))
}

func (db *DB) receiptOf(ctx context.Context, p *person, e storedEvent) (receipt.Receipt, error) {
	parts, process, err := unsealEvent(p, uuid.UUID(e.id), e.sealed)
	if err != nil {
		return receipt.Receipt{}, err
	}
	if process != 0 { // an answer: a demand shows no texts
		shown, err := db.textsIn(ctx, process)
		if err != nil {
			return receipt.Receipt{}, err
		}
		parts = parts.Shown(shown)
	}
	return db.proved(ctx, parts, e.leaf)
}

// proved gives the receipt of parts, with its proof where the ledger has it.
func (db *DB) proved(ctx context.Context, parts receipt.Parts, leaf sql.NullInt64) (receipt.Receipt, error) {
	if !leaf.Valid || leaf.Int64 >= db.head.Load().size {
		return db.pending(parts)
	}
	head, err := db.headOver(ctx, leaf.Int64)
	if err != nil {
		return receipt.Receipt{}, err
	}
	return db.prove(parts, leaf.Int64, head)
}
