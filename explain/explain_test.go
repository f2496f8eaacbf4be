package explain_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/explain"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/receipt"
)

func inForce(t *testing.T) *policy.Version {
	t.Helper()
	src, err := os.ReadFile("../examples/casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, found := policy.Read("amana.yaml", src)
	if doc == nil {
		t.Fatal(found)
	}
	m, err := policy.MeaningsAfter(nil, doc.Policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Version{ID: doc.ID, Policy: doc.Policy, Meanings: m, Published: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
}

func answered(v *policy.Version) *receipt.Receipt {
	return &receipt.Receipt{ID: "7d444840-9dc0-41d1-b245-5ffdce74fad2", Proof: &receipt.Proof{Index: 11, Size: 12}, Record: receipt.Record{
		HasNotice:  &receipt.Notice{Policy: v.ID},
		HasConsent: &receipt.Consent{Decision: "given", Time: "2026-03-02T10:00:00.000Z", Until: "2028-03-02T10:00:00.000Z"},
	}}
}

// Every reason has five links in both languages; a no is against exactly one of
// them, a yes against none.
func TestEveryReasonHasItsChain(t *testing.T) {
	v := inForce(t)
	for _, tag := range []string{"en", "ar"} {
		w, _ := lang.For(tag, lang.Options{})
		for _, reason := range decision.Reasons() {
			for _, r := range []*receipt.Receipt{nil, answered(v)} {
				for _, purpose := range []string{"newsletter", "billing", "nothing"} {
					list := explain.Chain(explain.Decision{Question: decision.Question{Purpose: purpose, Recipient: "mailer"}, Reason: reason, InForce: v, Receipt: r, Evidence: "shown"}, w)
					against := 0
					for i, l := range list {
						if l.Step != []explain.Step{explain.Policy, explain.Scope, explain.Event, explain.Receipt, explain.Ledger}[i] {
							t.Errorf("%s: step %d is %s", reason, i, l.Step)
						}
						if l.State == explain.Against {
							against++
							if !strings.Contains(l.Text, w.Of("reason", reason)) {
								t.Errorf("%s: %q says not why", reason, l.Text)
							}
						}
						if l.Text == "" && !(l.Step == explain.Policy && purpose == "nothing") {
							t.Errorf("%s %s %s: no words for %s", tag, reason, purpose, l.Step)
						}
					}
					if yes := reason == decision.Given || reason == decision.Basis; len(list) != 5 || (against == 0) != yes || against > 1 {
						t.Errorf("%s: %d links, %d against", reason, len(list), against)
					}
				}
			}
		}
	}
}

func TestAYesInWords(t *testing.T) {
	v := inForce(t)
	d := explain.Decision{Question: decision.Question{Purpose: "newsletter"}, Reason: decision.Given, InForce: v, Receipt: answered(v), Evidence: "attested"}
	for tag, want := range map[string][]string{
		"en": {"The policy in force since 1 March 2026", "It needs a yes.", "Answer of 2 March 2026, 10:00 UTC: Said yes.", "The company entered it", "It holds until 2 March 2028", "Entry 12 of 12"},
		"ar": {"السياسة السارية منذ 1 مارس 2026", "يحتاج إلى موافقة.", "أدخلته الشركة", "يسري حتى 2 مارس 2028", "القيد رقم 12 من 12"},
	} {
		w, _ := lang.For(tag, lang.Options{})
		var all []string
		for _, l := range explain.Chain(d, w) {
			all = append(all, string(l.State)+" "+l.Value+" "+l.Text)
		}
		text := strings.ReplaceAll(strings.Join(all, "\n"), "\u00a0", " ")
		for _, s := range want {
			if !strings.Contains(text, s) {
				t.Errorf("%s: no %q in\n%s", tag, s, text)
			}
		}
		if strings.Count("\n"+text, "\nholds ") != 5 {
			t.Errorf("%s: not all hold:\n%s", tag, text)
		}
	}
}
