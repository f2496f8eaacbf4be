package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A doctor looks at how an installation is set up, from where it stands, and says
// of everything that is not as it should be what to change. It changes nothing,
// and needs no server that runs.

// health is how one thing stands.
type health string

const (
	well    health = "ok"
	careful health = "warning" // works, but not as it should
	ill     health = "wrong"
)

// finding is what the doctor says of one thing.
type finding struct {
	What   string   `json:"what"`
	Health health   `json:"health"`
	Words  string   `json:"words"`            // how it stands
	Change string   `json:"change,omitempty"` // what to do about it
	Lines  []string `json:"lines,omitempty"`  // to put somewhere as they are
}

// doctor is one visit.
type doctor struct {
	c        config
	at       place
	resolver *net.Resolver
	now      func() time.Time
	found    []finding
}

func runDoctor(ctx context.Context, e env, args []string) error {
	c := defaults()
	flags := find("doctor").flags(e)
	var at place
	at.flags(flags, "amana-data")
	configFile := flags.String("config", "", "server.yaml, as serve takes it")
	resolver := flags.String("resolver", "", "address of the DNS server to ask, such as 9.9.9.9:53; the machine's own if absent")
	snippets := flags.Bool("snippets", false, "also print what to put into nginx, Caddy and systemd")
	asJSON := flags.Bool("json", false, "print the findings as JSON")
	apply := c.override(flags)
	operands, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(operands) > 0 {
		return fmt.Errorf("doctor takes no operand; --dir %s?", operands[0])
	}
	if *configFile != "" {
		if err := c.readFile(*configFile); err != nil {
			return err
		}
	}
	c.readEnv(os.Getenv)
	apply()
	d := &doctor{c: c, at: at.environment().or(c.At), resolver: resolverAt(*resolver), now: time.Now}
	d.visit(ctx)
	return d.tell(e.stdout, *asJSON, *snippets)
}

// resolverAt asks a DNS server; "" is the machine's own.
func resolverAt(address string) *net.Resolver {
	if address == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
	}}
}

func (d *doctor) say(what string, h health, words, change string, lines ...string) {
	d.found = append(d.found, finding{what, h, words, change, lines})
}

func (d *doctor) visit(ctx context.Context) {
	if err := d.c.check(); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			d.say("configuration", ill, line, "mend it in server.yaml, or in the environment")
		}
	}
	d.addresses()
	d.outside(ctx)
	d.proxies()
	d.clock()
	d.disk()
	d.rights()
	d.mail(ctx)
}

// addresses looks where the doors are.
func (d *doctor) addresses() {
	host, _, err := net.SplitHostPort(d.c.Company)
	a, aerr := netip.ParseAddr(host)
	switch {
	case err != nil:
		d.say("company door", ill, fmt.Sprintf("%q is no address", d.c.Company), "company: 127.0.0.1:8081")
	case host == "" || aerr == nil && a.IsUnspecified():
		d.say("company door", ill, "listens on every network of this machine", "give it an address of your own network: company: 127.0.0.1:8081")
	case aerr == nil && !a.IsLoopback() && !a.IsPrivate():
		d.say("company door", ill, host+" can be reached from the Internet", "give it an address of your own network: company: 127.0.0.1:8081")
	default:
		d.say("company door", well, d.c.Company+" is in your own network", "")
	}
	if _, _, err := net.SplitHostPort(d.c.Public); err != nil {
		d.say("public door", ill, fmt.Sprintf("%q is no address", d.c.Public), "public: 127.0.0.1:8080")
		return
	}
	d.say("public door", well, d.c.Public+", behind your proxy", "")
}

// outside looks at the pages as customers do.
func (d *doctor) outside(ctx context.Context) {
	u, err := url.Parse(d.c.PublicURL)
	switch {
	case d.c.PublicURL == "":
		d.say("public URL", ill, "is not set: receipts and mails would lead to the public door's own address", "public_url: https://privacy.example.com")
		return
	case err != nil || u.Scheme != "https":
		d.say("public URL", ill, d.c.PublicURL+" is not https: whoever is on the way reads and changes what customers see", "public_url: https://…, with a proxy that speaks TLS before it")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	body, date, err := fetchHead(ctx, d.c.PublicURL+"/log/checkpoint")
	if err != nil {
		d.say("public URL", ill, d.c.PublicURL+" does not answer from here: "+plain(err.Error()), "start the server and its proxy; the name has to lead to this machine")
		return
	}
	published, _ := publishedIn(d.at.dir)
	if ours, theirs := logIn(published), logIn(body); ours != "" && ours != theirs {
		d.say("public URL", ill, d.c.PublicURL+" shows the log "+plain(theirs)+", and this installation is "+plain(ours), "let the proxy lead to this installation's public door")
		return
	}
	d.say("public URL", well, d.c.PublicURL+" leads here", "")
	if off := d.now().Sub(date).Abs(); !date.IsZero() && off > time.Minute {
		d.say("clock", careful, fmt.Sprintf("the proxy's clock and this machine's differ by %s", off.Round(time.Second)), "let both keep time by NTP")
	}
}

// fetchHead gives what stands at an address, in short, and when by its server's
// clock.
func fetchHead(ctx context.Context, address string) (body string, date time.Time, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", date, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", date, errors.Unwrap(err) // without the address, which is said already
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answers %s", resp.Status)
	}
	date, _ = http.ParseTime(resp.Header.Get("Date"))
	return string(raw), date, err
}

func (d *doctor) proxies() {
	list, err := networksIn("trusted_proxies", d.c.TrustedProxies)
	switch {
	case err != nil: // said with the configuration
	case strings.HasPrefix(d.c.PublicURL, "https:") && len(list) == 0:
		d.say("proxy headers", ill, "no proxy is trusted: all customers count as one address, and share one limit", "trusted_proxies: [127.0.0.1/32], or where your proxy is")
	default:
		for _, p := range list {
			if p.Bits() == 0 {
				d.say("proxy headers", ill, p.String()+" trusts everybody: whoever sends X-Forwarded-For chooses their address", "name your proxy alone")
				return
			}
		}
		d.say("proxy headers", well, fmt.Sprintf("%d networks are trusted", len(list)), "")
	}
}

// disk looks whether there is room, and whether what is written arrives.
func (d *doctor) disk() {
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.at.dir, &s); err != nil {
		d.say("disk", ill, "the folder "+d.at.dir+" cannot be read: "+err.Error(), "amana serve makes it; --dir says where it is")
		return
	}
	free := s.Bavail * uint64(s.Bsize)
	if err := written(d.at.dir); err != nil {
		d.say("disk", ill, "nothing can be written into "+d.at.dir+": "+err.Error(), "run the doctor as the user that serves; make room, or mount it writable")
		return
	}
	const gigabyte = 1 << 30
	words := fmt.Sprintf("%.1f GB are free", float64(free)/gigabyte)
	if free < gigabyte {
		d.say("disk", careful, words, "an answer takes about a kilobyte; the log and backups beside it grow too")
		return
	}
	d.say("disk", well, words, "")
}

// written writes a file and waits for the disk.
func written(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString("x")
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}

// rights looks who may read the keys.
func (d *doctor) rights() {
	root := d.at.keyring()
	info, err := os.Stat(root)
	if errors.Is(err, fs.ErrNotExist) {
		d.say("keyring", careful, "there is none in "+root+" yet", "the first amana serve makes it")
		return
	}
	if err != nil {
		d.say("keyring", ill, err.Error(), "run the doctor as the user that serves")
		return
	}
	open := 0
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if i, err := e.Info(); err == nil && i.Mode().Perm()&0o077 != 0 {
			open++
		}
		return nil
	})
	switch owner, ours := info.Sys().(*syscall.Stat_t); {
	case err != nil:
		d.say("keyring", ill, err.Error(), "run the doctor as the user that serves")
	case open > 0:
		d.say("keyring", ill, fmt.Sprintf("others on this machine may read %d of its files", open), "chmod -R go= "+root)
	case ours && int(owner.Uid) != os.Geteuid():
		d.say("keyring", careful, "belongs to another user than you", "run the doctor as the user that serves")
	default:
		d.say("keyring", well, "nobody else may read it", "")
	}
}

// tell prints the findings; wrong ones end with exit 1.
func (d *doctor) tell(w io.Writer, asJSON, snippets bool) error {
	bad := 0
	for _, f := range d.found {
		if f.Health == ill {
			bad++
		}
	}
	if asJSON {
		out := map[string]any{"findings": d.found}
		if snippets {
			out["snippets"] = d.snippets()
		}
		if err := json.NewEncoder(w).Encode(out); err != nil {
			return err
		}
	} else {
		tellFindings(w, d.found)
		if snippets {
			for _, s := range d.snippets() {
				fmt.Fprintf(w, "\n# %s\n%s", s.Name, s.Text)
			}
		}
	}
	if bad > 0 {
		return exitError{code: exitNo}
	}
	return nil
}

func tellFindings(w io.Writer, list []finding) {
	for _, f := range list {
		fmt.Fprintf(w, "%-8s %s: %s\n", cmp.Or(map[health]string{careful: "careful", ill: "WRONG"}[f.Health], "ok"), f.What, f.Words)
		if f.Change != "" {
			fmt.Fprintf(w, "         → %s\n", f.Change)
		}
		for _, l := range f.Lines {
			fmt.Fprintf(w, "           %s\n", l)
		}
	}
}

// logIn names the log of a signed head.
func logIn(head string) string {
	name, _, _ := strings.Cut(head, "\n")
	return name
}
