package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/store"
)

// TestASecondAddressIsAddedAndUndone walks from the list of one's addresses over
// the code to the list of two, and takes the second away by the link that the
// first was sent: on a phone and at a desk, with and without script.
func TestASecondAddressIsAddedAndUndone(t *testing.T) {
	at, db, mail := portalOf(t)
	told := func(t *testing.T, to string) (one letter.Letter) {
		t.Helper()
		list, err := db.ClaimMail(t.Context(), 10, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			if m.Letter.To == to {
				one = m.Letter
			}
			if err := db.EndMail(t.Context(), m, store.MailSent, nil); err != nil {
				t.Fatal(err)
			}
		}
		if len(list) != 2 || one.Path == "" {
			t.Fatalf("%d mails tell of it", len(list))
		}
		return one
	}
	for i, v := range []View{{Phone: true}, {Phone: true, NoScript: true, Dark: true}, {}} {
		for _, language := range []string{"en", "ar"} {
			if !v.Phone && language == "ar" {
				continue // one address of the network asks ten times at most
			}
			t.Run(fmt.Sprintf("%s phone=%t script=%t", language, v.Phone, !v.NoScript), func(t *testing.T) {
				v := v
				v.Language = language
				look := func(p *Page, name string) {
					p.Picture(fmt.Sprintf("identifiers-%s-%s-phone=%t-dark=%t", name, language, v.Phone, v.Dark))
					p.Accessible()
					p.Small()
				}
				first, second := fmt.Sprintf("sara%d%s@example.com", i, language), fmt.Sprintf("work%d%s@example.org", i, language)
				p := Open(t, at+"/"+language+"/me", v)
				p.Type("#address", first)
				p.Follow(`form[action$="/me/sign-in"] button`)
				p.Type("#code", mail().Code)
				p.Follow(`form[action$="/me/code"] button`)
				p.Go(at + "/" + language + "/me/identifiers")
				look(p, "one")
				p.Type("#address", second)
				if status := p.Follow(`section form[action$="/me/identifiers"] button`); status != 200 {
					t.Fatalf("adding answers %d", status)
				}
				look(p, "code")
				p.Type("#code", mail().Code)
				if status := p.Follow(`form[action$="/me/code"] button`); status != 200 || p.URL() != at+"/"+language+"/me/identifiers" {
					t.Fatalf("the code leads to %s: %d", p.URL(), status)
				}
				look(p, "two")
				if n := p.Count(`button[name="remove"]`); n != 2 {
					t.Errorf("%d may be taken away", n)
				}
				p.Go(at + "/" + language + "/me/take")
				look(p, "more")
				p.Go(at + told(t, first).Path)
				look(p, "undo")
				if status := p.Follow(`form[action*="/me/undo/"] button`); status != 200 {
					t.Errorf("undoing answers %d", status)
				}
				look(p, "undone")
				told2, err := db.ClaimMail(t.Context(), 10, time.Minute)
				if err != nil || len(told2) != 2 {
					t.Fatalf("%d mails tell of its end, %v", len(told2), err)
				}
				for _, m := range told2 {
					if err := db.EndMail(t.Context(), m, store.MailSent, nil); err != nil {
						t.Fatal(err)
					}
				}
				p.Go(at + "/" + language + "/me/identifiers")
				if n := p.Count(`button[name="remove"]`); n != 0 {
					t.Errorf("%d are still linked", n)
				}
			})
		}
	}
}
