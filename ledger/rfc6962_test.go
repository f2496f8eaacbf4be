package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/tlog"
)

// TestAnEdgeHoldsTheVectorsOfOthers takes the trees that transparency-dev/merkle
// holds itself to: their roots, and what is kept of them to go on.
func TestAnEdgeHoldsTheVectorsOfOthers(t *testing.T) {
	e := &Edge{}
	if got := e.Root(); !cmp.Equal(got[:], testonly.EmptyRootHash()) {
		t.Errorf("an empty tree's root is %v", got)
	}
	for n, input := range testonly.LeafInputs() {
		e.Push(0, tlog.RecordHash(input))
		if got := e.Root(); !cmp.Equal(got[:], testonly.RootHashes()[n+1]) {
			t.Errorf("the root of %d is %v", n+1, got)
		}
		var kept [][]byte
		for _, h := range e.Roots() {
			kept = append(kept, h[:])
		}
		if d := cmp.Diff(testonly.CompactTrees()[n+1], kept); d != "" {
			t.Errorf("kept of %d: %s", n+1, d)
		}
	}
}
