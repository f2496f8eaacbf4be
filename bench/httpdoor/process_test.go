package httpdoor

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/amana-privacy/amana/bench/world"
)

// server is a process that answers HTTP.
type server struct {
	addr   string // of the door that is asked
	public string // of the other one, if it has two
	token  string // that its callers show
	key    string // of its log, if it has one
	cmd    *exec.Cmd
}

// start runs a program and gives the first line it prints, read as JSON. It is
// told to end when the benchmark is over.
func start[T any](b *testing.B, cmd *exec.Cmd) (first T) {
	b.Helper()
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		log.Close()
	})
	lines := bufio.NewReader(out)
	line, err := lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &first)
	}
	if err != nil {
		said, _ := os.ReadFile(log.Name())
		b.Fatalf("%s did not start: %v\n%s", cmd.Path, err, said)
	}
	go io.Copy(io.Discard, lines)
	return first
}

// program is what make build makes.
const program = "../../bin/amana"

// amana starts the built program on an empty database.
func amana(b *testing.B, db string) server {
	b.Helper()
	if _, err := os.Stat(program); err != nil {
		b.Fatalf("%v: make build makes it", err)
	}
	dir := filepath.Join(b.TempDir(), "amana")
	cmd := exec.Command(program, "serve", "--dir", dir, "--policy", world.Policy, "--public", "127.0.0.1:0", "--company", "127.0.0.1:0", "--json")
	cmd.Env = append(os.Environ(), "AMANA_DB="+db)
	first := start[struct {
		Public, Company string
		LogKey          string `json:"log_key"`
	}](b, cmd)
	ask := exec.Command(program, "token", "create", "--name", "bench", "--scope", "consent:write", "--scope", "decide", "--scope", "request", "--dir", dir)
	ask.Env = cmd.Env
	token, err := ask.Output()
	if err != nil {
		b.Fatalf("making a token: %v", err)
	}
	return server{addr: host(b, first.Company), public: first.Public, token: strings.TrimSpace(string(token)), key: first.LogKey, cmd: cmd}
}

// c15t starts the peer on an empty database, in as many processes as are given.
func c15t(b *testing.B, db string, processes int) server {
	b.Helper()
	const token = "sk_bench_4f0c2a9d7b"
	cmd := exec.Command("node", "server.mjs")
	cmd.Dir = "../peers"
	cmd.Env = append(os.Environ(), "DB="+db, "TOKEN="+token, "PROCESSES="+strconv.Itoa(processes), "NODE_ENV=production")
	first := start[struct{ Port int }](b, cmd)
	return server{addr: fmt.Sprintf("127.0.0.1:%d", first.Port), token: token, cmd: cmd}
}

func host(b *testing.B, address string) string {
	u, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	return u.Host
}

// resident gives the memory of a process, in bytes.
func (s server) resident(b *testing.B) int64 {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	world.Must(b, err)
	pages, err := strconv.ParseInt(strings.Fields(string(raw))[1], 10, 64)
	world.Must(b, err)
	return pages * int64(os.Getpagesize())
}

// spent gives the processor time that the process and its children have used, or
// this process where the server is none of its own: its load is in it then.
func (s server) spent(b *testing.B) time.Duration {
	b.Helper()
	if s.cmd == nil {
		var u syscall.Rusage
		world.Must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	var sum time.Duration
	pid := strconv.Itoa(s.cmd.Process.Pid)
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	world.Must(b, err)
	for _, file := range all {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(raw), ") ") // its name may hold spaces
		fields := strings.Fields(rest)
		if filepath.Base(filepath.Dir(file)) != pid && fields[1] != pid {
			continue
		}
		for _, ticks := range fields[11:13] { // utime and stime, in hundredths
			n, err := strconv.ParseInt(ticks, 10, 64)
			world.Must(b, err)
			sum += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return sum
}

// limited bounds what a benchmark may take.
func limited(b *testing.B) context.Context {
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	b.Cleanup(cancel)
	return ctx
}
