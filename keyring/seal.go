package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"

	"github.com/amana-privacy/amana/fault"
)

// Overhead is by how many bytes a sealed text is longer than the text, NonceSize how
// many of them stand in front.
const (
	NonceSize = 12
	Overhead  = NonceSize + 16
)

// Sealer seals texts under one key, which is made ready once. It is safe for
// concurrent use.
type Sealer struct{ aead cipher.AEAD }

// Sealer makes the key ready.
func (k Key) Sealer() Sealer { return Sealer{gcm(k)} }

// Seal encrypts text under AES-256-GCM with a random nonce, which it puts in
// front. The context must be given again to open it.
func (s Sealer) Seal(context, text []byte) []byte {
	return s.InPlace(context, append(make([]byte, NonceSize, Overhead+len(text)), text...))
}

// InPlace is Seal of the text behind the first NonceSize bytes, where it stands if
// there is room for Overhead.
func (s Sealer) InPlace(context, text []byte) []byte {
	nonce := text[:NonceSize]
	rand.Read(nonce)
	return s.aead.Seal(nonce, nonce, text[NonceSize:], context)
}

// Seal seals one text.
func Seal(k Key, context, text []byte) []byte { return k.Sealer().Seal(context, text) }

// Unseal opens what Seal made. Any other key, context or byte is fault.Denied.
func Unseal(k Key, context, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, fault.New(fault.Denied, "sealed text is too short")
	}
	text, err := gcm(k).Open(nil, sealed[:NonceSize], sealed[NonceSize:], context)
	if err != nil {
		return nil, fault.New(fault.Denied, "sealed text does not open")
	}
	return text, nil
}

func gcm(k Key) cipher.AEAD {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic("keyring: aes: " + err.Error()) // only for a wrong key length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("keyring: gcm: " + err.Error())
	}
	return aead
}
