package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"

	"github.com/amana-privacy/amana/fault"
)

// Overhead is by how many bytes a sealed text is longer than the text.
const Overhead = 12 + 16

// Seal encrypts text under AES-256-GCM with a random nonce, which it puts in
// front. The context must be given again to open it.
func Seal(k Key, context, text []byte) []byte {
	aead := gcm(k)
	out := make([]byte, 12, 12+len(text)+aead.Overhead())
	rand.Read(out)
	return aead.Seal(out, out, text, context)
}

// Unseal opens what Seal made. Any other key, context or byte is fault.Denied.
func Unseal(k Key, context, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, fault.New(fault.Denied, "sealed text is too short")
	}
	text, err := gcm(k).Open(nil, sealed[:12], sealed[12:], context)
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
