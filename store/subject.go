package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/subject"
	decisiontable "github.com/amana-privacy/amana/table"
)

// place is where an identifier is looked for.
type place struct {
	shard int
	tag   []byte // under the newest index key: by it the identifier is entered
	older []byte // under the one before, while that is being changed; else nil
	index int    // version of the newest index key
}

// key names a place in maps.
func (p place) key() string { return string(p.tag) }

// tags are all that the identifier may have been entered by.
func (p place) tags() [][]byte {
	if p.older == nil {
		return [][]byte{p.tag}
	}
	return [][]byte{p.tag, p.older}
}

// where gives the condition on identifier i that finds the place, and its
// arguments. Both tags are looked for in one statement: between two an
// identifier might change from the one to the other.
func (p place) where() (condition string, args []any) {
	if p.older == nil {
		return `i.shard_id = ? AND i.tag = ?`, []any{p.shard, p.tag}
	}
	return `i.shard_id = ? AND i.tag IN (?, ?)`, []any{p.shard, p.tag, p.older}
}

// person is a subject's row, and what a batch makes of it.
type person struct {
	id      keyring.SubjectID
	keys    keyring.Keys // zero until open
	wrapped keyring.Wrapped
	name    subject.ID
	place   place

	identifier []byte // sealed
	seq        int64  // of its last event
	at         int64  // its time
	last       int64  // its n
	states     map[consent.Key]consent.State
	facts      Facts
	links      links // the other identifiers of the person

	fresh      bool // not in the database yet
	suppressed bool // erased before
	appended   []*appended
	stored     []byte // states as they are written

	turn   *sync.Once // of whoever seals it; set with the first new event
	failed error      // to seal it
}

// open opens the subject's keys; keyring.ErrNoKey where its bucket's key was
// changed since its row was read.
func (p *person) open(ring *keyring.Ring) (err error) {
	if p.keys != (keyring.Keys{}) {
		return nil
	}
	if p.keys, err = ring.Unwrap(p.id, p.wrapped); err != nil {
		return fmt.Errorf("opening a subject: %w", err)
	}
	return nil
}

// tag is the keyed form in which something is looked for without standing in clear.
func tag(k keyring.Key, domain, value string) []byte {
	m := macs.Get().(*macsOf)
	defer macs.Put(m)
	h := m.under(k)
	m.text = append(append(m.text[:0], domain...), value...)
	h.Write(m.text)
	clear(m.text)
	return h.Sum(nil)
}

// macs keep what HMAC makes of the keys that were used last: an answer is tagged with
// three of them.
var macs = sync.Pool{New: func() any { return new(macsOf) }}

type macsOf struct {
	keys   [4]keyring.Key
	hashes [4]hash.Hash
	next   int // is forgotten first
	text   []byte
}

func (m *macsOf) under(k keyring.Key) hash.Hash {
	for i, h := range m.hashes {
		if h != nil && m.keys[i] == k {
			h.Reset()
			return h
		}
	}
	h := hmac.New(sha256.New, k[:])
	m.keys[m.next], m.hashes[m.next] = k, h
	m.next = (m.next + 1) % len(m.keys)
	return h
}

// placeOf gives where an identifier is looked for. Its shard follows from the
// identifier alone, so that all rows of a subject lie in one.
func (db *DB) placeOf(id subject.ID) place { return db.placeIn(db.cfg.Ring.Indexes(), id) }

// placeIn gives the place by index keys, newest first.
func (db *DB) placeIn(index []keyring.Versioned, id subject.ID) place {
	p := place{shard: int(tag(db.cfg.Ring.Shard(), "amana/shard/v1\n", string(id))[0]), index: index[0].Version}
	p.tag = identifierTag(index[0].Key, id)
	if len(index) > 1 {
		p.older = identifierTag(index[1].Key, id)
	}
	return p
}

func identifierTag(k keyring.Key, id subject.ID) []byte {
	return tag(k, "amana/identifier/v1\n", string(id))
}

// placeAll gives the recordings of a batch their places by the same index keys:
// those may have changed since the recordings were made.
func (db *DB) placeAll(recs []*recording) {
	index := db.cfg.Ring.Indexes()
	for _, r := range recs {
		if r.place.index != index[0].Version {
			r.place = db.placeIn(index, r.id)
		}
	}
}

func (db *DB) suppressionTag(id subject.ID) []byte {
	return tag(db.cfg.Ring.Suppression(), decisiontable.SuppressionDomain, string(id))
}

// newSubjectID makes the id of a subject: random, but for its shard.
func newSubjectID(shard int) keyring.SubjectID {
	var id keyring.SubjectID
	rand.Read(id[:])
	id[0] = byte(shard)
	return id
}

const subjectRow = `s.subject_id, s.data_key, s.evidence_key, s.identifier, s.seq, s.at, s.last, s.states, s.facts, s.links`

// findSubject reads the subject at a place.
func findSubject(at place) (query string, args []any) {
	condition, args := at.where()
	return `SELECT ` + subjectRow + ` FROM identifier i
	JOIN subject s ON s.shard_id = i.shard_id AND s.subject_id = i.subject_id WHERE ` + condition, args
}

// rowFunc runs a query that gives at most one row.
type rowFunc func(query string, args []any, into ...any) (bool, error)

// scanned is a subject's row as it is read.
type scanned struct {
	id, states []byte
	facts      string
	links      string
	p          person
}

// into gives what a row is scanned into.
func (s *scanned) into() []any {
	return []any{&s.id, &s.p.wrapped.Data, &s.p.wrapped.Evidence, &s.p.identifier, &s.p.seq, &s.p.at, &s.p.last, &s.states, &s.facts, &s.links}
}

// person gives the person of a row, whose keys are not opened yet.
func (s *scanned) person() (*person, error) {
	if len(s.id) != len(keyring.SubjectID{}) {
		return nil, fmt.Errorf("a subject's id has %d bytes", len(s.id))
	}
	p := s.p
	p.id = keyring.SubjectID(s.id)
	return &p, p.read(s.states, s.facts, s.links)
}

// people gives the persons of rows of subjects, whose keys are not opened yet, and
// closes them.
func (s *selected) people() (out []*person, err error) {
	defer s.Close()
	for s.Next() {
		var row scanned
		if err := s.Scan(row.into()...); err != nil {
			return nil, err
		}
		p, err := row.person()
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, s.Err()
}

// lookup finds a subject by its identifier; nil where there is none. Its keys
// are opened.
func (db *DB) lookup(row rowFunc, id subject.ID) (*person, error) {
	return db.openTwice(func() (*person, error) {
		var s scanned
		at, ok, err := db.seek(id, func(at place) (bool, error) {
			query, args := findSubject(at)
			return row(query, args, s.into()...)
		})
		if err != nil || !ok {
			return nil, err
		}
		p, err := s.person()
		if err == nil {
			p.name, p.place = id, at
		}
		return p, err
	})
}

// seek looks for an identifier at its place. Where nothing is, another server
// may have changed the index key: then it is looked once more.
func (db *DB) seek(id subject.ID, look func(place) (bool, error)) (at place, ok bool, err error) {
	for {
		at = db.placeOf(id)
		if ok, err = look(at); ok || err != nil || db.d == sqliteDialect {
			return at, ok, err
		}
		if err := db.cfg.Ring.Look(); err != nil {
			return at, false, err
		}
		if db.cfg.Ring.Indexes()[0].Version == at.index {
			return at, false, nil
		}
	}
}

// openTwice reads a subject and opens its keys. A row that was read just before
// its bucket's old key was destroyed is read once more.
func (db *DB) openTwice(read func() (*person, error)) (*person, error) {
	for try := 0; ; try++ {
		p, err := read()
		if err != nil || p == nil {
			return nil, err
		}
		if err = p.open(db.cfg.Ring); err == nil {
			return p, nil
		}
		if !errors.Is(err, keyring.ErrNoKey) || try > 0 {
			return nil, err
		}
	}
}

// reader reads outside a transaction.
func (db *DB) reader(ctx context.Context) rowFunc {
	return func(query string, args []any, into ...any) (bool, error) {
		ok, err := found(db.reads.QueryRowContext(ctx, db.d.sql(query), args...).Scan(into...))
		return ok, reading(err)
	}
}

func identifierContext(id keyring.SubjectID) []byte {
	return append([]byte("amana/identifier/v1/"), id[:]...)
}

// nameOf opens the identifier of a subject whose keys are open.
func (p *person) nameOf() error {
	name, err := keyring.Unseal(p.keys.Data, identifierContext(p.id), p.identifier)
	if err != nil {
		return fmt.Errorf("opening an identifier: %w", err)
	}
	p.name = subject.ID(name)
	return nil
}
