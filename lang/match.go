package lang

import "golang.org/x/text/language"

// longestHeader bounds the work that a header can ask for; browsers send less
// than 200 bytes.
const longestHeader = 500

// Match picks the declared language that suits an Accept-Language header best,
// by the distances of CLDR: ar-EG is served by ar. The first declared one, the
// master, is the answer where nothing fits or the header cannot be read. No
// declared language gives "". The answer is always one of declared, as written.
func Match(acceptLanguage string, declared []string) string {
	if len(declared) == 0 {
		return ""
	}
	if len(acceptLanguage) > longestHeader {
		return declared[0]
	}
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(wanted) == 0 {
		return declared[0]
	}
	tags := make([]language.Tag, len(declared))
	for i, s := range declared {
		tags[i] = language.Make(s)
	}
	_, i, _ := language.NewMatcher(tags).Match(wanted...)
	return declared[i]
}
