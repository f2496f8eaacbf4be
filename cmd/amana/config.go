package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/amana-privacy/amana/sms"
)

// config is how a server runs. server.yaml, the environment and flags fill the
// same struct, in that order: a later one wins.
type config struct {
	// Public is the address of the public door, for customers, behind the
	// company's TLS proxy. AMANA_PUBLIC, --public.
	Public string
	// Company is the address of the company door, for programs. It is never
	// put on the Internet. AMANA_COMPANY, --company.
	Company string
	// PublicURL is where customers find the public door, without a path. It
	// stands in receipts; where it is https, cookies are Secure. By default it is the
	// public door's own address over http. AMANA_PUBLIC_URL, --public-url.
	PublicURL string
	// CompanyURL is where programs find the company door, without a path, as
	// the metadata of AuthZEN names it: https, where a proxy stands before it.
	// By default it is as they asked. AMANA_COMPANY_URL, --company-url.
	CompanyURL string
	// TrustedProxies are the networks whose X-Forwarded-For is believed, e.g.
	// 127.0.0.1/32. AMANA_TRUSTED_PROXIES separates them by commas.
	TrustedProxies []string
	// Origins may send answers from their pages, beside the sites that the policy
	// names, e.g. http://127.0.0.1:9000: for trying a site before it is published.
	// AMANA_ORIGINS separates them by commas. --origin.
	Origins []string
	// WebhookNetworks may be dialled by webhooks although they are not the
	// Internet's, and without TLS, e.g. 10.0.0.0/8. AMANA_WEBHOOK_NETWORKS
	// separates them by commas. --webhook-network.
	WebhookNetworks []string
	// Witnesses co-sign new heads of the log. --witness.
	Witnesses []witnessAt
	// Limits bound what the company door takes on. limits, in the file alone.
	Limits limitsConfig
	// SMTP is how mails are sent.
	SMTP smtpConfig
	// Fixture is a file of rules that answer at /access/v1/ instead of what
	// customers said: for development. --authzen-fixture alone.
	Fixture string
	// SMS is the gateway that takes text messages, in server.yaml alone; without
	// it nobody signs in by a phone number.
	SMS *sms.Gateway
	// At says what lies elsewhere than in the folder: db, keys, key_identity.
	// AMANA_DB, AMANA_KEYS, AMANA_KEY_IDENTITY; --db, --keys, --key-identity.
	At place
}

func defaults() config { return config{Public: "127.0.0.1:8080", Company: "127.0.0.1:8081"} }

// readFile fills c from a server.yaml. An unknown key is an error at its place.
func (c *config) readFile(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if doc.Kind == 0 {
		return nil // an empty file says nothing
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d:%d: a configuration is keys and values", path, top.Line, top.Column)
	}
	var errs []error
	seen := map[string]bool{}
	for i := 0; i < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		if seen[key.Value] {
			errs = append(errs, fmt.Errorf("%s:%d:%d: %s stands twice", path, key.Line, key.Column, key.Value))
		}
		seen[key.Value] = true
		if err := c.set(key.Value, value); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d:%d: %s: %w", path, key.Line, key.Column, key.Value, err))
		}
	}
	return errors.Join(errs...)
}

// set takes one key of server.yaml.
func (c *config) set(key string, value *yaml.Node) error {
	texts := map[string]*string{"public": &c.Public, "company": &c.Company, "public_url": &c.PublicURL, "company_url": &c.CompanyURL,
		"db": &c.At.db, "keys": &c.At.keys, "key_identity": &c.At.identity}
	if into, ok := texts[key]; ok {
		if value.Kind != yaml.ScalarNode {
			return errors.New("must be a text")
		}
		*into = value.Value
		return nil
	}
	if key == "limits" {
		var err error
		c.Limits, err = limitsIn(value)
		return err
	}
	if key == "witnesses" {
		var err error
		c.Witnesses, err = witnessesIn(value)
		return err
	}
	if key == "smtp" {
		var err error
		c.SMTP, err = smtpIn(value)
		return err
	}
	if key == "sms" {
		c.SMS = &sms.Gateway{}
		return gatewayIn(value, c.SMS)
	}
	if key == "origins" {
		if err := value.Decode(&c.Origins); err != nil {
			return errors.New("must be a list of origins such as [http://127.0.0.1:9000]")
		}
		return nil
	}
	networks := map[string]*[]string{"trusted_proxies": &c.TrustedProxies, "webhook_networks": &c.WebhookNetworks}
	into, ok := networks[key]
	if !ok {
		return errors.New("no such key; there are public, company, public_url, company_url, db, keys, key_identity, trusted_proxies, webhook_networks, limits, origins, witnesses, smtp and sms")
	}
	if err := value.Decode(into); err != nil {
		return errors.New("must be a list of networks such as [10.0.0.0/8]")
	}
	return nil
}

// readEnv fills c from the environment.
func (c *config) readEnv(get func(string) string) {
	for name, into := range map[string]*string{"AMANA_PUBLIC": &c.Public, "AMANA_COMPANY": &c.Company, "AMANA_PUBLIC_URL": &c.PublicURL, "AMANA_COMPANY_URL": &c.CompanyURL} {
		if v := get(name); v != "" {
			*into = v
		}
	}
	if v := get("AMANA_TRUSTED_PROXIES"); v != "" {
		c.TrustedProxies = strings.Split(v, ",")
	}
	if v := get("AMANA_WEBHOOK_NETWORKS"); v != "" {
		c.WebhookNetworks = strings.Split(v, ",")
	}
	if v := get("AMANA_ORIGINS"); v != "" {
		c.Origins = strings.Split(v, ",")
	}
	c.SMTP.readEnv(get)
}

// override lets flags that were given win over what was read. They are
// declared with the defaults, for -h to show.
func (c *config) override(fs *flag.FlagSet) (apply func()) {
	d := defaults()
	public := fs.String("public", d.Public, "address of the public door, for customers")
	company := fs.String("company", d.Company, "address of the company door, for programs; never put it on the Internet")
	publicURL := fs.String("public-url", "", "where customers find the public door, e.g. https://privacy.example.com")
	companyURL := fs.String("company-url", "", "where programs find the company door, e.g. https://privacy.internal.example")
	fs.StringVar(&c.Fixture, "authzen-fixture", "", "development only: a file of rules to answer at /access/v1/ instead of what customers said")
	var witnesses []witnessAt
	fs.Func("witness", "a witness that co-signs the log, as URL=KEY; may be repeated", func(s string) error {
		w, err := witnessOf(s)
		witnesses = append(witnesses, w)
		return err
	})
	var hooks []string
	fs.Func("webhook-network", "a network of your own that webhooks may lead to, such as 10.0.0.0/8; may be repeated", func(s string) error {
		hooks = append(hooks, s)
		return nil
	})
	var origins []string
	fs.Func("origin", "a further site whose pages may send answers, such as http://127.0.0.1:9000; may be repeated", func(s string) error {
		origins = append(origins, s)
		return nil
	})
	return func() {
		fs.Visit(func(f *flag.Flag) {
			switch f.Name {
			case "public":
				c.Public = *public
			case "company":
				c.Company = *company
			case "public-url":
				c.PublicURL = *publicURL
			case "company-url":
				c.CompanyURL = *companyURL
			case "witness":
				c.Witnesses = witnesses
			case "webhook-network":
				c.WebhookNetworks = hooks
			case "origin":
				c.Origins = origins
			}
		})
	}
}

// check says what is wrong with a configuration, all of it.
func (c *config) check() error {
	var errs []error
	for name, at := range map[string]*string{"public_url": &c.PublicURL, "company_url": &c.CompanyURL} {
		var err error
		if *at, err = siteAddress(*at); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	for key, list := range map[string][]string{"trusted_proxies": c.TrustedProxies, "webhook_networks": c.WebhookNetworks} {
		if _, err := networksIn(key, list); err != nil {
			errs = append(errs, err)
		}
	}
	if err := c.SMTP.check(); err != nil {
		errs = append(errs, err)
	}
	for _, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Path+u.RawQuery+u.Fragment != "" {
			errs = append(errs, fmt.Errorf("origins: %q is not like http://127.0.0.1:9000", o))
		}
	}
	return errors.Join(errs...)
}

// siteAddress holds the address of pages to what is put together with it: "" stays so.
func siteAddress(s string) (string, error) {
	if s == "" {
		return s, nil
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return s, fmt.Errorf("%q is not like https://privacy.example.com", s)
	}
	return strings.TrimSuffix(s, "/"), nil
}

// networksIn reads the networks of a key; an address alone is a network too.
func networksIn(key string, list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(strings.TrimSpace(s))
		if err != nil {
			a, aerr := netip.ParseAddr(strings.TrimSpace(s))
			if aerr != nil {
				return nil, fmt.Errorf("%s: %q is not a network such as 10.0.0.0/8", key, s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p)
	}
	return out, nil
}
