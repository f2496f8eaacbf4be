package policy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/policy"
	"github.com/google/go-cmp/cmp"
	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"
)

func must(t testing.TB, src string) *policy.Document {
	t.Helper()
	doc, found := policy.Check("p", []byte(src))
	if doc == nil {
		t.Fatalf("findings:\n%s\nin\n%s", lines(found), src)
	}
	return doc
}

func TestFormChangesNothing(t *testing.T) {
	src := whole(t)
	want := must(t, src).ID
	for _, c := range []struct{ name, old, new string }{
		{"comment", "amana: 1", "amana: 1 # the first"},
		{"line ends", "\n", "\r\n"},
		{"quotes", "name: Northwind Books", `name: "Northwind Books"`},
		{"single quotes", "name: Pine Post", `name: 'Pine Post'`},
		{"escapes", "name: Pine Post", `name: "Pine\x20Po\u0073t"`},
		{"folded text", "text: {en: The law obliges us to keep bills., ar: يلزمنا القانون بحفظ الفواتير.}", "text:\n      en: >\n        The law obliges\n        us to keep bills.\n      ar: |\n        يلزمنا القانون بحفظ الفواتير.\n"},
		{"order of keys", "requests: {rights: [access, correction, erasure]}\nprogrammes: []", "programmes: []\nrequests: {rights: [access, correction, erasure]}"},
		{"order in a set", "[access, correction, erasure]", "[erasure, access, correction]"},
		{"months for years", "keep: P2Y", "keep: P24M"},
		{"weeks for days", "within: P7D", "within: P1W"},
		{"hours for days", "within: P7D", "within: PT168H"},
		{"Arabic digits", "minimum_age: 16", "minimum_age: ١٦"},
		{"leading zero", "staff_at_most: 5", "staff_at_most: 005"},
	} {
		edited := strings.ReplaceAll(src, c.old, c.new)
		if edited == src {
			t.Fatalf("%s: testdata/whole.yaml no longer has %q", c.name, c.old)
		}
		if got := must(t, edited).ID; got != want {
			t.Errorf("%s: the version id changed", c.name)
		}
	}
}

func TestMeaningChangesTheID(t *testing.T) {
	src := whole(t)
	seen := map[policy.VersionID]string{must(t, src).ID: "as it is"}
	for _, c := range []struct{ name, old, new string }{
		{"a letter", "The law obliges us", "The law obliged us"},
		{"Arabic text", "يلزمنا", "ألزمنا"},
		{"duration", "keep: P2Y", "keep: P25M"},
		{"month for days", "notice: P30D", "notice: P1M"},
		{"number", "staff_at_most: 5", "staff_at_most: 6"},
		{"key said", "correctable: true", "correctable: true\n    sensitive: false"},
		{"empty list said", "languages: [en, ar]", "languages: [en, ar]\nbrands: {}"},
		{"master language", "languages: [en, ar]", "languages: [ar, en]"},
		{"order of topics", "- {id: novels, label: {en: Novels, ar: روايات}}\n      - {id: poems, label: {en: Poems, ar: شعر}}", "- {id: poems, label: {en: Poems, ar: شعر}}\n      - {id: novels, label: {en: Novels, ar: روايات}}"},
		{"data of a purpose", "data: [visits]", "data: [visits, email]"},
		{"one name for all languages", "legal_name: {en: \"Northwind Books, Inc.\", ar: شركة نورثويند للكتب}", "legal_name: Northwind Books"},
		{"paragraphs", "en: The law obliges us to keep bills.", "en: \"The law obliges us\\nto keep bills.\""},
	} {
		edited := strings.Replace(src, c.old, c.new, 1)
		id := must(t, edited).ID
		if other, double := seen[id]; double {
			t.Errorf("%s has the id of %s", c.name, other)
		}
		seen[id] = c.name
	}
}

func TestCanonicalBytesAreRFC8785AndReadBack(t *testing.T) {
	doc := must(t, whole(t))
	again, err := jcs.Transform(doc.Canonical)
	if err != nil || !bytes.Equal(again, doc.Canonical) {
		t.Errorf("not in the form of RFC 8785: %v", err)
	}
	p, err := policy.FromCanonical(doc.Canonical)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(doc.Policy, p); diff != "" {
		t.Errorf("read back (-file +canonical):\n%s", diff)
	}
	if bytes.Contains(doc.Canonical, []byte("null")) {
		t.Error("the canonical form says null")
	}
	if _, err := policy.FromCanonical([]byte(`{"amana":1,"languages":["en"],"x":1}`)); err == nil {
		t.Error("an unknown key should be refused")
	}
}

// A policy written in any order of keys and of sets, as JSON, is one version.
func TestOrderChangesNothing(t *testing.T) {
	doc := must(t, whole(t))
	var tree any
	if err := json.Unmarshal(doc.Canonical, &tree); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		got, found := policy.Read("p", []byte(shuffled(r, tree, "")))
		if len(found) > 0 || got.ID != doc.ID || !bytes.Equal(got.Canonical, doc.Canonical) {
			t.Fatalf("another version: %v", found)
		}
	})
}

// shuffled writes a tree as JSON with the keys, and the lists that are sets, in any order.
func shuffled(r *rand.Rand, v any, key string) string {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Collect(maps.Keys(v))
		slices.Sort(keys)
		r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		parts := make([]string, len(keys))
		for i, k := range keys {
			parts[i] = fmt.Sprintf("%q : %s", k, shuffled(r, v[k], k))
		}
		return "{" + strings.Join(parts, ",\n ") + "}"
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = shuffled(r, e, "")
		}
		if slices.Contains([]string{"data", "recipients", "acts_on", "marks", "gcm", "regimes", "rights", "by"}, key) {
			r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	raw, _ := json.Marshal(v)
	return string(raw)
}

// Any text of allowed characters survives the way through file, canonical form and back.
func TestTextsSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.TrimSpace(rapid.StringMatching(`[\PC\n]{1,40}`).Draw(t, "text"))
		quoted, _ := json.Marshal(text)
		src := fmt.Sprintf("amana: 1\nlanguages: [en]\nstatements: {sale: {en: %s}}\n", quoted)
		doc, found := policy.Read("p", []byte(src))
		if doc == nil {
			if text != "" && found[0].Rule != policy.RuleCharacter {
				t.Fatalf("%q: %v", text, found)
			}
			return
		}
		back, err := policy.FromCanonical(doc.Canonical)
		if err != nil || back.Statements.Sale["en"] != text || doc.Policy.Statements.Sale["en"] != text {
			t.Fatalf("%q became %q, %v", text, back.Statements.Sale["en"], err)
		}
	})
}
