package feed

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"

	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/table"
)

// Row is one thing that is so from now on: Identifier, Person, Version or State; or
// Void.
type Row interface{ append(b []byte) []byte }

// Identifier is what is known of an identifier. It stands in the chain of the
// identifier's shard. Fresh: no row before it had this tag.
type Identifier struct {
	Tag     table.Tag
	Fresh   bool
	Profile table.Profile
	Times   []int64 // as many as the profile has anchors, Unix milliseconds
}

// Person is what is known of several identifiers of one person, where what was
// said by one changes the answers about others. It stands in the chain of the one
// that something happened to, in place of its Identifier.
type Person []Identifier

// Identifiers gives the identifiers that a row tells of.
func Identifiers(row Row) []Identifier {
	switch row := row.(type) {
	case Identifier:
		return []Identifier{row}
	case Person:
		return row
	}
	return nil
}

// Version is a policy that was published, with the meanings that its purposes
// have; another row of the same version changes those. It stands in the chain
// of rules, before the first row that depends on it.
type Version struct {
	Canonical []byte
	Meanings  map[string]string
}

// State is what holds for everybody: the version in force, the recipients not in
// good standing, the purposes that a law forbids. It stands in the chain of rules.
type State struct {
	InForce   policy.VersionID // "" for none
	Suspended []string         // sorted
	Forbidden []string         // sorted
}

// Void says nothing: it stands in the place of what was to be told of somebody
// who was erased since, so that rows keep their numbers.
type Void struct{}

const (
	rowIdentifier = iota + 1
	rowVersion
	rowState
	rowVoid
	rowPerson
)

// mostOfPerson bounds the identifiers of a person.
const mostOfPerson = 1 << 10

// Encode gives the bytes of a row: what a chain hashes and a store keeps.
func Encode(row Row) []byte { return row.append(nil) }

func appendSigned(b []byte, n int64) []byte { return binary.AppendVarint(b, n) }

func (i Identifier) append(b []byte) []byte {
	fresh := byte(0)
	if i.Fresh {
		fresh = 1
	}
	return i.fields(append(b, rowIdentifier, fresh))
}

func (i Identifier) fields(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, i.Tag.Hi), i.Tag.Lo)
	b = appendProfile(b, i.Profile)
	for _, t := range i.Times {
		b = appendSigned(b, t)
	}
	return b
}

func (p Person) append(b []byte) []byte {
	b = appendInt(append(b, rowPerson), len(p))
	for _, i := range p {
		b = i.fields(b)
	}
	return b
}

func (v Version) append(b []byte) []byte {
	b = appendBytes(append(b, rowVersion), v.Canonical)
	b = appendInt(b, len(v.Meanings))
	for _, purpose := range slices.Sorted(maps.Keys(v.Meanings)) {
		b = appendBytes(appendBytes(b, purpose), v.Meanings[purpose])
	}
	return b
}

func (s State) append(b []byte) []byte {
	b = appendBytes(append(b, rowState), string(s.InForce))
	for _, list := range [][]string{s.Suspended, s.Forbidden} {
		b = appendInt(b, len(list))
		for _, n := range list {
			b = appendBytes(b, n)
		}
	}
	return b
}

func (Void) append(b []byte) []byte { return append(b, rowVoid) }

// Decode reads a row.
func Decode(raw []byte) (Row, error) {
	r := reader{rest: raw}
	var row Row
	switch r.byte() {
	case rowIdentifier:
		row = r.identifier()
	case rowPerson:
		row = r.person()
	case rowVersion:
		row = r.version()
	case rowState:
		row = State{policy.VersionID(r.bytes()), r.names(), r.names()}
	case rowVoid:
		row = Void{}
	default:
		r.fail()
	}
	if !r.end() {
		return nil, malformed("a row of the feed")
	}
	return row, nil
}

func (r *reader) identifier() Identifier {
	fresh := r.below(2) == 1
	i := r.fields()
	i.Fresh = fresh
	return i
}

func (r *reader) fields() Identifier {
	i := Identifier{Tag: r.tag(), Profile: r.profile()}
	i.Times = r.times(i.Profile.Anchors, nil)
	return i
}

func (r *reader) person() Person {
	n := r.count()
	if n < 2 || n > mostOfPerson {
		r.fail()
		return nil
	}
	p := make(Person, 0, n)
	for range n {
		if p = append(p, r.fields()); r.bad {
			return nil
		}
	}
	return p
}

func (r *reader) tag() table.Tag {
	raw := r.take(16)
	if r.bad {
		return table.Tag{}
	}
	return table.Tag{Hi: binary.BigEndian.Uint64(raw), Lo: binary.BigEndian.Uint64(raw[8:])}
}

func (r *reader) times(n int, into []int64) []int64 {
	for range n {
		if into = append(into, r.int()); r.bad {
			return nil
		}
	}
	return into
}

func (r *reader) version() Version {
	v := Version{Canonical: slices.Clone(r.bytes()), Meanings: map[string]string{}}
	last := ""
	for range r.count() {
		purpose := string(r.bytes())
		if purpose <= last {
			r.fail()
		}
		v.Meanings[purpose], last = string(r.bytes()), purpose
	}
	return v
}

func (r *reader) names() []string {
	var list []string
	for range r.count() {
		n := string(r.bytes())
		if k := len(list); k > 0 && list[k-1] >= n {
			r.fail()
		}
		list = append(list, n)
	}
	return list
}

// policyVersion reads the policy of a row. Its id is the hash of its bytes.
func (v Version) policyVersion() (*policy.Version, error) {
	if !json.Valid(v.Canonical) {
		return nil, malformed("a policy")
	}
	p, err := policy.FromCanonical(v.Canonical)
	if err != nil {
		return nil, err
	}
	return &policy.Version{ID: policy.IDOf(v.Canonical), Canonical: v.Canonical, Policy: p, Meanings: v.Meanings}, nil
}
