// Package web is the public door: the pages that customers see, in each
// language of the policy, and the few addresses beside them that programs read.
//
// The pages carry the company's name, logo and colour. They need no script,
// ask for nothing but themselves, and a GET changes nothing.
package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/amana-privacy/amana/store"
)

// Config is what the door needs.
type Config struct {
	Store     *store.DB
	PublicURL string           // where customers reach the door: https://privacy.example.com
	Log       *slog.Logger     // nil: nothing is logged
	Now       func() time.Time // nil: time.Now

	Logo     []byte // of the company, nil if it has none
	LogoType string // image/svg+xml or image/png

	// LinkKey seals the short-lived links to receipts. Servers that share their
	// customers share the key; zero makes a key for this process.
	LinkKey [32]byte

	// TrustedProxies may say for whom they speak in X-Forwarded-For. Such a
	// header from anybody else is ignored.
	TrustedProxies []netip.Prefix
}

// site is the door. It is safe for concurrent use.
type site struct {
	Config
	links   links
	logo    string // path, "" without a logo
	limits  *limits
	current atomic.Pointer[edition]
}

// New makes the door.
func New(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.LinkKey == [32]byte{} {
		rand.Read(c.LinkKey[:]) // never fails, by its contract
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	s := &site{Config: c, links: newLinks(c.LinkKey), limits: newLimits(c.TrustedProxies)}
	if len(c.Logo) > 0 {
		sum := sha256.Sum256(c.Logo)
		s.logo = "/assets/logo-" + hex.EncodeToString(sum[:6]) + map[string]string{"image/svg+xml": ".svg", "image/png": ".png"}[c.LogoType]
	}
	return s.middleware(s.routes())
}

// routes is the one list of addresses.
func (s *site) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, l := range []string{"en", "ar"} { // those that have words; the policy says which are declared
		s.page(mux, l, "/{$}", get(s.home))
		s.page(mux, l, "/policy", get(s.policy))
		s.page(mux, l, "/policy/changes", get(s.changes))
		s.page(mux, l, "/policy/{version}", get(s.pastPolicy))
		s.page(mux, l, "/choices", get(s.choices), post(s.choose))
		s.page(mux, l, "/contact", get(s.contact))
		s.page(mux, l, "/verify", get(s.verify), post(s.verifyFile))
		s.page(mux, l, "/receipt/{token}", get(s.receipt))
		s.page(mux, l, "/receipt/{token}/json", get(s.receiptFile))
		s.page(mux, l, "/receipt/{token}/proof", get(s.proofFile))
		s.page(mux, l, "/footer.html", get(s.footer))
	}
	for _, bare := range []string{"/{$}", "/policy", "/policy/changes", "/policy/{version}", "/choices", "/contact", "/verify"} {
		mux.Handle(bare, s.serve("", get(s.byLanguage)))
	}
	mux.Handle("/policy.jsonld", s.serve("", get(s.jsonld)))
	mux.Handle("/.well-known/gpc.json", s.serve("", get(s.gpc)))
	s.logRoutes(mux)
	mux.Handle("/v1/choices", s.json(s.chooseJSON))
	if s.logo != "" {
		mux.Handle(s.logo, s.serve("", get(s.logoFile)))
	}
	mux.Handle("/", s.serve("", get(s.nothing)))
	return mux
}

func (s *site) page(mux *http.ServeMux, language, path string, m ...method) {
	mux.Handle("/"+language+path, s.serve(language, m...))
}

// origin is where the door's own pages come from, for the check of where a
// form was sent from; "" where PublicURL is none.
func (s *site) origin() string {
	u, err := url.Parse(s.PublicURL)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (s *site) secure() bool { return strings.HasPrefix(s.PublicURL, "https://") }
