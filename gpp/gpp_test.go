package gpp

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Strings as the platform's own package writes them.
func TestPublishedStrings(t *testing.T) {
	for text, want := range map[string]map[string]map[string]Value{
		"DBABLA~CAAAAAAAAABA.QA":                       {"usnat": {"MspaCoveredTransaction": 1}},
		"DBABLA~CEQRAAAAAACA.YA":                       {"usnat": {"SaleOptOutNotice": 1, "TargetedAdvertisingOptOutNotice": 1, "SaleOptOut": 1, "TargetedAdvertisingOptOut": 1, "MspaCoveredTransaction": 2, "Gpc": 1}},
		"DBABBg~BAQAAACA.QA":                           {"usca": {"SaleOptOut": 1, "MspaCoveredTransaction": 2}},
		"DBABFg~BAEAAAgA":                              {"usut": {"SaleOptOut": 1, "MspaCoveredTransaction": 2}},
		"DBABUYA~BQAG.QAI":                             {"usin": {"MspaCoveredTransaction": 1, "KnownChildSensitiveDataConsents": 1, "AdditionalDataProcessingConsent": 2, "SensitiveDataProcessing": 1}},
		"DBACr0s~CAAQAAAAAABA.QA~BAQAAABA.QA~BQBA.AAA": {"usnat": {"SaleOptOut": 1, "MspaCoveredTransaction": 1}, "usca": {"SaleOptOut": 1, "MspaCoveredTransaction": 1}, "usri": {"SaleOptOut": 1, "MspaCoveredTransaction": 1}},
	} {
		list, err := Decode(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := map[string]map[string]Value{}
		for _, c := range list {
			got[c.Name] = map[string]Value{}
			for name, v := range c.Values {
				if v[0] > 0 {
					got[c.Name][name] = v[0]
				}
			}
			if c.Gpc {
				got[c.Name]["Gpc"] = 1
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%s", text, d)
		}
		if again := Encode(list...); again != text {
			t.Errorf("%s is written %s", text, again)
		}
	}
}

func TestWhatIsNoneOfOurs(t *testing.T) {
	for _, text := range []string{"", "DBABLA", "DBABLA~", "DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", "DBABLA~BAAAVVVVUQA.QA", "DBABLA~CEQRAAAAAAC", "DBABLA~CEQRAAAAAACAA.YA",
		"DBABLA~C!QRAAAAAACA", "DBABLA~CEQRAAAAAACA.AA", "DBABLA~CEQRAAAAAACA.", "DBABLA~CAAAAAAAAAAA.QA", "DBABLA~CAAAAAAAAABA.QA~CAAAAAAAAABA.QA", "DB______", "DBABLA~CAAAAAAAAABA.QA.QA"} {
		if s, err := Decode(text); err == nil {
			t.Errorf("%q is read as %+v", text, s)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("DBABLA~CEQRAAAAAACA.YA")
	f.Add("DBACr0s~CAAQAAAAAABA.QA~BAQAAABA.QA~BQBA.AAA")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := Decode(text)
		if err != nil {
			return
		}
		again, err := Decode(Encode(list...))
		if err != nil || len(again) != len(list) {
			t.Fatalf("%q: %v", text, err)
		}
		for i := range list {
			if d := cmp.Diff(list[i].Members(), again[i].Members()); d != "" {
				t.Fatalf("%q:\n%s", text, d)
			}
		}
	})
}
