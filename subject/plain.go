package subject

import "bytes"

// AppendPlain appends to dst the normal form of an identifier of a kind, where
// that shows at a glance: an e-mail address of ASCII letters, digits and the
// usual signs, a customer number of printable ASCII without spaces, a telephone
// number that can be read in one way only. It then equals what Parse gives with
// the region, which is in capitals. ok is false for everything else, right or
// wrong: ask Parse. It is for long lists: it allocates nothing beyond dst.
func AppendPlain(dst []byte, kind, region string, value []byte) (to []byte, ok bool) {
	switch kind {
	case Email:
		return appendPlainEmail(dst, value)
	case Phone:
		return appendPlainPhone(dst, region, value)
	case Customer:
		if len(value) == 0 || len(value) > maxCustomer {
			return dst, false
		}
		for _, c := range value {
			if c <= ' ' || c > '~' {
				return dst, false
			}
		}
		return append(append(dst, Customer+":"...), value...), true
	}
	return dst, false
}

// What a byte may be in a plain address.
const (
	inLocal  = 1 << iota // in the part before the @
	inDomain             // in a label of the part after it
	letter               // in a label, and no digit
)

var plainSigns = func() (signs [256]byte) {
	for _, c := range []byte(atext) {
		signs[c] |= inLocal
	}
	for c := byte('0'); c <= '9'; c++ {
		signs[c] |= inLocal | inDomain
	}
	for c := byte('a'); c <= 'z'; c++ {
		signs[c] |= inLocal | inDomain | letter
		signs[c-'a'+'A'] |= inLocal | inDomain | letter
	}
	signs['-'] |= inDomain | letter
	return signs
}()

func appendPlainEmail(dst, value []byte) ([]byte, bool) {
	at := bytes.LastIndexByte(value, '@')
	if at < 1 || at > maxLocal || len(value) > maxEmail || !plainLocal(value[:at]) || !plainDomain(value[at+1:]) {
		return dst, false
	}
	dst = append(dst, Email+":"...)
	from := len(dst)
	dst = append(dst, value...)
	for i, c := range dst[from:] {
		if 'A' <= c && c <= 'Z' {
			dst[from+i] = c | 0x20
		}
	}
	return dst, true
}

func plainLocal(s []byte) bool {
	before := byte('.')
	for _, c := range s {
		if plainSigns[c]&inLocal == 0 || c == '.' && before == '.' {
			return false
		}
		before = c
	}
	return before != '.'
}

// plainDomain leaves to others what IDNA has rules for: two hyphens in a row,
// as in xn--, and hyphens at the ends of a label.
func plainDomain(s []byte) bool {
	labels, length, seen := 1, 0, byte(0)
	before := byte('.')
	for _, c := range s {
		switch {
		case c == '.':
			if length == 0 || length > maxLabel || before == '-' {
				return false
			}
			labels, length, seen = labels+1, 0, 0
		case plainSigns[c]&inDomain == 0, c == '-' && (before == '-' || before == '.'):
			return false
		default:
			length++
			seen |= plainSigns[c]
		}
		before = c
	}
	return labels > 1 && length > 0 && length <= maxLabel && before != '-' && seen&letter != 0 && len(s) <= maxDomain
}
