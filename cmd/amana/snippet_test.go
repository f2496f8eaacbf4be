package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/internal/pgtest"
)

// TestWhatIsToBePutElsewhereIsTaken hands the doctor's lines to the programs they
// are for: nginx and Caddy, which scripts/needs.sh installs, and systemd where it is.
func TestWhatIsToBePutElsewhereIsTaken(t *testing.T) {
	c := defaults()
	c.PublicURL = "https://privacy.company.example"
	d := &doctor{c: c, at: c.At, now: time.Now}
	d.at.dir = t.TempDir()
	text := map[string]string{}
	for _, s := range d.snippets() {
		text[s.Name] = s.Text
	}
	t.Run("nginx", func(t *testing.T) {
		program, err := exec.LookPath("nginx")
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		crt, key := selfSigned(t, dir, "privacy.company.example")
		port, err := pgtest.Address()
		if err != nil {
			t.Fatal(err)
		}
		server := strings.NewReplacer("listen 443", "listen "+port, "/etc/ssl/privacy.company.example.crt", crt, "/etc/ssl/privacy.company.example.key", key).Replace(text["nginx"])
		if !strings.Contains(server, crt) || !strings.Contains(server, "proxy_pass http://"+c.Public) {
			t.Fatalf("it names neither certificate nor door:\n%s", server)
		}
		if !strings.Contains(server, "access_log off;") {
			t.Error("the proxy's log gets the tokens in the addresses")
		}
		conf := filepath.Join(dir, "nginx.conf")
		write(t, conf, "pid "+dir+"/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"+server+"}\n")
		if out, err := exec.CommandContext(t.Context(), program, "-t", "-p", dir, "-c", conf).CombinedOutput(); err != nil || strings.Contains(string(out), "[warn]") {
			t.Errorf("%v\n%s\n%s", err, out, server)
		}
	})
	t.Run("Caddy", func(t *testing.T) { triesCaddy(t, d) })
	t.Run("systemd", func(t *testing.T) {
		program, err := exec.LookPath("systemd-analyze")
		if err != nil {
			t.Skip(err)
		}
		unit := filepath.Join(t.TempDir(), "amana.service")
		write(t, unit, text["systemd"])
		out, err := exec.CommandContext(t.Context(), program, "verify", "--man=no", "--recursive-errors=no", unit).CombinedOutput()
		if err != nil || strings.Contains(string(out), "amana.service") {
			t.Errorf("%v\n%s\n%s", err, out, text["systemd"])
		}
		write(t, unit, strings.Replace(text["systemd"], "ProtectHome=yes", "ProtectHouse=yes", 1))
		if out, _ := exec.CommandContext(t.Context(), program, "verify", "--man=no", "--recursive-errors=no", unit).CombinedOutput(); !strings.Contains(string(out), "ProtectHouse") {
			t.Errorf("an unknown line goes through:\n%s", out)
		}
	})
}

// triesCaddy lets Caddy check its snippet, and serve by it: the door gets the
// name it was asked by, and the address of who asked, whatever they say of it.
func triesCaddy(t *testing.T, d *doctor) {
	program, err := exec.LookPath("caddy")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan [2]string, 1)
	door := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- [2]string{r.Host, strings.Join(r.Header.Values("X-Forwarded-For"), " ")}
	}))
	t.Cleanup(door.Close)
	behind := *d
	behind.c.Public = door.Listener.Addr().String()
	var text string
	for _, s := range behind.snippets() {
		if s.Name == "Caddy" {
			text = s.Text
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	caddy := func(verb string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), program, verb, "--adapter", "caddyfile", "--config", file)
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
		return cmd
	}
	write(t, file, text)
	if out, err := caddy("validate").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, text)
	}
	write(t, file, strings.Replace(text, "reverse_proxy", "reverse_proxi", 1))
	if caddy("validate").Run() == nil {
		t.Error("an unknown line goes through")
	}

	at, err := pgtest.Address()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(at)
	const name = "privacy.company.example"
	write(t, file, "{\n    admin off\n    auto_https off\n}\n"+strings.Replace(text, name+" {", "http://"+name+":"+port+" {", 1))
	cmd := caddy("run")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = name
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			resp.Body.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	select {
	case got := <-seen:
		if got != [2]string{name, "127.0.0.1"} {
			t.Errorf("the door is told %q", got)
		}
	default:
		t.Error("the door was not asked")
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// selfSigned writes a certificate and its key.
func selfSigned(t *testing.T, dir, host string) (crt, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	crt, key = filepath.Join(dir, "crt"), filepath.Join(dir, "key")
	write(t, crt, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
	return crt, key
}
