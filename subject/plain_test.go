package subject_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/subject"
)

func TestMostIdentifiersArePlain(t *testing.T) {
	for in, want := range map[string]string{
		"email:sara@example.com":                            "email:sara@example.com",
		"email:Sara.K+News@Mail.Example.COM":                "email:sara.k+news@mail.example.com",
		"email:o'neil_{x}=1/2@ex-ample.co.uk":               "email:o'neil_{x}=1/2@ex-ample.co.uk",
		"email:1@2.3a":                                      "email:1@2.3a",
		"customer:A-10042/7":                                "customer:A-10042/7",
		"email: sara@example.com":                           "",
		"email:sara@xn--mgbh0fb.example":                    "",
		"email:sara@-example.com":                           "",
		"email:sara@example.123":                            "",
		"email:sara@example":                                "",
		"email:.sara@example.com":                           "",
		"email:sa..ra@example.com":                          "",
		"email:sara.@example.com":                           "",
		"email:@example.com":                                "",
		"email:سارة@example.com":                            "",
		"customer:":                                         "",
		"customer:١٠٠٤٢":                                    "",
		"phone:+12075550134":                                "phone:+12075550134",
		"phone:(207) 555-0134":                              "phone:+12075550134",
		"phone:+1 207.555.0134":                             "phone:+12075550134",
		"phone:12075550134":                                 "",
		"phone:+112075550134":                               "",
		"phone:+120755501":                                  "",
		"phone:+1 207 555 0134 x5":                          "",
		"phone:٢٠٧٥٥٥٠١٣٤":                                  "",
		"device:AAECAwQFBgcICQoLDA0ODw":                     "",
		"customer:" + strings.Repeat("x", 129):              "",
		"email:" + strings.Repeat("x", 65) + "@example.com": "",
	} {
		kind, value, _ := strings.Cut(in, ":")
		got, ok := subject.AppendPlain([]byte("before "), kind, "US", []byte(value))
		if ok != (want != "") || string(got) != "before "+want {
			t.Errorf("AppendPlain(%q) = %q, %v", in, got, ok)
		}
	}
}

func TestPlainIdentifiersCostNoAllocation(t *testing.T) {
	dst, value := make([]byte, 0, 300), []byte("Sara.K@mail.example.com")
	if n := testing.AllocsPerRun(100, func() { subject.AppendPlain(dst, subject.Email, "", value) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Most random bytes are no address; these nearly are.
func TestTheGlanceAgreesWithTheFullLook(t *testing.T) {
	const signs = "aZz09.-_+@'xn"
	rng, plain := rand.New(rand.NewPCG(1, 2)), 0
	for range 100_000 {
		value := []byte("sara@mail.example")
		for range 1 + rng.IntN(4) {
			value[rng.IntN(len(value))] = signs[rng.IntN(len(signs))]
		}
		got, ok := subject.AppendPlain(nil, subject.Email, "", value)
		if !ok {
			continue
		}
		plain++
		if want, err := subject.Parse("email:"+string(value), ""); err != nil || string(got) != string(want) {
			t.Fatalf("AppendPlain(%q) = %q, Parse gives %q (%v)", value, got, want, err)
		}
	}
	if plain < 30_000 {
		t.Errorf("only %d were plain", plain)
	}
}

// FuzzPlain holds the glance to the full look.
func FuzzPlain(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.In)
	}
	f.Fuzz(func(t *testing.T, in string) {
		kind, value, _ := strings.Cut(in, ":")
		got, ok := subject.AppendPlain(nil, kind, "SA", []byte(value))
		if !ok {
			return
		}
		want, err := subject.Parse(in, "SA")
		if err != nil || string(got) != string(want) {
			t.Errorf("AppendPlain(%q) = %q, Parse gives %q (%v)", in, got, want, err)
		}
	})
}
