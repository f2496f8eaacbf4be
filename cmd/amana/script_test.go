package main

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

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
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"fill": fill},
		Setup: func(e *testscript.Env) error {
			e.Setenv("EXAMPLES", examples+"/../../examples")
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
