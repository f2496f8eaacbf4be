package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// stamp is a time as it stands in records.
func stamp(t time.Time) string { return t.UTC().Format(receipt.TimeForm) }

// processKey names the texts of a purpose in a version and a language.
type processKey struct {
	version  policy.VersionID
	purpose  string
	language string
	page     string // on which an answer is taken back
}

type processRow struct {
	id    int64
	value []byte
}

// process gives the texts shown and their row, which it writes if it is new.
func (t *tx) process(v *policy.Version, purpose, language string) (processRow, error) {
	db := t.w.db
	page, how := db.cfg.TakeBack(language)
	key := processKey{v.ID, purpose, language, page}
	if row, ok := db.processes.Load(key); ok {
		return row.(processRow), nil
	}
	value, err := receipt.ProcessOf(v, purpose, language, page, how)
	if err != nil {
		return processRow{}, err
	}
	hash := sha256.Sum256(value)
	if err := t.exec(`INSERT INTO process (hash, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, hash[:], value); err != nil {
		return processRow{}, fmt.Errorf("writing the texts shown: %w", err)
	}
	row := processRow{value: value}
	if _, err := t.row(`SELECT id FROM process WHERE hash = ?`, []any{hash[:]}, &row.id); err != nil {
		return processRow{}, fmt.Errorf("reading the texts shown: %w", err)
	}
	t.after = append(t.after, func() { db.processes.Store(key, row) })
	return row, nil
}

// receipts proves events that were just written, from what is in memory: what
// is durable is never reported as failed because somebody hung up.
func (db *DB) receipts(events []written) ([]receipt.Receipt, error) {
	out := make([]receipt.Receipt, len(events))
	for i, w := range events {
		var err error
		if out[i], err = db.prove(w.parts, w.leaf, w.head); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Receipts gives the receipts of events by id, in the order asked. One that is
// not there is fault.Unknown at ids[i].
func (db *DB) Receipts(ctx context.Context, ids []string) ([]receipt.Receipt, error) {
	out := make([]receipt.Receipt, len(ids))
	for i, id := range ids {
		p, err := db.ownerOf(ctx, id)
		if err != nil {
			return nil, err
		}
		if p == nil {
			return nil, fault.At(fault.Unknown, fmt.Sprintf("ids[%d]", i), "no such receipt")
		}
		if out[i], err = db.receiptOf(ctx, p, id); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ReceiptsOf gives all receipts of a subject, oldest first; none where nobody
// is known by the identifier.
func (db *DB) ReceiptsOf(ctx context.Context, id subject.ID) ([]receipt.Receipt, error) {
	p, err := db.lookup(db.reader(ctx), id)
	if err != nil || p == nil {
		return nil, err
	}
	rows, err := db.reads.QueryContext(ctx, `SELECT event_id FROM event WHERE shard_id = ? AND subject_id = ? ORDER BY seq`, p.id.Shard(), p.id[:])
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	var ids []string
	for rows.Next() {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			rows.Close()
			return nil, fmt.Errorf("reading events: %w", err)
		}
		ids = append(ids, uuid.UUID(raw).String())
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	var out []receipt.Receipt
	for _, eventID := range ids {
		r, err := db.receiptOf(ctx, p, eventID)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// ownerOf finds the subject an event belongs to; nil if there is no such event.
func (db *DB) ownerOf(ctx context.Context, eventID string) (*person, error) {
	id, err := uuid.Parse(eventID)
	if err != nil || eventID != id.String() {
		return nil, nil
	}
	return twice(func() (*person, error) {
		var raw, data, evidence, sealed []byte
		ok, err := db.reader(ctx)(`SELECT s.subject_id, s.data_key, s.evidence_key, s.identifier FROM event e
			JOIN subject s ON s.shard_id = e.shard_id AND s.subject_id = e.subject_id WHERE e.shard_id = ? AND e.event_id = ?`,
			[]any{shardOf(id), id[:]}, &raw, &data, &evidence, &sealed)
		if err != nil || !ok {
			return nil, err
		}
		return db.openPerson(raw, data, evidence, sealed)
	})
}

// newEventID makes the id of an event: random, but for the shard in its first
// byte, by which it is found.
func newEventID(shard int) uuid.UUID {
	id := uuid.New()
	id[0] = byte(shard)
	return id
}

func shardOf(eventID uuid.UUID) int { return int(eventID[0]) }

// openPerson opens a subject's row by its keys.
func (db *DB) openPerson(raw, data, evidence, sealed []byte) (*person, error) {
	p := &person{id: keyring.SubjectID(raw)}
	var err error
	if p.keys, err = db.cfg.Ring.Unwrap(p.id, keyring.Wrapped{Data: data, Evidence: evidence}); err != nil {
		return nil, fmt.Errorf("opening a subject: %w", err)
	}
	name, err := keyring.Unseal(p.keys.Data, identifierContext(p.id), sealed)
	if err != nil {
		return nil, fmt.Errorf("opening an identifier: %w", err)
	}
	p.name = subject.ID(name)
	return p, nil
}

func (db *DB) receiptOf(ctx context.Context, p *person, eventID string) (receipt.Receipt, error) {
	parts, leaf, err := db.eventParts(db.reader(ctx), p, eventID)
	if err != nil {
		return receipt.Receipt{}, err
	}
	head, err := db.headOver(ctx, leaf)
	if err != nil {
		return receipt.Receipt{}, err
	}
	return db.prove(parts, leaf, head)
}

// eventParts reads and opens one event of a subject.
func (db *DB) eventParts(row rowFunc, p *person, eventID string) (parts receipt.Parts, leaf int64, err error) {
	id, err := uuid.Parse(eventID)
	if err != nil {
		return parts, 0, fault.New(fault.Unknown, "no such event")
	}
	var sealed []byte
	ok, err := row(`SELECT leaf, sealed FROM event WHERE shard_id = ? AND event_id = ?`, []any{p.id.Shard(), id[:]}, &leaf, &sealed)
	if err != nil {
		return parts, 0, fmt.Errorf("reading an event: %w", err)
	}
	if !ok { // erased since its owner was read
		return parts, 0, fault.New(fault.Unknown, "no such event")
	}
	parts, process, err := unsealEvent(p, id, sealed)
	if err != nil {
		return parts, 0, err
	}
	ok, err = row(`SELECT value FROM process WHERE id = ?`, []any{process}, &parts.Process)
	if err == nil && !ok {
		err = fmt.Errorf("the texts of an event are gone")
	}
	return parts, leaf, err
}
