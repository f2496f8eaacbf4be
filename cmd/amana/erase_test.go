package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// Who has several identifiers gets the receipt of each, a line each.
func TestAnErasurePrintsEveryReceipt(t *testing.T) {
	dir := t.TempDir()
	h, id := linkedPerson(t, dir)
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := runErase(t.Context(), env{stdout: &out, stderr: io.Discard}, []string{string(id), "--dir", dir, "--yes"}); err != nil {
		t.Fatal(err)
	}
	if n := receiptsIn(t, out.Bytes()); n != 2 {
		t.Errorf("%d receipts: %s", n, &out)
	}
}

// The receipts of an erasure are made once. They come also where the keys that old
// copies open with cannot be destroyed in that moment.
func TestAnErasureWhoseKeysCannotBeDestroyedYetPrintsItsReceipts(t *testing.T) {
	dir := t.TempDir()
	h, id := linkedPerson(t, dir)
	defer h.close()
	buckets := filepath.Join(dir, "keys", "buckets")
	if err := os.Rename(buckets, buckets+".away"); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := runErase(t.Context(), env{stdout: &out, stderr: io.Discard}, []string{string(id), "--dir", dir, "--yes"})
	if exit, ok := asExit(err); !ok || exit.code != exitNo || !strings.Contains(exit.msg, "not destroyed yet") {
		t.Errorf("%v", err)
	}
	if n := receiptsIn(t, out.Bytes()); n != 2 {
		t.Errorf("%d receipts: %s", n, &out)
	}
	if err := os.Rename(buckets+".away", buckets); err != nil {
		t.Fatal(err)
	}
	if err := h.in.db.Shred(t.Context()); err != nil {
		t.Error(err)
	}
}

// linkedPerson opens a house with a person of two identifiers.
func linkedPerson(t *testing.T, dir string) (*house, subject.ID) {
	t.Helper()
	p, err := demoPolicy("")
	if err != nil {
		t.Fatal(err)
	}
	c := defaults()
	c.Public, c.Company = "127.0.0.1:0", "127.0.0.1:0"
	h, err := openHouse(t.Context(), c, place{dir: dir}, &p, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	ids := []subject.ID{"email:sara@example.com", "email:sara.n@example.org"}
	_, err = h.in.db.Record(t.Context(), store.Submission{Subject: ids[0], Surface: consent.SurfaceAPI,
		Choices: []consent.Choice{{Purpose: "newsletter", Decision: consent.Refused}}})
	if err == nil {
		_, _, err = h.in.db.Link(t.Context(), store.Linking{First: ids[0], Second: ids[1], Proved: ids})
	}
	if err != nil {
		t.Fatal(err)
	}
	return h, ids[0]
}

// receiptsIn counts receipts, a line each.
func receiptsIn(t *testing.T, out []byte) int {
	t.Helper()
	seen := map[string]bool{}
	for line := range bytes.Lines(out) {
		var r receipt.Receipt
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		seen[r.ID] = true
	}
	return len(seen)
}

// Nobody could ask for the receipts of an erasure again: where standard output is full,
// or its reader gone, they come by standard error, and the exit code says so.
func TestTheReceiptOfAnErasureIsNotLost(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full here")
	}
	defer full.Close()
	reader, gone, err := os.Pipe()
	check(t, errors.Join(err, reader.Close()))
	defer gone.Close()
	dir, data, program := t.TempDir(), filepath.Join(t.TempDir(), "data"), programFile(t)
	list := filepath.Join(dir, "list.csv")
	check(t, os.WriteFile(list, []byte("customer,decision\nK-1,no\nK-2,no\n"), 0o600))
	startServer(t, program, place{dir: data})
	if out, err := exec.Command(program, "import", "consents", list, "--purpose", "tailored_offers", "--dir", data).CombinedOutput(); err != nil {
		t.Fatalf("%v, %s", err, out)
	}
	for who, to := range map[string]*os.File{"customer:K-1": full, "customer:K-2": gone} {
		c := exec.Command(program, "request", "erase", who, "--yes", "--dir", data)
		var said bytes.Buffer
		c.Stdout, c.Stderr = to, &said
		if err := c.Run(); c.ProcessState.ExitCode() != exitUnknown || !strings.Contains(said.String(), `"hasErasure":{`) || !strings.Contains(said.String(), "could not be printed") {
			t.Errorf("%s: %v, %s", who, err, said.String())
		}
	}
}
