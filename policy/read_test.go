package policy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/policy"
	"github.com/google/go-cmp/cmp"
)

// small is the least that can be read; cases add to it from line 3 on.
const small = "amana: 1\nlanguages: [en, ar]\n"

func TestFindingsOfTheReader(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"empty", "", "p:1:1: the file is empty (amana init writes a start)"},
		{"only a comment", "# nothing\n", "p:1:1: the file is empty (amana init writes a start)"},
		{"a list", "- a\n", "p:1:1: the file is a list, but should be a map"},
		{"unclosed quote", small + "brands: \"x\n", "p:3:9: this is not YAML: while scanning a quoted scalar: found unexpected end of stream (a quote that was opened here is not closed)"},
		{"unclosed bracket", small + "regimes: [a\nbrands: {}\n", "p:3:10: this is not YAML: while parsing a flow sequence: did not find expected ',' or ']' (a { or [ that was opened here is not closed)"},
		{"tab", small + "\tbrands: {}\n", "p:3:1: this is not YAML"},
		{"colon in a text", small + "digits: a: b\n", "p:3:10: this is not YAML: mapping values"},
		{"indentation", small + "brands: {}\n  data: {}\n", "p:4:3: this is not YAML"},
		{"second document", small + "---\namana: 1\n", "p:3:1: a second document begins here"},
		{"too deep", small + "brands: " + strings.Repeat("[", 3000) + "\n", "p:3:49: this is not YAML"},
		{"too large", strings.Repeat("#", 1<<20+1), "p:1:1: the file is larger than 1 MiB"},
		{"not UTF-8", small + "# \xff\n", "p:3:3: a byte that is not UTF-8 must not stand in a policy"},
		{"control character", small + "# \x07\n", "p:3:3: the control character U+0007 must not stand"},
		{"bidi override", small + "# سر\u202E\n", "p:3:5: the character U+202E, which overrides the direction of text, must not stand"},
		{"bidi override in an escape", small + "statements: {sale: {ar: لا., en: \"a\\u202Eb\"}}\n", "p:3:34: the character U+202E, which overrides"},
		{"escape in a key", small + "\"a\\e[2Jb\": x\n", "p:3:1: the key \"a\uFFFD[2Jb\" carries a character"},
		{"unknown key", small + "purpose: {}\n", "p:3:1: unknown key \"purpose\" (did you mean purposes?)"},
		{"double key", small + "brands: {}\nbrands: {}\n", "p:4:1: \"brands\" stands twice (first in line 3)"},
		{"double id", small + "data: {a: {from: customer, category: user, label: {en: A, ar: أ}}, a: {}}\n", "p:3:68: \"a\" stands twice (first in line 3)"},
		{"no value", small + "programmes:\n", "p:3:12: programmes has no value (write [] to say that there is none)"},
		{"null", small + "digits: ~\n", "p:3:9: digits has no value"},
		{"anchor", small + "regimes: &r [eu-gdpr]\n", "p:3:10: a policy has no anchors: &r"},
		{"alias", small + "digits: *r\n", "p:3:9: this is not YAML: unknown anchor"},
		{"tag", small + "digits: !!str latin\n", "p:3:9: a policy has no tags: !!str"},
		{"merge key", small + "<<: {a: b}\n", "p:3:1: a policy has no merge keys: <<"},
		{"key that is a list", small + "? [a]\n: b\n", "p:3:3: a key must be one word"},
		{"map for a list", small + "regimes: {eu-gdpr: true}\n", "p:3:10: regimes is a map, but should be a list"},
		{"word for a list", small + "regimes: eu-gdpr\n", "p:3:10: regimes is one word or text, but should be a list (write [a, b], or one - a line)"},
		{"list for a word", small + "digits: [latin]\n", "p:3:9: digits is a list, but should be one word"},
		{"word", small + "digits: latn\n", "p:3:9: \"latn\" cannot stand for digits (did you mean latin?)"},
		{"unknown regime", small + "regimes: [eu-gpdr]\n", "p:3:11: \"eu-gpdr\" is not a regime this program knows (did you mean eu-gdpr?)"},
		{"named twice", small + "regimes: [eu-gdpr, eu-gdpr]\n", "p:3:20: \"eu-gdpr\" stands twice in the list"},
		{"id", small + "data: {E-Mail: {from: customer, category: user, label: {en: A, ar: أ}}}\n", "p:3:8: \"E-Mail\" cannot be an id"},
		{"language not declared", small + "statements: {sale: {en: No., ar: لا., fr: Non.}}\n", "p:3:39: \"fr\" is not among the declared languages (declared are en, ar)"},
		{"comma in a flow text", small + "statements: {sale: {en: No, we do not., ar: لا.}}\n", "p:3:29: \"we do not.\" stands where a language should (inside { } a text with a comma needs quotes)"},
		{"language missing", small + "statements: {sale: {en: No.}}\n", "p:3:20: statements.sale is missing in Arabic"},
		{"text without languages", small + "statements: {sale: No.}\n", "p:3:20: sale is one word or text, but should be a text in each language (write {en: …, ar: …})"},
		{"empty text", small + "statements: {sale: {en: No., ar: ''}}\n", "p:3:34: ar is empty"},
		{"duration", small + "inquiries: {answer_within: 2 days}\n", "p:3:28: answer_within: \"2 days\" is not a duration"},
		{"duration in small letters", small + "inquiries: {answer_within: p2d}\n", "p:3:28: answer_within: \"p2d\" is not a duration as ISO 8601 writes it (did you mean P2D?)"},
		{"number in words", small + "access: {staff_at_most: five}\n", "p:3:25: staff_at_most: \"five\" is not a whole number"},
		{"number in quotes", small + "access: {staff_at_most: '5'}\n", "p:3:25: staff_at_most: \"5\" is not a whole number"},
		{"negative number", small + "access: {staff_at_most: -5}\n", "p:3:25: staff_at_most: \"-5\" is not a whole number"},
		{"number too large", small + "requests: {proof: {access: 4}}\n", "p:3:28: access: \"4\" is too large (at most 3)"},
		{"yes is not true", small + "data: {a: {from: customer, category: user, label: {en: A, ar: أ}, sensitive: yes}}\n", "p:3:78: sensitive: \"yes\" is neither true nor false"},
		{"key missing in a part", small + "access: {}\n", "p:3:9: access lacks staff_at_most"},
		{"other version", "amana: 2\nlanguages: [en]\n", "p:1:8: this program reads version 1 of the policy language, not 2"},
		{"no languages", "amana: 1\n", "p:1:1: the policy says nothing of languages"},
		{"empty languages", "amana: 1\nlanguages: []\n", "p:2:12: languages names none"},
		{"language of no page", "amana: 1\nlanguages: [en, fr]\n", "p:2:17: \"fr\" cannot stand for languages[1]"},
		{"invisible mark in a word", small + "digits: \u200flatin\n", "p:3:9: \"<U+200F>latin\" cannot stand for digits (delete the invisible character U+200F)"},
		{"invisible mark in a key", small + "\u200fdigits: latin\n", "p:3:1: unknown key \"<U+200F>digits\" (delete the invisible character U+200F)"},
		{"invisible mark in a duration", small + "inquiries: {answer_within: P2D\u200f}\n", "p:3:28: answer_within: \"P2D<U+200F>\" is not a duration as ISO 8601 writes it (delete the invisible character U+200F)"},
		{"Arabic comma in a list", small + "regimes: [sa-pdpl، eu-gdpr]\n", "p:3:11: regimes[0]: the Arabic comma ، does not separate items (write , in its place, as in [name, email])"},
		{"curly quotes", small + "statements: {sale: {en: No., ar: “لا نبيعها.”}}\n", "p:3:34: ar: the quotes “ ” would be shown as part of the text (write \" in their place, or no quotes)"},
		{"undeclared recipient", small + "storage: [{name: a, kind: cookie, purpose: shop, why: {en: A, ar: أ}}]\n", "p:3:44: \"shop\" is not declared under purposes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, found := policy.Read("p", []byte(c.src))
			if len(found) != 1 || !strings.HasPrefix(found[0].String(), c.want) {
				t.Errorf("want one finding %q, got\n%s", c.want, lines(found))
			}
			if doc != nil {
				t.Error("a file with findings must not give a document")
			}
		})
	}
}

func TestOneCauseOfManyFindingsIsToldOnce(t *testing.T) {
	const statements = "statements: {sale: %, signals: %, incentives: %}\nsecurity: {text: %}\naccess: {staff_at_most: 1, text: %}\n"
	for _, c := range []struct{ name, languages, text, want string }{
		{"not declared", "ar", "{ar: لا., en: No.}", "declared are ar; 5 texts stand in English: delete them together, or declare it"},
		{"missing", "ar, en", "{ar: لا.}", "languages declares it, so every text needs it; 5 texts lack it: write them, or take en out of languages"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, found := policy.Read("p", []byte("amana: 1\nlanguages: ["+c.languages+"]\n"+strings.ReplaceAll(statements, "%", c.text)))
			if len(found) != 5 || found[0].Hint != c.want || strings.Contains(lines(found[1:]), "5 texts") {
				t.Errorf("want five findings, the first with %q, got\n%s", c.want, lines(found))
			}
		})
	}
}

func TestQuotesWithinATextStay(t *testing.T) {
	for _, text := range []string{"“A” and “B”", "'“A”'", "He said “no”", "\u200eلا"} {
		if doc, found := policy.Read("p", []byte("amana: 1\nlanguages: [en]\nstatements: {sale: {en: "+text+"}}\n")); doc == nil {
			t.Errorf("%s:\n%s", text, lines(found))
		}
	}
}

func TestPresetsAreRefusedByName(t *testing.T) {
	for _, key := range []string{"default", "preset", "preselected", "checked", "opt_out", "opt-out"} {
		src := small + "data: {}\npurposes:\n  news:\n    title: {en: News, ar: أخبار}\n    text: {en: We write., ar: نكتب.}\n    basis: consent\n    data: []\n    keep: P1Y\n    " + key + ": true\n"
		_, found := policy.Read("p", []byte(src))
		if len(found) != 1 || found[0].Rule != "B1" || found[0].Line != 11 || found[0].Col != 5 {
			t.Errorf("%s: want one finding of B1 at 11:5, got\n%s", key, lines(found))
		}
	}
}

func TestScalarsAreReadAsTheAuthorWroteThem(t *testing.T) {
	doc, found := policy.Read("p", []byte("\ufeffamana: ٠١\r\nlanguages: [en]\r\norganization:\r\n  name: 012\r\n  legal_name: 1_000\r\n"+
		"  licence: {number: 0x1F, issuer: {en: no}, expires: 2027-01-01}\r\n  contact: {email: yes, phone: +1 207 555 0100, address: on, hours: 09:30}\r\n  sites: [1e3]\r\n"+
		"access: {staff_at_most: 012, looks_per_day: 1_000}\r\nchildren: {minimum_age: ١٦, below: refuse}\r\nchanges: {notice: P٣٠D, by: []}\r\n"))
	if len(found) > 0 {
		t.Fatalf("unexpected findings:\n%s", lines(found))
	}
	want := &policy.Policy{
		Amana: 1, Languages: []string{"en"},
		Organization: policy.Organization{
			Name: policy.Text{"": "012"}, LegalName: policy.Text{"": "1_000"},
			Licence: &policy.Licence{Number: "0x1F", Issuer: policy.Text{"en": "no"}, Expires: "2027-01-01"},
			Contact: policy.Contact{Email: "yes", Phone: "+1 207 555 0100", Address: policy.Text{"": "on"}, Hours: policy.Text{"": "09:30"}},
			Sites:   []string{"1e3"},
		},
		Access:   policy.Access{StaffAtMost: 12, LooksPerDay: 1000},
		Children: policy.Children{MinimumAge: 16, Below: "refuse"},
		Changes:  policy.Changes{Notice: policy.Duration{Seconds: 30 * 86400, Said: true}, By: []string{}},
	}
	if diff := cmp.Diff(want, doc.Policy); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
}

func TestAllErrorsOfAFileAreFoundInOneRun(t *testing.T) {
	_, found := policy.Read("p", []byte("amana: 1\nlanguages: [en]\nbrand: {}\ndigits: roman\naccess: {staff_at_most: few} # \x00\n"))
	if len(found) != 4 {
		t.Errorf("want 4 findings, got\n%s", lines(found))
	}
}

func TestFindingsAreBounded(t *testing.T) {
	for _, src := range []string{strings.Repeat("\xff", 1<<20), small + "regimes: [" + strings.Repeat("x,", 200_000) + "y]", small + strings.Repeat("- \n", 300_000)} {
		if _, found := policy.Read("p", []byte(src)); len(found) == 0 || len(found) > 500 {
			t.Errorf("want 1 to 500 findings, got %d", len(found))
		}
	}
}

func lines(found []policy.Finding) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString(f.String() + " [" + f.Rule + " " + f.Path + "]\n")
	}
	return b.String()
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"testdata/whole.yaml", "testdata/twenty.yaml"} {
		if src, err := os.ReadFile(name); err == nil {
			f.Add(src)
		}
	}
	f.Add([]byte(small + "a: &x [*x]\n<<: *x\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		policy.Check("p", src)
		doc, found := policy.Read("p", src)
		for _, x := range found {
			if x.Line < 1 || x.Col < 1 || x.Message == "" || x.File != "p" {
				t.Fatalf("a finding without a place or words: %+v", x)
			}
		}
		if (doc == nil) == (len(found) == 0) {
			t.Fatal("a document stands exactly where nothing was found")
		}
		if doc == nil {
			return
		}
		back, err := policy.FromCanonical(doc.Canonical)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(doc.Policy, back); diff != "" {
			t.Fatalf("canonical bytes read differently (-file +canonical):\n%s", diff)
		}
		again, found := policy.Read("c", doc.Canonical)
		if len(doc.Canonical) < 1<<20 && (len(found) > 0 || again.ID != doc.ID) {
			t.Fatalf("the canonical form has another id: %v", found)
		}
	})
}
