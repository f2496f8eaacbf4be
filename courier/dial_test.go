package courier

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/webhook"
)

// What is not the Internet's is not dialled, by whatever name it is called; nor
// is a redirect followed there.
func TestTheInsideIsNotDialled(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	var asked atomic.Int32
	inside := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	plain, secure := httptest.NewServer(inside), httptest.NewTLSServer(inside)
	defer plain.Close()
	defer secure.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(secure.URL, "https://"))
	must(t, err)
	for _, c := range []struct {
		url      string
		networks []netip.Prefix
		outcome  string
		asked    int32
	}{
		{plain.URL, nil, "the host's address is not one that may be dialled", 0},
		{secure.URL, nil, "the host's address is not one that may be dialled", 0},
		{"https://localhost:" + port, nil, "the host's address is not one that may be dialled", 0},
		{"https://[::ffff:127.0.0.1]:" + port, nil, "the host's address is not one that may be dialled", 0},
		{plain.URL, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "the host's address is not one that may be dialled", 0},
		{secure.URL, near, "the certificate does not hold", 0},
		{plain.URL, near, "answered 302, and redirects are not followed", 1},
	} {
		asked.Store(0)
		a := New(Config{Networks: c.networks}).Test(t.Context(), hookAt(c.url))
		if a.Outcome != c.outcome || asked.Load() != c.asked {
			t.Errorf("%s: %q, asked %d times", c.url, a.Outcome, asked.Load())
		}
	}
}

// A name is looked up when it is dialled, each time: one that led to the
// Internet when the webhook was made gains nothing by leading inside later.
func TestANameThatLeadsInside(t *testing.T) {
	c := New(Config{})
	if err := c.CheckURL("https://inside.example.com/in"); err != nil {
		t.Error("a name is judged when it is dialled:", err)
	}
	if a := c.Test(t.Context(), hookAt("https://localhost/in")); a.Outcome != (&refusedError{}).Error() {
		t.Errorf("%+v", a)
	}
	for _, address := range []string{"https://localhost/in", "https://LocalHost.:8443/", "https://a.localhost/", "https://127.0.0.1/", "https://[::1]/", "https://10.1.1.1:8443/x", "https://169.254.169.254/", "http://93.184.216.34/"} {
		if err := c.CheckURL(address); err == nil {
			t.Errorf("%s was taken", address)
		}
	}
	named := New(Config{Networks: near})
	for address, want := range map[string]bool{"http://127.0.0.1:9000/": true, "http://localhost:9000/": true, "https://127.0.0.1/": true, "http://93.184.216.34/": false, "https://10.1.1.1/": false} {
		if err := named.CheckURL(address); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// How attempts end is told in words that hold nothing of the address.
func TestOutcomes(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	hang := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer slow.Close()
	defer close(hang)
	cut := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer cut.Close()
	c := New(Config{Networks: near})
	for url, want := range map[string]string{closed.URL: "no connection", cut.URL: "no answer", slow.URL: "no answer in time"} {
		patience := time.Minute
		if url == slow.URL {
			patience = 2 * time.Second
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if a := c.Test(ctx, hookAt(url)); a.Outcome != want || a.Status != 0 {
			t.Errorf("%q, want %q", a.Outcome, want)
		}
		cancel()
	}
	large := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}))
	defer large.Close()
	if a := c.Test(t.Context(), hookAt(large.URL)); a.Status != 200 {
		t.Errorf("a long answer: %+v", a)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{"": 0, "120": 2 * time.Minute, "-1": 0, "x": 0, "99999999": 24 * time.Hour, "99999999999999999999": 0,
		"Sun, 22 Nov 2026 09:01:00 GMT": time.Minute, "Sun, 22 Nov 2026 08:00:00 GMT": 0} {
		if got := retryAfter(s, now); got != want {
			t.Errorf("%s: %v, want %v", s, got, want)
		}
	}
}

func hookAt(url string) store.Webhook {
	return store.Webhook{ID: "wh_X", URL: url, Secrets: []store.WebhookSecret{{Secret: webhook.NewSecret()}}}
}
