package lang_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// families are the groups of keys that are asked for by Of: the words of a
// closed set, which is read from where it is declared. A catalogue has exactly
// these members under the family's name.
var families = map[string]func(*testing.T) []string{
	"act":          constants("consent", "Act"),
	"basis":        constants("policy", "Basis"),
	"demand":       constants("request", "Kind"),
	"demand_done":  members("asked", "answered", "told", "restricted", "waited", "erased", "shredded", "gathered", "sealed", "resumed", "signed", "asked_again", "permitted"),
	"demand_state": constants("request", "State"),
	"demand_step":  constants("receipt", "DemandStep"),
	"hijri":        numbers(12),
	"keep_from":    enum("policy", "Purpose", "KeepFrom"),
	"kept":         constants("receipt", "KeptKind"),
	"kind":         enum("policy", "Purpose", "ActsOn"),
	"level":        numbers(3),
	"mail_kind":    constants("letter", "Kind"),
	"month":        numbers(12),
	"often":        enum("policy", "Purpose", "Frequency"),
	"origin":       enum("policy", "Data", "From"),
	"permission":   constants("policy", "Permission"),
	"reason":       constants("decision", "Reason"),
	"right":        enum("policy", "Requests", "Rights"),
	"role":         constants("policy", "Role"),
	"status":       constants("consent", "Status"),
	"stored":       enum("policy", "Stored", "Kind"),
	"surface":      constants("consent", "Surface"),
	"state":        constants("explain", "State"),
	"step":         constants("explain", "Step"),
}

func TestFamiliesHaveExactlyTheirMembers(t *testing.T) {
	en, _ := catalogue(t, "en")
	for family, set := range families {
		want := set(t)
		if len(want) == 0 {
			t.Errorf("family %s: its closed set was not found", family)
		}
		for _, m := range want {
			if _, ok := en[family+"."+m]; !ok {
				t.Errorf("%s.%s: missing", family, m)
			}
		}
		for key := range en {
			if m, ok := strings.CutPrefix(key, family+"."); ok && !slices.Contains(want, m) {
				t.Errorf("%s: no member of its family", key)
			}
		}
	}
}

// members writes a closed set out.
func members(list ...string) func(*testing.T) []string {
	return func(*testing.T) []string { return list }
}

func numbers(n int) func(*testing.T) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprint(i+1))
	}
	return members(list...)
}

// constants reads the values of a string type's constants.
func constants(pkg, typ string) func(*testing.T) []string {
	return func(t *testing.T) (list []string) {
		inspect(t, pkg, func(n ast.Node) {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) == 0 {
				return
			}
			if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != typ {
				return
			}
			if s, ok := stringOf(spec.Values[0]); ok {
				list = append(list, s)
			}
		})
		for i, s := range list {
			if s == "" {
				list[i] = "none"
			}
		}
		return list
	}
}

// enum reads the closed set that a field's tag declares.
func enum(pkg, typ, field string) func(*testing.T) []string {
	return func(t *testing.T) (list []string) {
		inspect(t, pkg, func(n ast.Node) {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != typ {
				return
			}
			for _, f := range spec.Type.(*ast.StructType).Fields.List {
				if len(f.Names) == 1 && f.Names[0].Name == field {
					tag, _ := stringOf(f.Tag)
					list = strings.Split(reflect.StructTag(tag).Get("enum"), "|")
				}
			}
		})
		return list
	}
}

func inspect(t *testing.T, pkg string, visit func(ast.Node)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("package %s: no files (%v)", pkg, err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool { visit(n); return true })
	}
}
