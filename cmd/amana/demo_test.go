package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestWhatTheDemoPrintsIsTyped types the calls that the demo prints: its first
// customer may be written to, and comes in to their own pages.
func TestWhatTheDemoPrintsIsTyped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- runDemo(ctx, env{stdout: in, stderr: io.Discard}, []string{"--public", "127.0.0.1:0", "--company", "127.0.0.1:0", "--customers", "1"})
		in.Close()
	}()
	printed := make([]byte, 1<<16)
	n, err := out.Read(printed)
	if err != nil {
		t.Fatal(err, <-ended)
	}
	typed := regexp.MustCompile(`(?m)^  (curl (?:.*\\\n)*.*)$`).FindAllStringSubmatch(string(printed[:n]), -1)
	if len(typed) != 2 {
		t.Fatalf("it prints %d calls:\n%s", len(typed), printed[:n])
	}
	var decided struct{ Allowed bool }
	for end := time.Now().Add(time.Minute); !decided.Allowed && time.Now().Before(end); time.Sleep(10 * time.Millisecond) { // the customer answers meanwhile
		answered(t, typed[0][1], &decided)
	}
	if !decided.Allowed {
		t.Error("its first customer may not be written to")
	}
	var link struct{ URL string }
	answered(t, typed[1][1], &link)
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	if page := opened(t, browser.Get, link.URL); !strings.Contains(page, "<button") {
		t.Errorf("the link opens\n%s", page)
	}
	opened(t, func(at string) (*http.Response, error) { return browser.PostForm(at, url.Values{}) }, link.URL)
	if page := opened(t, browser.Get, strings.Split(link.URL, "/in/")[0]); !strings.Contains(page, "l…@….com") {
		t.Errorf("behind it is\n%s", page)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// answered types a call and reads the JSON it is answered.
func answered(t *testing.T, call string, into any) {
	t.Helper()
	raw, err := exec.CommandContext(t.Context(), "sh", "-c", call).Output()
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", call, err, raw)
	}
}

// opened gives the page that a browser comes to.
func opened(t *testing.T, open func(string) (*http.Response, error), at string) string {
	t.Helper()
	resp, err := open(at)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v\n%s", at, resp.Status, err, page)
	}
	return string(page)
}
