package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// SecretPrefix is what every secret begins with, so that scanners find leaked ones.
const SecretPrefix = "whsec_"

// Tolerance is how far the clocks of both sides may be apart, and how old a
// message may be: an older one is somebody's repetition.
const Tolerance = 5 * time.Minute

// ErrUnsigned is a message that is not signed by any of the secrets, or was
// signed too long ago or too far ahead.
var ErrUnsigned = errors.New("the message is not signed by the secret")

// Signing is the keys of one or more secrets. While a secret is rotated messages are
// signed by the old and the new one, and a receiver may hold both.
type Signing []key

type key []byte

// LogValue keeps keys out of logs.
func (Signing) LogValue() slog.Value { return slog.StringValue("[secret]") }

// NewSecret makes a secret of 32 random bytes.
func NewSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return SecretPrefix + base64.StdEncoding.EncodeToString(b)
}

// Keys reads secrets: whsec_ and the base64 of 24 to 64 bytes. The error does
// not repeat them.
func Keys(secrets ...string) (Signing, error) {
	if len(secrets) == 0 {
		return nil, errors.New("a secret is needed")
	}
	var out Signing
	for _, s := range secrets {
		text, ok := strings.CutPrefix(s, SecretPrefix)
		b, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(b) < 24 || len(b) > 64 {
			return nil, errors.New("a secret is whsec_ and the base64 of 24 to 64 bytes")
		}
		out = append(out, b)
	}
	return out, nil
}

// Sign gives the signature header of a message that is sent at a time: one
// signature for each secret.
func (s Signing) Sign(id string, at time.Time, body []byte) string {
	var list []string
	for _, k := range s {
		list = append(list, "v1,"+base64.StdEncoding.EncodeToString(k.mac(id, strconv.FormatInt(at.Unix(), 10), body)))
	}
	return strings.Join(list, " ")
}

func (k key) mac(id, timestamp string, body []byte) []byte {
	m := hmac.New(sha256.New, k)
	m.Write([]byte(id + "." + timestamp + "."))
	m.Write(body)
	return m.Sum(nil)
}

// Verify checks that a message was signed by one of the secrets, within
// Tolerance of now; ErrUnsigned otherwise. header gives a header by its name, as
// http.Header.Get does; body is what arrived, byte for byte. Signatures are
// compared in constant time.
func (s Signing) Verify(header func(name string) string, body []byte, now time.Time) error {
	id, timestamp := header(HeaderID), header(HeaderTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil {
		return ErrUnsigned
	}
	if apart := now.Sub(time.Unix(seconds, 0)); apart > Tolerance || apart < -Tolerance {
		return ErrUnsigned
	}
	good := false
	for given := range strings.SplitSeq(header(HeaderSignature), " ") {
		text, ok := strings.CutPrefix(given, "v1,")
		mac, err := base64.StdEncoding.DecodeString(text)
		for _, k := range s {
			good = good || ok && err == nil && hmac.Equal(mac, k.mac(id, timestamp, body))
		}
	}
	if !good {
		return ErrUnsigned
	}
	return nil
}
