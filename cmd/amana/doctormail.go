package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// mail looks at the mail server, and at what the domain says about who may send
// in its name.
func (d *doctor) mail(ctx context.Context) {
	c := d.c.SMTP
	if !c.on() {
		d.say("mail", careful, "no mail server is set: a yes that must be confirmed by mail waits for ever", "smtp: {server: mail.example.com:587, from: privacy@example.com}")
		return
	}
	if c.check() != nil {
		return // said with the configuration
	}
	dialing, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if line, err := c.server().Dial(dialing); err != nil {
		d.say("mail server", ill, plain(err.Error()), "look at smtp.server, smtp.security, smtp.user and AMANA_SMTP_PASSWORD")
	} else {
		if ok, _ := line.Extension("SMTPUTF8"); ok {
			d.say("mail server", well, c.Server+" takes mails, also to addresses beyond ASCII", "")
		} else {
			d.say("mail server", careful, c.Server+" takes mails, but none to addresses beyond ASCII", "switch SMTPUTF8 on in the mail server")
		}
		line.Quit()
	}
	d.maildir()
	_, domain, _ := strings.Cut(c.From, "@")
	_, bounces, _ := strings.Cut(cmp.Or(c.Bounces, c.From), "@")
	d.spf(ctx, bounces)
	d.dkim(ctx)
	d.dmarc(ctx, domain)
}

func (d *doctor) maildir() {
	dir := d.c.SMTP.Maildir
	if dir == "" {
		d.say("what comes back", careful, "nobody reads it: addresses that are none go on being tried", "smtp.maildir: a folder into which mails to smtp.bounces are delivered")
		return
	}
	for _, sub := range []string{"new", "cur"} {
		if err := written(filepath.Join(dir, sub)); err != nil {
			d.say("what comes back", ill, "the Maildir cannot be used: "+err.Error(), "let the mail server deliver into it, and the user that serves read and write there")
			return
		}
	}
	d.say("what comes back", well, "is read from "+dir, "")
}

// texts gives the TXT records of a name; none where it has none. The error is one
// of the network.
func (d *doctor) texts(ctx context.Context, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	list, err := d.resolver.LookupTXT(ctx, name)
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return nil, nil
	}
	return list, err
}

// record looks for a record that begins in a way, and says what is missing.
func (d *doctor) record(ctx context.Context, what, name, begins string, good func(string) string, missing string) {
	list, err := d.texts(ctx, name)
	if err != nil {
		d.say(what, careful, "the DNS does not answer for "+name, "ask again later, or another server: --resolver 9.9.9.9:53")
		return
	}
	list = slices.DeleteFunc(list, func(s string) bool { return !strings.HasPrefix(strings.ToLower(s), strings.ToLower(begins)) })
	line := fmt.Sprintf("%s. IN TXT %s", name, quoted(missing))
	switch {
	case len(list) == 0:
		d.say(what, ill, name+" has none", "put this line into the DNS of the domain:", line)
	case len(list) > 1:
		d.say(what, ill, fmt.Sprintf("%s has %d, and receivers then heed none", name, len(list)), "leave one")
	default:
		if wrong := good(list[0]); wrong != "" {
			d.say(what, ill, name+": "+wrong, "it should be:", line)
			return
		}
		d.say(what, well, name, "")
	}
}

// quoted writes a text as a zone file has it: in pieces of at most 255 bytes.
func quoted(s string) string {
	var parts []string
	for piece := range slices.Chunk([]byte(s), 255) {
		parts = append(parts, `"`+string(piece)+`"`)
	}
	return strings.Join(parts, " ")
}

// spf is about the domain of the return address (RFC 7208).
func (d *doctor) spf(ctx context.Context, domain string) {
	host, _, _ := net.SplitHostPort(d.c.SMTP.Server)
	d.record(ctx, "SPF", domain, "v=spf1", func(s string) string {
		for _, term := range strings.Fields(strings.ToLower(s)) {
			switch term {
			case "+all", "all": // what has no sign before it passes (section 4.6.2)
				return "lets everybody send in the domain's name"
			case "?all":
				return "says nothing about who else sends in the domain's name"
			}
		}
		return ""
	}, "v=spf1 a:"+host+" mx -all")
}

// dkim is about the key that we sign with (RFC 6376).
func (d *doctor) dkim(ctx context.Context) {
	key, err := d.c.SMTP.signer()
	switch {
	case err != nil: // said with the configuration
		return
	case key == nil:
		d.say("DKIM", careful, "mails are not signed here", "leave it so if your mail server signs them, List-Unsubscribe and List-Unsubscribe-Post included; else give smtp.dkim a key: openssl genrsa 2048 > dkim.pem")
		return
	}
	d.record(ctx, "DKIM", key.Name(), "v=DKIM1", func(s string) string {
		if field(s, "p") != field(key.Record(), "p") {
			return "is another key's than the one that signs"
		}
		return ""
	}, key.Record())
}

// dmarc is about what receivers do with what is neither (RFC 7489).
func (d *doctor) dmarc(ctx context.Context, domain string) {
	d.record(ctx, "DMARC", "_dmarc."+domain, "v=DMARC1", func(s string) string {
		if p := field(s, "p"); p != "quarantine" && p != "reject" && p != "none" {
			return "does not say what to do (p=)"
		}
		return ""
	}, "v=DMARC1; p=quarantine; adkim=r; aspf=r; rua=mailto:postmaster@"+domain)
}

// field gives the value of a field in a record of name=value pairs.
func field(record, name string) string {
	for part := range strings.SplitSeq(record, ";") {
		if n, v, ok := strings.Cut(strings.TrimSpace(part), "="); ok && strings.TrimSpace(n) == name {
			return strings.Join(strings.Fields(v), "")
		}
	}
	return ""
}

// snippet is what to put into another program's configuration.
type snippet struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// snippets are written for this installation.
func (d *doctor) snippets() []snippet {
	host := strings.TrimPrefix(cmp.Or(d.c.PublicURL, "https://privacy.example.com"), "https://")
	program, err := os.Executable()
	if err != nil {
		program = "/usr/local/bin/amana"
	}
	dir, err := filepath.Abs(d.at.dir)
	if err != nil {
		dir = d.at.dir
	}
	return []snippet{
		{"nginx", fmt.Sprintf(`server {
    listen 443 ssl;
    server_name %s;
    ssl_certificate     /etc/ssl/%[1]s.crt;
    ssl_certificate_key /etc/ssl/%[1]s.key;
    client_max_body_size 2m;
    access_log off;    # addresses of these pages hold tokens; Amana's own log has the routes
    location / {
        proxy_pass http://%s;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
    }
}
`, host, d.c.Public)},
		{"Caddy", fmt.Sprintf("%s {\n    reverse_proxy %s\n}\n", host, d.c.Public)},
		{"systemd", fmt.Sprintf(`[Unit]
After=network-online.target
Wants=network-online.target

[Service]
User=amana
ExecStart=%s serve --dir %s --config /etc/amana/server.yaml
EnvironmentFile=-/etc/amana/secrets
Restart=on-failure
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ReadWritePaths=%[2]s

[Install]
WantedBy=multi-user.target
`, program, dir)},
	}
}
