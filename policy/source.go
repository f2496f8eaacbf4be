package policy

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// maxSource is the largest file that is read.
const maxSource = 1 << 20

const byteOrderMark = '\uFEFF'

// screen reads a file's characters before YAML does: what is not UTF-8 or
// must not stand in a policy becomes a finding with its place, and is replaced
// one for one so that the rest can still be read at the right columns.
func screen(src []byte) (clean []byte, bad []Finding) {
	clean = make([]byte, 0, len(src))
	at := pos{1, 1}
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		first := i == 0
		i += size
		switch {
		case first && r == byteOrderMark:
			continue
		case r == '\r' && i < len(src) && src[i] == '\n': // CRLF ends one line
			continue
		case r == '\r', r == '\n':
			clean = append(clean, '\n')
			at = pos{at.line + 1, 1}
			continue
		case r == utf8.RuneError && size == 1:
			bad = append(bad, characterAt(at, "a byte that is not UTF-8", "save the file as UTF-8"))
			r = utf8.RuneError
		case forbidden(r):
			bad = append(bad, characterAt(at, named(r), ""))
			r = utf8.RuneError
		}
		clean = utf8.AppendRune(clean, r)
		at.col++
		if len(bad) >= maxFindings {
			return nil, bad
		}
	}
	return clean, bad
}

func characterAt(at pos, what, hint string) Finding {
	if hint == "" {
		hint = "it cannot be seen, and can make a text read other than it is"
	}
	return Finding{Line: at.line, Col: at.col, Rule: RuleCharacter, Message: what + " must not stand in a policy", Hint: hint}
}

func named(r rune) string {
	if unicode.IsControl(r) {
		return fmt.Sprintf("the control character U+%04X", r)
	}
	if bidi(r) {
		return fmt.Sprintf("the character U+%04X, which overrides the direction of text,", r)
	}
	return fmt.Sprintf("the invisible character U+%04X", r)
}

// bidi reports embeddings, overrides and isolates of Unicode UAX 9. The pages
// isolate foreign runs by themselves; the marks LRM, RLM and ALM stay allowed.
func bidi(r rune) bool { return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 }

// forbidden reports characters that must not stand in a policy: controls
// other than tab and line feed, bidi overrides, line separators, invisible
// fillers, tags and what is no character.
func forbidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case unicode.IsControl(r), bidi(r):
		return true
	case r == 0x2028, r == 0x2029, r == 0x200B, r >= 0x2060 && r <= 0x2064, r >= 0x206A && r <= 0x206F:
		return true
	case r == byteOrderMark, r >= 0xFFF9 && r <= 0xFFFB, r >= 0xE0000 && r <= 0xE007F:
		return true
	}
	return r&0xFFFE == 0xFFFE || r >= 0xFDD0 && r <= 0xFDEF
}
