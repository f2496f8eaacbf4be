package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/subject"
)

// person is a subject's row with its keys opened.
type person struct {
	id   keyring.SubjectID
	keys keyring.Keys
	name subject.ID
}

// tag is the keyed form in which something is looked for without standing in clear.
func tag(k keyring.Key, domain, value string) []byte {
	m := hmac.New(sha256.New, k[:])
	m.Write([]byte(domain))
	m.Write([]byte(value))
	return m.Sum(nil)
}

func (db *DB) identifierTag(id subject.ID) []byte {
	return tag(db.cfg.Ring.Index(), "amana/identifier/v1\n", string(id))
}

func (db *DB) suppressionTag(id subject.ID) []byte {
	return tag(db.cfg.Ring.Suppression(), "amana/suppression/v1\n", string(id))
}

const findSubject = `SELECT s.subject_id, s.data_key, s.evidence_key FROM identifier i
	JOIN subject s ON s.shard_id = i.shard_id AND s.subject_id = i.subject_id WHERE i.tag = ?`

// rowFunc runs a query that gives at most one row.
type rowFunc func(query string, args []any, into ...any) (bool, error)

// lookup finds a subject by its identifier; nil where there is none. A row that
// was read just before its bucket's old key was destroyed is read once more.
func (db *DB) lookup(row rowFunc, id subject.ID) (*person, error) {
	return twice(func() (*person, error) { return db.lookupOnce(row, id) })
}

// twice reads a subject again where no key opened it the first time.
func twice(read func() (*person, error)) (*person, error) {
	p, err := read()
	if errors.Is(err, keyring.ErrNoKey) {
		return read()
	}
	return p, err
}

func (db *DB) lookupOnce(row rowFunc, id subject.ID) (*person, error) {
	var raw, data, evidence []byte
	ok, err := row(findSubject, []any{db.identifierTag(id)}, &raw, &data, &evidence)
	if err != nil || !ok {
		return nil, err
	}
	p := &person{id: keyring.SubjectID(raw), name: id}
	if p.keys, err = db.cfg.Ring.Unwrap(p.id, keyring.Wrapped{Data: data, Evidence: evidence}); err != nil {
		return nil, fmt.Errorf("opening a subject: %w", err)
	}
	return p, nil
}

// reader reads outside the writer.
func (db *DB) reader(ctx context.Context) rowFunc {
	return func(query string, args []any, into ...any) (bool, error) {
		return found(db.reads.QueryRowContext(ctx, query, args...).Scan(into...))
	}
}

// person finds a subject or makes it. Whom an erasure took away comes back by
// an act of their own alone, never by what the company enters.
func (t *tx) person(id subject.ID, attested bool) (*person, error) {
	db := t.w.db
	p, err := db.lookup(t.row, id)
	if p != nil || err != nil {
		return p, err
	}
	var at int64
	suppressed, err := t.row(`SELECT at FROM suppression WHERE tag = ?`, []any{db.suppressionTag(id)}, &at)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the suppression list: %w", err)
	case suppressed && attested:
		return nil, fault.At(fault.Conflict, "subject", "this person was erased; only an act of their own begins anew")
	case suppressed:
		if err := t.exec(`DELETE FROM suppression WHERE tag = ?`, db.suppressionTag(id)); err != nil {
			return nil, fmt.Errorf("ending a suppression: %w", err)
		}
	}
	p = &person{name: id}
	rand.Read(p.id[:])
	var w keyring.Wrapped
	p.keys, w = db.cfg.Ring.NewKeys(p.id)
	sealed := keyring.Seal(p.keys.Data, identifierContext(p.id), []byte(id))
	if err := t.exec(`INSERT INTO identifier (tag, shard_id, subject_id) VALUES (?, ?, ?)`, db.identifierTag(id), p.id.Shard(), p.id[:]); err != nil {
		return nil, fmt.Errorf("writing an identifier: %w", err)
	}
	if err := t.exec(`INSERT INTO subject (shard_id, subject_id, bucket, data_key, evidence_key, identifier) VALUES (?, ?, ?, ?, ?, ?)`,
		p.id.Shard(), p.id[:], int(p.id.Bucket()), w.Data, w.Evidence, sealed); err != nil {
		return nil, fmt.Errorf("writing a subject: %w", err)
	}
	return p, nil
}

func identifierContext(id keyring.SubjectID) []byte {
	return append([]byte("amana/identifier/v1/"), id[:]...)
}
