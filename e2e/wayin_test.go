package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
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
	var door http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	src := strings.Replace(storetest.Source(t, "casco-fiber"), "\nchildren:\n", "\nchildren:\n  ask: [analytics]\n", 1)
	db = storetest.Open(t, src, func(c *store.Config) { c.Mail, c.PublicURL = true, s.URL })
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
