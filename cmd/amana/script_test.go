package main

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/text/encoding/ianaindex"

	"github.com/amana-privacy/amana/internal/pgtest"
)

// patience is how long is waited for what another process or goroutine brings about.
const patience = time.Minute

var update = flag.Bool("update", false, "write the golden parts of the stories anew")

// TestMain lets the test binary be the program itself in the stories.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"amana": main})
}

// TestStories tells what a person does at the command line: testdata/*.txtar.
func TestStories(t *testing.T) {
	examples, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: *update,
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"fill": fill, "await": await, "eventually": eventually, "sed": sed, "dated": dated, "setenv": setenv, "psql": psql, "encode": encode},
		Setup: func(e *testscript.Env) error {
			e.Setenv("EXAMPLES", examples+"/../../examples")
			for _, name := range []string{"SERVER", "REPLICA"} { // where a story says itself who listens
				at, err := pgtest.Address()
				if err != nil {
					return err
				}
				e.Setenv(name, at)
			}
			if strings.HasSuffix(e.WorkDir, "-postgres") { // of stories that are named so
				e.Setenv("POSTGRES", pgtest.Database(t, "15"))
			}
			return nil
		},
	})
}

// fill FILE does what an author does with a starter: it takes the marks away
// and leaves what stood between them.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	filled := strings.NewReplacer("‹", "", "›", "").Replace(ts.ReadFile(args[0]))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(filled), 0o644))
}

// encode NAME FROM TO writes a text as a spreadsheet does: in UTF-16 with its mark, or
// in another encoding.
func encode(ts *testscript.TestScript, _ bool, args []string) {
	e, err := ianaindex.IANA.Encoding(args[0])
	ts.Check(err)
	text, err := e.NewEncoder().String(ts.ReadFile(args[1]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text), 0o600))
}

// psql STATEMENT runs a statement in the story's database.
func psql(ts *testscript.TestScript, _ bool, args []string) {
	c, err := pgx.Connect(context.Background(), ts.Getenv("POSTGRES"))
	ts.Check(err)
	defer c.Close(context.Background())
	_, err = c.Exec(context.Background(), args[0])
	ts.Check(err)
}

// await FILE waits until a file is there.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
	}
	ts.Fatalf("%s did not come", args[0])
}

// eventually TEXT PROGRAM ARGS… runs a program until it prints a text.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	var out []byte
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		c := exec.Command(args[1], args[2:]...)
		c.Dir, c.Env = ts.MkAbs("."), append(os.Environ(), "PATH="+ts.Getenv("PATH"))
		if out, _ = c.CombinedOutput(); strings.Contains(string(out), args[0]) {
			return
		}
	}
	ts.Fatalf("%s never prints %q; at last\n%s", strings.Join(args[1:], " "), args[0], out)
}

// sed s/OLD/NEW/ FILE replaces one piece of text, which must be there.
func sed(ts *testscript.TestScript, _ bool, args []string) {
	parts := strings.Split(args[0], "/")
	text := ts.ReadFile(args[1])
	if len(parts) != 4 || !strings.Contains(text, parts[1]) {
		ts.Fatalf("%s: nothing to replace", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Replace(text, parts[1], parts[2], 1)), 0o644))
}

// dated FILE… puts the day so many days ago where {90} stands, so that what has
// a time does not run out.
func dated(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := regexp.MustCompile(`\{(\d+)\}`).ReplaceAllStringFunc(ts.ReadFile(name), func(m string) string {
			days, err := strconv.Atoi(m[1 : len(m)-1])
			ts.Check(err)
			return time.Now().UTC().AddDate(0, 0, -days).Format(time.DateOnly)
		})
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

// setenv NAME FILE… gives a variable what stands in files, with spaces between.
func setenv(ts *testscript.TestScript, _ bool, args []string) {
	var all []string
	for _, name := range args[1:] {
		all = append(all, strings.TrimSpace(ts.ReadFile(name)))
	}
	ts.Setenv(args[0], strings.Join(all, " "))
}
