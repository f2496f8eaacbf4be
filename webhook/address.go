package webhook

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
)

// maxURL bounds an address, in bytes.
const maxURL = 2048

// CheckURL says what is wrong with where messages are to go: it is https, or
// http where plain is true, names a host, and holds no name, password or
// fragment. Whether its host may be reached is known when it is dialled.
func CheckURL(address string, plain bool) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || len(address) > maxURL || u.Hostname() == "" || u.Opaque != "":
		return errors.New("must be like https://shop.example.com/amana")
	case u.Scheme == "http" && !plain:
		return errors.New("must begin with https://; http is for networks that webhook_networks names")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must begin with https://")
	case u.User != nil:
		return errors.New("must hold no name and no password: what arrives is known by its signature")
	case u.Fragment != "":
		return errors.New("must hold no fragment")
	}
	return nil
}

// notPublic are networks that are nobody's on the Internet, or lead to others
// (IANA's special-purpose registries, RFC 6890), beside those that netip knows. In
// ::/8 addresses of IPv4 are written as ones of IPv6, and translated.
var notPublic = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4", "::/8", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10")

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// Within reports whether an address lies in one of the networks.
func Within(a netip.Addr, networks []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Public reports whether an address is one of the Internet's own: not loopback,
// not private, not link-local, not a translation that leads to such a one.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate() && a.Zone() == "" && !Within(a, notPublic)
}
