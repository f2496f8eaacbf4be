package store

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/subject"
)

func TestAServerThatWouldLoseWhatItAcknowledgedIsRefused(t *testing.T) {
	t.Parallel()
	for _, version := range pgtest.Versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := &world{t: t, dir: t.TempDir(), dsn: pgtest.NewServer(t, version, "fsync=off").Database(t)}
			ring, err := keyring.Create(filepath.Join(w.dir, "keys"), "casco.example/log")
			if err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), w.config(ring))
			if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "fsync") {
				t.Fatalf("a server with fsync=off: %v", err)
			}
		})
	}
}

// A role, a database or a server may be set to acknowledge before it is durable,
// which is nobody's wish here.
func TestACommitIsDurableWhateverTheDatabaseIsSetTo(t *testing.T) {
	eachPostgres(t, func(t *testing.T, w *world) {
		c, err := pgx.Connect(t.Context(), w.dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		if _, err := c.Exec(t.Context(), `ALTER DATABASE `+pgx.Identifier{c.Config().Database}.Sanitize()+` SET synchronous_commit = off`); err != nil {
			t.Fatal(err)
		}
		var is string
		if err := w.server(w.dsn).reads.QueryRow(`SELECT current_setting('synchronous_commit')`).Scan(&is); err != nil || is != "on" {
			t.Errorf("synchronous_commit = %s, %v", is, err)
		}
	})
}

func TestWhoWaitsTooLongForALockIsToldToTryAgain(t *testing.T) {
	eachPostgres(t, testWhoWaitsTooLongForALockIsToldToTryAgain)
}

func testWhoWaitsTooLongForALockIsToldToTryAgain(t *testing.T, w *world) {
	for i, of := range []string{"lock_timeout=300ms", "statement_timeout=300ms"} {
		db := w.server(w.dsn + "&" + of)
		for k, lock := range []string{`LOCK TABLE event IN EXCLUSIVE MODE`, `LOCK TABLE ledger_queue IN EXCLUSIVE MODE`, `SELECT n FROM shard FOR UPDATE`} {
			held, err := pgx.Connect(t.Context(), w.dsn)
			if err != nil {
				t.Fatal(err)
			}
			id := subject.ID(fmt.Sprintf("customer:%d-%d", i, k))
			yes := answer(id, "tailored_offers", consent.Given)
			yes.Once = &Once{Client: "shop", Key: string(id), Body: []byte("body")}
			submit := func() error { _, err := db.Submit(t.Context(), yes); return err }
			if _, err := held.Exec(t.Context(), `BEGIN; `+lock); err != nil {
				t.Fatal(err)
			}
			if err := submit(); fault.KindOf(err) != fault.Overloaded {
				t.Errorf("%s, %s: %v", of, lock, err)
			}
			if db.Writable() == nil {
				t.Errorf("%s, %s: the store says it can write", of, lock)
			}
			held.Close(t.Context())
			if err := w.finally(submit); err != nil || db.Writable() != nil {
				t.Errorf("%s, %s: when it is free again: %v", of, lock, err)
			}
			if n := w.eventsOf(id); n != 1 {
				t.Errorf("%s, %s: %d events", of, lock, n)
			}
		}
	}
	w.settled()
	w.check()
}

func TestAFullDiskOfAServerIsSaidAndNothingIsLost(t *testing.T) {
	t.Parallel()
	for _, version := range pgtest.Versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := pgtest.NewServer(t, version)
			w := newWorldAt(t, s.Database(t))
			w.fills(t, s, "log", 1<<20-8192)   // one of its files has 1 MiB
			w.fills(t, s, "tables", 2<<20+100) // a page of a table does not end there
		})
	}
}

// fills lets the server's processes write no file beyond a size, which tables or
// files of its log soon reach. What it is told then is what a full disk comes to.
func (w *world) fills(t *testing.T, s *pgtest.Instance, what string, room int) {
	server := w.postmaster()
	limit(t, server, strconv.Itoa(room))
	l := w.load(w.db, 64)
	for end := time.Now().Add(3 * time.Minute); w.db.Writable() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %d acknowledgements the disk of the %s is not full", l.n.Load(), what)
		}
	}
	t.Logf("after %d acknowledgements: %v", l.n.Load(), w.db.Writable())
	time.Sleep(100 * time.Millisecond)
	if what == "log" { // no server goes on without it
		s.Stop(t, "immediate")
		s.Start(t)
	} else {
		limit(t, server, "")
	}
	l.more(200)
	l.holds(w.db)
}

// postmaster gives the number of the server's first process.
func (w *world) postmaster() int {
	w.t.Helper()
	var dir string
	if err := w.db.reads.QueryRow(`SELECT current_setting('data_directory')`).Scan(&dir); err != nil {
		w.t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		w.t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		w.t.Fatal(err)
	}
	return pid
}

// limit bounds the size of the files that a process and its children may write;
// "" ends that.
func limit(t *testing.T, pid int, bytes string) {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	owner, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(strings.Fields(string(raw)), strconv.Itoa(pid)) {
		c := exec.Command("prlimit", "--pid", p, "--fsize="+cmp.Or(bytes, "unlimited")+":")
		if s := owner.Sys().(*syscall.Stat_t); int(s.Uid) != os.Getuid() { // even root may not do it to others'
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: s.Uid, Gid: s.Gid}}
		}
		if out, err := c.CombinedOutput(); err != nil {
			if _, gone := os.Stat("/proc/" + p); gone == nil {
				t.Fatalf("prlimit: %v\n%s", err, out)
			}
		}
	}
}
