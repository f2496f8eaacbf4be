package follower_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/amana-privacy/amana/api"
	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/publisher"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

const purpose = "text_updates" // rests on consent alone, and acts on telephone numbers

// site is a server of Amana that can be stopped, started, and set back.
type site struct {
	t    *testing.T
	dir  string
	wire *wire

	ahead  atomic.Int64 // of the time, by the server's clock
	db     *store.DB
	p      *publisher.Publisher
	http   *http.Server
	token  string
	logKey string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), wire: newWire(t)}
	_, err := keyring.Create(filepath.Join(s.dir, "keys"), "cascofiber.example/log")
	must(t, err)
	s.start()
	t.Cleanup(func() { s.stop() })
	raw, err := os.ReadFile("../examples/casco-fiber/amana.yaml")
	must(t, err)
	doc, findings := policy.Read("amana.yaml", raw)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	_, err = s.db.Publish(t.Context(), doc, nil, "Mona Haddad")
	must(t, err)
	s.token, err = s.db.CreateToken(t.Context(), "replica", []string{"feed"})
	must(t, err)
	s.logKey = s.db.LogKey()
	must(t, s.p.Ready(t.Context()))
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clock is the server's.
func (s *site) clock() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

func (s *site) file() string { return filepath.Join(s.dir, "amana.db") }

func (s *site) start() {
	s.t.Helper()
	ring, err := keyring.Open(filepath.Join(s.dir, "keys"))
	must(s.t, err)
	s.db, err = store.Open(context.Background(), store.Config{Path: s.file(), Ring: ring, Create: true, Now: s.clock,
		TakeBack: func(string) (string, string) { return "https://cascofiber.example/choices", "Say no." }})
	must(s.t, err)
	s.p = publisher.New(context.Background(), publisher.Config{Store: s.db, Ring: ring, Dir: s.dir, Now: s.clock})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(s.t, err)
	s.http = &http.Server{Handler: api.New(api.Config{Store: s.db, Publisher: s.p})}
	go s.http.Serve(l)
	s.wire.to.Store(l.Addr().String())
}

// stop ends the server as a kill does for whoever is connected.
func (s *site) stop() {
	s.t.Helper()
	s.http.Close()
	s.p.Close()
	must(s.t, s.db.Close())
}

// keep copies the database of a stopped server; setBack puts a copy in its place.
func (s *site) keep() []byte {
	raw, err := os.ReadFile(s.file())
	must(s.t, err)
	return raw
}

func (s *site) setBack(raw []byte) {
	for _, more := range []string{"-wal", "-shm"} {
		os.Remove(s.file() + more)
	}
	must(s.t, os.WriteFile(s.file(), raw, 0o600))
}

func (s *site) say(id subject.ID, answer consent.Answer) error {
	_, err := s.db.Submit(context.Background(), store.Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: purpose, Decision: answer}}})
	return err
}

// wire is the way between replicas and a server: it carries, cuts, holds, spoils,
// and says again what it once heard.
type wire struct {
	to   atomic.Value // address
	l    net.Listener
	mode atomic.Int32

	mu    sync.Mutex
	links []net.Conn
	heard []byte // of one connection, from the server
}

const (
	carry = int32(iota)
	refuse
	hold  // what comes from the server waits
	spoil // some of its bytes are others
	echo  // what the server said earlier comes again
)

func newWire(t *testing.T) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &wire{l: l}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { w.carry(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		w.set(refuse)
		running.Wait()
	})
	return w
}

func (w *wire) url() string { return "http://" + w.l.Addr().String() }

// set changes what the wire does; whoever is connected is cut off.
func (w *wire) set(mode int32) {
	w.mode.Store(mode)
	w.cut()
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.links {
		c.Close()
	}
	w.links = nil
}

func (w *wire) carry(c net.Conn) {
	defer c.Close()
	if w.mode.Load() == refuse {
		return
	}
	server, err := net.Dial("tcp", w.to.Load().(string))
	if err != nil {
		return
	}
	defer server.Close()
	w.mu.Lock()
	w.links = append(w.links, c, server)
	w.mu.Unlock()
	if w.mode.Load() == echo {
		w.mu.Lock()
		again := slices.Clone(w.heard)
		w.mu.Unlock()
		c.Read(make([]byte, 8<<10)) // what is asked
		c.Write(again)
		go io.Copy(io.Discard, c)
		time.Sleep(50 * time.Millisecond)
		return
	}
	go func() {
		defer server.Close()
		io.Copy(server, c)
	}()
	w.back(c, server)
}

// back carries what the server says.
func (w *wire) back(c, server net.Conn) {
	b, all := make([]byte, 8<<10), []byte{}
	for {
		n, err := server.Read(b)
		if err != nil {
			return
		}
		for w.mode.Load() == hold {
			time.Sleep(time.Millisecond)
		}
		if w.mode.Load() == spoil && rand.IntN(6) == 0 {
			b[rand.IntN(n)] ^= byte(1 << rand.IntN(7))
		}
		if len(all) < 1<<16 {
			all = append(all, b[:n]...)
			w.mu.Lock()
			w.heard = all
			w.mu.Unlock()
		}
		if _, err := c.Write(b[:n]); err != nil {
			return
		}
	}
}
