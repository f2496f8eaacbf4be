package gpp

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPublishedStrings(t *testing.T) {
	for text, want := range map[string]Section{
		"DBABLA~CAAAAAAAAABA.QA": {MspaCoveredTransaction: 1},
		"DBABLA~CEQRAAAAAACA.YA": {SaleOptOutNotice: 1, TargetedAdvertisingOptOutNotice: 1, SaleOptOut: 1, TargetedAdvertisingOptOut: 1, MspaCoveredTransaction: 2, Gpc: true},
	} {
		got, err := Decode(text)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s (%v):\n%s", text, err, d)
		}
		if again := Encode(got); again != text {
			t.Errorf("%s is written %s", text, again)
		}
	}
}

func TestWhatIsNoneOfOurs(t *testing.T) {
	for _, text := range []string{"", "DBABLA", "DBABLA~", "DBABBg~BAQAAABA.QA", "DBABLA~BAAAVVVVUQA.QA", "DBABLA~CEQRAAAAAAC", "DBABLA~CEQRAAAAAACAA.YA", "DBABLA~C!QRAAAAAACA", "DBABLA~CEQRAAAAAACA.AA", "DBABLA~CEQRAAAAAACA."} {
		if s, err := Decode(text); err == nil {
			t.Errorf("%q is read as %+v", text, s)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("DBABLA~CEQRAAAAAACA.YA")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Decode(text)
		if err != nil {
			return
		}
		again, err := Decode(Encode(s))
		if d := cmp.Diff(s, again); d != "" || err != nil {
			t.Fatalf("%q (%v):\n%s", text, err, d)
		}
	})
}
