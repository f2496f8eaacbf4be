package api_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/amana-privacy/amana/internal/pgtest"
)

// nginx of Debian with the lines of docs/gateway.md: one server with the door
// behind its gate, one whose gate is not there, one whose gate never answers.
func TestNginxAtTheGate(t *testing.T) {
	program, err := exec.LookPath("nginx")
	must(t, err) // scripts/needs.sh installs it
	w := newWorld(t)
	w.agree("customer:10042")
	w.token = w.newToken("decide")

	var reached atomic.Int64
	letters := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		fmt.Fprintf(out, "%q %q %q", r.Header.Values("X-Amana-Subject"), r.Header.Values("X-Amana-Data"), r.Header.Values("X-Amana-Reason"))
	}))
	t.Cleanup(letters.Close)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and never answers
	must(t, err)
	t.Cleanup(func() { silent.Close() })

	open, gone, slow := freePort(t), freePort(t), freePort(t)
	block := nginxBlock(t)
	var servers []string
	for at, gate := range map[string]string{open: strings.TrimPrefix(w.url, "http://"), gone: freePort(t), slow: silent.Addr().String()} {
		lines := strings.NewReplacer("127.0.0.1:8000", at, "127.0.0.1:8081", gate,
			"127.0.0.1:9000", strings.TrimPrefix(letters.URL, "http://"), "amana_…", w.token).Replace(block)
		if at == open { // a machine that does much else answers later than a shop would wait
			lines = regexp.MustCompile(`_timeout( +)\w+;`).ReplaceAllString(lines, "_timeout${1}60s;")
		}
		servers = append(servers, lines)
	}
	startNginx(t, program, strings.Join(servers, "\n"), open, gone, slow)

	ask := func(at, user string, headers ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+at+"/letters/a?b=c", strings.NewReader("a body"))
		must(t, err)
		r.SetBasicAuth(user, "secret")
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Add(name, value)
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		must(t, err)
		defer resp.Body.Close()
		var b bytes.Buffer
		b.ReadFrom(resp.Body)
		return resp.StatusCode, b.String()
	}
	for name, c := range map[string]struct {
		at, user string
		headers  []string
		status   int
	}{
		"yes":                     {open, "10042", nil, 200},
		"a client's own headers":  {open, "10042", []string{"X-Amana-Subject: customer:1", "X-Amana-Subject: customer:2", "X-Amana-Data: nothing", "X-Amana-Reason: x", "Authorization-X: y"}, 200},
		"no":                      {open, "20000", nil, 403},
		"no, whatever it sends":   {open, "20000", []string{"X-Amana-Subject: customer:10042"}, 403},
		"not a customer":          {open, "stranger", nil, 403},
		"the door is gone":        {gone, "10042", nil, 500},
		"the door does not speak": {slow, "10042", nil, 500},
	} {
		t.Run(name, func(t *testing.T) {
			before := reached.Load()
			status, body := ask(c.at, c.user, c.headers...)
			if status != c.status {
				t.Fatalf("%d %s", status, body)
			}
			if passed := reached.Load() - before; (passed == 1) != (status == 200) {
				t.Errorf("%d, and %d requests came through", status, passed)
			}
			if want := `["customer:10042"] [] []`; status == 200 && body != want {
				t.Errorf("behind it %s, want %s", body, want)
			}
		})
	}
	if a := w.do("GET", "/gate/tailored_offers", "", "X-Amana-Subject: customer:10042"); a.status != 200 {
		t.Fatal(a.status)
	}
	w.token = w.newToken("*")
	w.post(201, "/v1/consents", `{"subject":"customer:10042","choices":[{"purpose":"tailored_offers","decision":"withdrawn"}]}`)
	if status, _ := ask(open, "10042"); status != 403 {
		t.Errorf("after it was taken back: %d", status)
	}
}

// nginxBlock is what docs/gateway.md says to write.
func nginxBlock(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/gateway.md")
	must(t, err)
	m := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindSubmatch(page)
	if m == nil {
		t.Fatal("docs/gateway.md has no lines for nginx")
	}
	return string(m[1])
}

// startNginx runs nginx as somebody without rights, and waits until it listens at
// every address, one after the other.
func startNginx(t *testing.T, program, servers string, listens ...string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "amana-nginx")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	var users strings.Builder
	for _, user := range []string{"10042", "20000", "stranger"} {
		fmt.Fprintf(&users, "%s:{PLAIN}secret\n", user)
	}
	must(t, os.WriteFile(filepath.Join(dir, "customers.htpasswd"), []byte(users.String()), 0o644))
	conf := "daemon off;\nmaster_process off;\npid " + dir + "/pid;\nerror_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		conf += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	must(t, os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf+servers+"}\n"), 0o644))
	c := exec.Command(program, "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"))
	if os.Getuid() == 0 {
		const nobody = 65534
		must(t, os.Chown(dir, nobody, nobody))
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	var said bytes.Buffer
	c.Stderr = &said
	must(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for deadline := time.Now().Add(time.Minute); len(listens) > 0; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", listens[0])
		if err == nil {
			conn.Close()
			listens = listens[1:]
			continue
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("nginx ended: %v\n%s", err, said.String())
		default:
		}
		if !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(deadline) {
			t.Fatalf("nginx does not listen: %v", err)
		}
	}
}

// freePort gives an address that nobody listens at now.
func freePort(t *testing.T) string {
	t.Helper()
	address, err := pgtest.Address()
	must(t, err)
	return address
}
