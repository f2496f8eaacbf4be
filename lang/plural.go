package lang

// form is a plural form of CLDR.
type form int

const (
	zero form = iota
	one
	two
	few
	many
	other
	forms // how many there are
)

var formNames = [forms]string{"zero", "one", "two", "few", "many", "other"}

// englishPlural: one book, 0 and 2 books.
func englishPlural(n int) form {
	if n == 1 || n == -1 {
		return one
	}
	return other
}

// arabicPlural: 3 كتب up to 10, 11 كتابًا up to 99, 100 كتاب up to 102, and the
// same again in every hundred.
func arabicPlural(n int) form {
	if n < 0 {
		n = -n
	}
	switch r := n % 100; {
	case n <= 2:
		return form(max(n, 0)) // the smallest int has no positive
	case r >= 3 && r <= 10:
		return few
	case r >= 11:
		return many
	}
	return other
}
