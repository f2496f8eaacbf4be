package ledger

import (
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// Width is how many hashes a tile holds (C2SP tlog-tiles).
const Width = 256

const height = 8 // log2(Width)

// Tree is the Merkle tree of a log. Its right edge is in memory; full tiles are
// read from where they are kept, when an older part of the tree is asked for.
// It is safe for concurrent use.
type Tree struct {
	load func(level int, n int64) ([]tlog.Hash, error)

	mu   sync.RWMutex
	size int64   // guarded by mu
	edge []*tile // by level; guarded by mu, but what is in a tile is never changed

	cacheMu sync.Mutex
	cache   map[tileID]*tile // full tiles that were read; guarded by cacheMu
}

type tileID struct {
	level int
	n     int64
}

// maxCache bounds the tiles kept in memory, 16 KiB each.
const maxCache = 512

// tile is up to 256 hashes of one level with the inner nodes above them:
// h[0] are the hashes themselves, h[8] has the root of a full tile.
type tile struct {
	n int64
	h [height + 1][]tlog.Hash
}

func (t *tile) push(leaf tlog.Hash) {
	t.h[0] = append(t.h[0], leaf)
	for l := 0; l < height && len(t.h[l])%2 == 0; l++ {
		k := len(t.h[l])
		t.h[l+1] = append(t.h[l+1], tlog.NodeHash(t.h[l][k-2], t.h[l][k-1]))
	}
}

func (t *tile) clone() *tile {
	c := &tile{n: t.n}
	for l := range t.h {
		c.h[l] = append([]tlog.Hash(nil), t.h[l]...)
	}
	return c
}

// Node is the hash above a full tile: hash n of a level from 1 on.
type Node struct {
	Level int
	N     int64
	Hash  tlog.Hash
}

// Load makes the tree of size entries. The function gives the hashes of a tile,
// all 256 or as many as there are at the right edge of that size, or more; level
// 0 are leaf hashes. It may be called from several goroutines.
func Load(size int64, load func(level int, n int64) ([]tlog.Hash, error)) (*Tree, error) {
	t := &Tree{load: load, size: size, cache: map[tileID]*tile{}}
	for level, n := 0, size; level == 0 || n > 0; level, n = level+1, n/Width {
		e := &tile{n: n / Width}
		if n%Width != 0 {
			hashes, err := load(level, n/Width)
			if err != nil {
				return nil, fmt.Errorf("reading the edge of the log at level %d: %w", level, err)
			}
			if int64(len(hashes)) > n%Width {
				hashes = hashes[:n%Width] // the log has grown since
			}
			if int64(len(hashes)) != n%Width {
				return nil, fmt.Errorf("the log of %d entries has %d hashes at the edge of level %d, not %d", size, len(hashes), level, n%Width)
			}
			for _, h := range hashes {
				e.push(h)
			}
		}
		t.edge = append(t.edge, e)
	}
	return t, nil
}

// Staged is a batch of entries on its way into the tree: made before its
// transaction commits, accepted after.
type Staged struct {
	First, Size int64  // index of the first entry; size of the tree with the batch
	Nodes       []Node // hashes above tiles that the batch filled, to be stored with it
	edge        []*tile
}

// Stage computes the tree with entries added. It changes nothing. Only one
// batch may be staged at a time.
func (t *Tree) Stage(entries []Entry) *Staged {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := &Staged{First: t.size, Size: t.size + int64(len(entries))}
	s.edge = append(s.edge, t.edge...)
	if len(entries) > 0 {
		s.edge[0] = s.edge[0].clone()
	}
	for _, e := range entries {
		s.push(0, e.Leaf())
	}
	return s
}

func (s *Staged) push(level int, h tlog.Hash) {
	e := s.edge[level]
	e.push(h)
	if len(e.h[0]) < Width {
		return
	}
	root := e.h[height][0]
	s.Nodes = append(s.Nodes, Node{level + 1, e.n, root})
	s.edge[level] = &tile{n: e.n + 1}
	if level+1 == len(s.edge) {
		s.edge = append(s.edge, &tile{})
	} else {
		s.edge[level+1] = s.edge[level+1].clone()
	}
	s.push(level+1, root)
}

// Root is the root of the tree with the batch, from the right edge alone:
// nothing is read.
func (s *Staged) Root() (tlog.Hash, error) { return tlog.TreeHash(s.Size, s) }

// ReadHashes implements tlog.HashReader for the maximal subtrees of the edge.
func (s *Staged) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		inner := level % height
		if level/height >= len(s.edge) || s.edge[level/height].n != n>>(height-inner) {
			return nil, fmt.Errorf("hash %d of level %d is not on the edge", n, level)
		}
		out[i] = s.edge[level/height].h[inner][n&(1<<(height-inner)-1)]
	}
	return out, nil
}

// Accept makes a staged batch part of the tree, once its transaction is durable.
func (t *Tree) Accept(s *Staged) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.First != t.size {
		panic("ledger: a batch was staged on another tree")
	}
	t.size, t.edge = s.Size, s.edge
}

// Size is the number of entries.
func (t *Tree) Size() int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.size
}

// Root gives the root hash of the tree when it had size entries.
func (t *Tree) Root(size int64) (tlog.Hash, error) {
	if size > t.Size() {
		return tlog.Hash{}, fmt.Errorf("the log has not got %d entries", size)
	}
	return tlog.TreeHash(size, t)
}

// Inclusion proves that the entry at index is in the tree of size entries.
func (t *Tree) Inclusion(size, index int64) (tlog.RecordProof, error) {
	if size > t.Size() {
		return nil, fmt.Errorf("the log has not got %d entries", size)
	}
	return tlog.ProveRecord(size, index, t)
}

// Consistency proves that the tree of old entries is a prefix of that of size.
func (t *Tree) Consistency(size, old int64) (tlog.TreeProof, error) {
	if size > t.Size() {
		return nil, fmt.Errorf("the log has not got %d entries", size)
	}
	return tlog.ProveTree(size, old, t)
}

// ReadHashes implements tlog.HashReader.
func (t *Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		inner := level % height
		tl, err := t.tile(level/height, n>>(height-inner))
		if err != nil {
			return nil, err
		}
		k := n & (1<<(height-inner) - 1)
		if k >= int64(len(tl.h[inner])) {
			return nil, fmt.Errorf("hash %d of level %d is beyond the log", n, level)
		}
		out[i] = tl.h[inner][k]
	}
	return out, nil
}

func (t *Tree) tile(level int, n int64) (*tile, error) {
	t.mu.RLock()
	if level < len(t.edge) && t.edge[level].n == n {
		defer t.mu.RUnlock()
		return t.edge[level], nil
	}
	t.mu.RUnlock()
	id := tileID{level, n}
	t.cacheMu.Lock()
	cached, ok := t.cache[id]
	t.cacheMu.Unlock()
	if ok {
		return cached, nil
	}
	hashes, err := t.load(level, n)
	if err != nil {
		return nil, fmt.Errorf("reading tile %d of level %d: %w", n, level, err)
	}
	if len(hashes) != Width {
		return nil, fmt.Errorf("tile %d of level %d has %d hashes", n, level, len(hashes))
	}
	full := &tile{n: n}
	for _, h := range hashes {
		full.push(h)
	}
	t.cacheMu.Lock()
	defer t.cacheMu.Unlock()
	if len(t.cache) >= maxCache {
		clear(t.cache)
	}
	t.cache[id] = full
	return full, nil
}
