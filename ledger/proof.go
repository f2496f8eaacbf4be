package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof is an RFC 6962 inclusion proof, as it stands in JSON.
type Proof struct {
	Index  int64    `json:"index"`
	Size   int64    `json:"size"`
	Hashes [][]byte `json:"hashes"`
}

// ProofOf gives a proof its form.
func ProofOf(index, size int64, hashes tlog.RecordProof) *Proof {
	p := &Proof{Index: index, Size: size, Hashes: make([][]byte, len(hashes))}
	for i := range hashes {
		p.Hashes[i] = hashes[i][:]
	}
	return p
}

// RecordProof gives the hashes as golang.org/x/mod has them.
func (p *Proof) RecordProof() (tlog.RecordProof, error) {
	out := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		if len(h) != len(out[i]) {
			return nil, fmt.Errorf("hash %d of the proof has %d bytes", i, len(h))
		}
		copy(out[i][:], h)
	}
	return out, nil
}

// Check says whether the proof leads from an entry to the root of a checkpoint.
func (p *Proof) Check(c Checkpoint, e Entry) error {
	if p.Hashes == nil || p.Size != c.Size || p.Index < 0 || p.Index >= c.Size {
		return fmt.Errorf("the proof is for another size than the checkpoint")
	}
	hashes, err := p.RecordProof()
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(hashes, c.Size, c.Root, p.Index, e.Leaf()); err != nil {
		return fmt.Errorf("record, salt and proof do not lead to the checkpoint's root")
	}
	return nil
}
