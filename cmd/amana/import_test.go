package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/transfer"
)

// TestAnImportGoesOnAfterAKill kills the server in the middle of a list, twice,
// and reads the list again from its start: everything is there once (I1, I9).
func TestAnImportGoesOnAfterAKill(t *testing.T) {
	const rows = 12_000
	dir, data, program := t.TempDir(), filepath.Join(t.TempDir(), "data"), programFile(t)
	var list bytes.Buffer
	list.WriteString("customer,decision\n")
	for i := range rows {
		fmt.Fprintf(&list, "K%d,%s\n", i, []string{"given", "refused"}[i%2])
	}
	file, evidence := filepath.Join(dir, "list.csv"), filepath.Join(dir, "offers.yaml")
	for name, text := range map[string]string{file: list.String(), evidence: "evidence: offers\npurpose: tailored_offers\ntext: {en: Yes.}\nfrom: " +
		time.Now().AddDate(0, -6, 0).Format(time.DateOnly) + "\nuntil: " + time.Now().Format(time.DateOnly) + "\nsource: paper\nby: Mona Haddad\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func() (out imported, complaint string, err error) {
		c := exec.Command(program, "import", "consents", file, "--purpose", "tailored_offers", "--evidence", evidence, "--dir", data, "--json")
		var stderr bytes.Buffer
		c.Stderr = &stderr
		raw, err := c.Output()
		if err == nil {
			err = json.Unmarshal(raw, &out)
		}
		return out, stderr.String(), err
	}
	for range 2 {
		s := startServer(t, program, place{dir: data})
		go func() { // once some of it is in the database
			wal := filepath.Join(data, "amana.db-wal")
			for before := sizeOf(wal); sizeOf(wal) < before+int64(200_000+rand.IntN(400_000)); {
				time.Sleep(time.Millisecond)
			}
			s.cmd.Process.Signal(syscall.SIGKILL)
		}()
		if _, complaint, err := run(); err == nil || !strings.Contains(complaint, "amana import consents: ") {
			t.Fatalf("%v, %s", err, complaint)
		}
		s.cmd.Wait()
	}
	s := startServer(t, program, place{dir: data})
	out, complaint, err := run()
	if err != nil {
		t.Fatal(err, complaint)
	}
	if n := out.Taken["given"] + out.Taken["refused"]; out.Standing+n != rows || n == 0 || out.Standing == 0 || len(out.Left) > 0 {
		t.Fatalf("%+v", out)
	}
	if out, _, err = run(); err != nil || out.Standing != rows {
		t.Fatalf("%+v, %v", out, err)
	}
	s.cmd.Process.Signal(syscall.SIGKILL)
	s.cmd.Wait()
	in, err := open(t.Context(), place{dir: data}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	if report, err := in.db.Check(t.Context()); err != nil || report.Events != rows {
		t.Fatalf("%+v, %v", report, err)
	}
}

// Each reason by which a row may be left has words.
func TestEveryReasonHasWords(t *testing.T) {
	for _, r := range []transfer.Reason{transfer.Unreadable, transfer.OtherCells, transfer.NoIdentifier, transfer.BadIdentifier, transfer.NoPurpose, transfer.UnknownWord, transfer.NotAnAnswer,
		transfer.NotConfirmed, transfer.Expired, transfer.Barred, transfer.BadTime, transfer.NoEvidence, transfer.OtherEvidence, transfer.OtherLanguage, transfer.TestRow, transfer.Unwanted} {
		if whyLeft[string(r)] == "" {
			t.Errorf("%s has no words", r)
		}
	}
	for _, o := range []store.Outcome{store.NoStands, store.NewerYes, store.BelowAge, store.Erased, store.Unconfirmed, store.Expired, store.NoPurpose, store.NoRecipient, store.NoTopic, store.NoFrequency, store.WrongKind} {
		if whyLeft[string(o)] == "" {
			t.Errorf("%s has no words", o)
		}
	}
}

// FuzzFrames reads frames that another process wrote, or anything else.
func FuzzFrames(f *testing.F) {
	var b bytes.Buffer
	w := &frames{w: bufio.NewWriter(&b), flush: func() error { return nil }}
	w.put(frameOutput, []byte("a,b\n"))
	w.put(frameNews, []byte(`{"rows":1}`))
	w.put(frameResult, []byte(`{"rows":1}`))
	w.now()
	f.Add(b.Bytes())
	f.Add([]byte("f\x00\x00\x00\x02{}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		var result imported
		s := stream{out: &out, side: io.Discard, news: func(json.RawMessage) error { return nil }}
		if err := s.receive(bytes.NewReader(in), &result); err == io.EOF || out.Len() > len(in) {
			t.Fatalf("%v, %d bytes of %d", err, out.Len(), len(in))
		}
	})
}

// sizeOf is the size of a file, 0 where there is none.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// --zone has to work where the machine has no list of zones, as in a container
// with nothing but the program.
func TestZonesAreInTheProgram(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "\ntime/tzdata\n") {
		t.Error("the zones are not in the program")
	}
}
