package store

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/proof"
	"github.com/amana-privacy/amana/subject"
)

// Who is linked with whom. Each subject's row names all others of its person, so
// that whoever reads one finds the rest; a link and its end change all of those
// rows in one transaction. The ids are random and say nothing of anybody.

// links are the other identifiers of a person, as they stand in a subject's row.
type links struct {
	Since   int64   `json:"s"`           // when this identifier was linked
	Event   string  `json:"e"`           // the record that says so, of whichever was joined to the others
	Unsure  bool    `json:"u,omitempty"` // as in proof.Member
	Vouched bool    `json:"v,omitempty"` // likewise
	Others  []other `json:"o"`
}

// other is another identifier of the person.
type other struct {
	ID    linkedID `json:"i"`
	Since int64    `json:"s"` // when it was linked
}

type linkedID keyring.SubjectID

// MarshalText writes an id in hexadecimal.
func (l linkedID) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(l[:])), nil }

// UnmarshalText reads one.
func (l *linkedID) UnmarshalText(b []byte) error {
	if len(b) != 2*len(l) {
		return fmt.Errorf("an id of %d digits", len(b))
	}
	_, err := hex.Decode(l[:], b)
	return err
}

func (l links) any() bool { return len(l.Others) > 0 }

func (l links) stored() string {
	if !l.any() {
		return ""
	}
	raw, err := json.Marshal(l)
	if err != nil {
		panic("store: links: " + err.Error()) // texts and numbers
	}
	return string(raw)
}

func unmarshalLinks(raw string) (l links, err error) {
	if raw == "" {
		return l, nil
	}
	if err := json.Unmarshal([]byte(raw), &l); err != nil {
		return l, fmt.Errorf("reading who is linked: %w", err)
	}
	return l, nil
}

// with adds another identifier, or says anew since when it is linked.
func (l links) with(id keyring.SubjectID, since int64) links {
	l = l.without(id)
	l.Others = append(l.Others, other{linkedID(id), since})
	slices.SortFunc(l.Others, func(a, b other) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return l
}

// without takes one away; who is left alone is linked no more.
func (l links) without(id keyring.SubjectID) links {
	l.Others = slices.DeleteFunc(slices.Clone(l.Others), func(o other) bool { return o.ID == linkedID(id) })
	if !l.any() {
		return links{}
	}
	return l
}

// others reads the other identifiers of a person, with open keys and names. Who
// was erased since the row was read is left out.
func (db *DB) others(row rowFunc, l links) ([]*person, error) {
	var out []*person
	for _, o := range l.Others {
		p, err := db.byID(row, keyring.SubjectID(o.ID))
		if err != nil && !errors.Is(err, keyring.ErrNoKey) { // in an older copy of the database stands who was erased since
			return nil, fmt.Errorf("reading who is linked: %w", err)
		}
		if p != nil {
			out = append(out, p)
		}
	}
	return out, nil
}

// byID reads a subject by its id, with open keys and name; nil where it is
// erased.
func (db *DB) byID(row rowFunc, id keyring.SubjectID) (*person, error) {
	p, err := db.openTwice(func() (*person, error) {
		var s scanned
		ok, err := row(`SELECT `+subjectRow+` FROM subject s WHERE s.shard_id = ? AND s.subject_id = ?`, []any{id.Shard(), id[:]}, s.into()...)
		if err != nil || !ok {
			return nil, err
		}
		return s.person()
	})
	if err != nil || p == nil {
		return nil, err
	}
	if err := p.nameOf(); err != nil {
		return nil, err
	}
	p.place = db.placeOf(p.name)
	return p, nil
}

// subject is a person's identifier as decisions take it.
func (p *person) subject() decision.Subject {
	return decision.Subject{Kind: p.name.Kind(), States: p.voice(), Since: fromMoment(p.links.Since)}
}

// voice is what an identifier has to say for a person: of a child's that no parent
// permitted anything for, its noes alone. What was permitted for another of the
// person's identifiers is no yes of this one.
func (p *person) voice() map[consent.Key]consent.State {
	if !p.facts.Child || len(p.facts.Permits) > 0 {
		return p.states
	}
	noes := map[consent.Key]consent.State{}
	for k, s := range p.states {
		if s.Ended() == nil {
			noes[k] = s
		} else if !s.No.IsZero() {
			noes[k] = consent.State{No: s.No}
		}
	}
	return noes
}

// about fills in of a world what is known of a person, by one of the identifiers.
func (db *DB) about(w *decision.World, p *person, row rowFunc) error {
	others, err := db.others(row, p.links)
	if err != nil {
		return err
	}
	w.Subject, w.Linked, w.Person = new(p.subject()), subjects(others), p.facts.Person()
	return nil
}

func subjects(people []*person) (list []decision.Subject) {
	for _, p := range people {
		list = append(list, p.subject())
	}
	return list
}

func (p *person) member() proof.Member {
	return proof.Member{ID: p.name, Since: fromMoment(p.links.Since), Unsure: p.links.Unsure, Vouched: p.links.Vouched}
}

// Person gives the identifiers of the person that an identifier belongs to, in
// the order in which they were linked; none where it is linked with no other.
func (db *DB) Person(ctx context.Context, id subject.ID) ([]proof.Member, error) {
	p, err := db.lookup(db.reader(ctx), id)
	if err != nil || p == nil || !p.links.any() {
		return nil, err
	}
	others, err := db.others(db.reader(ctx), p.links)
	if err != nil {
		return nil, err
	}
	return membersOf(append(others, p)), nil
}

func membersOf(people []*person) []proof.Member {
	var list []proof.Member
	for _, p := range people {
		list = append(list, p.member())
	}
	slices.SortFunc(list, func(a, b proof.Member) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	return list
}
