package mail

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log/slog"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/amana-privacy/amana/fault"
)

// Key signs mails in the name of a domain (DKIM, RFC 6376). Its public half
// stands in the domain's DNS. A nil key signs nothing.
type Key struct {
	Domain, Selector string
	signer           crypto.Signer
}

// signed are the fields that a signature covers, there or not, and each once more
// than it is there: one that is added on the way breaks the signature (RFC 6376
// section 8.15). Both of RFC 8058 are among them, as it demands.
var signed = func() (list []string) {
	for _, f := range []string{"From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "Content-Language",
		"Content-Transfer-Encoding", "Auto-Submitted", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Owner"} {
		list = append(list, f, f)
	}
	return list
}()

// minRSA is the least length of a key that receivers take without reserve (RFC 8301).
const minRSA = 2048

// NewKey reads a private key: PEM of PKCS #8 or PKCS #1, RSA of 2048 bits or more,
// or Ed25519 (RFC 8463).
func NewKey(domain, selector string, raw []byte) (*Key, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fault.At(fault.Invalid, "dkim", "the key is no PEM; openssl genrsa 2048 makes one")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		if parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			return nil, fault.At(fault.Invalid, "dkim", "the key cannot be read: it is neither PKCS #8 nor PKCS #1")
		}
	}
	k := &Key{Domain: domain, Selector: selector}
	switch p := parsed.(type) {
	case *rsa.PrivateKey:
		if p.N.BitLen() < minRSA {
			return nil, fault.At(fault.Invalid, "dkim", "the key has %d bits; take %d", p.N.BitLen(), minRSA)
		}
		k.signer = p
	case ed25519.PrivateKey:
		k.signer = p
	default:
		return nil, fault.At(fault.Invalid, "dkim", "the key is neither RSA nor Ed25519")
	}
	return k, nil
}

// Name is where in the DNS the public key stands.
func (k *Key) Name() string { return k.Selector + "._domainkey." + k.Domain }

// Record is the text that stands there.
func (k *Key) Record() string {
	kind, public := "rsa", []byte(nil)
	switch p := k.signer.Public().(type) {
	case ed25519.PublicKey:
		kind, public = "ed25519", p
	case *rsa.PublicKey:
		public, _ = x509.MarshalPKIXPublicKey(p) // a key that was read can be written
	}
	return "v=DKIM1; k=" + kind + "; p=" + base64.StdEncoding.EncodeToString(public)
}

// LogValue keeps the key out of logs.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.Name()) }

// sign gives a mail with its signature before it.
func (k *Key) sign(msg []byte) ([]byte, error) {
	if k == nil {
		return msg, nil
	}
	var out bytes.Buffer
	err := dkim.Sign(&out, bytes.NewReader(msg), &dkim.SignOptions{Domain: k.Domain, Selector: k.Selector, Signer: k.signer, Hash: crypto.SHA256,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed, HeaderKeys: signed})
	if err != nil {
		return nil, fmt.Errorf("signing a mail: %w", err)
	}
	return out.Bytes(), nil
}
