package gate_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/banner"
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/gate"
	"github.com/amana-privacy/amana/policy"
)

const browser = "AAECAwQFBgcICQoLDA0ODw"

var began = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

func version(t *testing.T, change func(string) string) *policy.Version {
	t.Helper()
	src, err := examples.FS.ReadFile("casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, findings := policy.Read("amana.yaml", []byte(change(string(src))))
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	m, err := policy.MeaningsAfter(nil, doc.Policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Version{ID: doc.ID, Policy: doc.Policy, Meanings: m, Published: began}
}

func same(s string) string { return s }

// wider uses more data for one purpose, and lets another go.
func wider(s string) string {
	return strings.Replace(strings.Replace(s, "    data: [browser_number, visits]\n", "    data: [browser_number, visits, site_settings]\n", 1), "keep: P90D", "keep: P30D", 1)
}

// open serves a manifest as the public door does.
func open(t *testing.T, inForce *policy.Version, history ...*policy.Version) *gate.Gate {
	t.Helper()
	m := banner.ManifestOf(inForce, history)
	m.Scripts["en"] = banner.Subresource{}
	raw, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/amana.json":
			w.Write(raw)
		case "/en/banner.html":
			fmt.Fprint(w, `<form><input type="hidden" name="back" value=""></form>`)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(door.Close)
	g, err := gate.Open(t.Context(), door.URL+"/")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func request(value string, gpc bool) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if value != "" {
		r.AddCookie(&http.Cookie{Name: "amana", Value: value})
	}
	if gpc {
		r.Header.Set("Sec-GPC", "1")
	}
	return r
}

// The gate reads as the door does: the same cookies, versions, signals and times.
func TestTheGateReadsAsTheDoor(t *testing.T) {
	old, now := version(t, same), version(t, wider)
	g := open(t, now, now, old)
	r := rand.New(rand.NewPCG(3, 5))
	some := 0
	for range 2000 {
		answered := []*policy.Version{old, now}[r.IntN(2)]
		var given []consent.Key
		var against []string
		for _, k := range cookie.Switches(answered.Policy) {
			if r.IntN(3) > 0 {
				given = append(given, k)
			}
			if r.IntN(2) > 0 && k.Recipient == "" {
				against = append(against, k.Purpose)
			}
		}
		c, err := cookie.New(answered, given, against, began, browser)
		if err != nil {
			t.Fatal(err)
		}
		c.Untold = r.IntN(8) == 0
		gpc, at := r.IntN(2) == 0, began.AddDate(0, 0, []int{0, 29, 31, 89, 91, 380, 500}[r.IntN(7)])
		g.Now = func() time.Time { return at }
		var want []string
		for _, k := range c.Read(answered, now, gpc, at).Granted {
			want = append(want, banner.Value(k))
		}
		if d := cmp.Diff(want, g.Granted(request(cookie.Format(c), gpc))); d != "" {
			t.Fatalf("%s, signal %t, at %v:\n%s", cookie.Format(c), gpc, at, d)
		}
		some += len(want)
	}
	if some < 500 {
		t.Errorf("only %d switches were granted in all", some)
	}
}

func TestWhatIsNoAnswer(t *testing.T) {
	g := open(t, version(t, same))
	for _, value := range []string{"", "1.00000000.f.tb7yo0." + browser, "1.zz.1", "nothing", "1.d2d2aecf.0", "2.d2d2aecf.f.tb7yo0." + browser, strings.Repeat(".", 300)} {
		if got := g.Granted(request(value, false)); got != nil {
			t.Errorf("%q grants %q", value, got)
		}
	}
	if !strings.Contains(string(g.NoScript("en", `https://shop.example/a?b="c`)), `value="https://shop.example/a?b=&#34;c"`) || g.NoScript("fr", "") != "" {
		t.Error("the form is not that of its language")
	}
}

func TestContentsFollowTheAnswer(t *testing.T) {
	v := version(t, same)
	g := open(t, v)
	g.Now = func() time.Time { return began }
	c := gate.Contents{
		Always: gate.Sources{"default-src": {"'self'"}, "frame-src": {"'none'"}},
		With:   map[string]gate.Sources{"analytics": {"script-src": {"'self'", "https://quietcount.example"}}, "comfort": {"frame-src": {"https://maps.example"}}},
	}
	h := g.Handler(c, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for want, given := range map[string][]consent.Key{
		"default-src 'self'; frame-src 'none'":                                                             nil,
		"default-src 'self'; frame-src 'none'; script-src 'self' https://quietcount.example":               {{Purpose: "analytics"}},
		"default-src 'self'; frame-src https://maps.example; script-src 'self' https://quietcount.example": {{Purpose: "analytics"}, {Purpose: "comfort"}},
	} {
		made, err := cookie.New(v, given, nil, began, browser)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(cookie.Format(made), false))
		if got := w.Header().Get("Content-Security-Policy"); got != want {
			t.Errorf("%v:\n%s, want\n%s", given, got, want)
		}
		if w.Header().Get("Vary") != "Cookie, Sec-GPC" {
			t.Error("the answer does not say what it depends on")
		}
	}
}
