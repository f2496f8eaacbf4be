package lang

import (
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// newer are the names that changed after the tables of x/text (CLDR 32).
var newer = map[string]map[string]string{
	"ar": {
		"BS": "جزر البهاما", "MK": "مقدونيا الشمالية", "MO": "منطقة ماكاو الإدارية الخاصة", "SZ": "إسواتيني",
		"TK": "توكيلاو", "TL": "تيمور - ليشتي", "VI": "جزر فيرجن الأمريكية",
	},
	"en": {"MK": "North Macedonia", "MO": "Macao SAR China", "SZ": "Eswatini", "TR": "Türkiye"},
}

var regions = map[string]display.Namer{
	"ar": display.Regions(language.Arabic),
	"en": display.Regions(language.English),
}

// Country names a country by its ISO 3166 code; EU is known too. An unknown
// code is given back as it is.
func (w *Words) Country(iso string) string {
	r, err := language.ParseRegion(iso)
	if err != nil {
		return iso
	}
	r = r.Canonicalize()
	if s, ok := newer[w.Tag][r.String()]; ok {
		return s
	}
	if s := regions[w.Tag].Name(r); s != "" {
		return s
	}
	return iso
}
