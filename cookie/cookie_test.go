package cookie_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
)

const browser = "AAECAwQFBgcICQoLDA0ODw"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// shop asks a browser four purposes and two recipients; the rest is not asked of it.
func shop() *policy.Version {
	device := []string{"device"}
	p := &policy.Policy{
		Purposes: map[string]policy.Purpose{
			"analytics":  {Basis: policy.Consent, ActsOn: device, Recipients: []string{"stats"}},
			"ads":        {Basis: policy.Consent, ActsOn: []string{"email", "device"}, Recipients: []string{"network", "exchange", "network"}},
			"video":      {Basis: policy.Consent, ActsOn: device},
			"chat":       {Basis: policy.Consent, ActsOn: device},
			"newsletter": {Basis: policy.Consent, Recipients: []string{"exchange"}},
			"basket":     {Basis: policy.Contract, ActsOn: device, Recipients: []string{"exchange"}},
		},
		Recipients: map[string]policy.Recipient{
			"stats":    {Role: policy.Processor},
			"network":  {Role: policy.ThirdParty},
			"exchange": {Role: policy.Processor, Permission: policy.Own},
		},
	}
	return &policy.Version{ID: "sha256:0123abcd" + policy.VersionID(strings.Repeat("e", 56)), Policy: p}
}

func TestSwitchesStandInTheOrderOfTheirIDs(t *testing.T) {
	want := []consent.Key{{Purpose: "ads"}, {Purpose: "analytics"}, {Purpose: "chat"}, {Purpose: "video"},
		{Purpose: "ads", Recipient: "exchange"}, {Purpose: "ads", Recipient: "network"}}
	for range 20 { // maps have no order
		if d := cmp.Diff(want, cookie.Switches(shop().Policy)); d != "" {
			t.Fatal(d)
		}
	}
}

func TestValueOfAnAnswer(t *testing.T) {
	for _, c := range []struct {
		name  string
		given []consent.Key
		want  string
	}{
		{"no to everything", nil, "1.0123abcd.0"},
		{"the first", []consent.Key{{Purpose: "ads"}}, "1.0123abcd.1.tb7yo0." + browser},
		{"the second and the last", []consent.Key{{Purpose: "ads", Recipient: "network"}, {Purpose: "analytics"}}, "1.0123abcd.22.tb7yo0." + browser},
		{"all", cookie.Switches(shop().Policy), "1.0123abcd.3f.tb7yo0." + browser},
	} {
		t.Run(c.name, func(t *testing.T) {
			made, err := cookie.New(shop(), c.given, nil, noon.Add(300*time.Millisecond), browser)
			if err != nil {
				t.Fatal(err)
			}
			value := cookie.Format(made)
			if value != c.want {
				t.Fatalf("value %q, want %q", value, c.want)
			}
			read, err := cookie.Parse(value)
			if d := cmp.Diff(made, read); d != "" || err != nil {
				t.Fatalf("read back (%v):\n%s", err, d)
			}
			granted, ok := read.Granted(shop())
			want := map[consent.Key]bool{}
			for _, key := range c.given {
				want[key] = true
			}
			if d := cmp.Diff(want, granted); d != "" || !ok {
				t.Errorf("granted (%v):\n%s", ok, d)
			}
		})
	}
}

func TestARefusalTellsNobodyApart(t *testing.T) {
	c := cookie.Refusal(shop())
	c.Time, c.ID = noon, browser // must not be written even if somebody sets it
	if got := cookie.Format(c); got != "1.0123abcd.0" {
		t.Errorf("a refusal is written %q", got)
	}
}

func TestWhatIsNotAskedOfABrowserCannotBeGranted(t *testing.T) {
	for _, key := range []consent.Key{{Purpose: "newsletter"}, {Purpose: "basket"}, {Purpose: "unknown"}, {Purpose: "analytics", Recipient: "stats"}} {
		if _, err := cookie.New(shop(), []consent.Key{key}, nil, noon, browser); err == nil || fault.KindOf(err) != fault.Invalid {
			t.Errorf("a cookie for %v: %v, want fault.Invalid", key, err)
		}
	}
	if _, err := cookie.New(shop(), []consent.Key{{Purpose: "ads"}}, nil, noon, "chosen by the browser"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an id that is none of ours: %v", err)
	}
}

func TestACookieOfAnotherVersionGrantsNothing(t *testing.T) {
	c, err := cookie.New(shop(), []consent.Key{{Purpose: "ads"}}, nil, noon, browser)
	if err != nil {
		t.Fatal(err)
	}
	next := shop()
	next.ID = "sha256:9999abcd" + policy.VersionID(strings.Repeat("e", 56))
	if granted, ok := c.Granted(next); ok || len(granted) > 0 {
		t.Errorf("granted %v in another version", granted)
	}
	c.Set = "40" // the seventh of six
	if granted, ok := c.Granted(shop()); ok || len(granted) > 0 {
		t.Errorf("granted %v by a set that is too large", granted)
	}
}

func TestParseTakesOnlyWhatFormatWrites(t *testing.T) {
	const good = "1.0123abcd.22.tb7yo0." + browser
	if _, err := cookie.Parse(good); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"empty":                     "",
		"another format":            "2" + good[1:],
		"capitals in the revision":  "1.0123ABCD.0",
		"short revision":            "1.0123abc.0",
		"revision that is no hex":   "1.0123abcg.0",
		"empty set":                 "1.0123abcd.",
		"set with leading zero":     strings.Replace(good, ".22.", ".022.", 1),
		"set in capitals":           strings.Replace(good, ".22.", ".2A.", 1),
		"set that is no hex":        strings.Replace(good, ".22.", ".2x.", 1),
		"a yes without an id":       "1.0123abcd.22",
		"a refusal with time":       "1.0123abcd.0.tb7yo0",
		"a refusal with an id":      "1.0123abcd.0.tb7yo0." + browser,
		"refusal written long":      "1.0123abcd.00",
		"no time":                   strings.Replace(good, "tb7yo0", "", 1),
		"time zero":                 strings.Replace(good, "tb7yo0", "0", 1),
		"time before 1970":          strings.Replace(good, "tb7yo0", "-1", 1),
		"time in capitals":          strings.Replace(good, "tb7yo0", "TB7YO0", 1),
		"time with leading zero":    strings.Replace(good, "tb7yo0", "0tb7yo0", 1),
		"time beyond all calendars": strings.Replace(good, "tb7yo0", "zzzzzzzz", 1),
		"short id":                  good[:len(good)-1],
		"id with loose bits":        good[:len(good)-1] + "x",
		"one part more":             good + ".",
		"too long":                  "1.0123abcd." + strings.Repeat("f", 200) + ".tb7yo0." + browser,
	} {
		if c, err := cookie.Parse(value); fault.KindOf(err) != fault.Malformed {
			t.Errorf("%s: Parse(%q) = %+v, %v; want fault.Malformed", name, value, c, err)
		}
	}
}

func TestTheLargestPolicyFits(t *testing.T) {
	v := shop()
	v.Policy.Purposes = map[string]policy.Purpose{}
	for i := range cookie.MaxSwitches {
		v.Policy.Purposes[string(rune('a'+i%26))+strings.Repeat("x", i/26)] = policy.Purpose{Basis: policy.Consent, ActsOn: []string{"device"}}
	}
	late := time.Date(4400, 1, 1, 0, 0, 0, 0, time.UTC)
	c, err := cookie.New(v, cookie.Switches(v.Policy), nil, late, browser)
	if err != nil {
		t.Fatal(err)
	}
	c.Untold = true
	if n := len(cookie.Format(c)); n != cookie.MaxBytes {
		t.Errorf("the largest value has %d bytes, want %d", n, cookie.MaxBytes)
	}
	if read, err := cookie.Parse(cookie.Format(c)); err != nil || read != c {
		t.Errorf("read back %+v, %v", read, err)
	}
	v.Policy.Purposes["one more"] = policy.Purpose{Basis: policy.Consent, ActsOn: []string{"device"}}
	if _, err := cookie.New(v, []consent.Key{{Purpose: "a"}}, nil, late, browser); fault.KindOf(err) != fault.Invalid {
		t.Errorf("one switch too many: %v, want fault.Invalid", err)
	}
}

func TestLife(t *testing.T) {
	const day = 24 * time.Hour
	life := func(s string) policy.Duration {
		d, err := policy.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		name    string
		storage []policy.Stored
		want    time.Duration
	}{
		{"undeclared", nil, 365 * day},
		{"another's cookie", []policy.Stored{{Name: "other", Kind: "cookie", Lifetime: life("P1D")}}, 365 * day},
		{"declared", []policy.Stored{{Name: "amana", Kind: "cookie", Lifetime: life("P6M")}}, 184 * day},
		{"longer than browsers keep", []policy.Stored{{Name: "amana", Kind: "cookie", Lifetime: life("P2Y")}}, 400 * day},
	} {
		if got := cookie.Life(&policy.Policy{Storage: c.storage}, noon); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1.0123abcd.0")
	f.Add("1.0123abcd.22.tb7yo0." + browser)
	f.Add("1.0123abcd." + strings.Repeat("f", 78) + ".zzzzzzz." + browser)
	v := shop()
	f.Fuzz(func(t *testing.T, value string) {
		c, err := cookie.Parse(value)
		if err != nil {
			return
		}
		if got := cookie.Format(c); got != value || len(got) > cookie.MaxBytes {
			t.Fatalf("Parse(%q) is written %q", value, got)
		}
		if granted, ok := c.Granted(v); ok && c.Refused() != (len(granted) == 0) {
			t.Fatalf("%q grants %v", value, granted)
		}
	})
}

func FuzzSet(f *testing.F) {
	f.Add([]byte{0, 3, 4, 255})
	f.Fuzz(func(t *testing.T, numbers []byte) {
		var list []int
		want := map[int]bool{}
		for _, n := range numbers {
			list, want[int(n)] = append(list, int(n)), true
		}
		set := cookie.SetOf(list...)
		for n := -5; n < 300; n++ {
			if set.Has(n) != want[n] {
				t.Fatalf("SetOf(%v) = %q: Has(%d) = %v", list, set, n, set.Has(n))
			}
		}
	})
}
