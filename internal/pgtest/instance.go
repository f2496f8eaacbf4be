package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// user is the name of the server's superuser, as whom the tests come.
const user = "amana"

// Instance is one server: a folder of data, a port and, while it runs, a
// process. Its methods may be called from several goroutines.
type Instance struct {
	bin      string // where its programs are
	dir      string // holds data and log
	port     int    // stays the same over stops and starts
	password string
	settings []string
	own      bool // of one test, which may stop it

	filling sync.Once
	filled  error // of what Copy copies

	mu   sync.Mutex
	cmd  *exec.Cmd     // nil while stopped
	gone chan struct{} // closed when cmd has ended
}

// ours are the settings every server gets: durable as shipped, but small.
var ours = []string{
	"listen_addresses=127.0.0.1",
	"unix_socket_directories=",
	"shared_buffers=64MB",
	"dynamic_shared_memory_type=mmap", // in the folder, that goes with it
	"timezone=UTC",
}

// create makes a folder of data and starts a server on it.
func create(which string, settings []string) (*Instance, error) {
	k, err := keep()
	if err != nil {
		return nil, err
	}
	bin, err := programs(which, k)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(k.dir, which+"-")
	if err != nil {
		return nil, err
	}
	s := &Instance{bin: bin, dir: dir, password: rand.Text(), settings: settings}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	for range 5 { // somebody else may take the port first
		if s.port, err = port(); err != nil {
			break
		}
		if err = s.start(); !errors.Is(err, errPort) {
			break
		}
	}
	return s, err
}

// prepare runs initdb. What it leaves unsynced matters to nobody: the machine's
// end is the end of the test as well.
func (s *Instance) prepare() error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o600); err != nil {
		return err
	}
	if err := give(s.dir, secret); err != nil {
		return err
	}
	c := command(s.dir, filepath.Join(s.bin, "initdb"), "--pgdata=data", "--username="+user,
		"--pwfile=password", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8",
		"--wal-segsize=1", "--no-sync", "--no-instructions")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// listen takes a port of loopback below those that the system hands out itself:
// so it is still free when what listened there comes back.
func listen() (net.Listener, error) {
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+mathrand.IntN(12000))); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// port is one that was free a moment ago.
func port() (int, error) {
	l, err := listen()
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Address gives one of loopback for a program that has to be told where to listen.
// Nobody listened there a moment ago, and the system hands its port out to nobody:
// neither to who asks for any nor to who calls somebody else.
func Address() (string, error) {
	n, err := port()
	return fmt.Sprintf("127.0.0.1:%d", n), err
}

// address is the DSN of one of its databases.
func (s *Instance) address(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, s.password),
		Host: fmt.Sprintf("127.0.0.1:%d", s.port), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Start starts a stopped server on the port it had and waits until it answers:
// after an immediate stop, until it has recovered.
func (s *Instance) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
}

var errPort = errors.New("the port is taken")

func (s *Instance) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		return errors.New("it runs already")
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"-D", "data", "-p", strconv.Itoa(s.port)}
	for _, v := range append(ours, s.settings...) {
		args = append(args, "-c", v)
	}
	c := command(s.dir, filepath.Join(s.bin, "postgres"), args...)
	c.Stdout, c.Stderr = log, log
	gone := make(chan struct{})
	if err := launch(c, gone); err != nil {
		return err
	}
	if err := s.await(gone); err != nil {
		end(c, gone, syscall.SIGQUIT)
		if bytes.Contains(s.said(), []byte("Address already in use")) {
			return errPort
		}
		return fmt.Errorf("%w\n%s", err, s.said())
	}
	s.cmd, s.gone = c, gone
	return nil
}

// await returns when the server answers, or has ended, or time is up.
func (s *Instance) await(gone <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, s.address("postgres"))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-gone:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Stop ends the server and waits until it has. "fast" rolls back what is open and
// writes everything to disk; "immediate" is a crash: it leaves at once and has to
// recover when started again. Only a server of the test's own can be stopped.
func (s *Instance) Stop(t testing.TB, mode string) {
	t.Helper()
	signal, known := map[string]syscall.Signal{"fast": syscall.SIGINT, "immediate": syscall.SIGQUIT}[mode]
	if !known || !s.own {
		t.Fatalf("stop PostgreSQL %q: only a server of NewServer, fast or immediate", mode)
	}
	s.stop(signal)
}

func (s *Instance) stop(signal syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	end(s.cmd, s.gone, signal)
	s.cmd = nil
}

// remove takes the server away, running or not.
func (s *Instance) remove() {
	s.stop(syscall.SIGQUIT)
	os.RemoveAll(s.dir)
}

func (s *Instance) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd != nil
}

// said is the end of its log.
func (s *Instance) said() []byte {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return []byte(err.Error())
	}
	return b[max(0, len(b)-4000):]
}
