package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/gowebpki/jcs"
	"golang.org/x/mod/sumdb/note"
)

// HandoverType is the type of the public record of a hand-over.
const HandoverType = "handover"

// timeForm is how times stand in records: RFC 3339, UTC, milliseconds.
const timeForm = "2006-01-02T15:04:05.000Z"

// maxSize is the largest size that JSON numbers hold exactly.
const maxSize = 1 << 53

// Handover is the public record by which the log's key hands over to the next.
// It is the last entry of a tree of Size entries, whose head both keys sign: the
// old one signs no larger head, the new one no smaller.
type Handover struct {
	Type string `json:"type"` // HandoverType
	From string `json:"from"` // verifier keys, in C2SP signed-note form
	To   string `json:"to"`
	Size int64  `json:"size"`
	Time string `json:"time"` // RFC 3339, UTC, milliseconds
}

// NewHandover writes the record that is to be entered at a leaf.
func NewHandover(from, to string, leaf int64, at time.Time) (Handover, error) {
	h := Handover{HandoverType, from, to, leaf + 1, at.UTC().Format(timeForm)}
	return h, h.check()
}

func (h Handover) check() error {
	from, err1 := note.NewVerifier(h.From)
	to, err2 := note.NewVerifier(h.To)
	switch {
	case h.Type != HandoverType:
		return fmt.Errorf("the record is not that of a hand-over")
	case err1 != nil || err2 != nil:
		return fmt.Errorf("a hand-over names what is no verifier key")
	case from.Name() != to.Name():
		return fmt.Errorf("a hand-over names keys of two logs")
	case from.KeyHash() == to.KeyHash():
		return fmt.Errorf("a hand-over names one key twice, or two that cannot be told apart")
	case h.Size < 1 || h.Size > maxSize:
		return fmt.Errorf("a hand-over is at no size that a log can have")
	}
	if at, err := time.Parse(timeForm, h.Time); err != nil || at.Format(timeForm) != h.Time {
		return fmt.Errorf("a hand-over has no time")
	}
	return nil
}

// Record gives the RFC 8785 bytes that the log commits to.
func (h Handover) Record() ([]byte, error) {
	raw, err := json.Marshal(h)
	if err == nil {
		raw, err = jcs.Transform(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("writing a hand-over: %w", err)
	}
	return raw, nil
}

// ParseHandover reads a record. Only the one spelling that Record writes is read.
func ParseHandover(record []byte) (h Handover, err error) {
	dec := json.NewDecoder(bytes.NewReader(record))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&h); err != nil {
		return h, fmt.Errorf("reading a hand-over: %w", err)
	}
	if err := h.check(); err != nil {
		return h, err
	}
	if again, err := h.Record(); err != nil || !bytes.Equal(again, record) {
		return h, fmt.Errorf("a hand-over is not in its one spelling")
	}
	return h, nil
}

// HandoverProof proves a hand-over to whoever holds one of the two keys: the
// record with its salt, the way to the head, and the head, signed by both.
type HandoverProof struct {
	Record     Handover `json:"record"`
	Salt       []byte   `json:"salt"` // 16 bytes
	Proof      Proof    `json:"proof"`
	Checkpoint string   `json:"checkpoint"` // signed by the old key, then by the new one
}

// ProveHandover puts together the proof of a hand-over that is in the tree. The
// checkpoint has to be that of its size, signed by both keys.
func ProveHandover(tree *Tree, h Handover, salt Salt, checkpoint string) (*HandoverProof, error) {
	hashes, err := tree.Inclusion(h.Size, h.Size-1)
	if err != nil {
		return nil, fmt.Errorf("proving a hand-over: %w", err)
	}
	p := &HandoverProof{h, salt[:], *ProofOf(h.Size-1, h.Size, hashes), checkpoint}
	return p, p.check()
}

// Head gives the head that both keys signed.
func (p *HandoverProof) Head() (Checkpoint, error) {
	return OpenCheckpoint(p.Checkpoint, p.Record.From, p.Record.To)
}

func (p *HandoverProof) check() error {
	if err := p.Record.check(); err != nil {
		return err
	}
	head, err := p.Head()
	if err != nil {
		return fmt.Errorf("the hand-over at %d entries: %w", p.Record.Size, err)
	}
	if len(p.Salt) != SaltSize || head.Size != p.Record.Size || p.Proof.Index != p.Record.Size-1 {
		return fmt.Errorf("the hand-over at %d entries is not the last of the tree it names", p.Record.Size)
	}
	record, err := p.Record.Record()
	if err != nil {
		return err
	}
	if err := p.Proof.Check(head, EntryOf(Salt(p.Salt), record)); err != nil {
		return fmt.Errorf("the hand-over at %d entries: %w", p.Record.Size, err)
	}
	return nil
}

// Signer is a key of a log, and for every key but the first the hand-over by
// which the one before named it. A log's signers are a list of them, oldest first.
type Signer struct {
	Key      string         `json:"key"` // verifier key, in C2SP signed-note form
	Handover *HandoverProof `json:"handover,omitempty"`
}

// MaxSigners bounds how many keys a log has had.
const MaxSigners = 256

// ReadSigners reads a list of signers in JSON, strictly, and verifies it.
func ReadSigners(raw []byte) ([]Signer, []Term, error) {
	var list []Signer
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&list); err != nil || dec.More() {
		return nil, nil, fmt.Errorf("not a list of a log's keys")
	}
	terms, err := Succession(list)
	return list, terms, err
}

// Term is for which heads a key of a log is good: those of From to Until
// entries. Until 0 is no end. At the size of a hand-over two keys are.
type Term struct {
	Key         string
	From, Until int64
}

// Covers says whether the key may sign a head of size entries.
func (t Term) Covers(size int64) bool { return size >= t.From && (t.Until == 0 || size <= t.Until) }

// String says the term in words.
func (t Term) String() string {
	entries := func(n int64) string {
		if n == 1 {
			return "1 entry"
		}
		return fmt.Sprintf("%d entries", n)
	}
	switch {
	case t.Until == 0:
		return "from " + entries(t.From) + " on"
	case t.From == 0:
		return "up to " + entries(t.Until)
	default:
		return fmt.Sprintf("from %d to %s", t.From, entries(t.Until))
	}
}

// Terms gives the keys of a log with their terms, oldest first, from the records
// of its hand-overs in the order of their leaves. It verifies no signature:
// whoever has the log itself needs no more.
func Terms(first string, list []Handover) ([]Term, error) {
	out := []Term{{Key: first}}
	for _, h := range list {
		if err := h.check(); err != nil {
			return nil, err
		}
		last := &out[len(out)-1]
		if h.From != last.Key || h.Size <= last.From || slices.ContainsFunc(out, func(t Term) bool { return t.Key == h.To }) {
			return nil, fmt.Errorf("the hand-over at %d entries is not that of the key in force", h.Size)
		}
		last.Until = h.Size
		out = append(out, Term{Key: h.To, From: h.Size})
	}
	return out, nil
}

// Succession verifies signers by themselves: each key but the first was named
// by the one before in the log, and both signed the head that says so. Whose
// keys they are, only a key that was pinned can say.
func Succession(list []Signer) ([]Term, error) {
	if len(list) == 0 || len(list) > MaxSigners || list[0].Handover != nil {
		return nil, fmt.Errorf("a log's signers begin with a key that nobody handed over to")
	}
	if _, err := note.NewVerifier(list[0].Key); err != nil {
		return nil, fmt.Errorf("a log's signers name what is no verifier key")
	}
	var records []Handover
	for _, s := range list[1:] {
		if s.Handover == nil || s.Handover.Record.To != s.Key {
			return nil, fmt.Errorf("the key %s has no hand-over to it", s.Key)
		}
		if err := s.Handover.check(); err != nil {
			return nil, err
		}
		records = append(records, s.Handover.Record)
	}
	return Terms(list[0].Key, records)
}

// SignersAt gives the keys that sign a head of size entries: one, or at the size
// of a hand-over the old and the new one, in that order. A receipt's checkpoint
// is signed by the first of them alone, what is published by all.
func SignersAt(terms []Term, size int64) []string {
	var out []string
	for _, t := range terms {
		if t.Covers(size) {
			out = append(out, t.Key)
		}
	}
	return out
}
