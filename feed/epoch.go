package feed

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Epoch names an epoch after the keys that its tags are made under, so that whoever
// has a signed head, hello or snapshot of it can tell whether theirs are the same:
// with others everybody would be unknown. The hash of 64 random bytes leads nobody
// to them.
func Epoch(version int, tags, suppression [32]byte) string {
	return fmt.Sprintf("%d.%s.%s", version, rand.Text(), keysOf(tags, suppression))
}

// OfKeys reports whether an epoch is one of these keys.
func OfKeys(epoch string, tags, suppression [32]byte) bool {
	return strings.HasSuffix(epoch, "."+keysOf(tags, suppression))
}

func keysOf(tags, suppression [32]byte) string {
	h := sha256.New()
	h.Write([]byte("amana/feed/keys/v1\n"))
	h.Write(tags[:])
	h.Write(suppression[:])
	return hex.EncodeToString(h.Sum(nil))
}
