package main

import (
	"strings"
	"unicode"
)

// plain makes a text that somebody else wrote fit for a terminal: what is not
// printable could steer it, and marks of direction could show another order
// than is there. Each such character becomes U+FFFD.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) && r != '\u00a0' || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
