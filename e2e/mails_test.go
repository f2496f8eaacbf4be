package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/letter"
	"github.com/amana-privacy/amana/mail"
	"github.com/amana-privacy/amana/mail/mailtest"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// mailRules leaves axe's best practices out: a mail is read inside of another page,
// which has the landmarks.
var mailRules = strings.Replace(axeOptions, `, "best-practice"`, "", 1)

// TestEveryMailIsForEverybody sends a mail of every kind in both languages to a mail
// server, and looks at each as it arrived: on a phone and a desk, light and dark.
func TestEveryMailIsForEverybody(t *testing.T) {
	at, db, _ := portalOf(t)
	sink := mailtest.Start(t)
	engine := mail.New(mail.Config{Store: db, PublicURL: at, From: "privacy@casco.example", Server: mail.Server{Address: sink.Address, Security: mail.Plain}})
	sent := 0
	for _, language := range []string{"en", "ar"} {
		for _, l := range mailtest.Letters(language, time.Now()) {
			var err error
			if sent++; l.Kind == letter.Confirm {
				_, err = db.Submit(t.Context(), store.Submission{Subject: subject.ID("email:" + l.To), Policy: db.InForce().ID, Language: language, Surface: consent.SurfaceForm,
					Choices: []consent.Choice{{Purpose: "newsletter", Decision: consent.Given}}})
			} else {
				_, err = db.Post(t.Context(), l)
			}
			if err != nil {
				t.Fatal(l.Kind, err)
			}
		}
	}
	for n, err := 1, error(nil); n > 0; {
		if n, err = engine.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	arrived := map[string]string{}
	for range sent {
		m := sink.Next(t)
		name, _, _ := strings.Cut(m.To, "@")
		arrived["/"+name] = m.HTML
	}
	shown := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, arrived[r.URL.Path])
	}))
	t.Cleanup(shown.Close)
	views := []View{{Language: "ar", Phone: true, NoScript: true, Dark: true}, {Language: "en", Phone: true, NoScript: true}}
	if os.Getenv("AMANA_SCREENSHOTS") != "" {
		views = append(views, View{Language: "ar"}, View{Language: "en", Dark: true}, View{Language: "ar", Phone: true}, View{Language: "en", Phone: true, Dark: true})
	}
	for _, v := range views {
		t.Run(fmt.Sprintf("%s phone=%t dark=%t", v.Language, v.Phone, v.Dark), func(t *testing.T) {
			t.Parallel()
			p := Open(t, shown.URL+"/", v)
			for _, k := range letter.Kinds() {
				p.Go(fmt.Sprintf("%s/%s.%s", shown.URL, k, v.Language))
				p.Picture(fmt.Sprintf("mail-%s-%s-phone=%t-dark=%t", k, v.Language, v.Phone, v.Dark))
				p.Keeps(mailRules)
				p.Small()
				if dir := p.Attr("html", "dir"); p.Attr("html", "lang") != v.Language || dir != map[string]string{"ar": "rtl", "en": "ltr"}[v.Language] {
					t.Errorf("%s is in %s, %s", k, p.Attr("html", "lang"), dir)
				}
			}
		})
	}
}
