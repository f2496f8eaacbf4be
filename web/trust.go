package web

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/amana-privacy/amana/policy"
)

// The company's own sites may send answers from their pages: those that the
// policy in force names, each by its exact origin, and those that the server's
// configuration adds.

// siteOrigins gives the origins of a policy's sites and brands.
func siteOrigins(p *policy.Policy) []string {
	var list []string
	for _, address := range siteAddresses(p) {
		if o := originOf(address); o != "" {
			list = append(list, o)
		}
	}
	return list
}

func siteAddresses(p *policy.Policy) []string {
	list := slices.Clone(p.Organization.Sites)
	for _, b := range p.Brands {
		list = append(list, b.Sites...)
	}
	return list
}

// originOf gives scheme and host of an address as browsers write an origin; ""
// where it has none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	host := strings.ToLower(u.Host)
	if h, port, err := net.SplitHostPort(host); err == nil && (u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80") {
		host = h
	}
	return u.Scheme + "://" + host
}

// trusts reports whether a page of that origin may send answers.
func (s *site) trusts(origin string) bool {
	if origin == "" || origin == "null" {
		return false
	}
	if slices.Contains(s.Origins, origin) {
		return true
	}
	ed, err := s.edition()
	return err == nil && ed != nil && slices.Contains(ed.origins, origin)
}

// answersOnly are the addresses to which a page of the company's sites may send.
func answersOnly(path string) bool {
	return path == "/v1/choices" || path == "/v1/shown" || path == "/v1/subscriptions" || len(path) == len("/en/choices") && strings.HasSuffix(path, "/choices")
}

// share lets a script of the company's sites read what is answered to it.
func (s *site) share(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/v1/") {
		return
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); s.trusts(origin) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
}

// preflight answers what browsers ask before they send JSON to another origin.
func preflight(w http.ResponseWriter) {
	h := w.Header()
	if h.Get("Access-Control-Allow-Origin") != "" {
		h.Set("Access-Control-Allow-Methods", http.MethodPost)
		h.Set("Access-Control-Allow-Headers", "Content-Type")
		h.Set("Access-Control-Max-Age", "3600")
	}
	w.WriteHeader(http.StatusNoContent)
}

// sharedDomain is the narrowest domain over the door and the company's sites of
// its registrable domain, where the policy lets them share the answer; "" where
// the cookie stays with the door's own host.
func sharedDomain(p *policy.Policy, door string) string {
	host := hostOf(door)
	mine, err := publicsuffix.EffectiveTLDPlusOne(host)
	if !p.Banner.Shared || err != nil || net.ParseIP(host) != nil {
		return ""
	}
	common := strings.Split(host, ".")
	for _, address := range siteAddresses(p) {
		other := hostOf(address)
		if theirs, err := publicsuffix.EffectiveTLDPlusOne(other); err == nil && theirs == mine {
			common = shared(common, strings.Split(other, "."))
		}
	}
	return strings.Join(common, ".")
}

// registrable gives the registrable domain of a host, which is all of a host
// that has none.
func registrable(host string) string {
	if d, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil && net.ParseIP(host) == nil {
		return d
	}
	return host
}

// domains says by registrable domain for which domain the cookie is set: the
// door may stand behind a host of each domain of the company.
type domains struct {
	door string // for a host that is none of the company's, of a proxy that does not tell
	by   map[string]string
}

func domainsOf(p *policy.Policy, door string) domains {
	d := domains{sharedDomain(p, door), map[string]string{}}
	for _, address := range siteAddresses(p) {
		d.by[registrable(hostOf(address))] = sharedDomain(p, address)
	}
	d.by[registrable(hostOf(door))] = d.door
	return d
}

// of gives the domain for the host that a request names; "" for that host alone.
func (d domains) of(host string) string {
	if domain, ok := d.by[registrable(hostOf("//"+host))]; ok {
		return domain
	}
	return d.door
}

func (v *visit) domain() string { return v.domains.of(v.Host) }

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// shared gives the labels that two names end with.
func shared(a, b []string) []string {
	n := 0
	for n < min(len(a), len(b)) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return a[len(a)-n:]
}
