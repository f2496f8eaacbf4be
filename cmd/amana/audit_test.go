package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/ledger"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/witness"
)

// opensHouse serves an installation on free ports.
func opensHouse(t *testing.T, dir string, witnesses ...witnessAt) *house {
	t.Helper()
	p, err := loadPolicy("../../examples/casco-fiber/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	h, err := openHouse(t.Context(), config{Public: "127.0.0.1:0", Company: "127.0.0.1:0", Witnesses: witnesses}, place{dir: dir}, &p, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// amana runs a verb, and gives its exit code and what it printed.
func amana(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), env{strings.NewReader(""), &out, io.Discard}, args)
	return code, out.String()
}

// TestALogIsWitnessedAndAudited walks the whole way: a server whose heads a
// witness signs, receipts of customers, and somebody outside who audits.
func TestALogIsWitnessedAndAudited(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	h := opensHouse(t, dir)
	key := h.in.db.LogKey()
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	older := filepath.Join(t.TempDir(), "older")
	if err := os.CopyFS(older, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{older, filepath.Join(older, "keys")} {
		if err := os.Chmod(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	v, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	w, err := witness.Open(witness.Config{Dir: t.TempDir(), Name: "witness.example/w1", Now: time.Now, Logs: []witness.Log{{Keys: []note.Verifier{v}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	door := httptest.NewServer(w.Handler(slog.New(slog.DiscardHandler)))
	defer door.Close()

	h = opensHouse(t, dir, witnessAt{door.URL, w.Key()})
	receipts := t.TempDir()
	for i, id := range []string{"customer:1", "customer:2", "customer:3"} {
		list, err := h.in.db.Record(t.Context(), store.Submission{Subject: subject.ID(id), Surface: consent.SurfaceAPI,
			Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}})
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := json.Marshal(list[0])
		if err := os.WriteFile(filepath.Join(receipts, string(rune('a'+i))+".json"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cosigned(t, h, w.Key())

	state := filepath.Join(t.TempDir(), "state.json")
	args := []string{"audit", h.publicURL, "--key", key, "--state", state, "--receipts", receipts, "--witness", w.Key() + "=" + door.URL}
	for round, says := range []string{"recomputed    4 entries, from the first on", "recomputed    0 entries, from entry 4 on"} {
		code, out := amana(t, args...)
		for _, part := range []string{"The log holds.", says, "receipts      3 hold", "witnesses     1 of 1 signed this head", "1 publication of a policy known"} {
			if code != exitYes || !strings.Contains(out, part) {
				t.Fatalf("round %d: %d, without %q\n%s", round, code, part, out)
			}
		}
	}
	if code, out := amana(t, "audit", h.publicURL); code != exitUnknown || !strings.Contains(out, "whose key") {
		t.Errorf("without a key: %d\n%s", code, out)
	}
	if code, out := amana(t, "audit", h.publicURL, "--key", key, "--state", filepath.Join(dir, "nowhere", "state.json")); code != exitUnknown || !strings.Contains(out, "The log holds.") {
		t.Errorf("a state that cannot be kept: %d\n%s", code, out)
	}
	foreign := strings.Replace(w.Key(), "witness.example/w1", "x", 1)
	if code, _ := amana(t, "audit", h.publicURL, "--key", foreign); code != exitUsage {
		t.Errorf("with a key that is none: %d", code)
	}
	if code, _ := amana(t, "audit", h.publicURL, "--key", otherKey(t)); code != exitNo {
		t.Errorf("with another key: %d", code)
	}
	for _, wrong := range [][]string{{"audit"}, {"audit", "shop"}, {"audit", h.publicURL, "--witness", "x"}, {"audit", h.publicURL, "--receipts", t.TempDir()}, {"witness"}, {"witness", "--log", "x"}} {
		if code, _ := amana(t, wrong...); code != exitUsage {
			t.Errorf("%v: %d", wrong, code)
		}
	}

	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	if code, _ := amana(t, "audit", h.publicURL, "--key", key); code != exitUnknown {
		t.Errorf("unreachable: %d", code)
	}

	// An older copy of the folder is put back: whoever audited can tell.
	h = opensHouse(t, older)
	code, out := amana(t, "audit", h.publicURL, "--state", state, "--json")
	if code != exitNo || !strings.Contains(out, `"lie":"rolled_back_head"`) {
		t.Errorf("%d\n%s", code, out)
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
}

// What a log says of itself is printed, and must not steer the terminal of whoever
// looks into it.
func TestWhatALogSaysSteersNoTerminal(t *testing.T) {
	root := ledger.EmptyRoot()
	head := "shop\x1b]0;all is well\a\u009b2J\u202e.example/log\n0\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n\n— shop AAAAAAAA\n"
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/log/checkpoint" {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, head)
	}))
	defer shop.Close()
	code, out := amana(t, "audit", shop.URL)
	if code != exitUnknown || !strings.Contains(out, ".example/log, 0 entries") {
		t.Fatalf("%d\n%q", code, out)
	}
	for line := range strings.SplitSeq(out, "\n") {
		if line != plain(line) {
			t.Errorf("%q", line)
		}
	}
}

// cosigned waits until a witness's signature is shown.
func cosigned(t *testing.T, h *house, key string) {
	t.Helper()
	v, err := ledger.NewCosignatureVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		signed := h.in.db.Published()
		sigs, err := ledger.Cosignatures(signed, v)
		if err != nil {
			t.Fatal(err)
		}
		if len(sigs) == 1 && strings.HasPrefix(signed, h.in.db.Checkpoint()) {
			return
		}
	}
	t.Fatal("the witness's signature is not shown")
}

func otherKey(t *testing.T) string {
	t.Helper()
	_, key, err := note.GenerateKey(rand.Reader, "shop.example/log")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestAWitnessServesAndRemembers runs the verb itself, twice.
func TestAWitnessServesAndRemembers(t *testing.T) {
	dir, key := filepath.Join(t.TempDir(), "seen"), otherKey(t)
	var first string
	for range 2 {
		address, mine, stop := startsWitness(t, "--dir", dir, "--name", "witness.example/w1", "--log", key+"=/shop")
		if _, err := ledger.NewCosignatureVerifier(mine); err != nil || first != "" && mine != first {
			t.Errorf("%q after %q: %v", mine, first, err)
		}
		first = mine
		resp, err := http.Post(address+"/shop/add-checkpoint", "text/plain", strings.NewReader("old 0\n\n"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s", resp.Status)
		}
		if code := stop(); code != exitYes {
			t.Errorf("stopped with %d", code)
		}
	}
}

// A folder that is there and empty, as one that is mounted, is no witness's yet.
func TestAWitnessInAnEmptyFolderIsNamedAfterItsMachine(t *testing.T) {
	_, mine, stop := startsWitness(t, "--dir", t.TempDir(), "--log", otherKey(t))
	if host, _ := os.Hostname(); !strings.HasPrefix(mine, host+"/witness+") {
		t.Errorf("%q", mine)
	}
	if code := stop(); code != exitYes {
		t.Errorf("stopped with %d", code)
	}
}

// startsWitness runs the verb, and gives what it prints: its address and its key.
func startsWitness(t *testing.T, args ...string) (address, key string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan int, 1)
	var complaint bytes.Buffer
	go func() {
		done <- run(ctx, env{strings.NewReader(""), in, &complaint}, append([]string{"witness", "--listen", "127.0.0.1:0"}, args...))
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("%d: %s", <-done, &complaint)
	}
	address = strings.TrimSpace(strings.TrimPrefix(lines.Text(), "witness"))
	lines.Scan()
	key = strings.TrimSpace(strings.TrimPrefix(lines.Text(), "witness key"))
	return address, key, func() int { cancel(); return <-done }
}

func TestWitnessesStandInTheConfiguration(t *testing.T) {
	key, err := ledger.NewCosignerKey("witness.example/w1")
	if err != nil {
		t.Fatal(err)
	}
	c, err := ledger.NewCosigner(key, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "server.yaml")
	for text, ok := range map[string]bool{
		"witnesses: [{url: https://w.example, key: " + c.Verifier() + "}]": true,
		"witnesses: []":                                                          true,
		"witnesses: https://w.example":                                           false,
		"witnesses: [{url: https://w.example}]":                                  false,
		"witnesses: [{url: w, key: " + c.Verifier() + "}]":                       false,
		"witnesses: [{url: https://w.example, key: " + c.Verifier() + ", x: 1}]": false,
	} {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var got config
		if err := got.readFile(file); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	if w, err := witnessOf("https://w.example=" + c.Verifier()); err != nil || w.URL != "https://w.example" || w.Key != c.Verifier() {
		t.Errorf("%+v, %v", w, err)
	}
	for _, bad := range []string{"", "https://w.example", c.Verifier(), "https://w.example=key"} {
		if _, err := witnessOf(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
