package lang

import (
	"strconv"
	"strings"
)

// Number writes a whole number with its thousands set apart: 1,234 or ١٬٢٣٤.
func (w *Words) Number(n int64) string { return w.decimal(n, 0) }

// Percent writes a part of a whole in per cent with at most one decimal, cut
// off rather than rounded: 9999 of 10000 is 99.9 %, never 100. A whole of 0 gives
// 0 %. Counts reach to 9e15.
func (w *Words) Percent(part, whole int64) string {
	var tenths int64
	if whole != 0 {
		tenths = part * 1000 / whole
	}
	if w.arabic {
		return w.tenths(tenths) + "٪"
	}
	return w.tenths(tenths) + "%"
}

// Bytes writes a size in units of 1000, with at most one decimal, cut off:
// 512 bytes, 1.5 kB, 64 MB.
func (w *Words) Bytes(n int64) string {
	switch {
	case n >= 1e9:
		return w.T("bytes.giga", "n", w.tenths(n/1e8))
	case n >= 1e6:
		return w.T("bytes.mega", "n", w.tenths(n/1e5))
	case n >= 1e3:
		return w.T("bytes.kilo", "n", w.tenths(n/1e2))
	}
	return w.N("bytes.byte", int(n))
}

// tenths writes n tenths; a last 0 is left out.
func (w *Words) tenths(n int64) string {
	if n%10 == 0 {
		return w.decimal(n/10, 0)
	}
	return w.decimal(n, 1)
}

// decimal writes n with its last places behind the decimal separator.
func (w *Words) decimal(n int64, places int) string {
	s := strings.TrimPrefix(strconv.FormatInt(n, 10), "-")
	for len(s) <= places {
		s = "0" + s
	}
	whole, rest := s[:len(s)-places], s[len(s)-places:]
	s = group(whole)
	if places > 0 {
		s += "." + rest
	}
	if n < 0 {
		s = w.minus() + s
	}
	return w.digits(s)
}

// group sets every three digits apart with commas.
func group(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// minus is the sign with the mark that keeps it before its digits in a text
// that runs from the right (CLDR: U+061C before Arabic-Indic digits, U+200E
// before Latin ones).
func (w *Words) minus() string {
	switch {
	case w.arabic:
		return "\u061c-"
	case w.rules.marks:
		return "\u200e-"
	}
	return "-"
}

var arabicIndic = strings.NewReplacer("0", "٠", "1", "١", "2", "٢", "3", "٣", "4", "٤",
	"5", "٥", "6", "٦", "7", "٧", "8", "٨", "9", "٩", ",", "٬", ".", "٫")

// digits turns Latin digits and separators into the site's.
func (w *Words) digits(s string) string {
	if w.arabic {
		return arabicIndic.Replace(s)
	}
	return s
}

// Digits writes the Latin digits of a text as the site does. What stands
// between isolates (UAX 9) is foreign to the text and keeps its own.
func (w *Words) Digits(s string) string {
	if !w.arabic {
		return s
	}
	depth := 0
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '\u2066' && r <= '\u2068':
			depth++
		case r == '\u2069':
			depth--
		case depth == 0 && r >= '0' && r <= '9':
			return '٠' + r - '0'
		}
		return r
	}, s)
}
