package sheet

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A spreadsheet takes a cell that begins with = + - or @ for a formula, and a
// formula can send what stands beside it to a stranger. Such a cell gets an
// apostrophe before it, which spreadsheets take for "this is text". So that
// every cell has a way back, a cell that would be such a one but for
// apostrophes gets one more:
//
//	Safe("=1+1")  is "'=1+1"      Plain("'=1+1")  is "=1+1"
//	Safe("'=1+1") is "''=1+1"     Plain("''=1+1") is "'=1+1"
//	Safe("'tis")  is "'tis"       Plain("'tis")   is "'tis"
//
// For every cell Plain(Safe(cell)) is the cell.

// Safe makes a cell that no spreadsheet takes for a formula.
func Safe(cell string) string {
	if formula(cell) {
		return "'" + cell
	}
	return cell
}

// Plain gives back what Safe was given, and any other cell as it is.
func Plain(cell string) string {
	if strings.HasPrefix(cell, "'") && formula(cell) {
		return cell[1:]
	}
	return cell
}

// formula says that a cell without its first apostrophes could be taken for a
// formula: it begins with one of the signs, in its narrow or its full-width
// form, white space and invisible marks before it left aside, or with a tab or
// a line end, at which some programs begin a new cell.
func formula(cell string) bool {
	cell = strings.TrimLeft(cell, "'")
	if cell == "" {
		return false
	}
	if cell[0] == '\t' || cell[0] == '\r' || cell[0] == '\n' {
		return true
	}
	r, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(cell, unshown))
	return strings.ContainsRune("=+-@＝＋－＠﹢﹣﹦﹫−", r) && r != utf8.RuneError
}

func unshown(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }
