package policy_test

import (
	"testing"
	"time"

	"github.com/amana-privacy/amana/policy"
	"pgregory.net/rapid"
)

func TestDurationsHaveOneNormalForm(t *testing.T) {
	for in, want := range map[string]string{
		"P1Y": "P1Y", "P12M": "P1Y", "P24M": "P2Y", "P1Y6M": "P1Y6M", "P18M": "P1Y6M", "P2W": "P14D", "P14D": "P14D", "PT336H": "P14D",
		"P1DT24H": "P2D", "PT90M": "PT1H30M", "PT3600S": "PT1H", "P0D": "P0D", "PT0S": "P0D", "P0Y": "P0D", "P30D": "P30D", "P1M": "P1M", "P1M1DT1M1S": "P1M1DT1M1S",
		"P200Y": "P200Y", "P007D": "P7D",
	} {
		d, err := policy.ParseDuration(in)
		if err != nil || d.String() != want {
			t.Errorf("%s: want %s, got %s, %v", in, want, d, err)
		}
	}
	for _, in := range []string{"", "P", "PT", "P1", "1Y", "P1YT", "-P1Y", "P-1Y", "P1.5Y", "P1D1M", "PT1D", "p1y", "P1Y ", "P201Y", "P9999999999D", "P٢Y", "P1Y/P2Y"} {
		if d, err := policy.ParseDuration(in); err == nil {
			t.Errorf("%q should be refused, got %s", in, d)
		}
	}
}

func TestDurationsEndWhereTheMonthEnds(t *testing.T) {
	for _, c := range []struct{ from, d, want string }{
		{"2026-01-31T10:00:00Z", "P1M", "2026-02-28T10:00:00Z"},
		{"2028-01-31T10:00:00Z", "P1M", "2028-02-29T10:00:00Z"},
		{"2028-02-29T10:00:00Z", "P1Y", "2029-02-28T10:00:00Z"},
		{"2026-02-28T10:00:00Z", "P1M", "2026-03-28T10:00:00Z"},
		{"2026-10-31T23:30:00Z", "P13M", "2027-11-30T23:30:00Z"},
		{"2026-12-31T23:30:00Z", "P2M1DT1H", "2027-03-02T00:30:00Z"},
		{"2026-01-01T01:00:00+03:00", "P1M", "2026-01-31T22:00:00Z"},
		{"2026-01-01T00:00:00Z", "P200Y", "2226-01-01T00:00:00Z"},
	} {
		from, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		d, err := policy.ParseDuration(c.d)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.After(from).Format(time.RFC3339); got != c.want {
			t.Errorf("%s after %s: want %s, got %s", c.d, c.from, c.want, got)
		}
	}
}

func TestNormalFormIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := policy.Duration{Months: rapid.IntRange(0, 2400).Draw(t, "months"), Seconds: rapid.Int64Range(0, 6_000_000_000).Draw(t, "seconds"), Said: true}
		back, err := policy.ParseDuration(d.String())
		if err != nil || back != d {
			t.Fatalf("%v is written %s and read %v, %v", d, d, back, err)
		}
		longer := d
		longer.Seconds++
		now := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
		if !d.Less(longer) || longer.Less(d) || d.Less(d) || !d.After(now).Before(longer.After(now)) {
			t.Fatalf("%s and one second more are out of order", d)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	f.Add("P2Y6M1W3DT4H5M6S")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := policy.ParseDuration(s)
		if err != nil {
			return
		}
		if back, err := policy.ParseDuration(d.String()); err != nil || back != d {
			t.Fatalf("%q: %s is read as %v, %v", s, d, back, err)
		}
	})
}
