package powerloss

import (
	"maps"
	"math/rand/v2"
	"slices"
)

const (
	page   = 4096
	sector = 512
)

// chance decides what of the unsynced is found.
type chance struct {
	*rand.Rand
	kept float64 // how likely the newest is, from 0, never, to 1, always
}

// pick chooses one of the moments from the first to the last that may be found.
func (c chance) pick(first, last int) int {
	switch {
	case c.kept == 0 || first == last:
		return first
	case c.kept == 1 || c.Float64() < c.kept:
		return last
	}
	return first + c.IntN(last-first+1)
}

// everything keeps all that was written.
var everything = chance{kept: 1}

// covered says whether a sync that had ended by the cut covers the call.
func (s span) covered(syncs []span, cut int) bool {
	return slices.ContainsFunc(syncs, func(f span) bool { return f.end < cut && s.end < f.begin })
}

// image is the content of a file as a cut may leave it.
func (n *node) image(cut int, c chance) []byte {
	i := &image{bytes: slices.Clone(n.content)}
	var open []change // what no sync covers
	for _, x := range n.changes {
		switch {
		case x.begin >= cut:
		case x.covered(n.syncs, cut):
			i.apply(x, nil)
		default:
			open = append(open, x)
		}
	}
	return i.loose(open, c)
}

// image is content in the making. The bytes may be more than the size: those
// behind it are written but not found.
type image struct {
	bytes []byte
	pages map[int64]*[page / sector]int // how many of the open writes each sector has
}

// loose applies some of the open changes: some truncations with what lies before
// them, and of what was written behind those, some for each page.
func (i *image) loose(open []change, c chance) []byte {
	var ends []int // where the open changes may be cut off: before each truncation, and behind all
	for k, x := range open {
		if x.data == nil {
			ends = append(ends, k)
		}
	}
	ends = append(ends, len(open))
	end := ends[c.pick(0, len(ends)-1)]

	sizes := []int{len(i.bytes)}
	i.pages = map[int64]*[page / sector]int{}
	for k, x := range open[:end] {
		i.apply(x, func(at int64) bool { return i.has(at, k, end, c) })
		if x.data == nil {
			sizes = []int{len(i.bytes)}
			continue
		}
		sizes = append(sizes, max(sizes[len(sizes)-1], int(x.offset)+len(x.data)))
	}
	size := sizes[c.pick(0, len(sizes)-1)]
	i.grow(size)
	return i.bytes[:size]
}

// has says whether the sector at this offset has the k-th of the open writes.
func (i *image) has(at int64, k, end int, c chance) bool {
	p := i.pages[at/page]
	if p == nil {
		p = new([page / sector]int)
		whole, torn := c.pick(0, end), c.kept > 0 && c.kept < 1 && c.IntN(4) == 0
		for s := range p {
			p[s] = whole
			if torn {
				p[s] = c.pick(0, end)
			}
		}
		i.pages[at/page] = p
	}
	return k < p[at%page/sector]
}

// apply makes a change, to those sectors that the filter lets through.
func (i *image) apply(x change, has func(at int64) bool) {
	if x.data == nil {
		i.grow(int(x.offset))
		i.bytes = i.bytes[:x.offset]
		return
	}
	i.grow(int(x.offset) + len(x.data))
	for data, at := x.data, x.offset; len(data) > 0; {
		n := min(len(data), int(sector-at%sector))
		if has == nil || has(at) {
			copy(i.bytes[at:], data[:n])
		}
		data, at = data[n:], at+int64(n)
	}
}

// grow makes the content at least so long. What is new reads as zeros, also where
// a truncation had left something behind.
func (i *image) grow(size int) {
	if size > len(i.bytes) {
		i.bytes = append(i.bytes, make([]byte, size-len(i.bytes))...)
	}
}

// named gives the names in each folder as a cut may leave them.
func (l *Log) named(cut int, c chance) map[*node]map[string]*node {
	upTo := map[*node]int{} // of a folder's namings, how many are found
	for _, n := range l.nodes {
		if n.folder {
			upTo[n] = n.found(l.names, cut, c)
		}
	}
	names := map[*node]map[string]*node{}
	for _, n := range l.nodes {
		if n.folder {
			names[n] = maps.Clone(n.before)
		}
	}
	for k, x := range l.names {
		if slices.ContainsFunc(x.entries, func(e entry) bool { return k < upTo[e.folder] }) {
			for _, e := range x.entries {
				if e.node == nil {
					delete(names[e.folder], e.name)
				} else {
					names[e.folder][e.name] = e.node
				}
			}
		}
	}
	return names
}

// found chooses up to which of all namings those of a folder are found.
func (n *node) found(all []naming, cut int, c chance) int {
	ends := []int{0}
	for k, x := range all {
		switch {
		case x.begin >= cut || !slices.ContainsFunc(x.entries, func(e entry) bool { return e.folder == n }):
		case x.covered(n.syncs, cut):
			ends = []int{k + 1}
		default:
			ends = append(ends, k+1)
		}
	}
	return ends[c.pick(0, len(ends)-1)]
}
