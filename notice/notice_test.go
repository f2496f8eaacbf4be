package notice

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
)

func wordsIn(t *testing.T, tag string) *lang.Words {
	t.Helper()
	w, ok := lang.For(tag, lang.Options{})
	if !ok {
		t.Fatalf("no words in %s", tag)
	}
	return w
}

func source(t *testing.T, company string) string {
	t.Helper()
	src, err := examples.FS.ReadFile(company + "/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

func version(t *testing.T, src string, after *policy.Version, same ...string) *policy.Version {
	t.Helper()
	doc, findings := policy.Read("amana.yaml", []byte(src))
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	m, err := policy.MeaningsAfter(after, doc.Policy, same)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]string{}
	for _, purpose := range same {
		declared[purpose] = "Ellen Pettengill"
	}
	return &policy.Version{ID: doc.ID, Policy: doc.Policy, Meanings: m, By: "Ellen Pettengill", SameMeaning: same, Declared: declared, Published: time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)}
}

func TestEveryPartOfANoticeSaysSomething(t *testing.T) {
	for _, company := range []string{"casco-fiber", "souq-nakheel"} {
		v := version(t, source(t, company), nil)
		for _, tag := range []string{"en", "ar"} {
			n := Of(v, wordsIn(t, tag))
			if len(n.Asked)+len(n.Stated) != len(v.Policy.Purposes) {
				t.Errorf("%s in %s: %d and %d purposes of %d", company, tag, len(n.Asked), len(n.Stated), len(v.Policy.Purposes))
			}
			for _, p := range append(n.Asked, n.Stated...) {
				if p.Title == "" || p.Text == "" || p.Tag == "" || p.How == "" || p.Keep == "" || len(p.Data) == 0 || len(p.Acts) == 0 {
					t.Errorf("%s in %s: purpose %s lacks words: %+v", company, tag, p.ID, p)
				}
			}
			for _, s := range n.Sections {
				if s.Title == "" || len(s.Parts) == 0 {
					t.Errorf("%s in %s: section %s is empty", company, tag, s.ID)
				}
				for _, part := range s.Parts {
					if len(part.Paras)+len(part.Items)+len(part.Facts)+len(part.Links) == 0 && part.Table == nil {
						t.Errorf("%s in %s: section %s has an empty part %q", company, tag, s.ID, part.Head)
					}
					whole(t, s.ID, part.Table)
				}
			}
		}
	}
}

// whole holds a table to its shape: every row as wide as the head, no row nameless.
func whole(t *testing.T, section string, table *Table) {
	t.Helper()
	if table == nil {
		return
	}
	for _, row := range table.Rows {
		if len(row) != len(table.Head) || row[0].Text == "" {
			t.Errorf("section %s: the row %v does not fit %v", section, row, table.Head)
		}
	}
}

// Every cookie of the product's own has its row where pages under the policy may
// set it, and how long it stays.
func TestOwnCookiesAreListed(t *testing.T) {
	src := source(t, "casco-fiber")
	asks := strings.Replace(src, "\nchildren:\n", "\nchildren:\n  ask: [analytics]\n", 1)
	for _, c := range []struct {
		name, src string
		want      []string
	}{
		{"no age asked", src, []string{"amana: for one year", "__Host-me: until you close the browser", "__Host-me-code: for 15 minutes", "__Host-me-passkey: for 5 minutes"}},
		{"the age", asks, []string{"amana: for one year", "__Host-me: until you close the browser", "__Host-me-code: for 15 minutes", "__Host-me-passkey: for 5 minutes", "__Host-age: until you close the browser"}},
		{"a parent", strings.Replace(asks, "below: refuse", "below: parent", 1), []string{"amana: for one year", "__Host-me: until you close the browser", "__Host-me-code: for 15 minutes", "__Host-me-passkey: for 5 minutes",
			"__Host-age: until you close the browser", "__Host-asks: for 15 days"}},
	} {
		var got []string
		for _, s := range Of(version(t, c.src, nil), wordsIn(t, "en")).Sections {
			if s.ID == "storage" {
				whole(t, s.ID, s.Parts[0].Table)
				for _, row := range s.Parts[0].Table.Rows[:len(c.want)] {
					got = append(got, row[0].Text+": "+row[4].Text)
				}
			}
		}
		if d := gocmp.Diff(c.want, got); d != "" {
			t.Errorf("%s:\n%s", c.name, d)
		}
	}
}

// What the product itself processes stands in every notice, and its cookie once.
func TestOwnProcessingIsInEveryNotice(t *testing.T) {
	for name, src := range map[string]string{
		"not declared": source(t, "casco-fiber"),
		"declared":     strings.Replace(source(t, "casco-fiber"), "storage:\n", "storage:\n  - {name: amana, kind: cookie, purpose: comfort, lifetime: P6M, why: {en: To remember., ar: للتذكر.}}\n", 1),
	} {
		n := Of(version(t, src, nil), wordsIn(t, "en"))
		cookies, proof := 0, 0
		for _, s := range n.Sections {
			for _, part := range s.Parts {
				if s.ID == "proof" && part.Head != "" {
					proof++
				}
				if s.ID == "storage" && part.Table != nil {
					for _, row := range part.Table.Rows {
						if row[0].Text == "amana" {
							cookies++
						}
					}
				}
			}
		}
		if cookies != 1 || proof != 4 {
			t.Errorf("%s: the cookie stands %d times, and %d parts tell of the proof", name, cookies, proof)
		}
	}
}

func TestChangesInWords(t *testing.T) {
	old := source(t, "casco-fiber")
	first := version(t, old, nil)
	for _, c := range []struct {
		name, from, to string
		same           []string
		want           []Change
	}{
		{"nothing", "", "", nil, nil},
		{"only a comment", "amana: 1", "amana: 1 # newer", nil, nil},
		{"data added", "data: [email, name]", "data: [email, name, plan]", nil, []Change{{"Our monthly letter", []string{"Data added: Your plan and the equipment at your place."}}}},
		{"data removed", "data: [email, name]", "data: [email]", nil, []Change{{"Our monthly letter", []string{"Data no longer used: Your name."}}}},
		{"title", "en: Our monthly letter", "en: The monthly letter", nil, []Change{{"The monthly letter", []string{"The wording changed, so an earlier yes does not cover it until it is given anew."}}}},
		{"title, same meaning", "en: Our monthly letter", "en: The monthly letter", []string{"newsletter"}, []Change{{"The monthly letter", []string{"The wording changed; Ellen Pettengill declared that it means the same as before."}}}},
		{"another promise", "staff_at_most: ", "staff_at_most: 1", nil, []Change{{"", []string{"Other parts of the policy changed too."}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			next := version(t, strings.Replace(old, c.from, c.to, 1), first, c.same...)
			if c.from != "" && !strings.Contains(old, c.from) {
				t.Fatal("the example has changed")
			}
			if d := gocmp.Diff(c.want, Changes(first, next, wordsIn(t, "en"))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPurposesThatComeAndGo(t *testing.T) {
	first := version(t, source(t, "casco-fiber"), nil)
	fewer := *first
	p := *first.Policy
	p.Purposes = map[string]policy.Purpose{}
	for id, u := range first.Policy.Purposes {
		if id != "comfort" {
			p.Purposes[id] = u
		}
	}
	fewer.Policy = &p
	if d := gocmp.Diff([]Change{{"Remembering your settings", []string{"this purpose ended."}}}, Changes(first, &fewer, wordsIn(t, "en"))); d != "" {
		t.Error(d)
	}
	if d := gocmp.Diff([]Change{{"تذكّر إعداداتك", []string{"غرض جديد."}}}, Changes(&fewer, first, wordsIn(t, "ar"))); d != "" {
		t.Error(d)
	}
}

// Every term is expanded by the context alone: what is no keyword and has no
// entry falls to the vocabulary, so it has to look like one of its terms.
func TestPolicyAsDPV(t *testing.T) {
	v := version(t, source(t, "casco-fiber"), nil)
	raw, err := json.Marshal(DPV(v, "https://privacy.example"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Context    map[string]any `json:"@context"`
		ID         string         `json:"@id"`
		HasProcess []struct {
			HasPurpose struct {
				Identifier string            `json:"identifier"`
				Title      map[string]string `json:"title"`
			} `json:"hasPurpose"`
			HasLegalBasis       string           `json:"hasLegalBasis"`
			HasPersonalData     []map[string]any `json:"hasPersonalData"`
			HasRecipient        []map[string]any `json:"hasRecipient"`
			HasStorageCondition struct {
				HasDuration string `json:"hasDuration"`
			} `json:"hasStorageCondition"`
		} `json:"hasProcess"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.ID != "https://privacy.example/policy/"+string(v.ID) || len(doc.HasProcess) != len(v.Policy.Purposes) {
		t.Errorf("id %s, %d processes", doc.ID, len(doc.HasProcess))
	}
	for _, p := range doc.HasProcess {
		u := v.Policy.Purposes[p.HasPurpose.Identifier]
		if p.HasPurpose.Title["ar"] != u.Title["ar"] || len(p.HasPersonalData) != len(u.Data) || len(p.HasRecipient) != len(u.Recipients) || p.HasStorageCondition.HasDuration != u.Keep.String() {
			t.Errorf("%s: %+v", p.HasPurpose.Identifier, p)
		}
	}
}

func TestTelephoneLinks(t *testing.T) {
	for _, c := range []struct{ number, region, want string }{
		{"+1 207 555 0100", "SA", "+12075550100"},
		{"011 555 0100", "SA", "+966115550100"},
		{"٠١١ ٥٥٥ ٠١٠٠", "SA", "+966115550100"},
		{"(٠١١) ٥٥٥", "", "011555"},
		{"۰۲۱", "", "021"},
	} {
		if got := Tel(c.number, c.region); got != c.want {
			t.Errorf("%s in %q becomes %s", c.number, c.region, got)
		}
	}
}
