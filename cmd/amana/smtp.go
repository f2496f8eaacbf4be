package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/amana-privacy/amana/mail"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// smtpConfig is how mails are sent: smtp in server.yaml. Without a server none
// are. Its secrets come from the environment, AMANA_SMTP_PASSWORD and
// AMANA_DKIM_KEY, so that the file may lie where others read.
type smtpConfig struct {
	// Server is the company's mail server, host:port. AMANA_SMTP.
	Server string
	// Security is starttls (the default), tls, or none for a server on this machine.
	Security string
	// User signs in there, with AMANA_SMTP_PASSWORD.
	User string
	// From is the address that mails come from.
	From string
	// Bounces is the address that what cannot be delivered goes back to; From
	// where absent. What follows a + in its local part must be delivered there too.
	Bounces string
	// Maildir is the folder in which mails to Bounces arrive.
	Maildir string
	// DKIM signs mails here; where it is absent, the mail server does.
	DKIM dkimConfig

	password, key string // from the environment
}

// dkimConfig is whose signature mails get. The private key is AMANA_DKIM_KEY, or
// in the file.
type dkimConfig struct{ Domain, Selector, KeyFile string }

// smtpIn reads the section.
func smtpIn(value *yaml.Node) (c smtpConfig, err error) {
	err = textsIn(value, map[string]*string{"server": &c.Server, "security": &c.Security, "user": &c.User, "from": &c.From,
		"bounces": &c.Bounces, "maildir": &c.Maildir}, map[string]func(*yaml.Node) error{"dkim": func(n *yaml.Node) error {
		return textsIn(n, map[string]*string{"domain": &c.DKIM.Domain, "selector": &c.DKIM.Selector, "key_file": &c.DKIM.KeyFile}, nil)
	}})
	return c, err
}

// textsIn reads a mapping of texts, and of keys that are read otherwise.
func textsIn(value *yaml.Node, texts map[string]*string, others map[string]func(*yaml.Node) error) error {
	if value.Kind != yaml.MappingNode {
		return errors.New("must be keys and values")
	}
	for i := 0; i < len(value.Content); i += 2 {
		key, v := value.Content[i], value.Content[i+1]
		into, text := texts[key.Value]
		switch {
		case text && v.Kind == yaml.ScalarNode:
			*into = v.Value
		case text:
			return fmt.Errorf("%s must be a text", key.Value)
		case others[key.Value] != nil:
			if err := others[key.Value](v); err != nil {
				return fmt.Errorf("%s: %w", key.Value, err)
			}
		case key.Value == "password":
			return errors.New("password: a password is given in AMANA_SMTP_PASSWORD, not in a file")
		default:
			return fmt.Errorf("no such key: %s", key.Value)
		}
	}
	return nil
}

func (c *smtpConfig) readEnv(get func(string) string) {
	c.Server = cmp.Or(get("AMANA_SMTP"), c.Server)
	c.password, c.key = get("AMANA_SMTP_PASSWORD"), get("AMANA_DKIM_KEY")
}

// on reports whether mails are sent.
func (c smtpConfig) on() bool { return c.Server != "" }

// check says what is wrong with the section, all of it.
func (c smtpConfig) check() error {
	if !c.on() {
		return nil
	}
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("smtp: "+format, args...)) }
	host, _, err := net.SplitHostPort(c.Server)
	if err != nil {
		wrong("server: %q is not like mail.example.com:587", c.Server)
	}
	security := mail.Security(cmp.Or(c.Security, string(mail.StartTLS)))
	if !slices.Contains([]mail.Security{mail.StartTLS, mail.TLS, mail.Plain}, security) {
		wrong("security: %q is none of starttls, tls, none", c.Security)
	}
	if a, aerr := netip.ParseAddr(host); security == mail.Plain && err == nil && host != "localhost" && (aerr != nil || !a.IsLoopback()) {
		wrong("security: none is for a server on this machine: anybody on the way could read the mails to %s", host)
	}
	for name, address := range map[string]string{"from": c.From, "bounces": cmp.Or(c.Bounces, c.From)} {
		if id, err := subject.Parse(subject.Email+":"+address, ""); err != nil || string(id) != subject.Email+":"+address {
			wrong("%s: %q is not an address such as privacy@example.com", name, address)
		}
	}
	if c.User != "" && c.password == "" {
		wrong("user: its password is missing in AMANA_SMTP_PASSWORD")
	}
	if _, err := c.signer(); err != nil {
		errs = append(errs, fmt.Errorf("smtp: %w", err))
	}
	return errors.Join(errs...)
}

// signer reads the key that mails are signed with; nil without one.
func (c smtpConfig) signer() (*mail.Key, error) {
	d := c.DKIM
	if d == (dkimConfig{}) && c.key == "" {
		return nil, nil
	}
	_, domain, _ := strings.Cut(c.From, "@")
	raw := []byte(c.key)
	if c.key == "" {
		var err error
		if raw, err = os.ReadFile(d.KeyFile); err != nil {
			return nil, fmt.Errorf("dkim: reading the key: %w", err)
		}
	}
	return mail.NewKey(cmp.Or(d.Domain, domain), cmp.Or(d.Selector, "amana"), raw)
}

// engine makes what sends the mails of an installation.
func (c smtpConfig) engine(db *store.DB, publicURL string, log *slog.Logger) (*mail.Engine, error) {
	key, err := c.signer()
	if err != nil {
		return nil, err
	}
	return mail.New(mail.Config{Store: db, PublicURL: publicURL, From: c.From, Bounces: c.Bounces, Key: key, Maildir: c.Maildir, Log: log, Server: c.server()}), nil
}

func (c smtpConfig) server() mail.Server {
	return mail.Server{Address: c.Server, Security: mail.Security(c.Security), User: c.User, Password: c.password}
}
