package web

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/amana-privacy/amana/notice"
)

// What programs fetch: the policy as data, the logo, the footer for the
// company's own pages.

func (s *site) jsonld(v *visit) error {
	body, err := json.Marshal(notice.DPV(v.version, s.PublicURL))
	if err != nil {
		return err
	}
	v.Header().Set("Access-Control-Allow-Origin", "*")
	v.write(200, shortly, "application/ld+json", append(body, '\n'))
	return nil
}

// gpc says that the signal of Global Privacy Control is heeded here (w3c/gpc).
func (s *site) gpc(v *visit) error {
	v.write(200, shortly, "application/json", []byte(`{"gpc":true,"lastUpdate":"`+v.version.Published.UTC().Format(time.DateOnly)+"\"}\n"))
	return nil
}

func (s *site) logoFile(v *visit) error {
	v.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	v.write(200, forever, s.LogoType, s.Logo)
	return nil
}

type footerPart struct {
	base
	Base string // address of the door
}

// footer is a piece of HTML with every way to reach the company and to the
// pages here, to be put into the company's own pages by their server.
func (s *site) footer(v *visit) error {
	var b bytes.Buffer
	if err := v.pages["footer"].ExecuteTemplate(&b, "footer", footerPart{v.base, s.PublicURL}); err != nil {
		return err
	}
	v.write(200, shortly, "text/html; charset=utf-8", b.Bytes())
	return nil
}
