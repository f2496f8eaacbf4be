package e2e

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/amana-privacy/amana/banner"
)

// TestTheScriptByAFixedAddress is included with its digest: it asks a visitor who has
// no answer, and leads one who has to the script of their own.
func TestTheScriptByAFixedAddress(t *testing.T) {
	s := SharedSite(t)
	resp, err := http.Get(s.Public + "/amana.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var m banner.Manifest
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil {
		t.Fatal(err)
	}
	in := m.Scripts["en"]
	p := Open(t, s.page("fixed", nil, head+`<script src="`+s.Public+in.Path+`" integrity="`+in.Integrity+`" crossorigin></script>`+s.waiting()+`<body><main><h1>A page</h1></main></body></html>`), View{})
	p.shows(layer)
	s.asks(p, 0, nil)
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
