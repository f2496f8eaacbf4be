package receipt

import (
	"encoding/json"
	"testing"

	texts "github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/ledger"
)

// TestTheProofAloneIsVerifiedWithoutUs reads it with transparency-dev/formats
// and checks it with golang.org/x/mod.
func TestTheProofAloneIsVerifiedWithoutUs(t *testing.T) {
	skey := key(t)
	var r Receipt
	if err := json.Unmarshal(issue(t, skey), &r); err != nil {
		t.Fatal(err)
	}
	text, err := r.LogProof()
	if err != nil {
		t.Fatal(err)
	}
	var p texts.TLogProof
	if err := p.Unmarshal([]byte(text)); err != nil {
		t.Fatal(err)
	}
	c, err := ledger.OpenCheckpoint(string(p.Checkpoint), vkeys[skey])
	if err != nil {
		t.Fatal(err)
	}
	var hashes tlog.RecordProof
	for _, h := range p.Hashes {
		hashes = append(hashes, h)
	}
	entry, err := r.Entry()
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckRecord(hashes, c.Size, c.Root, int64(p.Index), entry.Leaf()); err != nil {
		t.Error(err)
	}

	r.Proof, r.Checkpoint = nil, ""
	if _, err := r.LogProof(); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a pending receipt has a proof: %v", err)
	}
}
