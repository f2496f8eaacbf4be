package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	program "github.com/amana-privacy/amana"
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/store"
)

// asking is a program in JavaScript that asks a replica all the time, and prints
// every reason that differs from the one before.
const asking = `import { decider } from %q
const { decide } = decider({ url: process.argv[2], timeout: 20_000 })
process.stdin.on('end', () => process.exit()).resume()
for (let last; ; await new Promise(done => setTimeout(done, 5))) {
  const { allowed, reason } = await decide({ subject: 'customer:1', purpose: 'tailored_offers' })
  if (reason !== last) console.log(allowed ? 'yes' : 'no', last = reason)
}
`

// A Go program, a replica and a JavaScript program that asks it go on while the keys
// are changed that what they follow is signed and tagged with: none is stale for
// long, and each hears of what is said afterwards.
func TestProgramsFollowThroughChangesOfKeys(t *testing.T) {
	h := opensHouse(t, filepath.Join(t.TempDir(), "data"))
	defer h.close()
	say := func(answer consent.Answer) {
		t.Helper()
		_, err := h.in.db.Record(t.Context(), store.Submission{Subject: "customer:1", Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: answer}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	say(consent.Given)
	_, token := amana(t, "token", "create", "--dir", h.in.dir, "--name", "replica", "--scope", "feed")
	company, key := "http://"+h.company.Addr().String(), h.in.db.LogKey()
	beside := replicaOf(t, company, strings.TrimSpace(token), key)
	client, err := program.Open(t.Context(), program.Config{URL: company, Token: strings.TrimSpace(token), LogKey: key})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	script := javaScript(t, beside)

	all := map[string]func() string{
		"the Go program": func() string {
			a, _ := client.Decide(program.Question{Subject: "customer:1", Purpose: "tailored_offers"})
			return string(a.Reason)
		},
		"the replica":            func() string { return reasonOf(t, beside) },
		"the JavaScript program": script,
	}
	heard := func(answer consent.Answer, want string) {
		t.Helper()
		say(answer)
		for who, says := range all {
			for end := time.Now().Add(patience); says() != want; time.Sleep(2 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%s says %s, want %s", who, says(), want)
				}
			}
		}
	}
	heard(consent.Given, "given")
	for _, key := range []string{"ledger", "feed", "ledger"} {
		if code, out := amana(t, "keys", "rotate", key, "--dir", h.in.dir); code != 0 {
			t.Fatalf("%s: exit %d: %s", key, code, out)
		}
		heard(consent.Withdrawn, "withdrawn")
		heard(consent.Given, "given")
	}
	if h.in.db.LogKey() == key {
		t.Error("the log's key is as it was")
	}
}

// replicaOf runs amana serve --replica-of, and gives its address.
func replicaOf(t *testing.T, server, token, key string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, env{strings.NewReader(""), in, io.Discard}, []string{"serve", "--replica-of", server, "--token", token, "--log-key", key, "--company", "127.0.0.1:0", "--json"})
		in.Close()
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("the replica ended with %d", code)
		}
	})
	var line replicaLine
	if err := json.NewDecoder(out).Decode(&line); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out)
	return line.Replica
}

// reasonOf asks a replica over HTTP.
func reasonOf(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Post(url+"/v1/decide", "application/json", strings.NewReader(`{"subject":"customer:1","purpose":"tailored_offers"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var a struct{ Reason string }
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a.Reason
}

// javaScript starts the program, and gives what it heard last.
func javaScript(t *testing.T, url string) func() string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed")
	}
	sdk, err := filepath.Abs("../../sdk/js/decide.js")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "asking.mjs")
	if err := os.WriteFile(file, fmt.Appendf(nil, asking, "file://"+sdk), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("node", file, url)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1000)
	t.Cleanup(func() {
		in.Close()
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
		close(lines)
	}()
	last := ""
	return func() string {
		for {
			select {
			case line, more := <-lines:
				if !more {
					t.Fatal("it ended")
				}
				var said string
				fmt.Sscan(line, &said, &last)
				if (said == "yes") != (last == "given") {
					t.Errorf("it heard %q", line)
				}
			default:
				return last
			}
		}
	}
}
