package ledger

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Edge is all of a tree that is needed to go on from it: the roots of the full
// trees it is made of, largest first, one for each bit of its size. The zero
// Edge is the empty tree. It is not safe for concurrent use.
type Edge struct {
	size  int64
	roots []tlog.Hash

	// Full, if set, hears of every node that fills up, by its height (0 for a
	// leaf pushed alone) and its place among the nodes of that height.
	Full func(height int, n int64, h tlog.Hash)
}

// EdgeOf gives the edge of a tree of size entries from its roots.
func EdgeOf(size int64, roots []tlog.Hash) (*Edge, error) {
	if size < 0 || len(roots) != bits.OnesCount64(uint64(size)) {
		return nil, fmt.Errorf("an edge of %d entries does not have %d roots", size, len(roots))
	}
	return &Edge{size: size, roots: append([]tlog.Hash(nil), roots...)}, nil
}

// Size is the number of entries.
func (e *Edge) Size() int64 { return e.size }

// Roots gives the roots for EdgeOf.
func (e *Edge) Roots() []tlog.Hash { return append([]tlog.Hash(nil), e.roots...) }

// Push adds a full tree of 2^height entries. The size before must be a
// multiple of that.
func (e *Edge) Push(height int, h tlog.Hash) {
	if e.size&(1<<height-1) != 0 {
		panic("ledger: a tree is pushed where it does not fit")
	}
	e.size += 1 << height
	for n := e.size>>height - 1; ; n >>= 1 {
		if e.Full != nil {
			e.Full(height, n, h)
		}
		if n&1 == 0 {
			break
		}
		left := e.roots[len(e.roots)-1]
		e.roots = e.roots[:len(e.roots)-1]
		h = tlog.NodeHash(left, h)
		height++
	}
	e.roots = append(e.roots, h)
}

// Root is the root hash of the tree.
func (e *Edge) Root() tlog.Hash {
	if e.size == 0 {
		return EmptyRoot()
	}
	h := e.roots[len(e.roots)-1]
	for i := len(e.roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(e.roots[i], h)
	}
	return h
}

// EmptyRoot is the root hash of a log without entries.
func EmptyRoot() tlog.Hash { return sha256.Sum256(nil) }

// LeafHashes appends the leaf hashes of entries.
func LeafHashes(to []tlog.Hash, entries []Entry) []tlog.Hash {
	var b [1 + len(Entry{})]byte // 0x00 ‖ entry
	for i := range entries {
		copy(b[1:], entries[i][:])
		to = append(to, sha256.Sum256(b[:]))
	}
	return to
}

// FullRoot gives the root of a full tile, whose 256 hashes it overwrites.
func FullRoot(h []tlog.Hash) tlog.Hash {
	for n := len(h) / 2; n > 0; n /= 2 {
		for i := range n {
			h[i] = tlog.NodeHash(h[2*i], h[2*i+1])
		}
	}
	return h[0]
}
