package table

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/amana-privacy/amana/subject"
)

// suppressed is who was erased and is not known since: the tags of their
// identifiers under a key of its own, for under the table's nobody can tag
// somebody who is erased. It is read-only once made.
type suppressed struct {
	key  [32]byte
	tags map[Tag]struct{}
}

// SuppressionDomain stands before an identifier where it is tagged as that of
// somebody who was erased.
const SuppressionDomain = "amana/suppression/v1\n"

// SuppressedTag gives the tag that an identifier has among those erased.
func SuppressedTag(key [32]byte, id subject.ID) []byte {
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte(SuppressionDomain))
	m.Write([]byte(id))
	return m.Sum(nil)
}

// ShortTag gives the first half of such a tag; of fewer than 16 bytes the zero tag.
func ShortTag(tag []byte) Tag {
	if len(tag) < 16 {
		return Tag{}
	}
	return Tag{binary.BigEndian.Uint64(tag), binary.BigEndian.Uint64(tag[8:])}
}

// nobodyErased stands for everybody who was erased; it is no identifier.
const nobodyErased = subject.ID("\x00erased")

// Suppress says who was erased: whoever has one of these tags, and is not known
// otherwise, is answered as somebody erased. tags is not changed afterwards. A
// Loader knows of nobody: Suppress again after Swap.
func (t *Table) Suppress(key [32]byte, tags map[Tag]struct{}) {
	t.Put(t.key.Tag(nobodyErased), Profile{Erased: true}, nil, false)
	t.suppressed.Store(&suppressed{key, tags})
}

// mayHide are the codes that come after an erasure is looked for, and that
// somebody unknown may be answered with.
const mayHide = 1<<codeForbiddenByLaw | 1<<codeUnknownSubject | 1<<codeBasis | 1<<codeRecipientNotPermitted | 1<<codeRecipientSuspended

// hides reports whether a code may stand where somebody is erased.
func (t *Table) hides(c code) bool { return mayHide>>c&1 == 1 && t.suppressed.Load() != nil }

// gone reports whether an identifier is one of somebody who was erased and is
// not known since.
func (t *Table) gone(id subject.ID) bool {
	s := t.suppressed.Load()
	if len(s.tags) == 0 || id == nobodyErased || t.Knows(id) {
		return false
	}
	_, erased := s.tags[ShortTag(SuppressedTag(s.key, id))]
	return erased
}

// Knows reports whether anything was put of an identifier. Like an answer it is
// wrong for one that never was by the chance that two tags fall together.
func (t *Table) Knows(id subject.ID) bool {
	tag := t.key.Tag(id)
	for {
		r := t.root.Load()
		set := r.spot(tag).find()
		if set == setElsewhere {
			return t.keeps(tag)
		}
		if t.root.Load() == r {
			return set != setNobody
		}
	}
}

// keeps is Knows for what may be kept apart.
func (t *Table) keeps(tag Tag) bool {
	t.cold.RLock()
	defer t.cold.RUnlock()
	r := t.root.Load()
	if set := r.spot(tag).find(); set != setElsewhere {
		return set != setNobody
	}
	_, is := r.exception(tag)
	return is
}
