package table

import "math"

// shape is a content in the writer.
type shape struct {
	content content
	clock   *clock
	first   uint32 // a set made of it, from which next leads on; 0: none
}

// clock is what a content says of times. Many contents share one.
type clock struct {
	anchors int
	terms   []Term
}

// mostTerms is how many terms a mask has room for. A profile with more is kept apart.
const mostTerms = 64

// ended gives the mask at a time, and when the next term ends; of one that ends
// at or after far only that it does.
func (c *clock) ended(times []int64, now, far int64) (mask uint64, next int64) {
	next = math.MaxInt64
	for i, t := range c.terms {
		least, most := t.between(times)
		if least <= far && most > now {
			least = t.end(times)
		} else if most <= now {
			least = now
		}
		if least <= now {
			mask |= 1 << uint(i)
		} else {
			next = min(next, least)
		}
	}
	return mask, next
}

// fits reports whether a word and what stands beside it can hold these times.
func (c *clock) fits(times []int64) bool {
	if len(c.terms) > mostTerms {
		return false
	}
	return c.anchors != 1 || times[0] >= epoch && times[0]-epoch < 1<<timeBits
}
