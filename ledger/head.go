package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Errors of OpenHead.
var (
	ErrNotSigned    = errors.New("no signature under the checkpoint is of a known key of the log")
	ErrBadSignature = errors.New("a signature under the checkpoint bears the name of a known key and does not hold")
)

// OpenHead verifies a published checkpoint, under which others may have signed
// too, against the keys known of its log. It gives what it says and the key
// that signed it. Signatures of unknown keys are ignored, as signed-note wants it.
func OpenHead(signed string, keys []note.Verifier) (Checkpoint, note.Verifier, error) {
	c, _, err := ReadHead(signed)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	n, err := note.Open([]byte(signed), note.VerifierList(keys...))
	if _, unsigned := errors.AsType[*note.UnverifiedNoteError](err); unsigned {
		return c, nil, ErrNotSigned
	}
	if _, bad := errors.AsType[*note.InvalidSignatureError](err); bad {
		return c, nil, ErrBadSignature
	}
	if err != nil {
		return c, nil, fmt.Errorf("reading a checkpoint: %w", err)
	}
	for _, k := range keys {
		for _, s := range n.Sigs {
			if k.Name() == s.Name && k.KeyHash() == s.Hash && k.Name() == c.Origin {
				return c, k, nil
			}
		}
	}
	return c, nil, ErrNotSigned
}

// ReadHead reads what a signed checkpoint says, and its text, without looking
// at any signature. Lines after the third are left to those who wrote them
// (tlog-checkpoint calls them extensions).
func ReadHead(signed string) (Checkpoint, string, error) {
	end := strings.LastIndex(signed, "\n\n")
	if end < 0 || strings.Contains(signed[:end], "\n\n") {
		return Checkpoint{}, "", fmt.Errorf("not a signed checkpoint")
	}
	text := signed[:end+1]
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) != 4 {
		return Checkpoint{}, "", fmt.Errorf("a checkpoint has three lines")
	}
	c, err := ParseCheckpoint(strings.Join(lines[:3], "\n") + "\n")
	return c, text, err
}

// FirstSigned gives a signed note with the first of its signatures alone.
func FirstSigned(signed string) string {
	end := strings.LastIndex(signed, "\n\n") + 2
	first, _, _ := strings.Cut(signed[end:], "\n")
	return signed[:end] + first + "\n"
}

// AddLines puts signature lines under a signed note.
func AddLines(signed string, lines []string) string { return signed + strings.Join(lines, "") }

// proofHead is the first line of a proof in text.
const proofHead = "c2sp.org/tlog-proof@v1\n"

// ProofText writes an inclusion proof with its checkpoint as a C2SP tlog-proof,
// which programs that know nothing of receipts can verify offline.
func ProofText(index int64, proof tlog.RecordProof, checkpoint string) string {
	return proofHead + "index " + strconv.FormatInt(index, 10) + "\n" + HashLines(proof) + "\n" + checkpoint
}

// HashLines writes hashes in base64, a line each.
func HashLines(hashes []tlog.Hash) string {
	var b strings.Builder
	for i := range hashes {
		b.WriteString(base64.StdEncoding.EncodeToString(hashes[i][:]) + "\n")
	}
	return b.String()
}

// ParseHash reads one line of HashLines, in its one spelling.
func ParseHash(line string) (tlog.Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil || len(b) != len(tlog.Hash{}) || base64.StdEncoding.EncodeToString(b) != line {
		return tlog.Hash{}, fmt.Errorf("not a hash in base64")
	}
	return tlog.Hash(b), nil
}
