package lang

import (
	"strconv"
	"strings"
)

// Number writes a whole number with its thousands set apart: 1,234 or ١٬٢٣٤.
func (w *Words) Number(n int64) string {
	s := group(strings.TrimPrefix(strconv.FormatInt(n, 10), "-"))
	if n < 0 {
		s = w.minus() + s
	}
	return w.digits(s)
}

// Count writes a whole number before its noun, one or many, in the English of the
// program's verbs. What a page says goes through N.
func Count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(int64(n), 10) + " " + many
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
	"5", "٥", "6", "٦", "7", "٧", "8", "٨", "9", "٩", ",", "٬")

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
