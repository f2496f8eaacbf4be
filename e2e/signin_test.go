package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// wayIn asks the company door for a link of somebody who is signed in there.
func (d *Demo) wayIn(t testing.TB, language string, subjects ...string) string {
	t.Helper()
	var a struct{ URL string }
	if status := d.Post(t, "/v1/portal-links", map[string]any{"subjects": subjects, "language": language}, &a); status != 201 {
		t.Fatalf("the hand-over answers %d", status)
	}
	return a.URL
}

// TestACustomerComesIn walks from the company's login to the list of sessions
// and out again, on a phone, with and without script.
func TestACustomerComesIn(t *testing.T) {
	d := SharedDemo(t)
	for _, v := range []View{{Phone: true}, {Phone: true, NoScript: true, Dark: true}, {}} {
		for _, language := range []string{"en", "ar"} {
			t.Run(fmt.Sprintf("%s phone=%t script=%t", language, v.Phone, !v.NoScript), func(t *testing.T) {
				v := v
				v.Language = language
				picture := func(p *Page, name string) {
					p.Picture(fmt.Sprintf("signin-%s-%s-phone=%t-dark=%t", name, language, v.Phone, v.Dark))
					p.Accessible()
					p.Small()
				}
				p := Open(t, d.Public+"/"+language+"/me/sessions", v)
				if want := d.Public + "/" + language + "/me?to=%2Fme%2Fsessions"; p.URL() != want {
					t.Errorf("who is not signed in is led to %s", p.URL())
				}
				picture(p, "way")
				link := d.wayIn(t, language, "customer:100042")
				p.Go(link)
				picture(p, "pass")
				if status := p.Follow(`form[action*="/me/in/"] button`); status != 200 || p.URL() != d.Public+"/"+language+"/me" {
					t.Fatalf("the button leads to %s: %d", p.URL(), status)
				}
				picture(p, "start")
				if !strings.Contains(p.Text("main"), "42") || strings.Contains(p.Text("main"), "100042") {
					t.Error("the start does not say who is signed in, masked")
				}
				for _, c := range p.Cookies() {
					if c.Name == "me" && !c.HTTPOnly {
						t.Error("script reads the session")
					}
				}
				p.Go(d.Public + "/" + language + "/me/sessions")
				picture(p, "sessions")
				if status := p.Go(link); status != 403 {
					t.Errorf("the used link answers %d", status)
				}
				picture(p, "over")
				p.Go(d.Public + "/" + language + "/me")
				p.Follow(`form[action$="/me/sign-out"] button`)
				if p.Count(`form[action$="/me/sign-out"]`) != 0 {
					t.Error("still signed in after signing out")
				}
			})
		}
	}
}
