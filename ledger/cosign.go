package ledger

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// cosignatureType is the type of an Ed25519 cosignature key (C2SP tlog-cosignature).
const cosignatureType = 0x04

// stampSize is how many bytes of a cosignature are its time.
const stampSize = 8

// Cosigner signs as a witness: that, as of a time, the checkpoint is the
// largest consistent head of its log that the witness has seen.
type Cosigner struct {
	name, verifier string
	hash           uint32
	key            ed25519.PrivateKey
	now            func() time.Time
}

// NewCosignerKey makes a key of a witness, in the form NewCosigner reads. The
// name should be an address without its scheme.
func NewCosignerKey(name string) (string, error) {
	if !validName(name) {
		return "", fmt.Errorf("%q cannot name a witness: no space, no +", name)
	}
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("making a witness's key: %w", err)
	}
	return fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, keyHash(name, pub), keyBytes(priv.Seed())), nil
}

// NewCosigner reads a witness's key.
func NewCosigner(key string, now func() time.Time) (*Cosigner, error) {
	rest, ok := strings.CutPrefix(key, "PRIVATE+KEY+")
	name, hash, seed, err := splitKey(rest)
	if !ok || err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("not the key of a witness")
	}
	c := &Cosigner{name: name, key: ed25519.NewKeyFromSeed(seed), now: now}
	pub := c.key.Public().(ed25519.PublicKey)
	if c.hash = keyHash(name, pub); c.hash != hash {
		return nil, fmt.Errorf("not the key of a witness: its number is another's")
	}
	c.verifier = fmt.Sprintf("%s+%08x+%s", name, c.hash, keyBytes(pub))
	return c, nil
}

// Name is the name in signature lines.
func (c *Cosigner) Name() string { return c.name }

// KeyHash is the number of the key in signature lines.
func (c *Cosigner) KeyHash() uint32 { return c.hash }

// Verifier is the key that others verify with, in signed-note form.
func (c *Cosigner) Verifier() string { return c.verifier }

// Sign signs a checkpoint's text as of now. With it a Cosigner is a note.Signer.
func (c *Cosigner) Sign(text []byte) ([]byte, error) {
	stamp := binary.BigEndian.AppendUint64(nil, uint64(c.now().Unix()))
	return append(stamp, ed25519.Sign(c.key, cosigned(stamp, text))...), nil
}

// Line gives the signature line under a checkpoint's text.
func (c *Cosigner) Line(text string) (string, error) {
	sig, err := c.Sign([]byte(text))
	if err != nil {
		return "", err
	}
	raw := append(binary.BigEndian.AppendUint32(nil, c.hash), sig...)
	return "— " + c.name + " " + base64.StdEncoding.EncodeToString(raw) + "\n", nil
}

// cosigned is the message that a cosignature signs.
func cosigned(stamp, text []byte) []byte {
	head := "cosignature/v1\ntime " + strconv.FormatUint(binary.BigEndian.Uint64(stamp), 10) + "\n"
	return append([]byte(head), text...)
}

// cosignatureVerifier verifies a witness's lines.
type cosignatureVerifier struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// NewCosignatureVerifier reads a witness's verifier key.
func NewCosignatureVerifier(key string) (note.Verifier, error) {
	name, hash, pub, err := splitKey(key)
	if err != nil || len(pub) != ed25519.PublicKeySize || keyHash(name, pub) != hash {
		return nil, fmt.Errorf("not a witness's key such as witness.example+0a1b2c3d+B…")
	}
	return cosignatureVerifier{name, hash, pub}, nil
}

func (v cosignatureVerifier) Name() string    { return v.name }
func (v cosignatureVerifier) KeyHash() uint32 { return v.hash }
func (v cosignatureVerifier) Verify(msg, sig []byte) bool {
	if len(sig) != stampSize+ed25519.SignatureSize || sig[0]&0x80 != 0 { // a time fits 63 bits
		return false
	}
	return ed25519.Verify(v.key, cosigned(sig[:stampSize], msg), sig[stampSize:])
}

// Cosignature is a witness's signature under a checkpoint.
type Cosignature struct {
	Witness string    // its name
	Line    string    // with its line end
	Time    time.Time // at which it signed
}

// Cosignatures gives the signatures of one witness under a checkpoint, none if
// there are none. A line that bears its name and number and does not hold is an
// error. Signatures of others are ignored.
func Cosignatures(signed string, witness note.Verifier) ([]Cosignature, error) {
	n, err := note.Open([]byte(signed), note.VerifierList(witness))
	if _, none := err.(*note.UnverifiedNoteError); none {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the signature of %s does not hold: %w", witness.Name(), err)
	}
	var out []Cosignature
	for _, s := range n.Sigs {
		raw, err := base64.StdEncoding.DecodeString(s.Base64)
		if err != nil || len(raw) < 4+stampSize {
			return nil, fmt.Errorf("the signature of %s is not one", witness.Name())
		}
		at := time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0).UTC()
		out = append(out, Cosignature{s.Name, "— " + s.Name + " " + s.Base64 + "\n", at})
	}
	return out, nil
}

// splitKey takes name+number+key apart, the key of the cosignature type.
func splitKey(s string) (name string, hash uint32, key []byte, err error) {
	name, rest, _ := strings.Cut(s, "+")
	number, b64, _ := strings.Cut(rest, "+")
	h, err1 := hex.DecodeString(number)
	raw, err2 := base64.StdEncoding.DecodeString(b64)
	if !validName(name) || err1 != nil || err2 != nil || len(h) != 4 || len(raw) < 1 || raw[0] != cosignatureType {
		return "", 0, nil, fmt.Errorf("not a key")
	}
	return name, binary.BigEndian.Uint32(h), raw[1:], nil
}

// validName is the rule of signed-note for names of keys.
func validName(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.Contains(s, "+") && strings.IndexFunc(s, unicode.IsSpace) < 0
}

func keyBytes(key []byte) string {
	return base64.StdEncoding.EncodeToString(append([]byte{cosignatureType}, key...))
}

func keyHash(name string, pub []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"+string(rune(cosignatureType))), pub...))
	return binary.BigEndian.Uint32(sum[:])
}
