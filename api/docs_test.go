package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs/api.md is walked from top to bottom: every curl line is sent to a door
// with the demo's policy, and what comes back has what the page shows.
func TestDocs(t *testing.T) {
	raw, err := os.ReadFile("../docs/api.md")
	must(t, err)
	w := newWorld(t)
	blocks := regexp.MustCompile("(?s)```(sh|json)\n(.*?)```").FindAllStringSubmatch(string(raw), -1)
	var last answer
	sent := 0
	for _, b := range blocks {
		if b[1] == "json" {
			shows(t, b[2], last)
			continue
		}
		for _, command := range strings.Split(b[2], "curl ")[1:] {
			last = w.curl(command)
			sent++
		}
	}
	if sent < 12 {
		t.Errorf("only %d commands", sent)
	}
}

var (
	curlURL    = regexp.MustCompile(`"\$COMPANY([^"]*)"`)
	curlHeader = regexp.MustCompile(`-H (?:"([^"]*)"|'([^']*)')`)
	curlBody   = regexp.MustCompile(`(?s)--json '(.*)'`)
)

// curl does what a command of the page does.
func (w *world) curl(command string) answer {
	w.t.Helper()
	path := curlURL.FindStringSubmatch(command)[1]
	var headers []string
	for _, h := range curlHeader.FindAllStringSubmatch(command, -1) {
		headers = append(headers, strings.ReplaceAll(h[1]+h[2], "$TOKEN", w.token))
	}
	method, body := "GET", ""
	command, _, _ = strings.Cut(command, "| jq")
	if m := curlBody.FindStringSubmatch(command); m != nil {
		method, body = "POST", strings.ReplaceAll(m[1], "'$POLICY'", string(w.db.InForce().ID))
	}
	return w.do(method, path, body, headers...)
}

// shows asks that an answer has everything that is shown of it; "…" stands for
// any text.
func shows(t *testing.T, shown string, a answer) {
	t.Helper()
	var want, got any
	if err := json.Unmarshal([]byte(shown), &want); err != nil {
		t.Errorf("%v in %s", err, shown)
		return
	}
	must(t, json.Unmarshal(a.body, &got))
	if at := differs("", want, got); at != "" {
		t.Errorf("the page shows\n%s\nand at %s it is not so:\n%s", shown, at, a.body)
	}
}

// differs gives where got lacks what is wanted.
func differs(at string, want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		o, ok := got.(map[string]any)
		if !ok {
			return at
		}
		for name, v := range want {
			if d := differs(at+"."+name, v, o[name]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return at
		}
		for i, v := range want {
			if d := differs(fmt.Sprintf("%s[%d]", at, i), v, list[i]); d != "" {
				return d
			}
		}
		return ""
	case string:
		s, ok := got.(string)
		form := strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".+")
		if !ok || !regexp.MustCompile("^"+form+"$").MatchString(s) {
			return at
		}
		return ""
	}
	if want != got {
		return at
	}
	return ""
}
