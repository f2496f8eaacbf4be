package transfer_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/transfer"
)

const formsFile = `# What people signed at the counter.
evidence: forms-2021
purpose: text_updates
text:
  ar: أوافق على تلقي الرسائل النصية.
from: 2021-01-01
until: 2021-12-31
source: paper forms
by: Mona Haddad
`

func TestEvidenceSetsAreRead(t *testing.T) {
	for name, src := range map[string]string{
		"YAML": formsFile,
		"JSON": `{"evidence":"forms-2021","purpose":"text_updates","text":{"ar":"أوافق على تلقي الرسائل النصية."},"from":"2021-01-01","until":"2021-12-31","source":"paper forms","by":"Mona Haddad"}`,
	} {
		got, err := transfer.ReadEvidence("forms.yaml", []byte(src), "")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(texts, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	again, err := transfer.ReadEvidence("forms.yaml", []byte(formsFile), "Ellen Pettengill")
	if err != nil || again.By != "Ellen Pettengill" || again.ID() == texts.ID() {
		t.Errorf("declared by another: %+v, %v", again, err)
	}
}

// Receipts name a set by its id: it must never change. This one was computed with
// Python.
func TestTheIDOfASetIsFixed(t *testing.T) {
	if got := texts.ID(); got != "sha256:8e20342979d9eebf5282d3724ba94d2a5385d44dffd1facb621280160c0f3f5d" {
		t.Errorf("ID = %s", got)
	}
}

func TestEvidenceThatShowsNothingIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ old, new, words string }{
		"no name":           {"forms-2021", "Forms 2021", "evidence: a set has a name"},
		"no purpose":        {"purpose: text_updates\n", "", "purpose: say to which"},
		"no text":           {"  ar: أوافق على تلقي الرسائل النصية.", "  ar: ''", "text.ar"},
		"no language":       {"  ar:", "  Arabic language:", "text: is not by language"},
		"no day":            {"from: 2021-01-01\n", "", "from: from and until"},
		"days in disorder":  {"until: 2021-12-31", "until: 2020-12-31", "from: from and until"},
		"another calendar":  {"from: 2021-01-01", "from: 1442-05-17", "Gregorian"},
		"nobody":            {"by: Mona Haddad\n", "", "by: a named person"},
		"no source":         {"source: paper forms\n", "", "source: say where"},
		"an unknown key":    {"source:", "soruce:", "forms.yaml:8:9: soruce: no such key"},
		"a key twice":       {"source:", "by: Ellen\nsource:", "by stands twice"},
		"a list for a text": {"source: paper forms", "source: [paper]", "source: must be a text"},
		"not yes or no":     {"source: paper forms", "source: paper\nconfirmed: perhaps", "must be true or false"},
		"no YAML":           {"evidence: forms-2021", "evidence: [", "cannot be read"},
		"a list":            {formsFile, "- a\n", "keys and values"},
		"nothing":           {formsFile, "", "keys and values"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := transfer.ReadEvidence("forms.yaml", []byte(strings.Replace(formsFile, c.old, c.new, 1)), "")
			if k := fault.KindOf(err); err == nil || k != fault.Invalid && k != fault.Malformed || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v", err)
			}
		})
	}
}

func FuzzReadEvidence(f *testing.F) {
	f.Add([]byte(formsFile))
	f.Add([]byte(`{"evidence":"a","confirmed":true}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		e, err := transfer.ReadEvidence("x", src, "")
		if err != nil {
			return
		}
		again, err := transfer.ReadEvidence("x", e.Canonical(), "")
		if err != nil {
			t.Fatalf("its canonical form is refused: %v", err)
		}
		if d := cmp.Diff(e, again); d != "" {
			t.Fatal(d)
		}
	})
}
