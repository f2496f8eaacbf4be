package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/amana-privacy/amana/banner"
)

// TestTheScriptByAFixedAddress is included with its digest: it asks a visitor who has
// no answer, and leads one who has to the script of their own.
func TestTheScriptByAFixedAddress(t *testing.T) {
	s := SharedSite(t)
	in := s.fixed(t)
	p := Open(t, s.page("fixed", nil, head+`<script src="`+s.Public+in.Path+`" integrity="`+in.Integrity+`" crossorigin></script>`+s.waiting()+`<body><main><h1>A page</h1></main></body></html>`), View{})
	p.shows(layer)
	if got := s.third(p.settled()); len(got) > 0 {
		t.Errorf("asked for %q", got)
	}
	if Eval[bool](p, `performance.getEntriesByType("resource").some(e => e.name.includes("/amana.js"))`) {
		t.Error("a visitor without an answer loads a second script")
	}
	p.Click(layer + " [data-amana-action=accept]")
	p.within("the yes counts", `amana.has("analytics")`)
	p.settled()
	n := len(p.Requests())
	p.Go(p.URL())
	p.within("their own script counts the yes", `window.amana && amana.has("analytics")`)
	s.asks(p, n, []string{s.Stats + "/script.js"})
	if p.Count(layer) > 0 || !Eval[bool](p, `performance.getEntriesByType("resource").some(e => e.name.endsWith("/amana.js?lang=en"))`) {
		t.Error("who has an answer is asked again, or loads no script of their own")
	}
}

// fixed gives the script that never changes.
func (s *Site) fixed(t *testing.T) banner.Subresource {
	t.Helper()
	resp, err := http.Get(s.Public + "/amana.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var m banner.Manifest
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m.Scripts["en"]
}

// TestTheScriptByAFixedAddressUnderTrustedTypes leads who has an answer to the script of
// their own, whether or not the page lists who may make policies; the harness fails the
// test for every complaint of the browser.
func TestTheScriptByAFixedAddressUnderTrustedTypes(t *testing.T) {
	s := SharedSite(t)
	for name, list := range map[string]string{"any": "", "listed": "; trusted-types amana amana=1"} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{"Content-Security-Policy": {fmt.Sprintf("default-src 'none'; img-src data:; script-src 'nonce-abc' 'strict-dynamic'; style-src 'nonce-abc'; connect-src %s; require-trusted-types-for 'script'%s", s.Public, list)}}
			in := s.fixed(t)
			at := s.page("fixed-"+name, header, head+`<script nonce="abc" src="`+s.Public+in.Path+`" integrity="`+in.Integrity+`" crossorigin></script><body><main><h1>A page</h1></main></body></html>`)
			p := Open(t, at, View{})
			p.shows(layer)
			p.Click(layer + " [data-amana-action=accept]")
			p.within("the yes counts", `amana.has("analytics")`)
			p.settled()
			p.Go(at)
			p.within("their own script counts the yes", `window.amana && amana.has("analytics")`)
			p.Click(wayBack + " [data-amana=choices]") // and the questions come
			p.shows(dialog)
		})
	}
}
