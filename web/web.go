// Package web is the public door: the pages that customers see, in each
// language of the policy, and the few addresses beside them that programs read.
//
// The pages carry the company's name, logo and colour. They need no script but
// for passkeys, which are one way in beside another; they ask for nothing but
// themselves, and a GET changes nothing.
package web

import (
	"cmp"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/amana-privacy/amana/edge"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
)

// Config is what the door needs.
type Config struct {
	Store     *store.DB
	PublicURL string           // where customers reach the door: https://privacy.example.com
	Log       *slog.Logger     // nil: nothing is logged
	Now       func() time.Time // nil: time.Now

	// Logo gives the company's logo of the moment, nil if it has none. It is
	// asked at every request, from several goroutines: the pages change as soon
	// as it gives another pointer. A nil func is no logo.
	Logo func() *Logo

	// Origins are further origins whose pages may send answers, beside the sites
	// that the policy in force names: for trying a site before it is published.
	Origins []string

	// SMS sends text messages, so that a person may prove a number; nil: none.
	SMS SendSMS

	// LinkKey seals the short-lived links to receipts. Servers that share their
	// customers share the key; zero makes a key for this process.
	LinkKey [32]byte

	// TrustedProxies may say for whom they speak in X-Forwarded-For. Such a
	// header from anybody else is ignored.
	TrustedProxies []netip.Prefix

	// InFlight is how many requests are worked on at once; 256 if 0. Others wait
	// for a place for up to two seconds.
	InFlight int
	// Timeout ends a request that takes longer; 30 seconds if 0. An answer that
	// is being written is written nonetheless.
	Timeout time.Duration
}

// Logo is a picture as it is served. It is read-only once given.
type Logo struct {
	Data []byte
	Type string // image/svg+xml or image/png
}

// site is the door. It is safe for concurrent use.
type site struct {
	Config
	links    links
	sessions sessions
	limits   *limits
	views    *limits // of what is only counted: who looks takes nothing from who answers
	asks     *limits // of messages to be sent
	signs    *limits // of addresses to be signed up
	keys     *passkeys
	places   edge.Places
	uploads  edge.Places // of their own, because a file takes time to arrive
	current  atomic.Pointer[edition]
	making   sync.Mutex // an edition
	outage   edge.Outage
}

// New makes the door.
func New(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logo == nil {
		c.Logo = func() *Logo { return nil }
	}
	c.InFlight, c.Timeout = cmp.Or(c.InFlight, 256), cmp.Or(c.Timeout, 30*time.Second)
	if c.LinkKey == [32]byte{} {
		rand.Read(c.LinkKey[:]) // never fails, by its contract
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	s := &site{Config: c, links: newLinks(c.LinkKey), sessions: newSessions(c.Store, strings.HasPrefix(c.PublicURL, "https://"), c.Now), limits: newLimits(c.TrustedProxies), views: newLimits(c.TrustedProxies), asks: newLimits(c.TrustedProxies).slower(asksPerSecond, asksAtOnce),
		signs: newLimits(c.TrustedProxies).slower(signsPerSecond, signsAtOnce),
		keys:  newPasskeys(c.PublicURL, c.TrustedProxies), places: edge.NewPlaces(c.InFlight), uploads: edge.NewPlaces(max(1, c.InFlight/16))}
	return s.middleware(s.routes())
}

// routes is the one list of addresses.
func (s *site) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, l := range lang.Tags() { // those that have words; the policy says which are declared
		s.page(mux, l, "", get(s.bareHome))
		s.page(mux, l, "/{$}", get(s.home))
		s.page(mux, l, "/policy", get(s.policy))
		s.page(mux, l, "/policy/at/{block}", get(s.policy))
		s.page(mux, l, "/policy/changes", get(s.changes))
		s.page(mux, l, "/policy/{version}", get(s.pastPolicy))
		s.page(mux, l, "/policy/{version}/at/{block}", get(s.pastPolicy))
		s.page(mux, l, "/policy-file/{version}", get(s.wholePolicy))
		s.page(mux, l, "/choices", get(s.choices), post(s.choose))
		s.page(mux, l, "/contact", get(s.contact))
		s.page(mux, l, "/verify", get(s.verify), post(s.verifyFile))
		s.privatePages(mux, l)
		s.page(mux, l, "/verify/mail", post(s.verifyMail))
		s.page(mux, l, "/receipt/{token}", get(s.receipt))
		s.page(mux, l, "/receipt/{token}/json", get(s.receiptFile))
		s.page(mux, l, "/receipt/{token}/proof", get(s.proofFile))
		s.page(mux, l, "/c/{token}", get(s.confirmPage), post(s.confirm))
		s.page(mux, l, "/parent", post(s.askParent))
		s.page(mux, l, "/parent/{token}", get(s.parentPage), post(s.parentSigns))
		s.page(mux, l, "/p/{token}", get(s.permissionPage), post(s.permissionMoves))
		s.page(mux, l, "/u/{token}", get(s.leavePage), post(s.leave))
		s.page(mux, l, "/footer.html", get(s.footer))
		s.page(mux, l, "/banner.html", get(s.noScriptForm))
	}
	for _, bare := range []string{"/{$}", "/policy", "/policy/changes", "/policy/{version}", "/choices", "/contact", "/verify", "/me", "/me/requests/{id}"} {
		mux.Handle(bare, s.serve("", get(s.byLanguage)))
	}
	mux.Handle("/policy.jsonld", s.serve("", get(s.jsonld)))
	mux.Handle("/.well-known/gpc.json", s.serve("", get(s.gpc)))
	mux.Handle("/.well-known/change-password", s.serve("", get(s.changePassword)))
	mux.Handle("/amana.js", s.serve("", get(s.bannerScript)))
	mux.Handle("/amana/{file}", s.serve("", get(s.bannerFile)))
	mux.Handle("/amana/in/{token}", s.serve("", get(s.carry), post(s.take)))
	mux.Handle("/amana-gpp.js", s.serve("", get(s.bannerPlatform)))
	mux.Handle("/amana.json", s.serve("", get(s.bannerManifest)))
	mux.Handle("/amana-nginx.conf", s.serve("", get(s.bannerNginx)))
	mux.Handle("/amana.d.ts", s.serve("", get(s.bannerTypes)))
	s.logRoutes(mux)
	mux.Handle("/c/{token}", s.serve("", get(s.confirmPage), post(s.confirm)))
	mux.Handle("/parent/{token}", s.serve("", get(s.parentPage), post(s.parentSigns)))
	mux.Handle("/p/{token}", s.serve("", get(s.permissionPage), post(s.permissionMoves)))
	mux.Handle("/u/{token}", s.serve("", get(s.leavePage), post(s.leave)))
	mux.Handle("/v1/subscriptions", s.serve("", post(s.subscribe)))
	mux.Handle("/v1/choices", s.json(s.chooseJSON))
	mux.Handle("/v1/shown", s.json(s.shown))
	mux.Handle("/assets/{file}", s.serve("", get(s.asset)))
	mux.Handle("/", s.serve("", get(s.nothing)))
	return mux
}

// privatePages are those of a customer who is signed in, and the ways in.
func (s *site) privatePages(mux *http.ServeMux, l string) {
	s.page(mux, l, "/me", get(s.start))
	s.page(mux, l, "/me/sessions", get(s.me(policy.ActComplaint, s.sessionList)), post(s.me(policy.ActComplaint, s.endSessions)))
	s.page(mux, l, "/me/sites", get(s.me(policy.ActComplaint, s.meSites)), post(s.me(policy.ActComplaint, s.meCarry)))
	s.page(mux, l, "/me/sign-in", post(s.signIn))
	s.page(mux, l, "/me/code", get(s.code), post(s.tryCode))
	s.page(mux, l, "/me/link/{token}", get(s.link), post(s.useLink))
	s.page(mux, l, "/me/sign-out", post(s.signOut))
	s.page(mux, l, "/me/in/{token}", get(s.handOver), post(s.enter))
	s.page(mux, l, "/me/identifiers", get(s.me(policy.ActComplaint, s.identifiers)), post(s.me(policy.ActComplaint, s.changeIdentifiers)))
	s.page(mux, l, "/me/undo/{token}", get(s.undoPage), post(s.undo))
	s.passkeyPages(func(path string, m ...method) { s.page(mux, l, path, m...) })
	s.homePages(func(path string, m ...method) { s.page(mux, l, path, m...) })
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
