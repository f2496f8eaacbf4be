package receipt

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/gowebpki/jcs"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// MaxSize is the largest receipt that is read, in bytes.
const MaxSize = 1 << 20

// Outcome is what verifying came to.
type Outcome string

// The outcomes, with the exit code each has.
const (
	Valid        Outcome = "valid"        // 0: as the pinned key's log has it
	Broken       Outcome = "broken"       // 1: something in it does not hold
	Unidentified Outcome = "unidentified" // 3: intact, but nobody said whose key it should be
	Pending      Outcome = "pending"      // 3: the ledger had not integrated it when it was issued
)

// Part names what does not hold in a broken receipt.
type Part string

// The parts.
const (
	PartForm       Part = "form"       // not a receipt, an unknown or repeated member, another spelling
	PartSubject    Part = "subject"    // the identifier is not the one committed to
	PartProcess    Part = "process"    // the texts are not the ones committed to
	PartProof      Part = "proof"      // record, salt and proof do not lead to the checkpoint's root
	PartCheckpoint Part = "checkpoint" // its signature does not hold
	PartSigner     Part = "signer"     // it is signed by another key than the one pinned
)

// Verdict is the result of Verify.
type Verdict struct {
	Outcome    Outcome
	Part       Part     // of a broken one
	Detail     string   // what does not hold, in words for a developer
	Receipt    *Receipt // as read; nil where it could not be
	Signer     string   // the verifier key that signed the checkpoint
	Checkpoint ledger.Checkpoint
}

// Verify checks a receipt offline, by value: every member is either part of
// what the ledger committed to, of the proof, or a constant. With a pinned
// verifier key it can be Valid; without one at best Unidentified. It proves
// history, never the present state. A pinned key that is none is fault.Malformed.
func Verify(data []byte, pinned string) (Verdict, error) {
	if pinned != "" {
		if _, err := note.NewVerifier(pinned); err != nil {
			return Verdict{}, fault.New(fault.Malformed, "the key is not a verifier key such as example.com/log+0a1b2c3d+AAAA…")
		}
	}
	r, err := read(data)
	if err != nil {
		return Verdict{Outcome: Broken, Part: PartForm, Detail: err.Error()}, nil
	}
	v := Verdict{Receipt: r, Signer: r.Signers[0].Key}
	if part, err := r.opens(); err != nil {
		return v.broken(part, err), nil
	}
	if pinned != "" && pinned != v.Signer {
		return v.broken(PartSigner, fmt.Errorf("it is signed by %s, not by the key you hold", v.Signer)), nil
	}
	if r.Proof == nil {
		v.Outcome = Pending
		return v, nil
	}
	if v.Checkpoint, err = ledger.OpenCheckpoint(r.Checkpoint, v.Signer); err != nil {
		return v.broken(PartCheckpoint, err), nil
	}
	if err := r.included(v.Checkpoint); err != nil {
		return v.broken(PartProof, err), nil
	}
	v.Outcome = Unidentified
	if pinned != "" {
		v.Outcome = Valid
	}
	return v, nil
}

func (v Verdict) broken(part Part, err error) Verdict {
	v.Outcome, v.Part, v.Detail = Broken, part, err.Error()
	return v
}

// ExitCode is the verdict as the exit code of a verb.
func (v Verdict) ExitCode() int {
	switch v.Outcome {
	case Valid:
		return 0
	case Broken:
		return 1
	default:
		return 3
	}
}

// read takes a receipt strictly: one JSON value whose members are exactly
// those of a receipt, each once, each in the one spelling that writing it
// again gives.
func read(data []byte) (*Receipt, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("larger than %d bytes", MaxSize)
	}
	var r Receipt
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return nil, fmt.Errorf("not a receipt: %w", err)
	}
	if dec.More() {
		return nil, fmt.Errorf("something follows the receipt")
	}
	given, err := jcs.Transform(data)
	if err != nil {
		return nil, fmt.Errorf("not a receipt: %w", err)
	}
	again, err := canonical(r)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(given, again) {
		return nil, fmt.Errorf("a member stands in it that is not a receipt's, twice, or in another spelling")
	}
	return &r, r.constants()
}

// constants checks the members that are the same in every receipt.
func (r *Receipt) constants() error {
	known, err := r.knownContext()
	switch {
	case err != nil:
		return err
	case !known:
		return fmt.Errorf("@context is not a receipt's")
	case r.ConformsTo != receiptForm || r.Record.ConformsTo != recordForm:
		return fmt.Errorf("conformsTo is not a receipt's")
	case r.ID != r.Record.ID:
		return fmt.Errorf("the receipt has another id than its record")
	case len(r.Salt) != ledger.SaltSize:
		return fmt.Errorf("the salt has %d bytes", len(r.Salt))
	case len(r.Signers) != 1:
		return fmt.Errorf("it names %d signers; one is known to this version", len(r.Signers))
	case (r.Proof == nil) != (r.Checkpoint == ""):
		return fmt.Errorf("proof and checkpoint come together or not at all")
	}
	return r.Record.plain()
}

func (r *Receipt) knownContext() (bool, error) {
	got, err := canonical(r.Context)
	if err != nil {
		return false, err
	}
	for _, c := range contexts() {
		want, err := canonical(c)
		if err != nil || bytes.Equal(want, got) {
			return err == nil, err
		}
	}
	return false, nil
}

// opens checks that what is opened is what the record committed to.
func (r *Receipt) opens() (Part, error) {
	if s := r.Subject; s != nil {
		salt, err := saltOf(s.Salt)
		if got := ledger.CommitSubject(salt, s.Value); err != nil || !bytes.Equal(got[:], r.Record.HasDataSubject.Commitment) {
			return PartSubject, fmt.Errorf("the identifier is not the one that was recorded")
		}
	}
	if p := r.Process; p != nil {
		salt, err := saltOf(p.Salt)
		if err != nil {
			return PartProcess, err
		}
		texts, err := canonical(p.Value)
		if got := ledger.CommitProcess(salt, texts); err != nil || !bytes.Equal(got[:], r.Record.HasNotice.Commitment) {
			return PartProcess, fmt.Errorf("the texts are not the ones that were recorded")
		}
	}
	return "", nil
}

func saltOf(b []byte) (ledger.Salt, error) {
	if len(b) != ledger.SaltSize {
		return ledger.Salt{}, fmt.Errorf("a salt has %d bytes", len(b))
	}
	return ledger.Salt(b), nil
}

// included checks that record and salt are in the log the checkpoint heads.
func (r *Receipt) included(c ledger.Checkpoint) error {
	if r.Proof.Size != c.Size || r.Proof.Index < 0 || r.Proof.Index >= c.Size {
		return fmt.Errorf("the proof is for another size than the checkpoint")
	}
	proof, err := r.Proof.hashes()
	if err != nil {
		return err
	}
	entry, err := r.Entry()
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(proof, c.Size, c.Root, r.Proof.Index, entry.Leaf()); err != nil {
		return fmt.Errorf("record, salt and proof do not lead to the checkpoint's root")
	}
	return nil
}

// Redact gives a copy without the identifier and the texts, for others. It
// verifies as the whole one does.
func (r Receipt) Redact() Receipt {
	r.Subject, r.Process = nil, nil
	return r
}
