package gate_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/amana-privacy/amana/banner"
	"github.com/amana-privacy/amana/cookie"
)

// A real nginx with the lines of docs/banner.md and the maps of the door sends the
// policy of contents that the cookie and the signal allow: what the gate reads.
func TestNginxHoldsWhatTheGateHolds(t *testing.T) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal(err) // scripts/needs.sh installs it
	}
	v := version(t, same)
	g := open(t, v)
	g.Now = func() time.Time { return began.AddDate(0, 0, 1) }
	m := banner.ManifestOf(v, nil)
	var names []string
	for _, id := range m.Switches {
		names = append(names, "$amana_"+strings.ReplaceAll(id, "/", "_"))
	}
	client := nginx(t, program, string(m.Nginx())+strings.Replace(lines(t), "server {", "server {\n listen unix:SOCKET;\n location / { return 204; }\n add_header X-Granted \""+strings.Join(names, ",")+"\" always;", 1))
	some := 0
	for set := range 1 << 5 {
		for _, gpc := range []bool{false, true} {
			for _, end := range []string{"", ".u"} {
				value := fmt.Sprintf("1.%s.%x.tbb8w0.%s%s", cookie.Revision(v.ID), set, browser, end)
				if set == 0 {
					value = "1." + cookie.Revision(v.ID) + ".0" + end
				}
				granted := g.Granted(request(value, gpc))
				var want []string
				for _, id := range m.Switches {
					want = append(want, map[bool]string{true: "1"}[slices.Contains(granted, id)])
				}
				r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://shop.example/", nil)
				r.Header = request(value, gpc).Header
				resp, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if got := resp.Header.Get("X-Granted"); got != strings.Join(want, ",") {
					t.Errorf("%s, signal %t: %q, want %q", value, gpc, got, want)
				}
				policy := resp.Header.Get("Content-Security-Policy")
				if strings.Contains(policy, "https://quietcount.example") != slices.Contains(granted, "analytics") || !strings.Contains(policy, "script-src 'self' https://privacy.example.com") {
					t.Errorf("%s, signal %t: %s", value, gpc, policy)
				}
				some += len(granted)
			}
		}
	}
	if some < 50 {
		t.Errorf("only %d switches counted", some)
	}
}

// lines are those of docs/banner.md.
func lines(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/banner.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```\n(map \\$amana_analytics .*?)```").FindSubmatch(page)
	if found == nil {
		t.Fatal("docs/banner.md has no lines for nginx")
	}
	return string(found[1])
}

// nginx runs one that listens at a socket of its own, and gives who asks it.
func nginx(t *testing.T, program, blocks string) *http.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "amana-nginx") // the name of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket, file := filepath.Join(dir, "socket"), filepath.Join(dir, "nginx.conf")
	conf := "daemon off;\nmaster_process off;\npid " + dir + "/pid;\nerror_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		conf += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	if err := os.WriteFile(file, []byte(conf+strings.ReplaceAll(blocks, "SOCKET", socket)+"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "-p", dir, "-e", "stderr", "-c", file)
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() { c.Process.Signal(syscall.SIGTERM); <-ended })
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := dial(t.Context(), "", "")
		if err == nil {
			conn.Close()
			return &http.Client{Transport: &http.Transport{DialContext: dial}}
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("nginx ended: %v\n%s", err, said.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx does not listen: %v", err)
		}
	}
}
