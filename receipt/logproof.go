package receipt

import (
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// LogProof gives the proof of a receipt alone as a C2SP tlog-proof: index,
// inclusion proof and checkpoint, for programs that know nothing of receipts.
// It names nobody. What it proves to be in the log is the entry
// SHA-256("amana/record/v1\n" ‖ salt ‖ RFC 8785 of the record). A receipt whose
// proof is pending has none: fault.Conflict.
func (r Receipt) LogProof() (string, error) {
	if r.Proof == nil {
		return "", fault.New(fault.Conflict, "the log has not taken up this receipt yet")
	}
	hashes, err := r.Proof.RecordProof()
	if err != nil {
		return "", err
	}
	return ledger.ProofText(r.Proof.Index, hashes, r.Checkpoint), nil
}

// Entry is what the ledger has of a receipt.
func (r Receipt) Entry() (ledger.Entry, error) {
	record, err := canonical(r.Record)
	if err != nil {
		return ledger.Entry{}, err
	}
	salt, err := saltOf(r.Salt)
	if err != nil {
		return ledger.Entry{}, err
	}
	return ledger.EntryOf(salt, record), nil
}
