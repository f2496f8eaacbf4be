package e2e

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/web"
)

// TestHowOftenIsChosenInABrowser says yes to something that is offered in several
// frequencies, and chooses one, with and without script.
func TestHowOftenIsChosenInABrowser(t *testing.T) {
	dir := t.TempDir()
	ring, err := keyring.Create(filepath.Join(dir, "keys"), "company.example/log")
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "db"), Ring: ring, Create: true, Now: time.Now,
		TakeBack: func(l string) (string, string) { return "https://privacy.example/" + l + "/choices", "by one click" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	src, err := examples.FS.ReadFile("casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := policy.Read("amana.yaml", []byte(strings.Replace(string(src), "\n  comfort:\n", "\n  comfort:\n    frequency: [daily, weekly, monthly]\n", 1)))
	if _, err := db.Publish(t.Context(), doc, nil, "Ellen Pettengill"); err != nil {
		t.Fatal(err)
	}
	var door http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	door = web.New(web.Config{Store: db, PublicURL: s.URL})
	for _, v := range []View{{Phone: true, Language: "ar", Dark: true, NoScript: true}, {Language: "en"}} {
		p := Open(t, s.URL+"/"+v.Language+"/choices", v)
		if p.Count(`button[value="yes:comfort@monthly"]`) != 0 {
			t.Error("how often is asked before there is a yes")
		}
		p.Follow(`button[value="yes:comfort"]`)
		p.Follow(`button[value="yes:comfort@monthly"]`)
		if p.Count(`button[value="yes:comfort@monthly"][aria-pressed="true"]`) != 1 || p.Count(`button[aria-pressed="true"]`) != 1 {
			t.Error("what was chosen does not show")
		}
		p.Picture("often-" + v.Language)
		p.Accessible()
	}
}
