package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"

	"github.com/amana-privacy/amana/store"
)

// TestALinkLetsIn walks what a mail and its link lead to, on a phone, with and
// without script: in by the link in another browser, a yes, a pause and its end, a
// page that asks for more proof, a button that is pressed after the session is
// over, and the question whether the mail was ours.
func TestALinkLetsIn(t *testing.T) {
	at, db, _ := portalOf(t)
	for i, v := range []View{{Language: "ar", Phone: true, NoScript: true}, {Language: "en", Phone: true, Dark: true}} {
		t.Run(fmt.Sprintf("%s script=%t", v.Language, !v.NoScript), func(t *testing.T) {
			address := fmt.Sprintf("huda%d@example.com", i)
			door := at + "/" + v.Language
			look := func(p *Page, name string) {
				t.Helper()
				p.Picture(fmt.Sprintf("link-%s-%s-dark=%t", name, v.Language, v.Dark))
				p.Accessible()
				p.Small()
			}
			asking := Open(t, door+"/me/choices", v)
			asking.Type("#address", address)
			asking.Follow(`form[action$="/me/sign-in"] button`)
			list, err := db.ClaimMail(t.Context(), 10, time.Hour)
			list = slices.DeleteFunc(list, func(m store.Mail) bool { return m.Letter.To != address }) // of the view before
			if err != nil || len(list) != 1 {
				t.Fatalf("%d mails wait: %v", len(list), err)
			}
			mail, code := list[0].Letter, db.MailMark(list[0].ID, list[0].At).Code
			if err := db.EndMail(t.Context(), list[0], store.MailSent, nil); err != nil {
				t.Fatal(err)
			}

			p := Open(t, at+mail.Path, v)
			look(p, "opened")
			if status := p.Follow(`form[action*="/me/link/"] button`); status != http.StatusOK || p.URL() != door+"/me/choices" {
				t.Fatalf("the link leads to %s: %d", p.URL(), status)
			}
			if asking.Go(door + "/me"); asking.Count(`form[action$="/me/sign-out"]`) != 0 {
				t.Error("the browser that only asked is signed in")
			}
			p.Follow(`button[value="yes:a/newsletter"]`)
			if !standing(t, db, address) {
				t.Fatal("a yes from the mailbox itself does not count")
			}
			p.Click("#p-newsletter details summary")
			look(p, "pause")
			if status := p.Follow(`#p-newsletter button[name="pause"]`); status != http.StatusOK || standing(t, db, address) {
				t.Errorf("pausing answers %d", status)
			}
			look(p, "paused")
			p.Follow(`#p-newsletter a[href$="/me/requests"]`)
			p.Follow("main li.card h3 a")
			if status := p.Follow(`button[value="cancel"]`); status != http.StatusOK || !standing(t, db, address) {
				t.Errorf("ending the pause answers %d", status)
			}
			if status := p.Go(door + "/me/take"); status != http.StatusForbidden {
				t.Errorf("one mailbox alone takes everything away: %d", status)
			}
			look(p, "more")

			p.Go(door + "/me/choices")
			call(p, network.ClearBrowserCookies, cdp.Empty{})
			if status := p.Follow(`main button[value="reject"]`); status != http.StatusOK || p.Count("[role=alert]") != 1 || !standing(t, db, address) {
				t.Errorf("a button after the end of the session leads to %s: %d", p.URL(), status)
			}
			look(p, "unsaved")

			for given, ours := range map[string]bool{address: true, "omar@example.com": false} {
				p.Go(door + "/verify#mail")
				p.Type("[name=code]", code)
				p.Type("[name=email]", given)
				p.Follow(`form[action*="/verify/mail"] button`)
				if yes, no := p.Count("#mail + [role=status]"), p.Count("#miss"); (yes == 1) != ours || yes+no != 1 {
					t.Errorf("asked by %s, the page answers %d times yes, %d times no", given, yes, no)
				}
				look(p, fmt.Sprintf("verified-%t", ours))
			}
		})
	}
}
