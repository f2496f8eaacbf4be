package pgtest

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// each runs a test on every version.
func each(t *testing.T, f func(t *testing.T, which string)) {
	for _, which := range Versions {
		t.Run(which, func(t *testing.T) { f(t, which) })
	}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func run(t *testing.T, c *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// rows gives one column of text.
func rows(t *testing.T, c *pgx.Conn, query string) []string {
	t.Helper()
	r, err := c.Query(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	all, err := pgx.CollectRows(r, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return all
}

func TestServerIsDurableAndOfItsVersion(t *testing.T) {
	each(t, func(t *testing.T, which string) {
		c := connect(t, Database(t, which))
		for setting, want := range map[string]string{
			"server_encoding": "UTF8", "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
		} {
			if got := rows(t, c, "show "+setting); got[0] != want {
				t.Errorf("%s is %s, want %s", setting, got[0], want)
			}
		}
		if got := rows(t, c, "show server_version"); !strings.HasPrefix(got[0], which+".") {
			t.Errorf("version %s, want %s", got[0], which)
		}
	})
}

func TestTextIsSortedByCodePoints(t *testing.T) {
	each(t, func(t *testing.T, which string) {
		c := connect(t, Database(t, which))
		got := rows(t, c, "select x from (values ('b'), ('é'), ('A'), ('a'), ('س'), ('B'), ('a-b'), ('ab')) v(x) order by x")
		if d := cmp.Diff([]string{"A", "B", "a", "a-b", "ab", "b", "é", "س"}, got); d != "" {
			t.Error(d)
		}
	})
}

func TestDatabasesAreEmptyAndDropped(t *testing.T) {
	each(t, func(t *testing.T, which string) {
		var dsn string
		t.Run("used", func(t *testing.T) {
			dsn = Database(t, which)
			run(t, connect(t, dsn), "create table word (x text)")
			other := connect(t, Database(t, which))
			if got := rows(t, other, "select relname::text from pg_class where relname = 'word'"); len(got) > 0 {
				t.Error("another test's table is there")
			}
		})
		_, err := pgx.Connect(t.Context(), dsn)
		if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "3D000" {
			t.Errorf("after the test: %v, want that the database does not exist", err)
		}
	})
}

func TestServerOfOnesOwnTakesSettings(t *testing.T) {
	each(t, func(t *testing.T, which string) {
		s := NewServer(t, which, "fsync=off", "shared_buffers=16MB")
		c := connect(t, s.Database(t))
		if got := append(rows(t, c, "show fsync"), rows(t, c, "show shared_buffers")...); !cmp.Equal(got, []string{"off", "16MB"}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestServerStopsAndComesBack(t *testing.T) {
	each(t, func(t *testing.T, which string) {
		s := NewServer(t, which)
		dsn := s.Database(t)
		c := connect(t, dsn)
		run(t, c, "create table word (x text)")
		for _, mode := range []string{"fast", "immediate"} {
			run(t, c, "insert into word values ('"+mode+"')", "begin", "insert into word values ('open')")
			s.Stop(t, mode)
			if _, err := c.Exec(t.Context(), "select 1"); err == nil {
				t.Errorf("%s: the connection outlived the server", mode)
			}
			if _, err := pgx.Connect(t.Context(), dsn); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%s: %v, want connection refused", mode, err)
			}
			s.Start(t)
			if recovered := strings.Contains(string(s.said()), "not properly shut down"); recovered != (mode == "immediate") {
				t.Errorf("%s: recovered: %v", mode, recovered)
			}
			c = connect(t, dsn)
		}
		if d := cmp.Diff([]string{"fast", "immediate"}, rows(t, c, "select x from word")); d != "" {
			t.Errorf("committed rows: %s", d)
		}
	})
}

func TestMissingVersionSaysWhatInstallsIt(t *testing.T) {
	empty := t.TempDir()
	err := present("18", empty)
	if err == nil || !strings.Contains(err.Error(), "scripts/needs.sh") {
		t.Errorf("got %v, want the command that installs it", err)
	}
	if _, err := os.Stat("../../scripts/needs.sh"); err != nil {
		t.Error(err)
	}
}

func TestFoldersOutOfReachAreCopied(t *testing.T) {
	if os.Geteuid() != 0 {
		return // the server runs as we do, and walks where we walk
	}
	root, err := module()
	if err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	native := filepath.Join(closed, "native")
	if err := os.CopyFS(native, os.DirFS(filepath.Join(root, npm, platform(), "native"))); err != nil {
		t.Fatal(err)
	}
	k, err := keep()
	if err != nil {
		t.Fatal(err)
	}
	bin, err := k.reachable("copied", native)
	if err != nil {
		t.Fatal(err)
	}
	if err := command("/", filepath.Join(bin, "postgres"), "--version").Run(); err != nil {
		t.Errorf("the copy does not run: %v", err)
	}
}

// TestChild is no test: it is the process that TestNothingStays kills.
func TestChild(t *testing.T) {
	if os.Getenv("AMANA_PGTEST_CHILD") == "" {
		return
	}
	s := Server(t, "15")
	os.Stdout.WriteString(s.dir + " " + strconv.Itoa(s.cmd.Process.Pid) + "\n")
	if os.Getenv("AMANA_PGTEST_CHILD") == "killed" {
		time.Sleep(time.Hour)
	}
}

func TestNothingStays(t *testing.T) {
	for _, how := range []string{"killed", "ended"} {
		t.Run(how, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
			c.Env = append(os.Environ(), "AMANA_PGTEST_CHILD="+how)
			out, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			dir, pid, _ := strings.Cut(strings.TrimSpace(line), " ")
			if how == "killed" {
				c.Process.Kill()
			}
			c.Wait()
			await(t, "folder "+filepath.Dir(dir), func() bool {
				_, err := os.Stat(filepath.Dir(dir))
				return errors.Is(err, os.ErrNotExist)
			})
			await(t, "process "+pid, func() bool { return !postgres(pid) })
		})
	}
}

// postgres says whether the process is there and is a server.
func postgres(pid string) bool {
	b, _ := os.ReadFile("/proc/" + pid + "/cmdline")
	return strings.Contains(string(b), "postgres")
}

// await waits until what must come to pass has.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("%s is still there", what)
}
