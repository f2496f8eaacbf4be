package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/lang"
)

func TestColoursCanBeReadInBothThemes(t *testing.T) {
	for _, color := range []string{"#0b5c7a", "#ffff00", "#000000", "#ffffff", "#ff0000", "#767676", "", "red", "#12345"} {
		c, ok := parseColor(color)
		if ok != (len(color) == 7) {
			t.Errorf("%q is read: %v", color, ok)
		}
		light, dark := c.until(rgb{}, lightGround), c.until(rgb{255, 255, 255}, darkGround)
		if contrast(light, lightGround) < 4.5 || contrast(dark, darkGround) < 4.5 {
			t.Errorf("%s: %s and %s", color, light, dark)
		}
		if css := string(styleOf(color).css); strings.Contains(css, "ACCENT") || strings.Contains(css, "\n") {
			t.Errorf("%s: the style is not finished", color)
		}
	}
	if c, _ := parseColor("#0b5c7a"); c.until(rgb{}, lightGround) != c {
		t.Error("a colour that can be read is changed")
	}
}

func TestLinksOpenOnlyAsTheyWereMade(t *testing.T) {
	now := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	l, other := newLinks([32]byte{1}), newLinks([32]byte{2})
	for _, ids := range [][]string{{}, {"28b52fb8-a279-41a8-929d-f83c8dc2c8ed"}, {"28b52fb8-a279-41a8-929d-f83c8dc2c8ed", "00000000-0000-4000-8000-000000000000"}} {
		token := l.make(now, ids...)
		if got, ok := l.open(now.Add(linkLife-time.Second), token); !ok || !slices.Equal(got, ids) {
			t.Errorf("%v becomes %v", ids, got)
		}
		if _, ok := l.open(now.Add(linkLife), token); ok {
			t.Error("the link does not run out")
		}
		if _, ok := other.open(now, token); ok {
			t.Error("another key opens the link")
		}
		if _, ok := l.open(now, token[:len(token)-1]+"_"); ok && token[len(token)-1] != '_' {
			t.Error("a changed link opens")
		}
	}
}

func FuzzLinks(f *testing.F) {
	l := newLinks([32]byte{1})
	f.Add("")
	f.Add(strings.Repeat("A", 100))
	f.Fuzz(func(t *testing.T, token string) {
		if _, ok := l.open(time.Now(), token); ok {
			t.Errorf("%q opens", token)
		}
	})
}

func TestWhoSends(t *testing.T) {
	l := newLimits([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	for _, c := range []struct{ remote, forwarded, want string }{
		{"192.0.2.1:99", "", "192.0.2.1"},
		{"192.0.2.1:99", "198.51.100.7", "192.0.2.1"},
		{"10.0.0.1:99", "198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:99", "203.0.113.9, 198.51.100.7, 10.2.3.4", "198.51.100.7"},
		{"10.0.0.1:99", "nonsense", "10.0.0.1"},
		{"[2001:db8:1:2:3:4:5:6]:99", "", "2001:db8:1:2::"},
		{"[::ffff:192.0.2.1]:99", "", "192.0.2.1"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := l.sender(r).String(); got != c.want {
			t.Errorf("%s for %s: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

func TestAddressesAreBounded(t *testing.T) {
	l := newLimits(nil)
	at := time.Now()
	first := &http.Request{RemoteAddr: "192.0.2.1:1", Header: http.Header{}}
	for range postsAtOnce {
		l.allow(first, at)
	}
	for i := range 3 * addressesKept {
		r := &http.Request{RemoteAddr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), 1).String(), Header: http.Header{}}
		if i%1000 == 0 && l.allow(first, at) {
			t.Fatal("an address that keeps sending is forgotten")
		}
		l.allow(r, at)
	}
	if n := len(l.now) + len(l.old); n > 2*addressesKept {
		t.Errorf("%d addresses are kept", n)
	}
}

// Templates are read when they are first shown: each can be.
func TestEveryPageHasItsTemplates(t *testing.T) {
	words, _ := lang.For("ar", lang.Options{})
	for name, read := range newPages(words, func(string) string { return "" }) {
		if read().Lookup("layout") == nil {
			t.Errorf("%s has no layout", name)
		}
	}
}
