package lang

import "golang.org/x/text/language"

// countries has the names of every country, and of EU, by ISO 3166 code and
// language: those of Unicode's CLDR 48.
var countries = mustLoad[map[string]string]("countries.json")

// Country names a country by its ISO 3166 code; EU and former codes are known
// too. An unknown code is given back as it is.
func (w *Words) Country(iso string) string {
	r, err := language.ParseRegion(iso)
	if err != nil {
		return iso
	}
	if s := countries[r.Canonicalize().String()][w.Tag]; s != "" {
		return s
	}
	return iso
}
