package banner

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/policy"
)

func keys(purposes ...string) (list []consent.Key) {
	for _, p := range purposes {
		list = append(list, consent.Key{Purpose: p})
	}
	return list
}

func TestConsentModeGrantsOnlyWhatEveryPurposeAllows(t *testing.T) {
	p := example(t, "souq-nakheel").Policy // two purposes stand behind personalization_storage
	denied := func(granted ...string) map[string]string {
		m := map[string]string{"ad_personalization": "denied", "ad_storage": "denied", "ad_user_data": "denied", "analytics_storage": "denied", "functionality_storage": "denied", "personalization_storage": "denied"}
		for _, g := range granted {
			m[g] = "granted"
		}
		return m
	}
	for name, c := range map[string]struct {
		given []consent.Key
		want  map[string]string
	}{
		"nothing":         {nil, denied()},
		"one":             {keys("analytics"), denied("analytics_storage")},
		"one of two":      {keys("comfort"), denied("functionality_storage")},
		"both":            {keys("comfort", "recently_viewed"), denied("functionality_storage", "personalization_storage")},
		"what none names": {cookie.Switches(p), denied("ad_storage", "ad_user_data", "analytics_storage", "functionality_storage", "personalization_storage")},
	} {
		if d := cmp.Diff(c.want, ConsentMode(p, c.given)); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

// decoded is what a browser reads of the whole script.
func decoded(t *testing.T, s *Script) string {
	t.Helper()
	raw := s.For(Visitor{})
	if s.Type == javaScript {
		return string(raw)
	}
	text, err := charmap.Windows1256.NewDecoder().Bytes(raw)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhatAnEncodingLacksIsEscaped(t *testing.T) {
	if got, want := string(encode(arabicJavaScript, []byte("أ٣ 💡 é–"))), "\xc3\\u0663 \\ud83d\\udca1 \xe9\x96"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := string(encode(javaScript, []byte("أ"))); got != "أ" {
		t.Errorf("%q", got)
	}
}

func TestEveryTextOfAPurposeIsShown(t *testing.T) {
	for _, company := range []string{"casco-fiber", "souq-nakheel"} {
		v := example(t, company)
		for _, tag := range v.Policy.Languages {
			s := compile(t, v, tag)
			first, details := decoded(t, s), string(s.Details.Body)
			for _, k := range cookie.Switches(v.Policy) {
				u := v.Policy.Purposes[k.Purpose]
				if k.Recipient == "" && (!strings.Contains(first, u.Title[tag]) || !strings.Contains(first, u.Benefit[tag])) {
					t.Errorf("%s in %s: the first layer does not name %s and its benefit", company, tag, k.Purpose)
				}
				if !strings.Contains(first, "value="+Value(k)) {
					t.Errorf("%s in %s: there is no box for %s", company, tag, Value(k))
				}
				for _, text := range []string{u.Text[tag], u.IfRefused[tag]} {
					if !strings.Contains(details, text) {
						t.Errorf("%s in %s: %q is not shown", company, tag, text)
					}
				}
			}
			for _, item := range v.Policy.Storage {
				if u := v.Policy.Purposes[item.Purpose]; cookieAsked(v.Policy.Purposes[item.Purpose].Acts(), string(u.Basis)) && (!strings.Contains(details, item.Name) || !strings.Contains(details, item.Why[tag])) {
					t.Errorf("%s in %s: %s is not explained", company, tag, item.Name)
				}
			}
			if strings.Contains(first, "checked") && !strings.Contains(first, ".checked=") {
				t.Errorf("%s in %s: something is ticked", company, tag)
			}
		}
	}
}

func cookieAsked(acts []string, basis string) bool {
	return basis == "consent" && strings.Contains(strings.Join(acts, " "), "device")
}

// A text of a policy is text, whatever it says.
func TestTextsDoNotBreakOut(t *testing.T) {
	src, err := examples.FS.ReadFile("casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	v := version(t, strings.Replace(string(src), "title: {en: Counting visits to our site,", "title: {en: '\\u003cscript>alert(2)</script></dialog><script>alert(1)</script>\" \\ ` ${x}',", 1))
	s := compile(t, v, "en")
	for _, body := range []string{string(s.For(Visitor{})), string(s.Details.Body), string(s.Questions.Body)} {
		if strings.Contains(body, "<script>alert") || strings.Contains(body, `\<script`) {
			t.Errorf("markup of a text stands in\n%s", body)
		}
	}
}

// What a purpose stores goes with its yes; the answer itself never does.
func TestTheAnswersOwnCookieStays(t *testing.T) {
	p := *example(t, "casco-fiber").Policy
	p.Storage = nil
	for _, name := range []string{"amana", "ama*", "qc_visitor", "a.b*"} {
		p.Storage = append(p.Storage, policy.Stored{Name: name, Kind: "cookie", Purpose: "analytics"})
	}
	p.Storage = append(p.Storage, policy.Stored{Name: "amana", Kind: "cookie", Purpose: "comfort"}, policy.Stored{Name: "x.gif", Kind: "pixel", Purpose: "comfort"}, policy.Stored{Name: "basket", Kind: "cookie", Purpose: "account"})
	want := map[string]string{"analytics": `|(?!amana$)ama.*|qc_visitor|a\.b.*`}
	if d := cmp.Diff(want, stores(&p)); d != "" {
		t.Error(d)
	}
}

func TestWhereNothingIsAskedNoLayerIsShown(t *testing.T) {
	src, err := examples.FS.ReadFile("casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from, to string
		want     int
	}{
		"something":                 {"", "", 0},
		"what heeds a signal alone": {"acts_on: [device]", "acts_on: [email]", 1},
		"nothing":                   {"acts_on: [device]", "acts_on: [email]", 2},
	} {
		changed := string(src)
		if c.want > 0 {
			changed = strings.ReplaceAll(changed, c.from, c.to)
		}
		if c.want == 1 {
			before, after, _ := strings.Cut(changed, "\n  ad_measurement:\n")
			changed = before + "\n  ad_measurement:\n" + strings.Replace(after, c.to, c.from, 1)
		}
		if got := compile(t, version(t, changed), "en").all.Z; got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestSettingsStandWhereTheyAreRead(t *testing.T) {
	s := settings{V: "v", T: "<p>$C.l & $C.v", M: map[string]string{"a": "b"}}
	for part, want := range map[string]string{
		`{let a=$C.t;b(a,$C.q)}`:                `{let a="<p>$C.l & $C.v";b(a,0)}`,
		`{let a=$C.m;b($C.v,$C.m,$C.v)}`:        `{let $m={a:"b"},$v="v",a=$m;b($v,$m,$v)}`,
		`{if($C.m)b($C.m)}`:                     `{let $m={a:"b"};if($m)b($m)}`,
		`var a=$C.v+$C.v;export{a as b};`:       `let $v="v";var a=$v+$v;export{a as b};`,
		`{for(let a in $C.s)b+=$C.s[a],$C.t+1}`: `{for(let a in 0)b+=0[a],"<p>$C.l & $C.v"+1}`,
	} {
		if got := string(with(s, part)); got != want {
			t.Errorf("%s\nbecomes %s\nnot     %s", part, got, want)
		}
	}
	taken := regexp.MustCompile(`\$[a-z]\b`)
	for _, part := range []string{fullJS, gateJS, farJS, staticJS, refusedJS} {
		if got := taken.FindString(part); got != "" {
			t.Errorf("a built part has the name %s, which is a setting's", got)
		}
	}
}

func TestMembersLoseTheirQuotationMarksAlone(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"b","c":{"d_e":1}}`: `{a:"b",c:{d_e:1}}`,
		`{"a-b":1,"+c":2,"D":3}`:  `{"a-b":1,"+c":2,"D":3}`,
		`["a","b"]`:               `["a","b"]`,
		`{"a":"say \"b\":c"}`:     `{a:"say \"b\":c"}`,
		`{"a":"{\"b\":1}"}`:       `{a:"{\"b\":1}"}`,
	} {
		if got := string(bare([]byte(in))); got != want {
			t.Errorf("bare(%s) = %s, want %s", in, got, want)
		}
	}
}
