package subject

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/amana-privacy/amana/fault"
)

// clean does what holds for every kind: white space and invisible marks around
// the value, which copying from a page or a phone book leaves, are dropped;
// Arabic-Indic and Persian digits become ASCII; the text is NFC.
func clean(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", fault.New(fault.Invalid, "the identifier is not UTF-8")
	}
	s = norm.NFC.String(strings.Map(digit, s))
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
	if s == "" {
		return "", fault.New(fault.Invalid, "the identifier is empty")
	}
	return s, nil
}

// Digits gives the digits of what a person typed for a code, as ASCII, and
// leaves out what they put between them.
func Digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r = digit(r); r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// digit folds Arabic-Indic (U+0660…) and Persian (U+06F0…) digits to ASCII.
func digit(r rune) rune {
	switch {
	case '٠' <= r && r <= '٩':
		return r - '٠' + '0'
	case '۰' <= r && r <= '۹':
		return r - '۰' + '0'
	}
	return r
}

// unseen says that a rune shows nothing, steers its neighbours or has no
// settled shape. Two identifiers that look alike must not be two people, so
// such runes are refused inside a value rather than dropped.
func unseen(r rune) bool {
	return !unicode.IsPrint(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Variation_Selector, r)
}

// maxCustomer bounds a customer number, in bytes.
const maxCustomer = 128

// customer takes the company's own number of a person as it is, case kept.
func customer(s string) (string, error) {
	if len(s) > maxCustomer {
		return "", fault.New(fault.Invalid, "a customer number has at most %d bytes", maxCustomer)
	}
	if strings.ContainsFunc(s, unseen) {
		return "", fault.New(fault.Invalid, "the customer number holds a control or invisible character")
	}
	return s, nil
}
