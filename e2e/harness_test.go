package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

const goodPage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width,initial-scale=1"></head>
<body><main><h1>A page</h1><p id="script">no script</p><p id="said">%s</p>
<form method="post" action="/answer"><label>Name <input name="name"></label> <input type="checkbox" id="yes" name="yes"><label for="yes">Yes</label>
<button>Send</button></form>
<p><a id="file" href="/file" download="receipt.json">Download</a></p></main>
<script>document.getElementById("script").textContent = "script"</script></body></html>`

// site is a small site: a page, a form, a file, and a page full of mistakes.
func site(t *testing.T) string {
	mux := http.NewServeMux()
	page := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, goodPage, r.URL.Query().Get("said")+" "+r.Header.Get("Accept-Language")+" gpc="+r.Header.Get("Sec-GPC"))
	}
	mux.HandleFunc("GET /{$}", page)
	mux.HandleFunc("GET /strict", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>Strict</title><main><h1>Strict</h1></main></html>`)
	})
	mux.HandleFunc("GET /blocked", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>Blocked</title><style>p { color: red }</style>`)
	})
	mux.HandleFunc("GET /throws", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>Throws</title><script>nobody()</script>`)
	})
	mux.HandleFunc("POST /answer", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "amana", Value: r.FormValue("yes"), Path: "/", HttpOnly: true})
		http.Redirect(w, r, "/?said="+r.FormValue("name"), http.StatusSeeOther)
	})
	mux.HandleFunc("GET /file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="receipt.json"`)
		fmt.Fprint(w, `{"a":1}`)
	})
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>Slow</title><link rel="icon" href="data:,"><body><script>onload = () => document.body.append(Object.assign(document.createElement("script"), {src: "/slow.js"}))</script>`)
	})
	mux.HandleFunc("GET /slow.js", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second) // of the server: no test waits by it
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `new Image().src = "/late.gif"`)
	})
	mux.HandleFunc("GET /bad", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><title>Bad</title><body><p style="color:#bbb;background:#fff">pale</p><img src="data:,"><input>
<button style="width:9px;height:9px;padding:0">a</button><button style="width:9px;height:9px;padding:0">b</button>`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestScriptOnAndOff(t *testing.T) {
	at := site(t)
	for _, v := range []View{{}, {Phone: true}, {NoScript: true}, {NoScript: true, Phone: true, Dark: true}} {
		t.Run(fmt.Sprintf("%+v", v), func(t *testing.T) {
			t.Parallel()
			p := Open(t, at, v)
			want := map[bool]string{true: "no script", false: "script"}[v.NoScript]
			if got := p.Text("#script"); got != want {
				t.Errorf("the page says %q, want %q", got, want)
			}
			p.Accessible()
			if got := Eval[int](p, "innerWidth"); (got == 320) != v.Phone {
				t.Errorf("the page is %d wide", got)
			}
			if got := Eval[bool](p, `matchMedia("(prefers-color-scheme: dark)").matches`); got != v.Dark {
				t.Errorf("dark: %v", got)
			}
			p.Go(at) // after axe ran, script is as before
			if got := p.Text("#script"); got != want {
				t.Errorf("afterwards the page says %q, want %q", got, want)
			}
		})
	}
}

func TestAFormWithoutScript(t *testing.T) {
	at := site(t)
	p := Open(t, at, View{NoScript: true, Language: "ar", GPC: true})
	p.Type("input[name=name]", "Sara")
	p.Type("", kb.Tab)
	p.Type("", " ") // the box that Tab led to
	if status := p.Follow("button"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if got := p.Text("#said"); got != "Sara ar gpc=1" {
		t.Errorf("the page says %q", got)
	}
	if c := p.Cookies(); len(c) != 1 || c[0].Name != "amana" || c[0].Value != "on" || !c[0].HTTPOnly {
		t.Errorf("cookies %+v", c)
	}
	if !slices.Contains(p.Requests(), at+"/answer") || p.URL() != at+"/?said=Sara" {
		t.Errorf("asked for %q, now at %s", p.Requests(), p.URL())
	}
	if n := p.Wire(); n < len(goodPage) || n > 2*len(goodPage) {
		t.Errorf("%d bytes on the wire for a page of about %d", n, len(goodPage))
	}
	if other := Open(t, at, View{}); len(other.Cookies()) != 0 {
		t.Error("two pages share cookies")
	}
}

func TestDownload(t *testing.T) {
	p := Open(t, site(t), View{NoScript: true})
	if got := string(p.Download("#file")); got != `{"a":1}` {
		t.Errorf("downloaded %q", got)
	}
}

func TestMistakesAreFound(t *testing.T) {
	p := Open(t, site(t)+"/bad", View{NoScript: true})
	var got []string
	for _, f := range p.findings(axeOptions) {
		got = append(got, f.ID)
	}
	for _, want := range []string{"color-contrast", "html-has-lang", "image-alt", "label", "landmark-one-main", "page-has-heading-one", "target-size"} {
		if !slices.Contains(got, want) {
			t.Errorf("axe does not find %s, only %s", want, strings.Join(got, ", "))
		}
	}
}

func TestAStrictPolicyDoesNotHinderAxe(t *testing.T) {
	p := Open(t, site(t)+"/strict", View{})
	p.Accessible()
}

func TestComplaintsAreHeard(t *testing.T) {
	at := site(t)
	for path, want := range map[string]string{"/blocked": "Content Security Policy", "/throws": "Uncaught"} {
		p := Open(t, at+path, View{})
		Eval[bool](p, "true") // whatever the page reported has arrived before this answer
		p.mu.Lock()
		if len(p.complaints) != 1 || !strings.Contains(p.complaints[0], want) {
			t.Errorf("%s: complaints %q, want one of %q", path, p.complaints, want)
		}
		p.complaints = nil // they were expected
		p.mu.Unlock()
	}
}

// What is still on its way may ask for more: a page whose server is slow is not
// settled because nothing is heard of it for a while.
func TestASlowAnswerIsWaitedFor(t *testing.T) {
	at := site(t)
	if got := Open(t, at+"/slow", View{}).settled(); !slices.Contains(got, at+"/late.gif") {
		t.Errorf("it is called settled after %q", got)
	}
}

func TestPicture(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("AMANA_SCREENSHOTS", dir)
	Open(t, site(t), View{Phone: true, Dark: true}).Picture("page")
	raw, err := os.ReadFile(filepath.Join(dir, "page.png"))
	if err != nil || !strings.HasPrefix(string(raw), "\x89PNG") {
		t.Errorf("no picture: %v", err)
	}
}
