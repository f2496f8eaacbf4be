// Command site is a small site of Casco Fiber with the banner, and with tags of
// every kind, served by three other hosts as third parties would:
//
//	amana demo --origin http://127.0.0.1:9000 &
//	go run ./examples/site
//
// Open http://127.0.0.1:9000/en and watch the network.
package main

import (
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"html/template"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
)

//go:embed page.html
var pages embed.FS

var page = template.Must(template.ParseFS(pages, "page.html"))

// words of the page.
type words struct{ Site, Title, Text, Choices, Withdraw, Map, Picture, Film, Name, Send, NoScript string }

var languages = map[string]words{
	"en": {"Casco Fiber", "Fiber for Portland", "Fast Internet around Casco Bay. Everything here works whatever you answer.", "Your choices", "Withdraw everything",
		"Map of our lines", "An ad of ours", "A film about us", "Name", "Send", "This page needs no script."},
	"ar": {"كاسكو فايبر", "ألياف ضوئية لبورتلاند", "إنترنت سريع حول خليج كاسكو. كل ما في الصفحة يعمل أيًّا كان جوابك.", "خياراتك", "سحب كل الموافقات",
		"خريطة خطوطنا", "إعلان لنا", "فيلم عنا", "الاسم", "إرسال", "لا تحتاج هذه الصفحة إلى برمجة في المتصفح."},
}

// address is where everything stands.
type address struct {
	Own   string `json:"site"`
	Door  string `json:"door"`
	Stats string `json:"stats"`
	Ads   string `json:"ads"`
	Maps  string `json:"maps"`
}

func main() {
	listen := flag.String("listen", "127.0.0.1:9000", "address of the site")
	door := flag.String("door", "http://127.0.0.1:8080", "the public door")
	asJSON := flag.Bool("json", false, "print the addresses as one JSON line")
	flag.Parse()
	at := address{Door: *door}
	own := open(*listen)
	at.Own = "http://" + own.Addr().String()
	for host, url := range map[string]*string{"127.0.0.2": &at.Stats, "127.0.0.3": &at.Ads, "127.0.0.4": &at.Maps} {
		l := open(host + ":0")
		*url = "http://" + l.Addr().String()
		go func() { log.Fatal(http.Serve(l, http.HandlerFunc(third))) }()
	}
	if *asJSON {
		json.NewEncoder(os.Stdout).Encode(at)
	} else {
		fmt.Println(at.Own + "/en")
	}
	log.Fatal(http.Serve(own, at.routes()))
}

func open(addr string) net.Listener {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	return l
}

func (a address) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{lang}", a.page)
	mux.HandleFunc("/{lang}/{rest...}", a.page)
	mux.Handle("/{$}", http.RedirectHandler("/en", http.StatusFound))
	mux.HandleFunc("/without.js", third)
	return mux
}

func (a address) page(w http.ResponseWriter, r *http.Request) {
	lang := r.PathValue("lang")
	text, ok := languages[lang]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	err := page.Execute(w, struct {
		address
		words
		Lang, Dir string
		Filler    [20]int
		Form      template.HTML
	}{a, text, lang, map[string]string{"en": "ltr", "ar": "rtl"}[lang], [20]int{}, a.form(lang, a.Own+r.URL.Path)})
	if err != nil {
		log.Print(err)
	}
}

// form is the piece of HTML for browsers without script, as the door gives it,
// with the page to which it leads back.
func (a address) form(lang, page string) template.HTML {
	resp, err := http.Get(a.Door + "/" + lang + "/banner.html")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return template.HTML(strings.Replace(string(raw), `name="back" value=""`, `name="back" value="`+template.HTMLEscapeString(page)+`"`, 1))
}

// third answers as a third party: with something of the kind asked for. Its first
// script stores what the policy declares for its purpose.
func third(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	name := r.URL.Path
	switch {
	case name == "/script.js":
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `document.cookie="qc_visitor=1;path=/";document.cookie="qc_visitor=2";sessionStorage.setItem("qc_path","1");localStorage.setItem("kept","1");window.order=[...window.order||[],"script"]`)
	case strings.HasSuffix(name, ".js"):
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprintf(w, "window.order=[...window.order||[],%q]", strings.Trim(name, "/"))
	case strings.HasSuffix(name, ".css"):
		w.Header().Set("Content-Type", "text/css")
	case strings.HasSuffix(name, ".gif"):
		w.Header().Set("Content-Type", "image/gif")
		io.WriteString(w, "GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")
	case strings.HasSuffix(name, ".html"):
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>Third party</title><main><h1>Third party</h1></main></html>`)
	case strings.HasSuffix(name, ".webm"), strings.HasSuffix(name, ".wav"):
		w.Header().Set("Content-Type", map[bool]string{true: "video/webm", false: "audio/wav"}[strings.HasSuffix(name, ".webm")])
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
