package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/banner"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/policy"
)

func casco(t *testing.T) *policy.Version {
	t.Helper()
	src, err := examples.FS.ReadFile("casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, findings := policy.Read("amana.yaml", src)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	m, err := policy.MeaningsAfter(nil, doc.Policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Version{ID: doc.ID, Policy: doc.Policy, Meanings: m, Published: time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)}
}

// bundled builds a file of the SDK with what it imports, as a site would.
func bundled(t testing.TB, source string, external ...string) []byte {
	t.Helper()
	abs, err := filepath.Abs(source)
	if err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-C", "../banner/build", "run", ".", "-bundle", abs, "-modules", modules, "-external", strings.Join(external, ",")}
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Env = append(os.Environ(), "GOFLAGS=")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("bundling %s: %v\n%s", source, err, errs.String())
	}
	return out
}

func TestWrappersAreThin(t *testing.T) {
	for source, external := range map[string]string{"react.js": "react", "vue.js": "vue", "load.js": "", "node.js": ""} {
		code := bundled(t, "../sdk/js/"+source, external)
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		z.Write(code)
		z.Close()
		if b.Len() > 1024 {
			t.Errorf("%s has %d bytes", source, b.Len())
		}
		t.Logf("%s: %d bytes", source, b.Len())
	}
}

const reactPage = `import { createElement as h } from 'react'
import { createRoot } from 'react-dom/client'
import { Consent, show } from '%s/react.js'
createRoot(document.getElementById('app')).render(h('div', null, h(Consent, { purpose: 'analytics', fallback: 'no' }, 'yes'), h('button', { id: 'open', onClick: show }, 'Choices')))
`

const vuePage = `import { createApp, h } from 'vue'
import { Consent, show } from '%s/vue.js'
createApp({ render: () => h('div', [h(Consent, { purpose: 'analytics' }, { default: () => 'yes', fallback: () => 'no' }), h('button', { id: 'open', onClick: show }, 'Choices')]) }).mount('#app')
`

// TestWrappersFollowTheAnswer mounts each in a page of its framework.
func TestWrappersFollowTheAnswer(t *testing.T) {
	s := SharedSite(t)
	sdk, err := filepath.Abs("../sdk/js")
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]string{"react": reactPage, "vue": vuePage} {
		t.Run(name, func(t *testing.T) {
			code := bundled(t, File(t, "app.js", fmt.Appendf(nil, source, sdk)))
			page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/app.js" {
					w.Header().Set("Content-Type", "text/javascript")
					w.Write(code)
					return
				}
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprintf(w, `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>App</title><script src="%s/amana.js"></script><div id="app"></div><script src="/app.js"></script>`, s.Public)
			}))
			defer page.Close()
			p := Open(t, page.URL, View{})
			p.within("it is no", `document.querySelector("#app").textContent.startsWith("no")`)
			// this origin may not answer: what counts is told as the banner does
			p.Click("#open")
			p.shows(dialog)
			Eval[bool](p, `amana.has = q => q == "analytics", document.dispatchEvent(new CustomEvent("amana:change")), true`)
			p.within("it is yes", `document.querySelector("#app").textContent.startsWith("yes")`)
		})
	}
}

// TestNodeReadsAsTheDoor gives the same cookies to the helper for Node.
func TestNodeReadsAsTheDoor(t *testing.T) {
	v := casco(t)
	now := v.Published.AddDate(0, 0, 31)
	type question struct {
		Cookie, GPC string
		Want        []string `json:"-"`
	}
	var list []question
	for set := range 1 << 5 {
		for _, gpc := range []bool{false, true} {
			for _, end := range []string{"", ".u"} {
				value := fmt.Sprintf("1.%s.%x.%s.AAECAwQFBgcICQoLDA0ODw%s", cookie.Revision(v.ID), set, "tbb8w0", end)
				if set == 0 {
					value = "1." + cookie.Revision(v.ID) + ".0" + end
				}
				c, err := cookie.Parse(value)
				if err != nil {
					t.Fatal(err)
				}
				q := question{Cookie: "a=b; amana=" + value, GPC: map[bool]string{true: "1"}[gpc], Want: []string{}}
				for _, k := range c.Read(v, v, gpc, now).Granted {
					q.Want = append(q.Want, banner.Value(k))
				}
				list = append(list, q)
			}
		}
	}
	manifest, err := banner.ManifestOf(v, nil).JSON()
	if err != nil {
		t.Fatal(err)
	}
	in, _ := json.Marshal(map[string]any{"manifest": json.RawMessage(manifest), "list": list, "now": now.UnixMilli()})
	sdk, _ := filepath.Abs("../sdk/js/node.js")
	c := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", `
import { granted } from "`+sdk+`"
let raw = ""
for await (const part of process.stdin) raw += part
const { manifest, list, now } = JSON.parse(raw)
console.log(JSON.stringify(list.map(q => granted(manifest, { cookie: q.Cookie, "sec-gpc": q.GPC }, now))))`)
	c.Stdin = bytes.NewReader(in)
	out, err := c.Output()
	need(t, "node", err)
	var got [][]string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for i, q := range list {
		if d := cmp.Diff(q.Want, got[i]); d != "" {
			t.Errorf("%s, signal %q:\n%s", q.Cookie, q.GPC, d)
		}
	}
}

// TestNginxReadsAsTheDoor gives the same cookies to the maps for nginx, whose
// regular expressions JavaScript reads alike.
func TestNginxReadsAsTheDoor(t *testing.T) {
	v := casco(t)
	m := banner.ManifestOf(v, nil)
	type question struct {
		Value string
		Want  []string
	}
	var list []question
	for set := range 1 << 5 {
		for _, gpc := range []bool{false, true} {
			value := fmt.Sprintf("1.%s.%x.tbb8w0.AAECAwQFBgcICQoLDA0ODw", cookie.Revision(v.ID), set)
			if set == 0 {
				value = "1." + cookie.Revision(v.ID) + ".0"
			}
			c, err := cookie.Parse(value)
			if err != nil {
				t.Fatal(err)
			}
			q := question{Value: map[bool]string{true: "1"}[gpc] + ":" + value, Want: []string{}}
			for _, k := range c.Read(v, v, gpc, v.Published.AddDate(0, 0, 31)).Granted {
				q.Want = append(q.Want, strings.ReplaceAll(banner.Value(k), "/", "_"))
			}
			list = append(list, q, question{Value: q.Value + ".u", Want: []string{}})
		}
	}
	in, _ := json.Marshal(map[string]any{"conf": string(m.Nginx()), "list": list})
	c := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", `
let raw = ""
for await (const part of process.stdin) raw += part
const { conf, list } = JSON.parse(raw)
const maps = [...conf.matchAll(/\$amana_(\w+) \{([^}]*(?:\{\d+\}[^}]*)*)\n\}/g)].map(m => [m[1], [...m[2].matchAll(/"~(.*)" 1;/g)].map(p => new RegExp(p[1]))])
console.log(JSON.stringify(list.map(q => maps.filter(m => m[1].some(p => p.test(q.Value))).map(m => m[0]))))`)
	c.Stdin = bytes.NewReader(in)
	out, err := c.Output()
	need(t, "node", err)
	var got [][]string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	some := 0
	for i, q := range list {
		if d := cmp.Diff(q.Want, got[i]); d != "" {
			t.Errorf("%s:\n%s", q.Value, d)
		}
		some += len(q.Want)
	}
	if some < 50 {
		t.Errorf("only %d switches counted", some)
	}
}

// TestATypingErrorDoesNotCompile holds the declarations to a compiler.
func TestATypingErrorDoesNotCompile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("amana.d.ts", string(banner.Types(casco(t).Policy)))
	compiler, err := filepath.Abs("node_modules/typescript/bin/tsc")
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(compiler)
	need(t, "typescript", err)
	write("page.ts", `import "./amana"
const b: boolean = amana.has("analytics") && amana.has("!comfort") && amana.has({ any: ["ad_measurement/ad_network"] })
amana.on("change", c => c.added.includes("comfort"))
// @ts-expect-error
amana.has("analitics")
// @ts-expect-error
amana.on("changed", () => {})
// @ts-expect-error
amana.set(["analytics", "ad_measurement/nobody"])
`)
	out, err := exec.CommandContext(t.Context(), "node", compiler, "--noEmit", "--strict", "--skipLibCheck", "--lib", "es2022,dom", filepath.Join(dir, "page.ts")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The banner's own sources hold to their types.
func TestTheBannersTypes(t *testing.T) {
	sources, err := filepath.Glob("../banner/src/*.ts")
	if err != nil || len(sources) < 6 {
		t.Fatal(sources, err)
	}
	_, err = os.Stat("node_modules/typescript/bin/tsc")
	need(t, "typescript", err)
	args := append([]string{"node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler", "--lib", "es2024,dom,dom.iterable"}, sources...)
	if out, err := exec.CommandContext(t.Context(), "node", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
