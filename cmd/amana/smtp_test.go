package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/mail/mailtest"
)

// TestASignUpFromTheFormToTheYes walks through a server as it is run: the form,
// the mail over SMTP, the page behind its link, the button.
func TestASignUpFromTheFormToTheYes(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	p, err := demoPolicy("")
	if err != nil {
		t.Fatal(err)
	}
	c := defaults()
	c.Public, c.Company = "127.0.0.1:0", "127.0.0.1:0"
	file := filepath.Join(t.TempDir(), "server.yaml")
	yaml := "smtp:\n  server: " + server.Address + "\n  security: none\n  from: privacy@cascofiber.example\n  dkim: {selector: amana}\n"
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.readFile(file); err != nil {
		t.Fatal(err)
	}
	c.SMTP.key = dkimPEM(t)
	h, err := openHouse(t.Context(), c, place{dir: shortDir(t)}, &p, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	send := func(path string, form url.Values) string {
		t.Helper()
		resp, err := http.PostForm(h.publicURL+path, form)
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
	send("/v1/subscriptions", url.Values{"email": {"sara@example.com"}, "purpose": {"newsletter"}, "language": {"ar"}, "version": {string(h.in.db.InForce().ID)}})
	m := server.Next(t)
	_, rest, _ := strings.Cut(m.Text, h.publicURL+"/c/")
	token, _, _ := strings.Cut(rest, "\n")
	if m.Header.Get("Dkim-Signature") == "" || m.Header.Get("Content-Language") != "ar" {
		t.Errorf("%v", m.Header)
	}
	send("/ar/c/"+token, url.Values{"purpose": {"newsletter"}})
	if a, err := h.in.db.Decide(t.Context(), "email:sara@example.com", decision.Question{Purpose: "newsletter"}); err != nil || a.Reason != decision.Given {
		t.Error(a.Reason, err)
	}
	out := m.Header.Get("List-Unsubscribe")
	send(strings.TrimSuffix(strings.TrimPrefix(out, "<"+h.publicURL), ">"), url.Values{"List-Unsubscribe": {"One-Click"}})
	if a, err := h.in.db.Decide(t.Context(), "email:sara@example.com", decision.Question{Purpose: "newsletter"}); err != nil || a.Reason != decision.Withdrawn {
		t.Error(a.Reason, err)
	}
}

// shortDir is a folder whose path fits a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "am")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestAWrongMailServerIsNamed(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]string{
		"smtp: {server: mail.example.com}":                                                   "server:",
		"smtp: {server: 'mail.example.com:25', from: a@example.com, security: none}":         "security:",
		"smtp: {server: 'mail.example.com:25', from: a@example.com, security: ssl}":          "security:",
		"smtp: {server: 'mail.example.com:25', from: nobody}":                                "from:",
		"smtp: {server: 'mail.example.com:25', from: a@example.com, user: amana}":            "AMANA_SMTP_PASSWORD",
		"smtp: {server: 'mail.example.com:25', from: a@example.com, password: x}":            "AMANA_SMTP_PASSWORD",
		"smtp: {server: 'mail.example.com:25', from: a@example.com, dkim: {key_file: /x}}":   "dkim:",
		"smtp: {server: 'mail.example.com:25', from: a@example.com, dkim: {algorithm: md5}}": "algorithm",
		"smtp: mail.example.com":              "keys and values",
		"smtp: {server: [a]}":                 "must be a text",
		"smtp: {sender: privacy@example.com}": "sender",
	} {
		c := defaults()
		file := filepath.Join(t.TempDir(), "server.yaml")
		if err := os.WriteFile(file, []byte(yaml+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := c.readFile(file)
		if err == nil {
			err = c.check()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}
