package subject

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// regions are all that the library knows, and one that it does not.
func regions() []string {
	list := []string{"", "ZZ"}
	for r := range phonenumbers.GetSupportedRegions() {
		list = append(list, r)
	}
	slices.Sort(list)
	return list
}

// agrees holds the glance to the library; it says whether the number was plain.
func agrees(t *testing.T, number, region string) bool {
	t.Helper()
	got, ok := appendPlainPhone(nil, region, []byte(number))
	if !ok {
		return false
	}
	want, err := phoneByLibrary(number, region)
	if err != nil || string(got) != Phone+":"+want {
		t.Fatalf("in %q %q is %q at a glance, by the library %q (%v)", region, number, got, want, err)
	}
	return true
}

// Every country code there could be, every length, and beginnings of all kinds;
// AMANA_SOAK=1 takes each pair of first digits.
func TestNumbersAbroadAgreeWithTheLibrary(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	asked, plain := 0, 0
	for code := range 1000 {
		for length := range 17 {
			for n := range 100 {
				if os.Getenv("AMANA_SOAK") == "" && rng.IntN(1000) > 1 {
					continue
				}
				asked++
				if agrees(t, "+"+strconv.Itoa(code)+pair(n)+tail(rng, length), "US") {
					plain++
				}
			}
		}
	}
	if plain*100 < asked*10 {
		t.Errorf("only %d of %d were plain", plain, asked)
	}
}

func TestNumbersWithinARegionAgreeWithTheLibrary(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	asked, plain := 0, 0
	for _, region := range regions() {
		for length := range 14 {
			for n := range 100 {
				if os.Getenv("AMANA_SOAK") == "" && rng.IntN(1000) > 7 {
					continue
				}
				asked++
				if agrees(t, pair(n)+tail(rng, length), region) {
					plain++
				}
			}
		}
	}
	if plain*100 < asked*5 {
		t.Errorf("only %d of %d were plain", plain, asked)
	}
}

// The library's own example of each region, as it is written at home and abroad, is
// nearly always plain: that is what makes lists quick.
func TestMostNumbersArePlain(t *testing.T) {
	asked, plain := 0, 0
	for _, region := range regions() {
		for _, kind := range []phonenumbers.PhoneNumberType{phonenumbers.MOBILE, phonenumbers.FIXED_LINE} {
			example := phonenumbers.GetExampleNumberForType(region, kind)
			if example == nil {
				continue
			}
			for _, form := range []phonenumbers.PhoneNumberFormat{phonenumbers.E164, phonenumbers.INTERNATIONAL, phonenumbers.NATIONAL} {
				asked++
				if agrees(t, phonenumbers.Format(example, form), region) {
					plain++
				} else if form == phonenumbers.E164 {
					t.Logf("%s %s is left to the library", region, phonenumbers.Format(example, form))
				}
			}
		}
	}
	if plain*100 < asked*85 {
		t.Errorf("%d of %d", plain, asked)
	}
	t.Logf("%d of %d", plain, asked)
}

func TestAPlainNumberCostsNoAllocation(t *testing.T) {
	dst, value := make([]byte, 0, 64), []byte("(207) 555-0134")
	if n := testing.AllocsPerRun(100, func() { appendPlainPhone(dst, "US", value) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzPhone(f *testing.F) {
	for _, number := range []string{"+12075550134", "0551234567", "+966 55 123 4567", "00441632960001", "+39 06 1234", "+5491123456789", "011 44 1632"} {
		f.Add(number, "US")
		f.Add(number, "SA")
	}
	f.Fuzz(func(t *testing.T, number, region string) {
		if len(number) < 40 && region == strings.ToUpper(region) {
			agrees(t, number, region)
		}
	})
}

func BenchmarkPhone(b *testing.B) {
	for name, normal := range map[string]func(string, string) (string, error){"glance": phone, "library": phoneByLibrary} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				normal("+1 207 555 0134", "US")
			}
		})
	}
}

func pair(n int) string { return string([]byte{'0' + byte(n/10), '0' + byte(n%10)}) }

func tail(rng *rand.Rand, n int) string {
	digits := make([]byte, n)
	for i := range digits {
		digits[i] = '0' + byte(rng.IntN(10))
	}
	return string(digits)
}
