package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amana-privacy/amana/fulfil"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/request"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
	"github.com/amana-privacy/amana/web"
)

// family is a public door whose policy asks parents, and whose clock can be set
// forward.
type family struct {
	t     *testing.T
	at    string
	db    *store.DB
	ahead atomic.Int64
}

func (f *family) now() time.Time { return time.Now().Add(time.Duration(f.ahead.Load())) }

func newFamily(t *testing.T) *family {
	t.Helper()
	f := &family{t: t}
	var door http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	f.at = s.URL
	src := strings.Replace(storetest.Source(t, "casco-fiber"), "\nchildren:\n  minimum_age: 16\n  below: refuse\n", "\nchildren:\n  ask: [ad_measurement]\n  minimum_age: 16\n  below: parent\n", 1)
	f.db = storetest.Open(t, src, func(c *store.Config) { c.Now, c.Mail, c.PublicURL = f.now, true, s.URL })
	door = web.New(web.Config{Store: f.db, PublicURL: s.URL, Now: f.now})
	return f
}

// mail gives the one mail that waits.
func (f *family) mail(kind letter.Kind) letter.Letter {
	f.t.Helper()
	list, err := f.db.ClaimMail(f.t.Context(), 10, time.Minute)
	if err != nil || len(list) != 1 || list[0].Letter.Kind != kind {
		f.t.Fatalf("%d mails wait, %v", len(list), err)
	}
	if err := f.db.EndMail(f.t.Context(), list[0], store.MailSent, nil); err != nil {
		f.t.Fatal(err)
	}
	return list[0].Letter
}

// TestAParentPermitsInABrowser walks a family's way on a phone and at a desk, with
// and without script.
func TestAParentPermitsInABrowser(t *testing.T) {
	for _, v := range []View{{Phone: true, Language: "en"}, {Phone: true, NoScript: true, Dark: true, Language: "ar"}, {Language: "ar"}, {Dark: true, Language: "en"}} {
		t.Run(fmt.Sprintf("%s phone=%t", v.Language, v.Phone), func(t *testing.T) {
			f, l := newFamily(t), v.Language
			look := func(p *Page, name string) {
				t.Helper()
				p.Picture(fmt.Sprintf("parent-%s-%s-phone=%t-dark=%t", name, l, v.Phone, v.Dark))
				p.Accessible()
				if wire := p.Wire(); wire > 30_000 {
					t.Errorf("%s: %d bytes on the wire", p.URL(), wire)
				}
			}
			child := Open(t, f.at+"/"+l+"/choices", v)
			child.Follow(`button[value="yes:ad_measurement"]`)
			if status := child.Follow(`button[name="born"][value="0"]`); status != 403 {
				t.Errorf("too young answers %d", status)
			}
			look(child, "ask")
			child.Type("#parent", "huda@example.com")
			child.Follow(`form[action$="/parent"] button`)
			look(child, "asked")
			parent := Open(t, f.at+"/"+l+f.mail(letter.Parent).Path, v)
			look(parent, "question")
			if parent.Count(`input[type="checkbox"]`) != 3 || parent.Count("input:checked") != 0 {
				t.Error("a purpose, a third party and a declaration are asked, and none is ticked")
			}
			if status := parent.Follow(`button[value="sign"]`); status != 422 {
				t.Errorf("nothing ticked answers %d", status)
			}
			look(parent, "wrong")
			for _, box := range []string{`input[name="purpose"]`, `input[name="recipient"]`, "#guardian"} {
				parent.Click(box)
			}
			parent.Type("#grown", fmt.Sprint(time.Now().Year()+3))
			parent.Type("#name", "هدى حداد")
			if status := parent.Follow(`button[value="sign"]`); status != 200 {
				t.Fatalf("signing answers %d", status)
			}
			look(parent, "signed")
			f.ahead.Add(int64(request.SecondAfter))
			if _, err := (&fulfil.Engine{Store: f.db}).Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			parent.Go(f.at + "/" + l + f.mail(letter.Again).Path)
			look(parent, "second")
			parent.Follow(`button[value="permit"]`)
			look(parent, "permitted")
			child.Go(f.at + "/" + l + "/choices")
			look(child, "heard")
			f.ahead.Store(0) // sessions end by the clock of the machine
			parent.Go(f.at + "/" + l + "/me")
			parent.Type("#address", "huda@example.com")
			parent.Follow(`form[action$="/me/sign-in"] button`)
			parent.Type("#code", f.mail(letter.SignIn).Code)
			parent.Follow(`form[action$="/me/code"] button`)
			parent.Go(f.at + "/" + l + "/me/children")
			look(parent, "children")
			parent.Follow(`button[name="end"]`)
			look(parent, "ended")
			child.Go(f.at + "/" + l + "/choices")
			look(child, "over")
		})
	}
}
