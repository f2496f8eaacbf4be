// Package lang holds the words of the pages, in Arabic and in English, and how
// each language writes numbers, dates, lengths of time, countries and lists.
//
// Texts stand in en.json and ar.json under keys; a text is one string, or the
// plural forms of CLDR. {name} is filled with the argument of that name. A test
// reads every Go file and template of the module and refuses a key that is
// missing, unused, or filled with other names than its text has; so a page
// without words cannot be built. It asks for keys to be written out:
//
//	{{.T "policy.version" "id" .ID}}   a text
//	{{.N "receipt.count" (len .List)}} a text with plural forms; {n} is the count
//	{{.H "contact.who" "name" .Name}}  HTML, each value in its own <bdi>
//	{{.Of "reason" .Reason}}           the text reason.X of a family that the test knows
package lang

// Digits names the digits of Arabic pages: one choice for a site. English pages
// always have Latin digits.
type Digits string

// The digits; "" is Latin.
const (
	Latin       Digits = "latin"  // 1,234.5
	ArabicIndic Digits = "arabic" // ١٬٢٣٤٫٥
)

// Calendar names how dates are written on Arabic pages. English pages always
// have the Gregorian calendar.
type Calendar string

// The calendars; "" is Gregorian.
const (
	Gregorian Calendar = "gregorian"
	Both      Calendar = "both" // Umm al-Qura first, then Gregorian
)

// Options are the choices of a site.
type Options struct {
	Digits   Digits
	Calendar Calendar
}

// Words are the words of one language. They are read-only and safe for
// concurrent use.
type Words struct {
	Tag string // BCP 47: en, ar

	texts    map[string]text
	rules    rules
	arabic   bool // Arabic-Indic digits and separators
	calendar Calendar
}

// rules are what the grammar of a language asks for beyond its texts.
type rules struct {
	name   string // the language's own
	dir    string
	plural func(n int) form
	and    string // between the last two of a list
	comma  string // between the others (Arabic repeats the conjunction)
	marks  bool   // a minus sign needs a mark of direction before it
}

var languages = map[string]struct {
	texts map[string]text
	rules rules
}{
	"ar": {mustLoad[text]("ar.json"), rules{name: "العربية", dir: "rtl", plural: arabicPlural, and: " و", comma: " و", marks: true}},
	"en": {mustLoad[text]("en.json"), rules{name: "English", dir: "ltr", plural: englishPlural, and: " and ", comma: ", "}},
}

// For gives the words of a language by its exact tag; false where there are none.
func For(tag string, o Options) (*Words, bool) {
	l, ok := languages[tag]
	if !ok {
		return nil, false
	}
	w := &Words{Tag: tag, texts: l.texts, rules: l.rules, calendar: Gregorian}
	if tag == "ar" {
		w.arabic = o.Digits == ArabicIndic
		w.calendar = o.Calendar
	}
	return w, true
}

// Dir gives the direction of the script, for the attribute dir: "rtl" or "ltr".
func (w *Words) Dir() string { return w.rules.dir }
