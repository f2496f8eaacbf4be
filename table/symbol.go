package table

import "slices"

// symbols numbers the names that occur in profiles and policies. Numbers are
// never given twice. Only the writer adds; reads of a root never see names.
type symbols struct {
	numbers map[string]uint32
	names   []string
}

func newSymbols() *symbols { return &symbols{numbers: map[string]uint32{}} }

func (s *symbols) of(name string) uint32 {
	n, ok := s.numbers[name]
	if !ok {
		n = uint32(len(s.names))
		s.numbers[name] = n
		s.names = append(s.names, name)
	}
	return n
}

// all gives the numbers of names, in order.
func (s *symbols) all(names []string) []uint32 {
	list := make([]uint32, len(names))
	for i, n := range names {
		list[i] = s.of(n)
	}
	slices.Sort(list)
	return list
}
