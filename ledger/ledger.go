// Package ledger is the append-only Merkle log of commitments: RFC 6962
// hashing, checkpoints as C2SP signed notes. It holds no personal data and
// nothing that can be guessed back to it: an entry is the hash of a record with
// 128 random bits.
package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// SaltSize is the length of a record's salt in bytes.
const SaltSize = 16

// Entry is what the log commits to: SHA-256("amana/record/v1\n" ‖ salt ‖ record).
type Entry [32]byte

// Salt is the random part of a commitment.
type Salt [SaltSize]byte

// NewSalt makes a salt.
func NewSalt() Salt {
	var s Salt
	rand.Read(s[:])
	return s
}

// EntryOf commits to a record's RFC 8785 bytes.
func EntryOf(salt Salt, record []byte) Entry { return commit("amana/record/v1\n", salt, record) }

// CommitSubject commits to an identifier inside a record.
func CommitSubject(salt Salt, identifier string) Entry {
	return commit("amana/subject/v1\n", salt, []byte(identifier))
}

// CommitProcess commits to the RFC 8785 bytes of the texts shown.
func CommitProcess(salt Salt, process []byte) Entry {
	return commit("amana/process/v1\n", salt, process)
}

func commit(domain string, salt Salt, data []byte) Entry {
	b := make([]byte, 0, 4096) // on the stack: a record has about 700 bytes, the texts shown about 2,500
	b = append(append(append(b, domain...), salt[:]...), data...)
	return sha256.Sum256(b)
}

// Leaf is the leaf hash of an entry: SHA-256(0x00 ‖ entry).
func (e Entry) Leaf() tlog.Hash { return tlog.RecordHash(e[:]) }

// Checkpoint is a head of the log.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// Text is the note's text (C2SP tlog-checkpoint): origin, size, root, a line each.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// Sign gives the checkpoint as a signed note. It is deterministic: one head and
// the same keys make one note.
func (c Checkpoint) Sign(signers ...note.Signer) (string, error) {
	msg, err := note.Sign(&note.Note{Text: c.Text()}, signers...)
	if err != nil {
		return "", fmt.Errorf("signing a checkpoint: %w", err)
	}
	return string(msg), nil
}

// ParseCheckpoint reads a note's text. Exactly three lines in their one
// spelling are accepted.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" {
		return Checkpoint{}, fmt.Errorf("a checkpoint has three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("the checkpoint's size is not a number")
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != len(tlog.Hash{}) {
		return Checkpoint{}, fmt.Errorf("the checkpoint's root is not a hash")
	}
	c := Checkpoint{lines[0], size, tlog.Hash(root)}
	if c.Text() != text {
		return Checkpoint{}, fmt.Errorf("the checkpoint is not in its one spelling")
	}
	return c, nil
}

// OpenCheckpoint verifies a checkpoint against verifier keys, mostly one. The
// note must be in its one spelling and carry those keys' signatures, in that
// order, and no other: a line nobody checks is a line anybody can change.
func OpenCheckpoint(signed string, keys ...string) (Checkpoint, error) {
	verifiers := make([]note.Verifier, len(keys))
	for i, key := range keys {
		var err error
		if verifiers[i], err = note.NewVerifier(key); err != nil {
			return Checkpoint{}, fmt.Errorf("reading the verifier key: %w", err)
		}
	}
	n, err := note.Open([]byte(signed), note.VerifierList(verifiers...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the checkpoint's signature does not hold: %w", err)
	}
	if len(n.Sigs) != len(keys) || len(n.UnverifiedSigs) != 0 {
		return Checkpoint{}, fmt.Errorf("the checkpoint carries a signature that cannot be checked, or lacks one")
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	spelling := n.Text + "\n"
	for i, sig := range n.Sigs {
		if v := verifiers[i]; sig.Name != v.Name() || sig.Hash != v.KeyHash() || v.Name() != c.Origin {
			return Checkpoint{}, fmt.Errorf("the checkpoint's origin is not the signer's name, or its signatures stand in another order")
		}
		if !canonical(sig.Base64) {
			return Checkpoint{}, fmt.Errorf("the checkpoint is not in its one spelling")
		}
		spelling += "— " + sig.Name + " " + sig.Base64 + "\n"
	}
	if signed != spelling {
		return Checkpoint{}, fmt.Errorf("the checkpoint is not in its one spelling")
	}
	return c, nil
}

func canonical(b64 string) bool {
	b, err := base64.StdEncoding.Strict().DecodeString(b64)
	return err == nil && base64.StdEncoding.EncodeToString(b) == b64
}
