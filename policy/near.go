package policy

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxGuesses bounds the words among which a guess is looked for.
const maxGuesses = 500

// nearest gives the word that was most likely meant, or "".
func nearest(word string, list []string) string {
	best, distance := "", max(1, utf8.RuneCountInString(word)/3)+1
	if utf8.RuneCountInString(word) > 64 || len(list) > maxGuesses {
		return ""
	}
	plain := strings.NewReplacer("-", "", "_", "", " ", "")
	for _, w := range list {
		d := edits(plain.Replace(strings.ToLower(word)), plain.Replace(strings.ToLower(w)))
		if d < distance {
			best, distance = w, d
		}
	}
	return best
}

// edits counts the insertions, deletions, replacements and swaps of
// neighbours that lead from a to b (optimal string alignment).
func edits(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, above := make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range above {
		above[j] = j
	}
	for i := range s {
		row := make([]int, len(t)+1)
		row[0] = i + 1
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, above[j]+cost)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above = above, row
	}
	return above[len(t)]
}

// didYouMean turns a guess into a hint.
func didYouMean(guess, otherwise string) string {
	if guess == "" {
		return otherwise
	}
	return "did you mean " + guess + "?"
}

// quoted shows a word of the file in a message: never long, never raw, and
// what cannot be seen by its number.
func quoted(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:57]) + "…"
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case forbidden(r) || r == '\n' || r == '\t':
			b.WriteRune(utf8.RuneError)
		case unicode.Is(unicode.Cf, r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}

// unseen hints at an invisible character in a word that means something to the
// program: two words may look alike and differ. Without one the hint stays.
func unseen(word, hint string) string {
	for _, r := range word {
		if unicode.Is(unicode.Cf, r) && !forbidden(r) {
			return fmt.Sprintf("delete the invisible character U+%04X", r)
		}
	}
	return hint
}
