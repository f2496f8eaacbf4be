package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/amana-privacy/amana/fault"
)

// What could not be printed was not wrong use: nobody was told.
func TestAVerbThatCannotPrintCouldNotTell(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full here")
	}
	defer full.Close()
	for _, args := range [][]string{{"keys", "make"}, {"version"}, {"version", "--json"}, {"lint", "../../examples/casco-fiber/amana.yaml"}, {"init", filepath.Join(t.TempDir(), "amana.yaml")}} {
		var said strings.Builder
		if code := run(t.Context(), env{strings.NewReader(""), full, &said}, args); code != exitUnknown || !strings.Contains(said.String(), "no space left") {
			t.Errorf("%v: exit %d, %s", args, code, said.String())
		}
	}
}

// Where nothing could be opened nothing is known, or nothing was done; what is asked
// wrongly is wrong use. And nothing is made where nothing was.
func TestWhatCannotBeOpenedIsNoWrongUse(t *testing.T) {
	t.Parallel()
	bare, other, list := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "list.csv")
	check(t, os.WriteFile(list, []byte("email,decision\na@example.com,no\n"), 0o600))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"db", "check", "--dir", bare}, exitUnknown, "there is no installation in the folder " + bare},
		{[]string{"db", "check", "--dir", filepath.Join(bare, "nowhere")}, exitUnknown, "there is no folder"},
		{[]string{"db", "check", "--dir", other, "--db", "sqlite:" + list}, exitUnknown, "no master key"},
		{[]string{"db", "check", "--dir", other, "--db", "postgres://x@127.0.0.1:1/y"}, exitUnknown, "no master key"},
		{[]string{"db", "check", "--dir", other, "--db", "nonsense"}, exitUsage, "a database is sqlite:PATH"},
		{[]string{"keys", "list", "--dir", bare}, exitUnknown, "there is no installation"},
		{[]string{"token", "create", "--name", "x", "--scope", "decide", "--dir", bare}, exitNo, "there is no installation"},
		{[]string{"request", "erase", "email:a@example.com", "--yes", "--dir", bare}, exitNo, "there is no installation"},
		{[]string{"evidence", "open", "x", "--by", "A", "--by", "B", "--dir", bare}, exitNo, "there is no installation"},
		{[]string{"policy", "publish", "../../examples/casco-fiber/amana.yaml", "--by", "A", "--dir", bare}, exitNo, "there is no installation"},
		{[]string{"history", "--dir", bare}, exitUnknown, "there is no installation"},
		{[]string{"export", "--by", "A", "--dir", bare}, exitNo, "there is no installation"},
		{[]string{"export", "--by", "A", "--consents", "xlsx", "--dir", bare}, exitUsage, "--consents is csv or ndjson"},
		{[]string{"import", "consents", list, "--zone", "Mars", "--dir", bare}, exitUsage, "--zone is a time zone"},
		{[]string{"import", "consents", list, "--from", "elsewhere", "--dir", bare}, exitUsage, "--from is one of csv, "},
		{[]string{"import", "consents", bare, "--dir", bare}, exitNo, "is a directory; nothing was written"},
		{[]string{"import", "export", list, "--dir", bare, "--public-url", "https://privacy.example.com"}, exitNo, list + ": reading the export: line 1: it is none of an export; nothing was written"},
	} {
		var said strings.Builder
		if code := run(t.Context(), env{strings.NewReader(""), &said, &said}, c.args); code != c.code || !strings.Contains(said.String(), c.says) {
			t.Errorf("%v: exit %d, %s", c.args, code, said.String())
		}
	}
	if made, err := os.ReadDir(bare); err != nil || len(made) > 0 {
		t.Errorf("%v, %v", made, err)
	}
}

// A check that did not come to its end says nothing of the database.
func TestACheckThatWasCutShortCouldNotTell(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		code int
	}{
		{t.Context(), errors.New("an entry is not its record's"), exitNo},
		{t.Context(), fault.New(fault.Overloaded, "reading failed; try again later"), exitUnknown},
		{gone, context.Canceled, exitUnknown},
	} {
		if got, ok := asExit(doesNotHold(c.ctx, c.err)); !ok || got.code != c.code || !strings.Contains(got.msg, c.err.Error()) {
			t.Errorf("%v: %+v", c.err, got)
		}
	}
}

// A backup that is not there, or opens with another identity, is said before
// anything is read or made.
func TestARestoreSaysAtOnceThatTheBackupDoesNotOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine, other := must2(age.GenerateX25519Identity()), must2(age.GenerateX25519Identity())
	key := filepath.Join(dir, "key.txt")
	check(t, os.WriteFile(key, []byte(mine.String()+"\n"), 0o600))
	sealed := filepath.Join(dir, "sealed")
	f := must2(os.Create(sealed))
	w := must2(age.Encrypt(f, other.Recipient()))
	check(t, errors.Join(w.Close(), f.Close()))
	empty := filepath.Join(dir, "empty")
	check(t, os.WriteFile(empty, nil, 0o600))
	for file, says := range map[string]string{
		filepath.Join(dir, "missing"): "no such file",
		dir:                           "is a directory",
		empty:                         "was not written by amana backup",
		key:                           "was not written by amana backup",
		sealed:                        "does not open with this identity",
	} {
		var said strings.Builder
		code := run(t.Context(), env{strings.NewReader(""), &said, &said}, []string{"restore", file, "--identity", key, "--dir", filepath.Join(dir, "new")})
		if code != exitNo || !strings.Contains(said.String(), says) || !strings.Contains(said.String(), file) {
			t.Errorf("%s: exit %d, %s", file, code, said.String())
		}
		if exists(filepath.Join(dir, "new")) {
			t.Fatalf("%s: a folder was made", file)
		}
	}
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
