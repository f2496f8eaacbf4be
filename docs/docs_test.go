// Package docs holds the documents to the program, by tests alone: what they
// name exists, what exists they name, and what they tell to type does what they
// say it does.
package docs

import (
	"encoding/json"
	"flag"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/policy"
)

var update = flag.Bool("update", false, "write the tables of policy-file.md anew")

// pages gives every document of the project by its path from here.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"../*.md", "*.md", "design/*.md", "../examples/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			all[name] = read(t, name)
		}
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = ".."
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(out)
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for name, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s leads to %s, which is not there", name, m[1])
			}
		}
	}
}

func TestEveryDocumentIsLinked(t *testing.T) {
	place := func(name string) string {
		abs, err := filepath.Abs(name)
		must(t, err)
		return abs
	}
	linked := map[string]bool{place("../README.md"): true}
	all := pages(t)
	for name, text := range all {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			linked[place(filepath.Join(filepath.Dir(name), m[1]))] = true
		}
	}
	for name := range all {
		if !linked[place(name)] {
			t.Errorf("no document leads to %s", name)
		}
	}
}

func TestPicturesAreSmall(t *testing.T) {
	names, _ := filepath.Glob("pictures/*")
	if len(names) == 0 {
		t.Fatal("there are no pictures")
	}
	for _, name := range names {
		if info, err := os.Stat(name); err != nil || info.Size() >= 150_000 {
			t.Errorf("%s is too large or cannot be read: %v", name, err)
		}
		if !strings.Contains(read(t, "../README.md"), "docs/"+name) {
			t.Errorf("%s is shown nowhere", name)
		}
	}
}

// The program's own list of verbs, and what each says of its flags.
func TestEveryVerbAndFlagIsDocumented(t *testing.T) {
	text := strings.Join(slices.Collect(maps.Values(pages(t))), "\n")
	verbs := 0
	for _, line := range strings.Split(run(t, amana(t), "help"), "\n") {
		m := regexp.MustCompile(`^  (\w+(?: \w+)?)  +\S`).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		verbs++
		if !strings.Contains(text, "amana "+m[1]) {
			t.Errorf("no document tells of amana %s", m[1])
		}
		help, _ := exec.CommandContext(t.Context(), amana(t), append(strings.Fields(m[1]), "-h")...).CombinedOutput()
		for _, f := range regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllStringSubmatch(string(help), -1) {
			if !strings.Contains(text, "--"+f[1]) {
				t.Errorf("no document tells of --%s of amana %s", f[1], m[1])
			}
		}
	}
	if verbs < 9 {
		t.Errorf("found only %d verbs", verbs)
	}
}

// mod is a module as go list tells of it.
type mod struct {
	Path string
	Main bool
}

// modules gives the modules that packages come from, and of those the ones our
// own packages import themselves.
func modules(t *testing.T, args ...string) (all, direct map[string]bool) {
	t.Helper()
	type pkg struct {
		ImportPath           string
		Module               *mod
		Imports, TestImports []string
		XTestImports         []string
	}
	var list []pkg
	from := map[string]*mod{}
	args = append([]string{"list", "-json=ImportPath,Module,Imports,TestImports,XTestImports"}, args...)
	for d := json.NewDecoder(strings.NewReader(run(t, "go", args...))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list, from[p.ImportPath] = append(list, p), p.Module
	}
	all, direct = map[string]bool{}, map[string]bool{}
	for _, p := range list {
		if p.Module == nil {
			continue
		}
		if !p.Module.Main {
			all[p.Module.Path] = true
			continue
		}
		for _, i := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if m := from[i]; m != nil && !m.Main {
				direct[m.Path] = true
			}
		}
	}
	return all, direct
}

func TestEveryDependencyHasItsReason(t *testing.T) {
	text := read(t, "design/dependencies.md")
	linked, _ := modules(t, "-deps", "./cmd/amana")
	_, used := modules(t, "-deps", "-test", "./...")
	if len(linked) == 0 || len(used) == 0 {
		t.Fatal("no dependencies were found")
	}
	for path := range linked {
		if !strings.Contains(text, "`"+path+"`") {
			t.Errorf("%s is linked into the program and not named", path)
		}
	}
	for path := range used {
		if !strings.Contains(text, "`"+path+"`") {
			t.Errorf("%s is used and not named", path)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(text, -1) {
		if !linked[m[1]] && !used[m[1]] {
			t.Errorf("%s is named and not used", m[1])
		}
	}
}

func TestTheHouseIsDrawnAsItStands(t *testing.T) {
	drawing, readme := read(t, "design/README.md"), read(t, "../README.md")
	for _, path := range strings.Fields(run(t, "go", "list", "./...")) {
		name := strings.TrimPrefix(strings.TrimPrefix(path, "github.com/amana-privacy/amana"), "/")
		name, _, _ = strings.Cut(name, "/")
		if name == "" {
			continue // the root: what other programs import
		}
		if name == "cmd" {
			name = "cmd/amana"
		}
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(drawing) {
			t.Errorf("%s does not stand in the drawing of the house", name)
		}
		if !strings.Contains(readme, "`"+name+"/`") {
			t.Errorf("the README says nothing of %s", name)
		}
	}
}

// The schema is built from the tags of the policy language, and so are the
// tables of the page about it.
func TestPolicyKeysAreDocumented(t *testing.T) {
	var schema node
	if err := json.Unmarshal(policy.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	tables := map[string]string{}
	schema.tables("", tables)
	text := read(t, "policy-file.md")
	marked := regexp.MustCompile(`(?s)<!-- keys: (\S*) ?-->\n.*?<!-- end -->`)
	want := marked.ReplaceAllStringFunc(text, func(block string) string {
		path := marked.FindStringSubmatch(block)[1]
		table, ok := tables[path]
		if !ok {
			t.Errorf("the policy language has no part %q, or it stands here twice", path)
		}
		delete(tables, path)
		return "<!-- keys: " + path + " -->\n\n" + table + "\n<!-- end -->"
	})
	for path := range tables {
		t.Errorf("policy-file.md has no table for %q", path)
	}
	if *update {
		if err := os.WriteFile("policy-file.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if text != want {
		t.Error("the tables of policy-file.md are not current: go test ./docs -update")
	}
}
