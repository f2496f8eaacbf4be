package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLimitsInTheConfiguration(t *testing.T) {
	for text, want := range map[string]string{
		"limits: {rate: 100, burst: 7, at_once: 8, seconds: 5}\n": "",
		"limits: {rate: 0}\n":    "1:9: limits: rate: must be a number",
		"limits: {rate: many}\n": "1:9: limits: rate: must be a number",
		"limits: {body: 5}\n":    "1:9: limits: body: no such key; there are rate, burst, at_once and seconds",
		"limits: 5\n":            "1:9: limits: must be keys and numbers",
	} {
		file := filepath.Join(t.TempDir(), "server.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := defaults()
		err := c.readFile(file)
		if want == "" && (err != nil || c.Limits != limitsConfig{100, 7, 8, 5} || c.Limits.timeout() != 5*time.Second) {
			t.Errorf("%+v %v", c.Limits, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want[strings.Index(want, " ")+1:])) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
