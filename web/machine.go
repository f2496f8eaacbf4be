package web

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/notice"
)

// What programs fetch: the policy as data, the logo, the footer for the
// company's own pages.

func (s *site) jsonld(v *visit) error {
	b, err := v.once("jsonld", func() ([]byte, error) {
		raw, err := json.Marshal(notice.DPV(v.version, s.PublicURL))
		return append(raw, '\n'), err
	})
	if err != nil {
		return err
	}
	v.Header().Set("Access-Control-Allow-Origin", "*")
	v.send(200, shortly, "application/ld+json", b)
	return nil
}

// gpc says that the signal of Global Privacy Control is heeded here (w3c/gpc).
func (s *site) gpc(v *visit) error {
	v.write(200, shortly, "application/json", []byte(`{"gpc":true,"lastUpdate":"`+v.version.Published.UTC().Format(time.DateOnly)+"\"}\n"))
	return nil
}

// asset serves what the pages load: the sheet, and the logo and the script of
// passkeys under the address of their bytes.
func (s *site) asset(v *visit) error {
	if strings.HasSuffix(v.URL.Path, ".css") {
		return s.sheet(v)
	}
	if v.URL.Path == passkeyScript.path {
		v.write(200, forever, "text/javascript; charset=utf-8", passkeyScript.source)
		return nil
	}
	for _, m := range []*mark{v.ed.logo, v.ed.former} {
		if m != nil && m.path == v.URL.Path {
			v.showLogo(m.Logo)
			return nil
		}
	}
	return fault.New(fault.Unknown, "no such picture")
}

func (v *visit) showLogo(l *Logo) {
	v.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	v.write(200, forever, l.Type, l.Data)
}

type footerPart struct {
	base
	Base string // address of the door
}

// footer is a piece of HTML with every way to reach the company and to the
// pages here, to be put into the company's own pages by their server.
func (s *site) footer(v *visit) error {
	b, err := v.once("footer", func() ([]byte, error) {
		var b bytes.Buffer
		err := v.pages.lookup("footer").ExecuteTemplate(&b, "footer", footerPart{v.base, s.PublicURL})
		return b.Bytes(), err
	})
	if err != nil {
		return err
	}
	v.send(200, shortly, "text/html; charset=utf-8", b)
	return nil
}
