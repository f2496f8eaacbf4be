package subject

import (
	"regexp/syntax"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

// The library reads a number with a dozen regular expressions, in 28 µs. Most
// numbers need none of them: the country code is plain to see, no prefix of the
// country's own can begin the rest, and what is left is a length. That is told
// here by tables made of the library's own metadata; whatever could be read in
// two ways is left to the library.

// heads are pairs of first digits, 0 to 99.
type heads [100]bool

// dialling is what the numbers of one country code begin with and how long they are.
type dialling struct {
	code    string
	lengths uint32 // a bit for each possible length of a number without its country code
	prefix  byte   // the digit dialled before it within the country, 0 if it is not one digit alone
	drop    heads  // that prefix, or a carrier's, may stand here
	abroad  heads  // of what is dialled to leave the country
	viable  heads  // of numbers as they are given out
}

// plans are the countries by code and by region.
type plans struct {
	byCode   [1000]*dialling
	byRegion map[string]*dialling
}

// diallings is made when it is first asked for: a few milliseconds.
var diallings = sync.OnceValue(func() *plans {
	p := &plans{byRegion: map[string]*dialling{}}
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		return p // nothing is plain then
	}
	for _, m := range all.GetMetadata() {
		d := diallingOf(m)
		code := int(m.GetCountryCode())
		if phonenumbers.GetRegionCodeForCountryCode(code) == m.GetId() && d.lengths != 0 {
			p.byCode[code] = d
		}
		p.byRegion[m.GetId()] = d
	}
	return p
})

func diallingOf(m *phonenumbers.PhoneMetadata) *dialling {
	prefix := m.GetNationalPrefixForParsing()
	d := &dialling{code: decimal(int(m.GetCountryCode())), drop: begins(prefix), abroad: begins(m.GetInternationalPrefix())}
	general := m.GetGeneralDesc()
	d.viable = begins(general.GetNationalNumberPattern())
	for _, n := range general.GetPossibleLength() {
		if n >= 2 && n <= 17 && general.GetNationalNumberPattern() != "" {
			d.lengths |= 1 << n
		}
	}
	for _, n := range general.GetPossibleLengthLocalOnly() {
		if n >= 0 {
			d.lengths &^= 1 << n
		}
	}
	if len(prefix) == 1 && m.GetNationalPrefixTransformRule() == "" {
		d.prefix = prefix[0]
	}
	return d
}

func decimal(n int) string {
	digits := ""
	for ; n > 0; n /= 10 {
		digits = string(rune('0'+n%10)) + digits
	}
	return digits
}

// has says whether digits, two or more, begin so.
func (h *heads) has(digits []byte) bool { return h[(digits[0]-'0')*10+digits[1]-'0'] }

// possible says that a number without its country code has a possible length,
// and that nothing is dropped from its beginning.
func (d *dialling) possible(number []byte) bool {
	return len(number) < 18 && d.lengths>>len(number)&1 == 1 && !d.drop.has(number)
}

// appendPlainPhone appends the E.164 form of what is written as digits, with or
// without + before them, and with the signs that people put between them.
func appendPlainPhone(dst []byte, region string, value []byte) (to []byte, ok bool) {
	var room [20]byte
	digits, plus := room[:0], false
	for _, c := range value {
		switch {
		case '0' <= c && c <= '9' && len(digits) < len(room):
			digits = append(digits, c)
		case c == '+' && !plus && len(digits) == 0:
			plus = true
		case c == ' ', c == '-', c == '(', c == ')', c == '.', c == '/':
		default:
			return dst, false
		}
	}
	if len(digits) < 5 {
		return dst, false
	}
	if plus {
		_, ok := abroad(digits)
		return appended(dst, ok, "", digits)
	}
	code, number, ok := within(region, digits)
	return appended(dst, ok, code, number)
}

func appended(dst []byte, ok bool, code string, digits []byte) ([]byte, bool) {
	if !ok {
		return dst, false
	}
	return append(append(append(append(dst, Phone+":"...), '+'), code...), digits...), true
}

// abroad finds the country of a number with its country code.
func abroad(digits []byte) (*dialling, bool) {
	codes := &diallings().byCode
	code := 0
	for i, c := range digits[:3] {
		code = code*10 + int(c-'0')
		if d := codes[code]; d != nil {
			return d, digits[0] != '0' && d.possible(digits[i+1:])
		}
	}
	return nil, false
}

// within gives the country code, and what follows it, of a number as it is
// dialled in a region.
func within(region string, digits []byte) (code string, number []byte, ok bool) {
	all := diallings()
	d := all.byRegion[region]
	if d == nil || d.abroad.has(digits) || strings.HasPrefix(string(digits), d.code) {
		return "", nil, false
	}
	if d.drop.has(digits) {
		if d.prefix != digits[0] || d.viable.has(digits) {
			return "", nil, false
		}
		digits = digits[1:]
	}
	n := 0
	for _, c := range []byte(d.code) {
		n = n*10 + int(c-'0')
	}
	main := all.byCode[n]
	return d.code, digits, main != nil && d.lengths>>len(digits)&1 == 1 && main.possible(digits)
}

// begins gives the pairs of digits with which something that the pattern matches
// may begin: of a pattern that can match nothing or one digit, all that follow
// too. It may give more than there are, never less.
func begins(pattern string) (h heads) {
	if pattern == "" {
		return h
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		for i := range h {
			h[i] = true
		}
		return h
	}
	prog, err := syntax.Compile(parsed.Simplify())
	for i := range h {
		h[i] = err != nil || walks(prog, uint32(prog.Start), []rune{'0' + rune(i/10), '0' + rune(i%10)}, map[uint32]bool{})
	}
	return h
}

// walks says whether the program gets through digits, or to its end before.
func walks(p *syntax.Prog, at uint32, digits []rune, seen map[uint32]bool) bool {
	if len(digits) == 0 {
		return true
	}
	if seen[at] {
		return false
	}
	seen[at] = true
	switch i := &p.Inst[at]; i.Op {
	case syntax.InstMatch:
		return true
	case syntax.InstFail:
		return false
	case syntax.InstAlt, syntax.InstAltMatch:
		return walks(p, i.Out, digits, seen) || walks(p, i.Arg, digits, seen)
	case syntax.InstCapture, syntax.InstEmptyWidth, syntax.InstNop:
		return walks(p, i.Out, digits, seen)
	default:
		return i.MatchRune(digits[0]) && walks(p, i.Out, digits[1:], map[uint32]bool{})
	}
}
