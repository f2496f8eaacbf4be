// Package pgtest gives tests a real PostgreSQL, in the oldest and the newest
// version the program works with.
//
//	dsn := pgtest.Database(t, "15")               // an empty database of the shared server
//	own := pgtest.NewServer(t, "18", "fsync=off") // one's own, to stop and start
//	wire := pgtest.NewWire(t, dsn)                // a connection that breaks when told to
//
// A server runs in a temporary folder, on a port of loopback, with a password
// made for it, and writes as durably as in earnest. PostgreSQL refuses to run as
// root: where the tests do, it runs as nobody. Nothing stays when the process of
// the tests ends, however it ends (keeper.go).
//
// Where a version is missing the test fails and says how to install it: a test
// that is skipped proves nothing.
package pgtest

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Versions are the majors of PostgreSQL that tests run on: Debian's, and the newest.
var Versions = []string{"15", "18"}

// shared holds the servers that all tests of this process use together.
var shared struct {
	mu      sync.Mutex
	servers map[string]*Instance
}

// Server gives the server of that major version that all tests of the process
// share, started by the first who asks. It cannot be stopped: see NewServer.
func Server(t testing.TB, which string) *Instance {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if s := shared.servers[which]; s != nil {
		return s
	}
	s, err := create(which, nil)
	if err != nil {
		t.Fatalf("PostgreSQL %s: %v", which, err)
	}
	if shared.servers == nil {
		shared.servers = map[string]*Instance{}
	}
	shared.servers[which] = s
	return s
}

// NewServer starts a server for this test alone and removes it at the test's end. The
// settings are written as in postgresql.conf, "fsync=off", and win over ours.
func NewServer(t testing.TB, which string, settings ...string) *Instance {
	t.Helper()
	s, err := create(which, settings)
	if err != nil {
		t.Fatalf("PostgreSQL %s: %v", which, err)
	}
	s.own = true
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("PostgreSQL %s said at last:\n%s", which, s.said())
		}
		s.remove()
	})
	return s
}

// Database makes an empty database on the shared server of that version and
// gives its address, postgres://…. It is dropped at the test's end, with
// whoever is still connected to it.
func Database(t testing.TB, which string) string {
	t.Helper()
	return Server(t, which).Database(t)
}

// Database makes an empty database and gives its address, postgres://…. It is
// dropped at the test's end. Text in it is UTF-8 and sorted by its code points,
// on every machine alike.
func (s *Instance) Database(t testing.TB) string {
	t.Helper()
	return s.like(t, "template0")
}

// Copy makes a database as fill leaves one, which has to be the same at every
// call: it runs the first time alone. It is dropped as that of Database is.
func (s *Instance) Copy(t testing.TB, fill func(dsn string) error) string {
	t.Helper()
	s.filling.Do(func() {
		if s.filled = s.admin("create database filled template template0"); s.filled == nil {
			s.filled = fill(s.address("filled"))
		}
	})
	if s.filled != nil {
		t.Fatalf("fill a database: %v", s.filled)
	}
	return s.like(t, "filled")
}

func (s *Instance) like(t testing.TB, template string) string {
	t.Helper()
	name := "t" + strings.ToLower(rand.Text()[:12])
	if err := s.admin("create database " + name + " template " + template); err != nil {
		t.Fatalf("make a database: %v", err)
	}
	t.Cleanup(func() {
		if !s.running() {
			return
		}
		if err := s.admin("drop database " + name + " with (force)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return s.address(name)
}

// admin runs one statement in the database that holds nothing.
func (s *Instance) admin(statement string) error {
	// Not the test's context: that one has ended when it is time to drop.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, s.address("postgres"))
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, statement)
	return err
}
