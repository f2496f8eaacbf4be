package ledger

import (
	"crypto/rand"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

// small grows a log and its oracle, one entry at a time.
func small(t *testing.T, size int64) (*Tree, *oracle, []Entry) {
	t.Helper()
	k, o := &kept{nodes: map[int]map[int64]tlog.Hash{}}, &oracle{}
	tree, err := Load(0, k.load)
	if err != nil {
		t.Fatal(err)
	}
	entries := make([]Entry, size)
	for i := range entries {
		rand.Read(entries[i][:])
		o.add(t, int64(i), entries[i])
	}
	k.add(t, tree, entries)
	return tree, o, entries
}

// TestAnEdgeGrowsAsTheTree covers every size to 5,000, and going on from a kept
// edge at each of them.
func TestAnEdgeGrowsAsTheTree(t *testing.T) {
	_, o, entries := small(t, 5_000)
	nodes := map[[2]int64]tlog.Hash{}
	e := &Edge{}
	e.Full = func(height int, n int64, h tlog.Hash) { nodes[[2]int64{int64(height), n}] = h }
	for i := range entries {
		want, err := tlog.TreeHash(int64(i), o)
		if got := e.Root(); err != nil || got != want {
			t.Fatalf("root of %d: %v, want %v (%v)", i, got, want, err)
		}
		again, err := EdgeOf(e.Size(), e.Roots())
		if err != nil {
			t.Fatal(err)
		}
		again.Full = e.Full
		e = again
		e.Push(0, entries[i].Leaf())
	}
	for at, h := range nodes {
		want, err := o.ReadHashes([]int64{tlog.StoredHashIndex(int(at[0]), at[1])})
		if err != nil || want[0] != h {
			t.Fatalf("node %d of height %d is another (%v)", at[1], at[0], err)
		}
	}
	if len(nodes) != len(o.hashes) {
		t.Errorf("%d nodes were told of, not %d", len(nodes), len(o.hashes))
	}
	if _, err := EdgeOf(5, make([]tlog.Hash, 3)); err == nil {
		t.Error("an edge with too many roots was taken")
	}
}

func TestWholeTilesArePushedAtOnce(t *testing.T) {
	_, o, entries := small(t, 70_000)
	e := &Edge{}
	buf := make([]tlog.Hash, 0, Width)
	for ; len(entries) >= Width; entries = entries[Width:] {
		buf = LeafHashes(buf[:0], entries[:Width])
		e.Push(height, FullRoot(buf))
	}
	for _, h := range LeafHashes(nil, entries) {
		e.Push(0, h)
	}
	if want, err := tlog.TreeHash(70_000, o); err != nil || e.Root() != want {
		t.Errorf("%v, want %v (%v)", e.Root(), want, err)
	}
}

// TestProofsAgreeWithASecondOpinion holds proofs to transparency-dev/merkle,
// which shares no line with x/mod: all sizes to 300, then tile borders.
func TestProofsAgreeWithASecondOpinion(t *testing.T) {
	tree, _, entries := small(t, 5_000)
	sizes := []int64{511, 512, 513, 1023, 1024, 1025, 4095, 4096, 4097, 4999, 5000}
	for n := range int64(300) {
		sizes = append(sizes, n+1)
	}
	for _, size := range sizes {
		root, err := tree.Root(size)
		if err != nil {
			t.Fatal(err)
		}
		for _, index := range []int64{0, size / 3, size / 2, size - 1} {
			in, err := tree.Inclusion(size, index)
			if err != nil {
				t.Fatal(err)
			}
			leaf := entries[index].Leaf()
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), uint64(size), leaf[:], plain(in), root[:]); err != nil {
				t.Fatalf("%d of %d: %v", index, size, err)
			}
			before, err := tree.Root(index + 1)
			if err != nil {
				t.Fatal(err)
			}
			con, err := tree.Consistency(size, index+1)
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(index+1), uint64(size), plain(con), before[:], root[:]); err != nil {
				t.Fatalf("%d before %d: %v", index+1, size, err)
			}
		}
	}
}

func plain(hashes []tlog.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

// BenchmarkLeaves measures what an audit hashes for each leaf.
func BenchmarkLeaves(b *testing.B) {
	bundle := AppendEntries(nil, make([]Entry, Width))
	entries, hashes := make([]Entry, 0, Width), make([]tlog.Hash, 0, Width)
	e := &Edge{}
	b.ReportAllocs()
	for b.Loop() {
		entries, _ = ParseEntries(entries, bundle)
		hashes = LeafHashes(hashes[:0], entries)
		e.Push(height, FullRoot(hashes))
	}
	b.ReportMetric(Width*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}
