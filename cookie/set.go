package cookie

import "slices"

// Set is a set of small numbers as it stands in the cookie: hex digits in
// lower case, the lowest bit last, without leading zeros.
type Set string

// None is the empty set.
const None Set = "0"

// SetOf makes the set of the given numbers, none of them negative.
func SetOf(numbers ...int) Set {
	if len(numbers) == 0 {
		return None
	}
	digits := make([]byte, slices.Max(numbers)/4+1)
	for _, n := range numbers {
		digits[len(digits)-1-n/4] |= 1 << (n % 4)
	}
	for i, d := range digits {
		digits[i] = "0123456789abcdef"[d]
	}
	return Set(digits)
}

// Has says that n is in the set.
func (s Set) Has(n int) bool {
	i := len(s) - 1 - n/4
	return n >= 0 && i >= 0 && nibble(s[i])>>(n%4)&1 == 1
}

// Max is the greatest number in the set; -1 if it is empty.
func (s Set) Max() int {
	for n := 4*len(s) - 1; n >= 0; n-- {
		if s.Has(n) {
			return n
		}
	}
	return -1
}

// valid says that s is what SetOf writes for a set that is not empty.
func (s Set) valid() bool {
	return s != "" && len(s) <= maxSet && s[0] != '0' && isHex(string(s))
}

func nibble(digit byte) byte {
	if digit >= 'a' {
		return digit - 'a' + 10
	}
	return digit - '0'
}
