package gpp

import "slices"

// The header says which sections follow: type 3, version 1, then the numbers as
// ranges, each number as its distance from the one before in a Fibonacci code.

func (b *bits) putHeader(ids []int) {
	b.put(3, 6)
	b.put(1, 6)
	var runs [][2]int
	for _, id := range ids {
		if n := len(runs) - 1; n >= 0 && runs[n][1] == id-1 {
			runs[n][1] = id
		} else {
			runs = append(runs, [2]int{id, id})
		}
	}
	b.put(uint(len(runs)), 12)
	last := 0
	for _, r := range runs {
		if r[0] == r[1] {
			b.put(0, 1)
			b.putDistance(r[0] - last)
		} else {
			b.put(1, 1)
			b.putDistance(r[0] - last)
			b.putDistance(r[1] - r[0])
		}
		last = r[1]
	}
}

// takeHeader reads the numbers; nil where it is none, or names a section that is
// not of the United States.
func (b *bits) takeHeader() []int {
	if b.take(6) != 3 || b.take(6) != 1 {
		return nil
	}
	var ids []int
	last := 0
	for range b.take(12) {
		long := b.take(1) == 1
		from := last + b.takeDistance()
		last = from
		if long {
			last += b.takeDistance()
		}
		if last > Sections[len(Sections)-1].ID || from > last {
			return nil
		}
		for id := from; id <= last; id++ {
			ids = append(ids, id)
		}
	}
	if b.short || !slices.IsSorted(ids) {
		return nil
	}
	return ids
}

var fibonacci = []int{1, 2, 3, 5, 8, 13, 21, 34}

func (b *bits) putDistance(n int) {
	i := len(fibonacci) - 1
	for fibonacci[i] > n {
		i--
	}
	code := make([]byte, i+1)
	for ; i >= 0; i-- {
		if fibonacci[i] <= n {
			code[i] = 1
			n -= fibonacci[i]
		}
	}
	b.list = append(append(b.list, code...), 1)
}

// takeDistance gives 0 where there is no number within bounds.
func (b *bits) takeDistance() (n int) {
	before := uint(0)
	for _, f := range fibonacci {
		bit := b.take(1)
		if bit == 1 && before == 1 {
			return n
		}
		if bit == 1 {
			n += f
		}
		before = bit
	}
	if before == 1 && b.take(1) == 1 {
		return n
	}
	b.short = true
	return 0
}
