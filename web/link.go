package web

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// linkLife is how long a link to receipts works.
const linkLife = 30 * time.Minute

// links seals short lists of receipts into the addresses of pages. Such an
// address shows receipts to who has it, for a while; it acts on nothing and
// says nothing to who reads it in a log.
type links struct{ seal cipher.AEAD }

var linkUse = []byte("amana/receipts/v1")

func newLinks(key [32]byte) links {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("web: " + err.Error()) // 32 bytes are a key
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("web: " + err.Error())
	}
	return links{seal}
}

// make gives the token of a list of receipts, which may be empty.
func (l links) make(now time.Time, ids ...string) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(now.Add(linkLife).Unix()))
	for _, id := range ids {
		u, err := uuid.Parse(id)
		if err != nil {
			panic("web: the id of a receipt is no UUID") // the store makes no other
		}
		plain = append(plain, u[:]...)
	}
	return base64.RawURLEncoding.EncodeToString(l.seal.Seal(nil, nil, plain, linkUse))
}

// open gives the receipts of a token; false if it is none of ours or has run out.
func (l links) open(now time.Time, token string) ([]string, bool) {
	if len(token) > 8192 {
		return nil, false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return nil, false
	}
	plain, err := l.seal.Open(nil, nil, sealed, linkUse)
	if err != nil || len(plain) < 8 || len(plain)%16 != 8 || now.Unix() >= int64(binary.BigEndian.Uint64(plain)) {
		return nil, false
	}
	ids := []string{}
	for rest := plain[8:]; len(rest) > 0; rest = rest[16:] {
		ids = append(ids, uuid.UUID(rest[:16]).String())
	}
	return ids, true
}
