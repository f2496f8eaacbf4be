package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/internal/pgtest"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// shop is an installation that is opened, used and closed.
type shop struct {
	t  *testing.T
	at place
}

// newShop makes one on SQLite, or on a PostgreSQL of a version.
func newShop(t *testing.T, version string) shop {
	s := shop{t, place{dir: t.TempDir()}}
	if version != "" {
		s.at.db = pgtest.Database(t, version)
	}
	s.open().close()
	return s
}

func (s shop) open() *installation {
	s.t.Helper()
	p, err := demoPolicy("")
	if err != nil {
		s.t.Fatal(err)
	}
	in, err := open(s.t.Context(), s.at, "https://privacy.example", p.doc.Policy)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := firstPolicy(s.t.Context(), in, &p); err != nil {
		s.t.Fatal(err)
	}
	return in
}

// says lets a customer answer, and closes.
func (s shop) says(id subject.ID, a consent.Answer) {
	s.t.Helper()
	in := s.open()
	defer in.close()
	r, err := in.db.Submit(s.t.Context(), store.Submission{Subject: id, Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: a}}})
	if err == nil {
		err = r.Wait(s.t.Context())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// does runs the program, and gives its exit code and what it said.
func (s shop) does(args ...string) (int, string) {
	s.t.Helper()
	var out bytes.Buffer
	if s.at.db != "" {
		args = append(args, "--db", s.at.db)
	}
	code := run(s.t.Context(), env{strings.NewReader(""), &out, &out}, append(args, "--dir", s.at.dir))
	return code, out.String()
}

// did runs the program, which has to succeed.
func (s shop) did(args ...string) string {
	s.t.Helper()
	code, said := s.does(args...)
	if code != exitYes {
		s.t.Fatalf("amana %s: %d %s", strings.Join(args, " "), code, said)
	}
	return said
}

func headOf(t *testing.T, dir string) ledger.Checkpoint {
	t.Helper()
	signed, err := publishedIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	head, _, err := ledger.ReadHead(signed)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

func ageKey(t *testing.T) (file, recipient string) {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, id.Recipient().String()
}

func TestABackupGoesFromOneDatabaseToTheOtherAndBack(t *testing.T) {
	key, recipient := ageKey(t)
	s := newShop(t, "15")
	s.says("customer:1", consent.Given)
	s.says("customer:2", consent.Refused)
	steps := []string{s.at.db, "", pgtest.Database(t, "18")}
	for i, db := range steps[1:] {
		file := filepath.Join(t.TempDir(), "backup")
		s.did("backup", "--to", file, "--recipient", recipient)
		s.at.db = db
		var done store.Restored
		if err := json.Unmarshal([]byte(s.did("restore", file, "--identity", key, "--json")), &done); err != nil {
			t.Fatal(err)
		}
		if done.Subjects != 2 || done.Events != int64(2+i) {
			t.Fatalf("%+v", done)
		}
		if code, said := s.does("decide", "customer:1", "--purpose", "tailored_offers"); code != exitYes {
			t.Fatalf("after step %d: %s", i, said)
		}
		s.says("customer:2", consent.Refused)
	}
}

// TestALogThatFollowsALostOneIsAudited restores last night's backup after more was
// published, and lets an outsider look.
func TestALogThatFollowsALostOneIsAudited(t *testing.T) {
	key, recipient := ageKey(t)
	s := newShop(t, "")
	s.says("customer:1", consent.Given)
	file := filepath.Join(t.TempDir(), "backup")
	s.did("backup", "--to", file, "--recipient", recipient)
	s.says("customer:1", consent.Withdrawn)
	lost := headOf(t, s.at.dir)
	if err := os.Remove(s.at.file()); err != nil {
		t.Fatal(err)
	}
	if code, said := s.does("restore", file, "--identity", key); code != exitNo || !strings.Contains(said, "behind what was published") {
		t.Fatalf("%d %s", code, said)
	}
	s.did("restore", file, "--identity", key, "--force-new-origin", "casco.example/log2")
	h, err := openHouse(t.Context(), config{Public: "127.0.0.1:0", Company: "127.0.0.1:0"}, s.at, nil, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	var out bytes.Buffer
	code := run(t.Context(), env{strings.NewReader(""), &out, &out}, []string{"audit", h.publicURL, "--key", h.in.db.LogKey()})
	if code != exitYes || !strings.Contains(out.String(), fmt.Sprintf("this log follows cascofiber.example/log, which showed a head of %d entries: %d of them stand here", lost.Size, lost.Size-1)) {
		t.Errorf("%d %s", code, out.String())
	}
}

// A restore that is refused leaves nothing half done: no copied keyring either.
func TestARefusedRestoreLeavesNothing(t *testing.T) {
	key, recipient := ageKey(t)
	s := newShop(t, "")
	s.says("customer:1", consent.Given)
	file, copied := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "keys")
	s.did("backup", "--to", file, "--recipient", recipient)
	s.did("backup", "--keyring", "--to", copied, "--recipient", recipient)
	s.says("customer:1", consent.Withdrawn)
	n := shop{t, place{dir: filepath.Join(t.TempDir(), "new")}}
	again := []string{"restore", file, "--identity", key, "--keyring", copied}
	for why, c := range map[string]struct {
		more []string
		code int
	}{
		"behind the head":    {[]string{"--head", filepath.Join(s.at.dir, headFile)}, exitNo},
		"no head":            {nil, exitUnknown},
		"no name of a log":   {[]string{"--force-new-origin", "a name"}, exitNo},
		"no such tombstones": {[]string{"--force-new-origin", "shop.example/log2", "--tombstones", filepath.Join(s.at.dir, "nothing")}, exitNo},
	} {
		if code, said := n.does(append(again[:len(again):len(again)], c.more...)...); code != c.code {
			t.Errorf("%s: %d %s", why, code, said)
		}
		if keyring.Exists(n.at.keyring()) || exists(n.at.file()) {
			t.Errorf("%s: something is left in the folder", why)
		}
	}
	n.did(append(again, "--force-new-origin", "shop.example/log2")...)
	if code, said := n.does("decide", "customer:1", "--purpose", "tailored_offers"); code != exitYes {
		t.Error(said)
	}
}

// TestAnOlderDatabaseIsNotServed copies an old database back, as somebody does
// who has nothing else.
func TestAnOlderDatabaseIsNotServed(t *testing.T) {
	for name, version := range map[string]string{"SQLite": "", "PostgreSQL": "15"} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, version)
			s.says("customer:1", consent.Given)
			restore := s.copies()
			before := headOf(t, s.at.dir)
			s.says("customer:1", consent.Withdrawn)
			if after := headOf(t, s.at.dir); after.Size != before.Size+1 {
				t.Fatalf("the head that is kept went from %d to %d", before.Size, after.Size)
			}
			newest := s.at
			s.at.db = restore()
			for _, verb := range [][]string{{"serve", "--public", "127.0.0.1:0", "--company", "127.0.0.1:0"}, {"token", "create", "--name", "x", "--scope", "decide"}} {
				code, said := s.does(verb...)
				if code != exitNo || !strings.Contains(said, "put that back") || !strings.Contains(said, fmt.Sprintf("it has %d entries of the log, and a head of %d was shown", before.Size, before.Size+1)) {
					t.Errorf("amana %s: %d %s", verb[0], code, said)
				}
			}
			if head := headOf(t, s.at.dir); head.Size != before.Size+1 {
				t.Fatalf("the head that is kept is %d by now", head.Size)
			}
			s.at = newest
			if version != "" {
				s.did("token", "create", "--name", "x", "--scope", "decide")
			}
		})
	}
}

// copies gives what puts a copy of the closed database in its place, or beside it.
func (s shop) copies() (restore func() string) {
	s.t.Helper()
	if s.at.db == "" {
		data, err := os.ReadFile(s.at.file())
		if err != nil {
			s.t.Fatal(err)
		}
		return func() string {
			if err := os.WriteFile(s.at.file(), data, 0o600); err != nil {
				s.t.Fatal(err)
			}
			return ""
		}
	}
	cfg, err := pgx.ParseConfig(s.at.db)
	if err != nil {
		s.t.Fatal(err)
	}
	name := cfg.Database
	cfg.Database = "postgres"
	admin, err := pgx.ConnectConfig(s.t.Context(), cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := admin.Exec(s.t.Context(), `CREATE DATABASE `+name+`older TEMPLATE `+name); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_, err := admin.Exec(context.Background(), `DROP DATABASE `+name+`older WITH (FORCE)`)
		if err := errors.Join(err, admin.Close(context.Background())); err != nil {
			s.t.Error(err)
		}
	})
	return func() string { return strings.Replace(s.at.db, "/"+name, "/"+name+"older", 1) }
}

func TestWhoWasErasedIsKeptBesideTheDatabase(t *testing.T) {
	s := newShop(t, "")
	s.says("customer:1", consent.Given)
	s.says("customer:2", consent.Given)
	file := filepath.Join(s.at.dir, tombstonesFile)
	stones := func() *store.Tombstones {
		t.Helper()
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		out, err := store.ReadTombstones(f)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if n := stones().Erased(); n != 0 {
		t.Fatalf("%d were erased", n)
	}
	in := s.open()
	if _, err := in.db.Erase(t.Context(), "customer:1", store.BySubject); err != nil {
		t.Fatal(err)
	}
	if err := in.outside.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := stones().Erased(); n != 1 {
		t.Fatalf("%d were erased", n)
	}
	size := func() int64 {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	before := size()
	for range 3 {
		if err := in.outside.keep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if size() != before {
		t.Error("what is known is written again")
	}
	in.close()

	for name, left := range map[string]string{
		"cut short":        "e 0011",
		"damaged":          "this is nothing\n",
		"another keyring":  "amana-tombstones-v1 ANOTHER\n",
		"gone":             "",
		"as it should be":  "as it is",
		"twice what it is": "twice",
	} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		switch left {
		case "":
			err = os.Remove(file)
		case "as it is":
		case "twice":
			_, lines, _ := strings.Cut(string(raw), "\n")
			err = os.WriteFile(file, append(raw, lines...), 0o600)
		case "e 0011":
			err = os.WriteFile(file, append(raw, left...), 0o600)
		default:
			err = os.WriteFile(file, []byte(left), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.open().close()
		if n := stones().Erased(); n != 1 {
			t.Errorf("%s: %d were erased", name, n)
		}
	}
}

// TestTheServerKeepsTheHead sees the head move while the server runs.
func TestTheServerKeepsTheHead(t *testing.T) {
	dir := t.TempDir()
	p, err := demoPolicy("")
	if err != nil {
		t.Fatal(err)
	}
	h, err := openHouse(t.Context(), config{Public: "127.0.0.1:0", Company: "127.0.0.1:0"}, place{dir: dir}, &p, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	before := headOf(t, dir)
	if _, err := h.in.db.Record(t.Context(), store.Submission{Subject: "customer:1", Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		if head := headOf(t, dir); head.Size > before.Size {
			if info, err := os.Stat(filepath.Join(dir, headFile)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
			return
		}
	}
	t.Error("the head that is kept does not move")
}
