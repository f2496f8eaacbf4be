package e2e

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/security"

	"github.com/amana-privacy/amana/internal/pgtest"
)

// domain is a site of its own domain, with the door behind its host.
type domain struct {
	at    string // its origin
	door  *httputil.ReverseProxy
	whole bool // the host is the door's own
}

func (d *domain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.whole || strings.HasPrefix(r.URL.Path, "/amana") || strings.HasPrefix(r.URL.Path, "/v1/") {
		d.door.ServeHTTP(w, r)
		return
	}
	if r.URL.Path != "/" { // the script that waits
		w.Header().Set("Content-Type", "text/javascript")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Another site</title>
<link rel="icon" href="data:,"><script src="/amana.js?lang=en"></script><script type="text/plain" data-purpose="analytics" src="/counted.js"></script>
<main><h1>Another site</h1><p>Text.</p></main>`)
}

func openDomain(t *testing.T, host string) *domain {
	d := new(domain)
	s := httptest.NewUnstartedServer(d)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // that nobody knows the certificate
	s.StartTLS()
	t.Cleanup(s.Close)
	d.at = strings.Replace(s.URL, "127.0.0.1", host, 1)
	return d
}

func (d *domain) leadsTo(t *testing.T, door string) {
	to, err := url.Parse(door)
	if err != nil {
		t.Fatal(err)
	}
	d.door = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }}
}

// TestAnswersGoToAnotherDomainByThePersonAlone carries a yes, and then a no, from
// the door to a site of another domain, in a browser that shares nothing between them.
func TestAnswersGoToAnotherDomainByThePersonAlone(t *testing.T) {
	door, other := openDomain(t, "privacy.casco.test"), openDomain(t, "www.nakheel.test")
	door.whole = true
	src, err := os.ReadFile("../examples/casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../examples/casco-fiber")); err != nil { // with its logo
		t.Fatal(err)
	}
	file := filepath.Join(dir, "amana.yaml")
	changed := strings.Replace(string(src), `sites: ["https://cascofiber.example"]`, `sites: ["https://www.casco.test", "`+other.at+`"]`, 1)
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	listen, err := pgtest.Address()
	if err != nil {
		t.Fatal(err)
	}
	d := StartDemo(t, "--customers", "1", "--policy", file, "--public", listen, "--public-url", door.at)
	door.leadsTo(t, "http://"+listen)
	other.leadsTo(t, "http://"+listen)
	for _, v := range []View{{Language: "ar", Phone: true, Dark: true}, {Language: "en", NoScript: true}} {
		name := v.Language + map[bool]string{true: "-noscript"}[v.NoScript]
		t.Run(name, func(t *testing.T) {
			p := Open(t, "data:text/html,", v)
			call(p, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
			var link struct{ URL string }
			if status := d.Post(t, "/v1/portal-links", map[string]any{"subjects": []string{"customer:100042"}, "language": v.Language}, &link); status != 201 {
				t.Fatalf("a link for the login answers %d", status)
			}
			p.Go(link.URL)
			p.Follow("main form button")
			p.Go(door.at + "/" + v.Language + "/choices")
			p.Follow(`button[value="yes:analytics"]`)
			carry := func() {
				p.Go(door.at + "/" + v.Language + "/me")
				p.Follow(`main a.tile[href$="/me/sites"]`)
				p.Accessible()
				p.Picture("sites-" + name)
				if status := p.Follow(`button[name=site]`); status != 200 || !strings.HasPrefix(p.URL(), other.at+"/amana/in/") {
					t.Fatalf("sending leads to %s: %d", p.URL(), status)
				}
				p.Accessible()
				p.Picture("carry-" + name)
				at := p.URL()
				p.Follow(`button[value=take]`)
				if p.URL() != other.at+"/" {
					t.Fatalf("taking leads to %s", p.URL())
				}
				if status := p.Go(at); status != 403 {
					t.Errorf("the used token answers %d", status)
				}
				p.Accessible()
				p.Picture("carried-" + name)
				p.Go(other.at + "/")
			}
			cookieThere := func() string {
				for _, c := range p.Cookies() {
					if c.Name == "amana" && c.Domain == "www.nakheel.test" {
						return c.Value
					}
				}
				return ""
			}
			carry()
			if got := cookieThere(); strings.Count(got, ".") != 4 {
				t.Errorf("after a yes the site's cookie is %q", got)
			}
			if !v.NoScript {
				p.within("the yes counts", `window.amana?.has("analytics") && !amana.has("comfort")`)
				if !slices.Contains(p.settled(), other.at+"/counted.js") {
					t.Error("what has a yes does not run")
				}
				if p.Count(layer) > 0 {
					t.Error("the site asks what was carried")
				}
			}
			p.Go(door.at + "/" + v.Language + "/choices")
			p.Follow(`#everything [data-amana-action=reject]`)
			carry()
			if got := cookieThere(); !strings.HasSuffix(got, ".0") {
				t.Errorf("after a no the site's cookie is %q", got)
			}
			before := len(p.Requests())
			p.Go(other.at + "/")
			if got := p.settled()[before:]; slices.Contains(got, other.at+"/counted.js") || p.Count(layer) > 0 {
				t.Errorf("after a no the site asks, or asks for %q", got)
			}
		})
	}
}
