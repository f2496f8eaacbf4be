package courier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/amana-privacy/amana/webhook"
)

// refusedError is an address that is not dialled. It does not say which: whoever
// may make webhooks shall not map the inside by them.
type refusedError struct{}

func (*refusedError) Error() string { return "the host's address is not one that may be dialled" }

// newTransport dials only what may be dialled. The address is looked at when the
// connection is made, after the name's look-up, so that a name that leads
// elsewhere the second time gains nothing. No proxy of the environment is used:
// it would dial for us.
func newTransport(networks []netip.Prefix) http.RoundTripper {
	dialer := func(plain bool) func(context.Context, string, string) (net.Conn, error) {
		d := &net.Dialer{Timeout: 10 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !mayDial(at.Addr(), networks, plain) {
				return &refusedError{}
			}
			return nil
		}}
		return d.DialContext
	}
	common := func() *http.Transport {
		return &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: 10 * time.Second,
			ResponseHeaderTimeout: timeout, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: perHook, ForceAttemptHTTP2: true}
	}
	secure, plain := common(), common()
	secure.DialContext, plain.DialContext = dialer(false), dialer(true)
	return byScheme{secure, plain}
}

// mayDial says whether an address may be dialled: one that was named, or, with
// TLS, one of the Internet's own.
func mayDial(a netip.Addr, networks []netip.Prefix, plain bool) bool {
	return webhook.Within(a, networks) || !plain && webhook.Public(a)
}

// byScheme has a transport for https and one for http.
type byScheme struct{ secure, plain *http.Transport }

func (b byScheme) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" {
		return b.secure.RoundTrip(r)
	}
	return b.plain.RoundTrip(r)
}

// CloseIdleConnections closes what is not in use.
func (b byScheme) CloseIdleConnections() {
	b.secure.CloseIdleConnections()
	b.plain.CloseIdleConnections()
}

func isCertificate(err error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	return verify || record || unknown
}

// CheckURL says what is wrong with an address for messages; see webhook.CheckURL.
// An address in figures that may not be dialled is wrong at once, and so is a name
// that always is this machine (RFC 6761 section 6.3).
func (c *Courier) CheckURL(address string) error {
	if err := webhook.CheckURL(address, len(c.Networks) > 0); err != nil {
		return err
	}
	u, err := http.NewRequest(http.MethodPost, address, nil)
	if err != nil {
		return errors.New("must be like https://shop.example.com/amana")
	}
	host := strings.TrimSuffix(strings.ToLower(u.URL.Hostname()), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		host = "127.0.0.1"
	}
	if a, err := netip.ParseAddr(host); err == nil && !mayDial(a, c.Networks, u.URL.Scheme == "http") {
		return &refusedError{}
	}
	return nil
}
