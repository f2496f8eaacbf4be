package table

import "math/bits"

// lexicon finds what stands under a name, among few: a look at four bytes of
// the name leads to it more cheaply than a map's hash of them all.
type lexicon[V any] struct {
	slots []word[V] // a power of two, at least a quarter taken by none
	shift uint
}

type word[V any] struct {
	name string
	of   *V
}

func newLexicon[V any](all map[string]*V) lexicon[V] {
	size := bits.Len(uint(4*len(all) + 3))
	l := lexicon[V]{make([]word[V], 1<<size), uint(32 - size)}
	for name, v := range all {
		at := l.home(name)
		for l.slots[at].of != nil {
			at = (at + 1) % len(l.slots)
		}
		l.slots[at] = word[V]{name, v}
	}
	return l
}

func (l *lexicon[V]) home(name string) int {
	n := len(name)
	if n == 0 {
		return 0
	}
	return int((uint32(name[0]) | uint32(name[n/2])<<8 | uint32(name[n-1])<<16 | uint32(n)<<24) * 0x9e3779b1 >> l.shift)
}

// find gives nil where nothing stands under a name.
func (l *lexicon[V]) find(name string) *V {
	for at := l.home(name); ; at = (at + 1) & (len(l.slots) - 1) {
		if w := &l.slots[at]; w.of == nil || w.name == name {
			return w.of
		}
	}
}
