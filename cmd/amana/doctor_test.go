package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/amana-privacy/amana/mail/mailtest"
)

// dnsServer answers questions for texts on this machine.
func dnsServer(t *testing.T, texts map[string][]string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		for b := make([]byte, 4096); ; {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			list, known := texts[strings.TrimSuffix(q.Name.String(), ".")]
			if !known {
				m.RCode = dnsmessage.RCodeNameError
			}
			for _, s := range list {
				var pieces []string
				for p := range slices.Chunk([]byte(s), 255) {
					pieces = append(pieces, string(p))
				}
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}, Body: &dnsmessage.TXTResource{TXT: pieces}})
			}
			if out, err := m.Pack(); err == nil {
				conn.WriteTo(out, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

// examined gives what a doctor finds, by what it is about.
func examined(t *testing.T, d *doctor) map[string]finding {
	t.Helper()
	d.visit(t.Context())
	out := map[string]finding{}
	for _, f := range d.found {
		if have, ok := out[f.What]; !ok || have.Health == well {
			out[f.What] = f
		}
	}
	return out
}

func dkimPEM(t *testing.T) string {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func TestTheDoctorFindsTheLinesThatAreMissing(t *testing.T) {
	t.Parallel()
	c := defaults()
	c.SMTP = smtpConfig{Server: mailtest.Start(t).Address, Security: "none", From: "privacy@example.com", Bounces: "b@bounces.example.com", key: dkimPEM(t)}
	key, err := c.SMTP.signer()
	if err != nil {
		t.Fatal(err)
	}
	good := map[string][]string{"bounces.example.com": {"v=spf1 mx -all", "other=1"}, key.Name(): {key.Record()}, "_dmarc.example.com": {"v=DMARC1; p=reject"}}
	for name, change := range map[string]struct {
		of     string
		texts  []string
		line   string
		health health
	}{
		"":                 {"", nil, "", well},
		"no SPF":           {"bounces.example.com", nil, `bounces.example.com. IN TXT "v=spf1 a:127.0.0.1 mx -all"`, ill},
		"two of SPF":       {"bounces.example.com", []string{"v=spf1 mx -all", "v=spf1 -all"}, "", ill},
		"SPF of everybody": {"bounces.example.com", []string{"v=spf1 +all"}, `bounces.example.com. IN TXT "v=spf1 a:127.0.0.1 mx -all"`, ill},
		"SPF without sign": {"bounces.example.com", []string{"v=spf1 mx all"}, "-all", ill},
		"SPF of no word":   {"bounces.example.com", []string{"v=spf1 mx ?ALL"}, "-all", ill},
		"no DKIM":          {key.Name(), nil, key.Name() + `. IN TXT "` + key.Record() + `"`, ill},
		"another DKIM":     {key.Name(), []string{"v=DKIM1; k=ed25519; p=AAAA"}, key.Name() + `. IN TXT "` + key.Record() + `"`, ill},
		"no DMARC":         {"_dmarc.example.com", nil, "_dmarc.example.com. IN TXT", ill},
	} {
		texts := map[string][]string{}
		for k, v := range good {
			if texts[k] = v; k == change.of {
				texts[k] = change.texts
			}
		}
		found := examined(t, &doctor{c: c, at: place{dir: t.TempDir()}, resolver: resolverAt(dnsServer(t, texts)), now: time.Now})
		worst, line := well, ""
		for _, what := range []string{"SPF", "DKIM", "DMARC"} {
			f, ok := found[what]
			if !ok {
				t.Errorf("%s: nothing is said of %s", name, what)
			}
			if f.Health == ill {
				worst, line = ill, strings.Join(f.Lines, " ")
			}
		}
		if worst != change.health || !strings.Contains(line, change.line) {
			t.Errorf("%s: %s, %q", name, worst, line)
		}
		if found["mail server"].Health != well {
			t.Errorf("%+v", found["mail server"])
		}
	}
}

func TestTheDoctorFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, keysFolder), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*doctor)
		what   string
		want   health
	}{
		"a company door on the Internet":   {func(d *doctor) { d.c.Company = "0.0.0.0:8081" }, "company door", ill},
		"a company door at an own address": {func(d *doctor) { d.c.Company = "10.0.0.7:8081" }, "company door", well},
		"no public URL":                    {func(*doctor) {}, "public URL", ill},
		"pages without TLS":                {func(d *doctor) { d.c.PublicURL = "http://privacy.example.com" }, "public URL", ill},
		"a name that leads nowhere":        {func(d *doctor) { d.c.PublicURL = "https://127.0.0.1:1" }, "public URL", ill},
		"no proxy":                         {func(d *doctor) { d.c.PublicURL = "https://127.0.0.1:1" }, "proxy headers", ill},
		"every proxy":                      {func(d *doctor) { d.c.TrustedProxies = []string{"0.0.0.0/0"} }, "proxy headers", ill},
		"keys that others read":            {func(*doctor) {}, "keyring", ill},
		"keys that nobody else reads":      {func(d *doctor) { d.at.dir = private(t) }, "keyring", well},
		"a folder that is not there":       {func(d *doctor) { d.at.dir = filepath.Join(dir, "none") }, "disk", ill},
		"a disk with room":                 {func(*doctor) {}, "disk", well},
		"no mail":                          {func(*doctor) {}, "mail", careful},
		"a mail server that is not there":  {func(d *doctor) { d.c.SMTP = smtpConfig{Server: "127.0.0.1:1", Security: "none", From: "a@example.com"} }, "mail server", ill},
		"mails in clear": {func(d *doctor) {
			d.c.SMTP = smtpConfig{Server: "mail.example.com:25", Security: "none", From: "a@example.com"}
		}, "configuration", ill},
	} {
		d := &doctor{c: defaults(), at: place{dir: dir}, resolver: resolverAt(dnsServer(t, nil)), now: time.Now}
		c.change(d)
		f := examined(t, d)[c.what]
		if c.want == careful && f.Health != careful && f.Health != well || c.want != careful && f.Health != c.want && !(c.what == "disk" && f.Health == careful) {
			t.Errorf("%s: %+v", name, f)
		}
		if f.Health != well && f.Change == "" && len(f.Lines) == 0 {
			t.Errorf("%s: it is not said what to change", name)
		}
	}
}

// private makes a folder with a keyring that nobody else reads.
func private(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, keysFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}
