package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestATextMessageThroughTheGateway walks through a server as it is run: a number
// is typed, the gateway of server.yaml gets the message, the code lets in.
func TestATextMessageThroughTheGateway(t *testing.T) {
	t.Setenv("AMANA_TEST_GATEWAY_KEY", "k3y")
	got := make(chan map[string]string, 8)
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		m := map[string]string{}
		json.NewDecoder(r.Body).Decode(&m)
		m["key"], m["how"] = r.Header.Get("Authorization"), r.Method+" "+r.URL.Path
		got <- m
	}))
	defer gateway.Close()
	p, err := demoPolicy("")
	if err != nil {
		t.Fatal(err)
	}
	c := defaults()
	c.Public, c.Company = "127.0.0.1:0", "127.0.0.1:0"
	file := filepath.Join(t.TempDir(), "server.yaml")
	write(t, file, "sms:\n  url: "+gateway.URL+"/messages\n  method: PUT\n  headers: {Authorization: 'Bearer ${AMANA_TEST_GATEWAY_KEY}'}\n  body: '{\"to\":\"{to}\",\"text\":\"{text}\"}'\n")
	if err := c.readFile(file); err != nil {
		t.Fatal(err)
	}
	h, err := openHouse(t.Context(), c, place{dir: shortDir(t)}, &p, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	send := func(path string, form url.Values) string {
		t.Helper()
		resp, err := browser.PostForm(h.publicURL+path, form)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp.Status, err, string(body))
		}
		return string(body)
	}
	send("/en/me/sign-in", url.Values{"address": {"(207) 555-0134"}})
	var m map[string]string
	select {
	case m = <-got:
	case <-time.After(time.Minute):
		t.Fatal("the gateway got nothing")
	}
	if m["to"] != "+12075550134" || m["key"] != "Bearer k3y" || m["how"] != "PUT /messages" {
		t.Fatalf("the gateway got %v", m)
	}
	code := regexp.MustCompile(`\b[0-9]{6}\b`).FindString(m["text"])
	if page := send("/en/me/code", url.Values{"code": {code}}); !strings.Contains(page, "…34") || !strings.Contains(page, "/en/me/sign-out") {
		t.Errorf("the code %s leads to\n%s", code, page)
	}
}

func TestAWrongGatewayIsNamed(t *testing.T) {
	t.Parallel()
	const body = `, body: '{"to":"{to}","text":"{text}"}'`
	for yaml, want := range map[string]string{
		"sms: gateway.example": "url, body",
		"sms: {address: x}":    "1:7: no such key address",
		"sms: {url: [a]}":      "1:12: url is not of its form",
		"sms: {url: 'http://gateway.example/m'" + body + "}":                                           "sms.url: codes travel by https",
		"sms: {url: 'https://{to}.example/m'" + body + "}":                                             "sms.url:",
		"sms: {url: 'https://gateway.example/m', body: '{}'}":                                          "sms.body:",
		"sms: {url: 'https://gateway.example/m', method: DELETE" + body + "}":                          "sms.method:",
		"sms: {url: 'https://gateway.example/m', headers: {X-Key: '${AMANA_NOBODY_SET}'}" + body + "}": "AMANA_NOBODY_SET",
	} {
		c := defaults()
		file := filepath.Join(t.TempDir(), "server.yaml")
		write(t, file, yaml+"\n")
		err := c.readFile(file)
		if err == nil {
			err = c.check()
		}
		if err == nil {
			_, err = c.texts(slog.New(slog.DiscardHandler))
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}
