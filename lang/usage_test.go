package lang_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
)

// use is one place where a page or a program asks for words.
type use struct {
	where  string   // file:line
	method string   // T, N, H or Of
	key    string   // of Of: the family
	names  []string // of the arguments
	open   bool     // arguments were handed on (args...), so the names are not known
}

// firstArg is the index of the first name in the arguments of each method.
var firstArg = map[string]int{"T": 1, "H": 1, "N": 2, "Of": 2}

// usesIn finds every use in the Go files and templates (.html, .tmpl, and
// template texts inside Go strings) of a tree, tests apart. A key that is not
// written out is a problem, unless a method of the same name hands it on.
func usesIn(tree fs.FS) (uses []use, problems []string, err error) {
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if base == "testdata" || base == "node_modules" || len(base) > 1 && base[0] == '.' {
				return fs.SkipDir
			}
			return nil
		}
		f := &finder{file: name}
		switch {
		case strings.HasSuffix(base, ".go") && !strings.HasSuffix(base, "_test.go"):
			err = f.goFile(tree)
		case slices.Contains([]string{".html", ".tmpl"}, path.Ext(base)):
			err = f.templateFile(tree)
		}
		uses, problems = append(uses, f.uses...), append(problems, f.problems...)
		return err
	})
	return uses, problems, err
}

type finder struct {
	file     string
	uses     []use
	problems []string
}

func (f *finder) problem(where, format string, args ...any) {
	f.problems = append(f.problems, where+": "+fmt.Sprintf(format, args...))
}

// found notes a use; args are the call's arguments, "" with false where one is
// not a written-out string.
func (f *finder) found(where, method string, arg func(i int) (string, bool), n int, open bool) {
	key, ok := arg(0)
	if !ok {
		f.problem(where, "%s: the key is not written out", method)
		return
	}
	u := use{where: where, method: method, key: key, open: open}
	for i := firstArg[method]; i < n && !open; i += 2 {
		name, ok := arg(i)
		if !ok {
			f.problem(where, "%s %q: the name of argument %d is not written out", method, key, i)
			return
		}
		u.names = append(u.names, name)
	}
	f.uses = append(f.uses, u)
}

func (f *finder) goFile(tree fs.FS) error {
	src, err := fs.ReadFile(tree, f.file)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, f.file, src, 0)
	if err != nil {
		return err
	}
	packages := importedNames(file)
	for _, decl := range file.Decls {
		fn, _ := decl.(*ast.FuncDecl)
		ast.Inspect(decl, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				f.embedded(set.Position(n.Pos()).String(), n)
			case *ast.CallExpr:
				f.call(set.Position(n.Pos()).String(), n, packages, fn)
			}
			return true
		})
	}
	return nil
}

func (f *finder) call(where string, c *ast.CallExpr, packages map[string]bool, in *ast.FuncDecl) {
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || firstArg[sel.Sel.Name] == 0 || len(c.Args) == 0 {
		return
	}
	if x, ok := sel.X.(*ast.Ident); ok && packages[x.Name] {
		return // a function of a package, such as rand.N
	}
	literal := func(i int) (string, bool) { return stringOf(c.Args[i]) }
	_, written := literal(0)
	if !written && in != nil && firstArg[in.Name.Name] != 0 {
		return // a method of the same name that hands its key on
	}
	f.found(where, sel.Sel.Name, literal, len(c.Args), c.Ellipsis.IsValid())
}

// embedded looks for uses in a Go string that is a template.
func (f *finder) embedded(where string, lit *ast.BasicLit) {
	if s, ok := stringOf(lit); ok && strings.Contains(s, "{{") {
		_ = f.template(where, s) // a string that is no template has no uses
	}
}

func importedNames(file *ast.File) map[string]bool {
	m := map[string]bool{}
	for _, i := range file.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		name := path.Base(strings.TrimSuffix(p, "/v2"))
		if i.Name != nil {
			name = i.Name.Name
		}
		m[name] = true
	}
	return m
}

func stringOf(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

func (f *finder) templateFile(tree fs.FS) error {
	src, err := fs.ReadFile(tree, f.file)
	if err != nil {
		return err
	}
	return f.template(f.file, string(src))
}

func (f *finder) template(name, src string) error {
	t := parse.New(name)
	t.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := t.Parse(src, "", "", trees); err != nil {
		return err
	}
	for _, t := range trees {
		f.walk(t, t.Root)
	}
	return nil
}

// walk visits the commands of a template.
func (f *finder) walk(t *parse.Tree, n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, c := range n.Nodes {
			f.walk(t, c)
		}
	case *parse.ActionNode:
		f.pipe(t, n.Pipe)
	case *parse.TemplateNode:
		f.pipe(t, n.Pipe)
	case *parse.IfNode:
		f.branch(t, n.BranchNode)
	case *parse.RangeNode:
		f.branch(t, n.BranchNode)
	case *parse.WithNode:
		f.branch(t, n.BranchNode)
	}
}

func (f *finder) branch(t *parse.Tree, b parse.BranchNode) {
	f.pipe(t, b.Pipe)
	f.walk(t, b.List)
	f.walk(t, b.ElseList)
}

func (f *finder) pipe(t *parse.Tree, p *parse.PipeNode) {
	if p == nil {
		return
	}
	for i, c := range p.Cmds {
		f.command(t, c, i > 0)
		for _, a := range c.Args {
			switch a := a.(type) {
			case *parse.PipeNode:
				f.pipe(t, a)
			case *parse.ChainNode:
				if inner, ok := a.Node.(*parse.PipeNode); ok {
					f.pipe(t, inner)
				}
			}
		}
	}
}

func (f *finder) command(t *parse.Tree, c *parse.CommandNode, piped bool) {
	method := methodOf(c.Args[0])
	if firstArg[method] == 0 || len(c.Args) == 1 && !piped {
		return
	}
	where, _ := t.ErrorContext(c)
	args := c.Args[1:]
	f.found(where, method, func(i int) (string, bool) {
		if i >= len(args) {
			return "", false
		}
		s, ok := args[i].(*parse.StringNode)
		if !ok {
			return "", false
		}
		return s.Text, true
	}, len(args), false)
}

// methodOf gives the last name of .T, .Words.T, $w.T, (…).T or T.
func methodOf(n parse.Node) string {
	var names []string
	switch n := n.(type) {
	case *parse.FieldNode:
		names = n.Ident
	case *parse.VariableNode:
		names = n.Ident
	case *parse.ChainNode:
		names = n.Field
	case *parse.IdentifierNode:
		return n.Ident
	}
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1]
}
