package api_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs/webhooks.md is walked from top to bottom as docs/api.md is; $HOOK is the
// webhook that was made last.
func TestWebhookDocs(t *testing.T) {
	raw, err := os.ReadFile("../docs/webhooks.md")
	must(t, err)
	w, id, sent := newWorld(t), "", 0
	method := regexp.MustCompile(`-X (\w+)`)
	var last answer
	for _, b := range regexp.MustCompile("(?s)```(sh|json)\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
		if b[1] == "json" {
			shows(t, b[2], last)
			continue
		}
		for _, command := range strings.Split(b[2], "curl ")[1:] {
			command = strings.ReplaceAll(command, "$HOOK", id)
			path, body, m := curlURL.FindStringSubmatch(command)[1], "", "GET"
			if found := curlBody.FindStringSubmatch(command); found != nil {
				body, m = found[1], "POST"
			}
			if found := method.FindStringSubmatch(command); found != nil {
				m = found[1]
			}
			if last = w.do(m, path, body); last.status >= 300 {
				t.Errorf("%s: %d %s", command, last.status, last.body)
			}
			if id == "" {
				id = into[hook](t, last).ID
			}
			sent++
		}
	}
	if sent < 7 {
		t.Errorf("only %d commands", sent)
	}
}
