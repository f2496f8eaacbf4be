package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// Facts are what holds for a person beside their answers. They are written to
// each of the person's identifiers.
type Facts struct {
	Restricted time.Time            // since when; zero: not
	By         []string             // ids of the requests that restrict, sorted
	Named      []string             // contract purposes that were named beforehand and go on
	Objected   map[string]time.Time // purposes objected to, since when

	// Child says that the person is known to be below the age at which a yes
	// counts. Permits are the permissions of parents that stand: the ids of their requests.
	// From Grown on nobody born as late as that is below it; zero: no end is known.
	Child   bool
	Permits []string
	Grown   time.Time

	// Heard are the noes of a browser that are no words of its own: they reached it
	// from who was signed in (Meet), and go on to nobody else. By what they were to, when.
	Heard map[consent.Key]time.Time
}

// storedFacts are Facts as they stand in a subject's row.
type storedFacts struct {
	Restricted int64            `json:"r,omitempty"`
	By         string           `json:"b,omitempty"` // with a space between
	Named      []string         `json:"n,omitempty"`
	Objected   map[string]int64 `json:"o,omitempty"`
	Child      bool             `json:"c,omitempty"`
	Permits    []string         `json:"p,omitempty"`
	Grown      int64            `json:"g,omitempty"`
	Heard      []heardNo        `json:"h,omitempty"`
}

type heardNo struct {
	Purpose   string `json:"p"`
	Recipient string `json:"r,omitempty"`
	At        int64  `json:"t"`
}

func (f Facts) stored() string {
	s := storedFacts{Restricted: moment(f.Restricted), By: strings.Join(f.By, " "), Named: f.Named, Child: f.Child, Permits: f.Permits, Grown: moment(f.Grown)}
	for id, at := range f.Objected {
		put(&s.Objected, id, moment(at))
	}
	for k, at := range f.Heard {
		s.Heard = append(s.Heard, heardNo{k.Purpose, k.Recipient, moment(at)})
	}
	raw, err := json.Marshal(s)
	if err != nil {
		panic("store: facts: " + err.Error()) // texts and numbers
	}
	if string(raw) == "{}" {
		return ""
	}
	return string(raw)
}

func unmarshalFacts(raw string) (f Facts, err error) {
	if raw == "" {
		return f, nil
	}
	var s storedFacts
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		return f, fmt.Errorf("reading facts: %w", err)
	}
	f = Facts{Restricted: fromMoment(s.Restricted), By: strings.Fields(s.By), Named: s.Named, Child: s.Child, Permits: s.Permits, Grown: fromMoment(s.Grown)}
	for id, at := range s.Objected {
		put(&f.Objected, id, fromMoment(at))
	}
	for _, no := range s.Heard {
		put(&f.Heard, consent.Key{Purpose: no.Purpose, Recipient: no.Recipient}, fromMoment(no.At))
	}
	return f, nil
}

// put writes into a map that is made with its first entry.
func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

// restrict writes down that a request restricts; named are the contract purposes
// that go on all the same.
func (f *Facts) restrict(by string, named []string, now time.Time) {
	if f.Restricted.IsZero() {
		f.Restricted, f.Named = now, named
	}
	f.Named = both(f.Named, named)
	f.By = either(f.By, []string{by})
}

// free takes a request away from those that restrict, and says whether it was among
// them. With the last one the restriction ends.
func (f *Facts) free(by string) bool {
	if !slices.Contains(f.By, by) {
		return false
	}
	if f.By = slices.DeleteFunc(slices.Clone(f.By), func(id string) bool { return id == by }); len(f.By) == 0 {
		f.Restricted, f.By, f.Named = time.Time{}, nil, nil
	}
	return true
}

// grown reports whether the time is over in which a child is one. It ends by the
// person's own next yes.
func (f Facts) grown(now time.Time) bool {
	return f.Child && !f.Grown.IsZero() && !now.Before(f.Grown)
}

// both gives what stands in two lists, either what stands in one of them, sorted.
func both(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

func either(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

// Person gives facts as decisions take them.
func (f Facts) Person() decision.Person {
	p := decision.Person{Restricted: !f.Restricted.IsZero(), BelowAge: f.Child, ParentVerified: len(f.Permits) > 0}
	for _, id := range f.Named {
		put(&p.Named, id, true)
	}
	for id := range f.Objected {
		put(&p.Objected, id, true)
	}
	return p
}

// someone finds a person by an identifier, or begins a new one, who is written
// with their first event. It is an act of the person: who was erased begins
// anew.
func (t *tx) someone(id subject.ID) (*person, error) {
	p, err := t.db.lookup(t.row, id)
	if err != nil || p != nil {
		return p, err
	}
	p = &person{name: id, place: t.db.placeOf(id), fresh: true}
	p.id = newSubjectID(p.place.shard)
	p.keys, p.wrapped = t.db.cfg.Ring.NewKeys(p.id)
	p.identifier = keyring.Seal(p.keys.Data, identifierContext(p.id), []byte(p.name))
	return p, nil
}

// note appends an event that is no answer to a person's events, with its record
// and entry, and saves the person's facts. Whoever calls it has locked the
// person's shard and checked everything.
func (t *tx) note(p *person, kind string, parts func(eventID string) (receipt.Parts, error)) (*appended, error) {
	shard := p.id.Shard()
	n, err := t.next(shard)
	if err != nil {
		return nil, err
	}
	t.wrote = true // the number is taken: what fails from here on spoils the transaction
	a := &appended{p: p, shard: shard, n: n, prev: p.last, id: newEventID(shard, n)}
	a.event.ID = a.id.String()
	if a.parts, err = parts(a.event.ID); err != nil {
		return nil, err
	}
	if a.leaf, err = t.enter(shard, n, a.parts.Entry()); err != nil {
		return nil, err
	}
	p.seq, p.at, p.last = p.seq+1, max(p.at, millis(t.now)), n
	if err := t.saveFacts(p); err != nil {
		return nil, err
	}
	var leaf any
	if a.leaf != nil {
		leaf = *a.leaf
	}
	return a, t.exec(insertEvent, shard, n, a.id[:], p.id[:], a.prev, p.seq, kind, "", p.at, leaf, sealEvent(p.keys.Data.Sealer(), p, a.id, a.parts, 0))
}

// saveFacts writes a person's row after an event that is no answer.
func (t *tx) saveFacts(p *person) error {
	shard := p.id.Shard()
	if p.fresh {
		p.fresh = false
		if err := t.exec(endSuppression, shard, t.db.suppressionTag(p.name)); err != nil {
			return err
		}
		if err := t.exec(insertIdentifier, shard, p.place.tag, p.id[:]); err != nil {
			return err
		}
		if err := t.exec(insertSubject, shard, p.id[:], p.wrapped.Data, p.wrapped.Evidence, p.identifier, p.seq, p.at, p.last, string(marshalStates(p.states))); err != nil {
			return err
		}
	}
	return t.exec(`UPDATE subject SET seq = ?, at = ?, last = ?, facts = ?, links = ? WHERE shard_id = ? AND subject_id = ?`,
		p.seq, p.at, p.last, p.facts.stored(), p.links.stored(), shard, p.id[:])
}
