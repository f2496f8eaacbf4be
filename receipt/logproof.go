package receipt

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

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
	hashes, err := r.Proof.hashes()
	if err != nil {
		return "", err
	}
	return ledger.ProofText(r.Proof.Index, hashes, r.Checkpoint), nil
}

func (p *Proof) hashes() (tlog.RecordProof, error) {
	out := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		if len(h) != len(out[i]) {
			return nil, fmt.Errorf("hash %d of the proof has %d bytes", i, len(h))
		}
		copy(out[i][:], h)
	}
	return out, nil
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
