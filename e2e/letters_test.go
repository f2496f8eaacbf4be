package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// signUp is a form on a page of the company's own site.
const signUp = `<!doctype html><html lang="%[1]s" dir="%[2]s"><head><meta charset="utf-8"><title>Sign up</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width,initial-scale=1"></head><body><main><h1>Sign up</h1>
<form method="post" action="%[3]s/v1/subscriptions"><input type="hidden" name="purpose" value="newsletter"><input type="hidden" name="version" value="%[4]s">
<input type="hidden" name="language" value="%[1]s"><label>E-mail <input name="email" type="email"></label> <button>OK</button></form></main></body></html>`

// steps counts what it takes of a person.
type steps struct{ pages, clicks, keys int }

func (s *steps) go_(p *Page, url string) { p.Go(url); s.pages++ }

func (s *steps) follow(p *Page, selector string) {
	p.t.Helper()
	if status := p.Follow(selector); status != http.StatusOK {
		p.t.Fatalf("%s leads to %s: %d", selector, p.URL(), status)
	}
	s.pages, s.clicks = s.pages+1, s.clicks+1
}

func (s *steps) write(p *Page, selector, keys string) {
	p.t.Helper()
	p.Type(selector, keys)
	s.keys += len(keys)
}

// TestInAndOutByMail signs up on the company's site, confirms by the mail, and
// leaves by the link of a mail; taking it back never needs more pages, clicks or
// keys.
func TestInAndOutByMail(t *testing.T) {
	var at, version string
	company := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		language := r.URL.Path[1:]
		fmt.Fprintf(w, signUp, language, map[string]string{"ar": "rtl", "en": "ltr"}[language], at, version)
	}))
	defer company.Close()
	door, db, mail := portalOf(t, company.URL)
	at, version = door, string(db.InForce().ID)
	for i, v := range []View{{Language: "ar", Phone: true, NoScript: true}, {Language: "en", Phone: true, Dark: true}} {
		t.Run(fmt.Sprintf("%s phone=%t script=%t", v.Language, v.Phone, !v.NoScript), func(t *testing.T) {
			look := func(p *Page, name string) {
				t.Helper()
				p.Picture(fmt.Sprintf("letters-%s-%s-phone=%t-dark=%t", name, v.Language, v.Phone, v.Dark))
				p.Accessible()
				p.Small()
				if dir := p.Attr("html", "dir"); p.Attr("html", "lang") != v.Language || dir != map[string]string{"ar": "rtl", "en": "ltr"}[v.Language] {
					t.Errorf("%s is in %s, %s", p.URL(), p.Attr("html", "lang"), dir)
				}
			}
			address := fmt.Sprintf("sara%d@example.com", i)
			var in, out steps
			p := Open(t, company.URL+"/"+v.Language, v)
			in.pages++
			in.write(p, "input[name=email]", address)
			in.follow(p, "form button")
			look(p, "answer")
			if strings.Contains(p.Text("main"), address) {
				t.Error("the answer repeats the address")
			}
			m := mail()
			in.go_(p, at+m.Path)
			look(p, "confirm")
			if standing(t, db, address) {
				t.Fatal("opening the link confirms")
			}
			in.follow(p, "main form button")
			look(p, "confirmed")
			if !standing(t, db, address) {
				t.Fatal("the button does not confirm")
			}
			leave := at + "/u/" + m.Leave
			out.go_(p, leave)
			look(p, "leave")
			if !standing(t, db, address) {
				t.Fatal("opening the link takes it back")
			}
			out.follow(p, "main form button")
			look(p, "left")
			if standing(t, db, address) {
				t.Fatal("the button takes nothing back")
			}
			t.Logf("in: %+v, out: %+v", in, out)
			if out.pages > in.pages || out.clicks > in.clicks || out.keys > in.keys || out.keys > 0 || out.clicks != 1 {
				t.Errorf("in takes %+v, out %+v", in, out)
			}
			for _, c := range p.Cookies() {
				t.Errorf("the links of a mail set %s", c.Name)
			}
			p.Go(at + "/c/" + strings.TrimPrefix(m.Path, "/c/")) // used
			look(p, "over")
		})
	}
}

// standing reports whether the newsletter may go to an address.
func standing(t *testing.T, db *store.DB, address string) bool {
	t.Helper()
	a, err := db.Decide(t.Context(), subject.ID("email:"+address), decision.Question{Purpose: "newsletter"})
	if err != nil {
		t.Fatal(err)
	}
	return a.Allowed
}
