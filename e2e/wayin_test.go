package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/web"
)

// portal is a public door that sends mails, whose queue the test reads, and asks
// the years before a yes to analytics.
func portal(t *testing.T) (at string, mail func() letter.Letter) {
	t.Helper()
	at, _, mail = portalOf(t)
	return at, mail
}

// portalOf is portal with its store; pages of some other origins may send forms.
func portalOf(t *testing.T, origins ...string) (at string, db *store.DB, mail func() letter.Letter) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	ring, err := keyring.Create(filepath.Join(dir, "keys"), "company.example/log")
	must(err)
	var door http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	db, err = store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "db"), Ring: ring, Create: true, Now: time.Now, Mail: true, PublicURL: s.URL,
		TakeBack: func(l string) (string, string) { return s.URL + "/" + l + "/choices", "by one click" }})
	must(err)
	t.Cleanup(func() { db.Close() })
	src, err := examples.FS.ReadFile("casco-fiber/amana.yaml")
	must(err)
	doc, findings := policy.Read("amana.yaml", []byte(strings.Replace(string(src), "\nchildren:\n", "\nchildren:\n  ask: [analytics]\n", 1)))
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	_, err = db.Publish(t.Context(), doc, nil, "Ellen Pettengill")
	must(err)
	door = web.New(web.Config{Store: db, PublicURL: s.URL, Origins: origins})
	return s.URL, db, func() letter.Letter {
		t.Helper()
		list, err := db.ClaimMail(t.Context(), 10, time.Minute)
		must(err)
		if len(list) != 1 {
			t.Fatalf("%d mails wait", len(list))
		}
		must(db.EndMail(t.Context(), list[0], store.MailSent, nil))
		return list[0].Letter
	}
}

// TestACodeLetsIn walks the way in by a mail, and the question of the years, on a
// phone, with and without script.
func TestACodeLetsIn(t *testing.T) {
	at, mail := portal(t)
	for _, v := range []View{{Phone: true}, {Phone: true, NoScript: true, Dark: true}} {
		for _, language := range []string{"en", "ar"} {
			t.Run(fmt.Sprintf("%s script=%t", language, !v.NoScript), func(t *testing.T) {
				v := v
				v.Language = language
				look := func(p *Page, name string) {
					p.Picture(fmt.Sprintf("wayin-%s-%s-dark=%t", name, language, v.Dark))
					p.Accessible()
					p.Small()
				}
				p := Open(t, at+"/"+language+"/me", v)
				look(p, "ask")
				p.Type("#address", "sara@example.com")
				if status := p.Follow(`form[action$="/me/sign-in"] button`); status != 200 {
					t.Fatalf("asking answers %d", status)
				}
				m := mail()
				look(p, "code")
				wrong := "000000"
				if m.Code == wrong {
					wrong = "000001"
				}
				p.Type("#code", wrong)
				if status := p.Follow(`form[action$="/me/code"] button`); status != 403 {
					t.Errorf("a wrong code answers %d", status)
				}
				look(p, "wrong")
				p.Type("#code", m.Code)
				p.Follow(`form[action$="/me/code"] button`)
				if p.Count(`form[action$="/me/sign-out"]`) != 1 {
					t.Fatalf("the code leads to %s", p.URL())
				}
				p.Go(at + "/" + language + "/choices")
				p.Follow(`button[value="yes:analytics"]`)
				look(p, "years")
				if status := p.Follow(`button[name="born"][value="0"]`); status != 403 {
					t.Errorf("too young answers %d", status)
				}
				look(p, "refused")
			})
		}
	}
}
