// Package house holds the order of the program's packages, by tests alone.
//
// The program is a house of storeys: a package imports from its own storey and
// from those below, never from above. So a rule can be read, tested and trusted
// without knowing what page or database stands on it.
package house

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/amana-privacy/amana/"

// storey is one floor. The packages below a named one (consent/consenttest) live with it.
type storey struct {
	name     string
	packages []string
	apart    bool // its packages do not import each other
}

// storeys of the house, from the ground up.
var storeys = []storey{
	{"ground: kinds of error, words of the pages, example files", []string{"fault", "lang", "examples"}, true},
	{"words: types and their checks", []string{"policy", "regime", "subject", "consent", "cookie", "strict", "sheet", "webhook"}, false},
	{"rules: pure functions", []string{"decision", "table", "feed", "ledger", "notice", "receipt", "gpp", "banner", "transfer", "scrub", "letter", "interop", "request", "known", "parcel", "explain", "proof"}, false},
	{"keys", []string{"keyring"}, true},
	{"store: the only SQL", []string{"store"}, true},
	{"engines: work that takes time", []string{"audit", "courier", "demo", "follower", "fulfil", "mail", "mirror", "publisher", "sms", "witness"}, true},
	{"edge: what both doors do alike", []string{"edge"}, true},
	{"doors: for programs, for people", []string{"api", "web"}, true},
	{"for other programs: they import it, and it imports nothing of ours", []string{"gate"}, true},
	{"for programs that decide by themselves", []string{"."}, true},
	{"program", []string{"cmd/amana", "examples/site"}, true},
}

// outside live in no storey: they are there for tests, and no part of the program imports them.
var outside = []string{"docs", "e2e", "internal/house", "internal/pgtest", "internal/powerloss"}

// pure are the storeys that know neither network nor database.
const pure = 3 // ground, words, rules

var impure = []string{"net/http", "database/sql", "os/exec"}

// onlyIn names what one package alone may import.
var onlyIn = map[string]string{
	"database/sql":              "store",
	"modernc.org/":              "store",
	"github.com/pressly/goose/": "store",
}

// testOnly are modules that never reach the program.
var testOnly = []string{
	"github.com/chromedp/", "github.com/google/go-cmp",
	"github.com/rogpeppe/go-internal", "pgregory.net/rapid", "github.com/santhosh-tekuri/jsonschema/",
	"github.com/transparency-dev/", "github.com/standard-webhooks/",
}

// pkg is what go list says of a package; Imports are without its tests'.
type pkg struct {
	ImportPath string
	Imports    []string
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	watch(t)
	c := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports"}, args...)...)
	c.Dir = "../.."
	out, err := c.Output()
	if err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v\n%s", err, e.Stderr)
		}
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// watch looks at every folder, so that a result cached by go test is not taken
// for one of a tree that has changed: of what go list reads, go test knows nothing.
func watch(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && slices.Contains([]string{".git", "node_modules", "bin"}, d.Name()) {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// place gives the storey of a package and the name under which it lives there;
// -1 where it has no place.
func place(path string) (int, string) {
	name, ours := strings.CutPrefix(path, module)
	if path+"/" == module { // what programs import by the module's own name
		name, ours = ".", true
	}
	floor, longest := -1, ""
	for i, s := range storeys {
		for _, p := range s.packages {
			if ours && (name == p || strings.HasPrefix(name, p+"/")) && len(p) > len(longest) {
				floor, longest = i, p
			}
		}
	}
	if floor < 0 {
		return -1, name
	}
	return floor, longest
}

// faults gives what is wrong with one import, "" where nothing is.
func faults(from, to string) string {
	floor, name := place(from)
	if !strings.HasPrefix(to+"/", module) {
		if floor < pure && slices.Contains(impure, to) {
			return "a pure package knows " + to
		}
		for what, owner := range onlyIn {
			if name != owner && (to == what || strings.HasPrefix(to, what)) {
				return to + " belongs to " + owner + " alone"
			}
		}
		return ""
	}
	below, other := place(to)
	switch {
	case below < 0:
		return to + " has no place in the house"
	case below > floor:
		return "imports " + other + " from above"
	case below == floor && name != other && storeys[floor].apart:
		return "imports " + other + " beside it"
	}
	return ""
}

func TestEveryPackageHasAPlace(t *testing.T) {
	for _, p := range list(t, "./...") {
		if floor, name := place(p.ImportPath); floor < 0 && !slices.Contains(outside, name) {
			t.Errorf("%s has no place in the house: put it into a storey", p.ImportPath)
		}
	}
}

func TestImportsGoDown(t *testing.T) {
	for _, p := range list(t, "./...") {
		if floor, _ := place(p.ImportPath); floor < 0 {
			continue
		}
		for _, to := range p.Imports {
			if f := faults(p.ImportPath, to); f != "" {
				t.Errorf("%s: %s", p.ImportPath, f)
			}
		}
	}
}

func TestWhatIsForTestsStaysOutOfTheProgram(t *testing.T) {
	for _, p := range list(t, "-deps", "./cmd/amana") {
		for _, m := range testOnly {
			if strings.HasPrefix(p.ImportPath, m) {
				t.Errorf("the program links %s", p.ImportPath)
			}
		}
		for _, o := range append(outside, "testing") {
			if p.ImportPath == module+o || p.ImportPath == o {
				t.Errorf("the program links %s", p.ImportPath)
			}
		}
	}
}

func TestFaultsAreFound(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"consent", module + "policy", ""},
		{"receipt", module + "ledger", ""},
		{"consent", module + "consent/consenttest", ""},
		{"cmd/amana", module + "web", ""},
		{"store", "database/sql", ""},
		{"consent", module + "store", "imports store from above"},
		{"store", module + "web/pages", "imports web from above"},
		{"web", module + "api", "imports api beside it"},
		{"fault", module + "lang", "imports lang beside it"},
		{"web", module + "helpers", module + "helpers has no place in the house"},
		{"decision", "net/http", "a pure package knows net/http"},
		{"api", "database/sql", "database/sql belongs to store alone"},
		{"keyring", "modernc.org/sqlite", "modernc.org/sqlite belongs to store alone"},
	} {
		if got := faults(module+c.from, c.to); got != c.want {
			t.Errorf("%s imports %s: %q, want %q", c.from, c.to, got, c.want)
		}
	}
}
