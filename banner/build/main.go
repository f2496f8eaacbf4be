// Command build turns the TypeScript of the banner into the files that the
// program embeds. It is a module of its own, so that the bundler never reaches
// the program. Run it in this folder: go run . [-out DIR]
//
// For tests of what sites build it bundles one file with what that imports:
// go run . -bundle FILE -modules DIR [-external NAME,…]
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	out := flag.String("out", "../built", "folder to write to")
	one := flag.String("bundle", "", "bundle this file to the standard output instead")
	modules := flag.String("modules", "", "folder of the packages that it imports")
	external := flag.String("external", "", "packages to leave out")
	flag.Parse()
	if *one != "" {
		if err := bundle(*one, *modules, *external); err != nil {
			fmt.Fprintln(os.Stderr, "build:", err)
			os.Exit(1)
		}
		return
	}
	if err := build("../src", *out); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

// parts are the files that are built, with the source each begins at.
var parts = []struct {
	name, source string
	alone        bool // the gate without the questions, which it fetches
	far          bool // the questions without the gate, which stands already
}{
	{name: "full", source: "full.ts"},
	{name: "gate", source: "begin.ts", alone: true},
	{name: "refused", source: "refused.ts"},
	{name: "far", source: "far.ts", far: true},
	{name: "static", source: "static.ts"},
	{name: "gpp", source: "gpp.ts"},
}

func build(src, out string) error {
	for _, p := range parts {
		js, err := script(filepath.Join(src, p.source), p.alone, p.far)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, p.name+".js"), js, 0o644); err != nil {
			return err
		}
	}
	css, err := style(filepath.Join(src, "style.css"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "style.css"), css, 0o644)
}

// script bundles and minifies one file with what it imports. What is no module is
// one block: nothing in it has a name outside.
func script(file string, alone, far bool) ([]byte, error) {
	o := api.BuildOptions{
		EntryPoints: []string{file}, Bundle: true, Format: api.FormatIIFE, Target: api.ES2022, Charset: api.CharsetUTF8,
		MinifyWhitespace: true, MinifyIdentifiers: filepath.Base(file) != "static.ts", MinifySyntax: true, LegalComments: api.LegalCommentsNone, // it says why
		MangleProps: "^_[a-z]", MangleCache: map[string]any{"_asked": "a", "_now": "n", "_was": "t", "_seen": "s"}, // alike in every part
		Define: map[string]string{"ALONE": strconv.FormatBool(alone)},
	}
	if far {
		o.Format, o.Plugins = api.FormatESModule, instead("gate")
	}
	if alone {
		o.Plugins = instead("ui")
	}
	r := api.Build(o)
	if len(r.Errors) > 0 {
		return nil, fmt.Errorf("%s: %v", file, r.Errors)
	}
	js := bytes.TrimSpace(r.OutputFiles[0].Contents)
	if inner, ok := bytes.CutPrefix(js, []byte("(()=>{")); ok {
		inner = outside.ReplaceAll(bytes.TrimSuffix(inner, []byte("})();")), []byte("${1}let "))
		js = slices.Concat([]byte("{"), bytes.TrimSuffix(inner, []byte(";")), []byte("}"))
	}
	return js, nil
}

// outside is the bundler's word for what stands outside of functions; it uses it
// for nothing else.
var outside = regexp.MustCompile(`(^|;)var\b ?`)

// instead takes the other half of a part from its stand-in, NAMEfar.ts.
func instead(name string) []api.Plugin {
	return []api.Plugin{{Name: "far", Setup: func(b api.PluginBuild) {
		b.OnResolve(api.OnResolveOptions{Filter: `^\./` + name + `$`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			return api.OnResolveResult{Path: filepath.Join(a.ResolveDir, name+"far.ts")}, nil
		})
	}}}
}

func bundle(file, modules, external string) error {
	o := api.BuildOptions{
		EntryPoints: []string{file}, Bundle: true, Format: api.FormatIIFE, Target: api.ES2022, NodePaths: []string{modules},
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true, LegalComments: api.LegalCommentsNone,
		Define: map[string]string{"process.env.NODE_ENV": `"production"`},
	}
	if external != "" {
		o.Format, o.External = api.FormatESModule, strings.Split(external, ",")
	}
	r := api.Build(o)
	if len(r.Errors) > 0 {
		return fmt.Errorf("%s: %v", file, r.Errors)
	}
	_, err := os.Stdout.Write(r.OutputFiles[0].Contents)
	return err
}

// style minifies the sheet and puts it into a layer and a scope of its own. The
// script makes every declaration important: so it holds whatever the page declares.
func style(file string) ([]byte, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := api.Transform(string(raw), api.TransformOptions{Loader: api.LoaderCSS, MinifyWhitespace: true, MinifySyntax: true, Engines: []api.Engine{{Name: api.EngineChrome, Version: "125"}}})
	if len(r.Errors) > 0 {
		return nil, fmt.Errorf("%s: %v", file, r.Errors)
	}
	return slices.Concat([]byte("@layer amana{@scope(#amana,amana-box,amana-way){"), bytes.TrimSpace(r.Code), []byte("}}html:has(#amana>:popover-open){padding-block-end:60vh;scroll-padding-block-end:60vh}amana-box+*{display:none}")), nil
}
