package store

import (
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/amana-privacy/amana/ledger"
)

// tileHeight is how many levels of the tree a tile has.
var tileHeight = bits.Len(ledger.Width - 1)

// sighted is what of the heads and of the hashes above full tiles fits the entries of
// the log, and what does not.
type sighted struct {
	before int64        // size of the largest head that fits, before all that do not
	fits   int64        // size of the largest that fits
	odd    *keptHead    // the first that does not
	node   *ledger.Node // the first hash that does not; of a level all before the next
}

// head notes whether a head fits the root of so many entries.
func (s *sighted) head(k keptHead, root tlog.Hash) {
	switch {
	case k.root != root && s.odd == nil:
		s.odd = &k
	case k.root == root:
		s.fits = k.size
		if s.odd == nil {
			s.before = k.size
		}
	}
}

// verdict says what is wrong. Up to the largest head that fits the entries are those
// that were signed, and what does not fit there is itself what was changed. Behind it
// the entries are suspected.
func (s *sighted) verdict() (certain, suspected error) {
	var node error
	var first, behind int64 // leaves under the node
	if s.node != nil {
		width := int64(1) << (s.node.Level * tileHeight)
		first, behind = s.node.N*width, (s.node.N+1)*width
		node = fmt.Errorf("ledger node %d of level %d is not that of its entries", s.node.N, s.node.Level)
	}
	switch {
	case node != nil && behind <= s.fits:
		return node, nil
	case s.odd == nil:
		return nil, node
	case s.odd.tip && s.odd.size <= s.fits:
		return fmt.Errorf("the tip of the ledger is not that of its %d entries", s.odd.size), nil
	case s.odd.size <= s.fits:
		return fmt.Errorf("the head of %d entries is not that of the entries, and the one of %d is: the log's key has signed two histories", s.odd.size, s.fits), nil
	}
	from, to := s.before, s.odd.size-1
	if node != nil && s.node.Level == 1 && first <= to && behind > from {
		from, to = max(from, first), min(to, behind-1)
	}
	if from == to {
		return nil, fmt.Errorf("entry %d of the ledger is not the one that was signed: the head of %d entries has another root", from, s.odd.size)
	}
	return nil, fmt.Errorf("of the entries %d to %d of the ledger some are not those that were signed: the head of %d entries has another root", from, to, s.odd.size)
}
