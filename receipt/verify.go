package receipt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gowebpki/jcs"
	"golang.org/x/mod/sumdb/note"

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
	PartHandover   Part = "handover"   // a key of the log was not handed over as it says, or signed beyond its term
	PartSigner     Part = "signer"     // it is signed by another key than the one pinned
)

// Via is how the key that was pinned leads to the one that signed.
type Via string

// The ways.
const (
	ViaItself  Via = ""        // it is the same
	ViaLater   Via = "later"   // the pinned key handed over to the one that signed
	ViaEarlier Via = "earlier" // the one that signed handed over to the pinned key
)

// Verdict is the result of Verify.
type Verdict struct {
	Outcome    Outcome
	Part       Part     // of a broken one
	Detail     string   // what does not hold, in words for a developer
	Receipt    *Receipt // as read; nil where it could not be
	Signer     string   // the verifier key that signed the checkpoint
	Via        Via      // of a valid one
	Checkpoint ledger.Checkpoint
}

// Verify checks a receipt offline, by value: every member is either part of
// what the ledger committed to, of the proof, or a constant. With a pinned
// verifier key it can be Valid; without one at best Unidentified. It proves
// history, never the present state.
//
// Where another key of the same log signed, hand-overs have to lead from the one
// to the other: those in the receipt, or those among the log's known signers,
// as a log publishes them. A key is good up to the size of its hand-over. That
// an older key was still in the right hands when it signed a head of that or a
// smaller size, no hand-over proves.
//
// A pinned key that is none, or known signers that do not hold, are
// fault.Malformed.
func Verify(data []byte, pinned string, known ...Signer) (Verdict, error) {
	if pinned != "" {
		if _, err := note.NewVerifier(pinned); err != nil {
			return Verdict{}, fault.New(fault.Malformed, "the key is not a verifier key such as example.com/log+0a1b2c3d+AAAA…")
		}
	}
	var elsewhere []ledger.Term
	if len(known) > 0 {
		var err error
		if elsewhere, err = ledger.Succession(known); err != nil {
			return Verdict{}, &fault.Error{Kind: fault.Malformed, Words: "the list of the log's keys does not hold", Err: err}
		}
	}
	r, err := read(data)
	if err != nil {
		return Verdict{Outcome: Broken, Part: PartForm, Detail: err.Error()}, nil
	}
	return r.verify(pinned, elsewhere), nil
}

func (r *Receipt) verify(pinned string, elsewhere []ledger.Term) Verdict {
	v := Verdict{Receipt: r, Signer: r.Signers[len(r.Signers)-1].Key}
	if part, err := r.opens(); err != nil {
		return v.broken(part, err)
	}
	terms, err := ledger.Succession(r.Signers)
	if err != nil {
		return v.broken(PartHandover, err)
	}
	if r.Proof != nil {
		if v.Signer, v.Checkpoint, err = r.signed(); err != nil {
			return v.broken(PartCheckpoint, err)
		}
		entry, err := r.Entry()
		if err == nil {
			err = r.Proof.Check(v.Checkpoint, entry)
		}
		if err != nil {
			return v.broken(PartProof, err)
		}
	}
	if err := r.inTerm(v, terms, elsewhere); err != nil {
		return v.broken(PartHandover, err)
	}
	var leads bool
	if v.Via, leads = lead(pinned, v.Signer, terms, elsewhere); pinned != "" && !leads {
		return v.broken(PartSigner, fmt.Errorf("it is signed by %s, not by the key you hold", v.Signer))
	}
	switch {
	case r.Proof == nil:
		v.Outcome = Pending
	case pinned != "":
		v.Outcome = Valid
	default:
		v.Outcome = Unidentified
	}
	return v
}

// signed gives the key that signed the checkpoint, and what it says.
func (r *Receipt) signed() (key string, c ledger.Checkpoint, err error) {
	for _, s := range slices.Backward(r.Signers) {
		head, herr := ledger.OpenCheckpoint(r.Checkpoint, s.Key)
		if herr == nil {
			return s.Key, head, nil
		}
		if err == nil {
			err = herr // of the last, which it should be
		}
	}
	return "", c, err
}

// inTerm holds the signer to its term, as the receipt and as the log's known
// signers have it. The two must not contradict each other.
func (r *Receipt) inTerm(v Verdict, lists ...[]ledger.Term) error {
	next := map[string]string{}
	for _, terms := range lists {
		for i, t := range terms {
			if t.Key == v.Signer && r.Proof != nil && !t.Covers(v.Checkpoint.Size) {
				return fmt.Errorf("a head of %d entries is signed by a key that is good %s", v.Checkpoint.Size, t)
			}
			if i+1 == len(terms) {
				continue
			}
			if to, ok := next[t.Key]; ok && to != terms[i+1].Key {
				return fmt.Errorf("one key was handed over to two: to %s and to %s", to, terms[i+1].Key)
			}
			next[t.Key] = terms[i+1].Key
		}
	}
	return nil
}

// lead says how hand-overs lead from the pinned key to the signer's.
func lead(pinned, signer string, lists ...[]ledger.Term) (Via, bool) {
	if pinned == signer {
		return ViaItself, true
	}
	for _, terms := range lists {
		a := slices.IndexFunc(terms, func(t ledger.Term) bool { return t.Key == pinned })
		b := slices.IndexFunc(terms, func(t ledger.Term) bool { return t.Key == signer })
		switch {
		case a >= 0 && b > a:
			return ViaLater, true
		case b >= 0 && a > b:
			return ViaEarlier, true
		}
	}
	return "", false
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
	if err := r.Record.plain(); err != nil {
		return err
	}
	known, err := r.knownContext()
	switch {
	case err != nil:
		return err
	case !known:
		return fmt.Errorf("@context is not that of such a receipt")
	case r.ConformsTo != receiptForm || r.Record.ConformsTo != recordForm:
		return fmt.Errorf("conformsTo is not a receipt's")
	case r.ID != r.Record.ID:
		return fmt.Errorf("the receipt has another id than its record")
	case len(r.Salt) != ledger.SaltSize:
		return fmt.Errorf("the salt has %d bytes", len(r.Salt))
	case len(r.Signers) == 0:
		return fmt.Errorf("it names nobody who signed")
	case (r.Proof == nil) != (r.Checkpoint == ""):
		return fmt.Errorf("proof and checkpoint come together or not at all")
	}
	return nil
}

// knownContext says whether the context is one that such receipts have had.
func (r *Receipt) knownContext() (bool, error) {
	got, err := canonical(r.Context)
	if err != nil {
		return false, err
	}
	for _, c := range contextsOf(r) {
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
		if r.Record.HasNotice == nil {
			return PartProcess, fmt.Errorf("only an answer shows texts")
		}
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

// Redact gives a copy without the identifier and the texts, for others. It
// verifies as the whole one does.
func (r Receipt) Redact() Receipt {
	r.Subject, r.Process = nil, nil
	return r
}
