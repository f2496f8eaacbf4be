package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Demo is a running `amana demo`, as it describes itself in the first line of
// its output.
type Demo struct {
	Public  string // address of the public door, http://127.0.0.1:…
	Company string // address of the company door
	Token   string // of every scope
	Staff   string
	Dir     string // its data
	LogKey  string `json:"log_key"` // pins the signer of its receipts
	Program string `json:"-"`       // the program's file

	process *exec.Cmd
	output  *bytes.Buffer
	drained chan struct{}
}

// program builds amana once.
var program = sync.OnceValues(func() (string, error) {
	file := filepath.Join(shared.dir, "amana")
	out, err := exec.Command("go", "build", "-o", file, "../cmd/amana").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return file, nil
})

var sharedDemo = sync.OnceValues(func() (*Demo, error) {
	d, err := start(filepath.Join(shared.dir, "data"), "--customers", "200")
	if err == nil {
		atEnd(func() {
			if err := d.stop(); err != nil {
				panic(err)
			}
		})
	}
	return d, err
})

// SharedDemo gives the one demo of the run. Tests that publish policies or
// count customers start their own.
func SharedDemo(t testing.TB) *Demo {
	t.Helper()
	d, err := sharedDemo()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// StartDemo starts a demo for one test, with further flags; it is stopped with it.
func StartDemo(t testing.TB, flags ...string) *Demo {
	t.Helper()
	d, err := start(filepath.Join(t.TempDir(), "data"), flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func start(dir string, flags ...string) (*Demo, error) {
	file, err := program()
	if err != nil {
		return nil, err
	}
	args := append([]string{"demo", "--json", "--public", "127.0.0.1:0", "--company", "127.0.0.1:0", "--dir", dir}, flags...)
	d := &Demo{Program: file, process: exec.Command(file, args...), output: new(bytes.Buffer), drained: make(chan struct{})}
	d.process.Stderr = d.output
	out, err := d.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := d.process.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	first, readErr := lines.ReadBytes('\n')
	go func() { io.Copy(io.Discard, lines); close(d.drained) }()
	if err := errors.Join(readErr, json.Unmarshal(first, d)); err != nil {
		return nil, errors.Join(fmt.Errorf("the demo's first line %q: %w", first, err), d.stop())
	}
	return d, nil
}

// stop asks the demo to end and waits for it; it must end by itself, with 0.
func (d *Demo) stop() error {
	d.process.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(patience, func() { d.process.Process.Kill() })
	defer late.Stop()
	<-d.drained
	if err := d.process.Wait(); err != nil {
		return fmt.Errorf("the demo did not stop well: %w\n%s", err, d.output)
	}
	return nil
}

// Run runs another verb of the program and gives its output and exit code.
func (d *Demo) Run(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), d.Program, args...)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			t.Fatal(err)
		}
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

// Post sends JSON to the company door, reads the answer into answer (unless
// nil) and gives its status.
func (d *Demo) Post(t testing.TB, path string, question, answer any) int {
	t.Helper()
	raw, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.Company+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+d.Token)
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err == nil && answer != nil {
		err = json.Unmarshal(body, answer)
	}
	if err != nil {
		t.Fatalf("POST %s: %d: %v\n%s", path, got.StatusCode, err, body)
	}
	return got.StatusCode
}

// File writes bytes where a verb or an upload can read them.
func File(t testing.TB, name string, raw []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
