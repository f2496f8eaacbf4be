package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	theirs "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const vectorSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func keys(t testing.TB, secrets ...string) Signing {
	t.Helper()
	k, err := Keys(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func headers(k Signing, id string, at time.Time, body []byte) http.Header {
	h := http.Header{}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(HeaderSignature, k.Sign(id, at, body))
	return h
}

// The vector of the specification.
func TestVector(t *testing.T) {
	got := keys(t, vectorSecret).Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What one side signs the other takes, and the other way round, with the
// standard's own library.
func TestAgainstTheStandardsOwnLibrary(t *testing.T) {
	for range 20 {
		secret, body, at := NewSecret(), Write(Message{Type: ConsentGiven, Timestamp: now}), time.Now()
		other, err := theirs.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		k := keys(t, secret)
		if err := other.Verify(body, headers(k, "msg_1", at, body)); err != nil {
			t.Error(err)
		}
		if err := other.Verify(body, headers(keys(t, NewSecret(), secret), "msg_1", at, body)); err != nil {
			t.Error("while rotating:", err)
		}
		h := headers(k, "msg_1", at, body)
		signed, err := other.Sign("msg_1", at, body)
		if err != nil {
			t.Fatal(err)
		}
		h.Set(HeaderSignature, "v1a,AAAA "+signed)
		if err := k.Verify(h.Get, body, at); err != nil {
			t.Error(err)
		}
	}
}

func TestVerify(t *testing.T) {
	old, fresh, body := NewSecret(), NewSecret(), []byte(`{"type":"x"}`)
	both := keys(t, fresh, old)
	for name, c := range map[string]struct {
		by     Signing
		change func(http.Header)
		body   string
		after  time.Duration
		good   bool
	}{
		"as it was sent":              {by: both, good: true},
		"by whoever has the old one":  {by: keys(t, old), good: true},
		"by whoever has the new one":  {by: keys(t, fresh), good: true},
		"by another":                  {by: keys(t, NewSecret())},
		"another body":                {by: both, body: `{"type":"y"}`},
		"another id":                  {by: both, change: func(h http.Header) { h.Set(HeaderID, "msg_2") }},
		"no id":                       {by: both, change: func(h http.Header) { h.Del(HeaderID) }},
		"another time":                {by: both, change: func(h http.Header) { h.Set(HeaderTimestamp, strconv.FormatInt(now.Unix()+1, 10)) }},
		"no time":                     {by: both, change: func(h http.Header) { h.Set(HeaderTimestamp, "now") }},
		"no signature":                {by: both, change: func(h http.Header) { h.Del(HeaderSignature) }},
		"an empty one":                {by: both, change: func(h http.Header) { h.Set(HeaderSignature, "v1,") }},
		"of another version":          {by: both, change: func(h http.Header) { h.Set(HeaderSignature, strings.ReplaceAll(h.Get(HeaderSignature), "v1,", "v2,")) }},
		"half of one":                 {by: both, change: func(h http.Header) { h.Set(HeaderSignature, h.Get(HeaderSignature)[:24]) }},
		"at the end of the tolerance": {by: both, after: Tolerance, good: true},
		"too old":                     {by: both, after: Tolerance + time.Second},
		"from the future":             {by: both, after: -Tolerance - time.Second},
		"from a little in the future": {by: both, after: -Tolerance, good: true},
	} {
		h := headers(both, "msg_1", now, body)
		if c.change != nil {
			c.change(h)
		}
		got := body
		if c.body != "" {
			got = []byte(c.body)
		}
		if err := c.by.Verify(h.Get, got, now.Add(c.after)); (err == nil) != c.good || err != nil && !errors.Is(err, ErrUnsigned) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecrets(t *testing.T) {
	if a, b := NewSecret(), NewSecret(); a == b || len(keys(t, a)[0]) != 32 {
		t.Error("a new secret is not new, or not 32 bytes")
	}
	for _, bad := range []string{"", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + strings.Repeat("AAAA", 22), "whsec_!!!!"} {
		if _, err := Keys(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) && len(bad) > 10 {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := Keys(); err == nil {
		t.Error("no secret is none")
	}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "keys", keys(t, vectorSecret))
	if !strings.Contains(b.String(), "[secret]") {
		t.Error(b.String())
	}
}

func TestMessages(t *testing.T) {
	m := Message{Type: ConsentWithdrawn, Timestamp: now, Data: Data{Event: "07000000-000c-8d44-8840-9dc041d1b245", Subject: "sub_X", Sequence: 3, Purpose: "newsletter"}}
	raw := Write(m)
	if want := `{"type":"consent.withdrawn","timestamp":"2026-11-22T09:00:00.000Z","data":{"event":"07000000-000c-8d44-8840-9dc041d1b245","subject":"sub_X","sequence":3,"purpose":"newsletter"}}`; string(raw) != want {
		t.Errorf("%s", raw)
	}
	if got, err := Read(raw); err != nil || got != m {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := Read([]byte(`{"type":"consent.new","timestamp":"2026-11-22T09:00:00Z","data":{"more":1},"more":true}`)); err != nil || got.Type != "consent.new" {
		t.Errorf("%+v %v", got, err)
	}
	for _, bad := range []string{``, `{}`, `[]`, `{"type":1}`, strings.Repeat(" ", MaxBody+1)} {
		if _, err := Read([]byte(bad)); err == nil {
			t.Errorf("%.20q was read", bad)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"type":"x","timestamp":"2026-11-22T09:00:00Z","data":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Read(raw)
		if err != nil || m.Timestamp.Year() < 0 || m.Timestamp.Year() > 9998 {
			return
		}
		m.Timestamp = m.Timestamp.UTC().Truncate(time.Millisecond)
		if again, err := Read(Write(m)); err != nil || again.Type != m.Type || again.Data != m.Data || !again.Timestamp.Equal(m.Timestamp) {
			t.Errorf("%+v %+v %v", m, again, err)
		}
	})
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string][2]bool{ // without and with http
		"https://crm.example.com/amana?x=1":                 {true, true},
		"https://crm.example.com:8443":                      {true, true},
		"http://crm.example.com/":                           {false, true},
		"https://user@crm.example.com/":                     {false, false},
		"https://crm.example.com/#x":                        {false, false},
		"https:///x":                                        {false, false},
		"//crm.example.com/":                                {false, false},
		"https:crm.example.com":                             {false, false},
		"ftp://crm.example.com/":                            {false, false},
		"crm.example.com":                                   {false, false},
		"https://" + strings.Repeat("a", 2048) + ".example": {false, false},
	} {
		for i, plain := range []bool{false, true} {
			if err := CheckURL(address, plain); (err == nil) != want[i] {
				t.Errorf("%.40s, http %v: %v", address, plain, err)
			}
		}
	}
}

func TestWhichAddressesAreTheInternets(t *testing.T) {
	for a, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true, "1.1.1.1": true, "2001:4860:4860::8888": true, "172.32.0.1": true,
		"127.0.0.1": false, "127.8.9.10": false, "0.0.0.0": false, "10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "100.127.255.255": false, "192.0.0.1": false, "192.0.2.1": false, "198.18.0.1": false, "198.51.100.7": false,
		"203.0.113.9": false, "224.0.0.1": false, "239.1.1.1": false, "240.0.0.1": false, "255.255.255.255": false, "192.88.99.1": false,
		"::1": false, "::": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false, "fec0::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:93.184.216.34": true, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:0:1::1": false, "::7f00:1": false, "::ffff:0:7f00:1": false,
		"2001:db8::1": false, "3fff::1": false, "5f00::1": false, "100::1": false,
	} {
		if got := Public(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %v", a, got)
		}
	}
	if !Within(netip.MustParseAddr("::ffff:10.0.0.1"), prefixes("10.0.0.0/8")) || Within(netip.MustParseAddr("11.0.0.1"), prefixes("10.0.0.0/8")) {
		t.Error("within is not within")
	}
}

// The example of the package's comment, as a receiver would write it.
func Example() {
	secret := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // from where your program keeps its secrets
	keys, err := Keys(secret)
	if err != nil {
		panic(err)
	}
	body := []byte(`{"type":"consent.withdrawn","timestamp":"2026-11-22T09:00:00.000Z","data":{"subject":"sub_X","sequence":3,"purpose":"newsletter"}}`)
	r, _ := http.NewRequest("POST", "/amana", nil)
	r.Header = headers(keys, "msg_1", time.Now(), body)
	if err := keys.Verify(r.Header.Get, body, time.Now()); err != nil {
		fmt.Println("answer 401:", err)
	}
	m, _ := Read(body)
	fmt.Println(m.Type, m.Data.Purpose)
	// Output: consent.withdrawn newsletter
}
