package table

import (
	"crypto/sha256"
	"encoding/binary"
	"unsafe"

	"github.com/dchest/siphash"

	"github.com/amana-privacy/amana/subject"
)

// Key is what tags are made under: 128 random bits, known to the servers and
// replicas of one company. Who does not know it can neither turn a tag back by
// trying addresses nor choose identifiers that fall together.
type Key [2]uint64

// KeyFrom gives the key of tags that 256 secret bits stand for.
func KeyFrom(secret [32]byte) Key {
	sum := sha256.Sum256(append([]byte("amana/feed/tags/v1\n"), secret[:]...))
	return Key{binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])}
}

// Tag stands for an identifier: 128 bits of SipHash-2-4 under a Key.
type Tag struct{ Hi, Lo uint64 }

// Tag gives the tag of an identifier in normal form.
func (k Key) Tag(id subject.ID) Tag {
	hi, lo := siphash.Hash128(k[0], k[1], unsafe.Slice(unsafe.StringData(string(id)), len(id)))
	return Tag{hi, lo}
}
