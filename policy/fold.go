package policy

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// letters are Arabic letters that writers use for one another.
var letters = strings.NewReplacer("أ", "ا", "إ", "ا", "آ", "ا", "ٱ", "ا", "ى", "ي", "ة", "ه", "ؤ", "و", "ئ", "ي")

// folded gives the words of a text as they compare: without case, punctuation,
// accents, Arabic vowel signs and tatweel, with Latin digits.
func folded(s string) []string {
	s = letters.Replace(norm.NFC.String(foldDigits(strings.ToLower(s))))
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || r == 'ـ' || r == '\'' || r == '’' {
			return -1
		}
		return r
	}, norm.NFD.String(s))
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// repeats reports whether one text says what another already says: the same
// words, a whole run of four words or more taken out of it, or the same words
// but for one in five.
func repeats(benefit, other string) bool {
	a, b := folded(benefit), folded(other)
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	if slices.Equal(a, b) {
		return true
	}
	if len(a) >= 4 && strings.Contains(" "+strings.Join(b, " ")+" ", " "+strings.Join(a, " ")+" ") {
		return true
	}
	return len(a) >= 4 && shared(a, b) >= 0.8
}

// shared gives how much of two sets of words is common, from 0 to 1.
func shared(a, b []string) float64 {
	inA, inB := map[string]bool{}, map[string]bool{}
	for _, w := range a {
		inA[w] = true
	}
	both := 0
	for _, w := range b {
		if !inB[w] && inA[w] {
			both++
		}
		inB[w] = true
	}
	return float64(both) / float64(len(inA)+len(inB)-both)
}
