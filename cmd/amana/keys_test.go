package main

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/store"
)

// TestEveryKeyIsChangedWhileServing changes each key through the control socket
// of a running server, and then asks everybody who holds something from before.
func TestEveryKeyIsChangedWhileServing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	h := opensHouse(t, dir)
	defer func() { h.close() }()
	public := "http://" + h.public.Addr().String()
	first := h.in.db.LogKey()
	receiptOf := func(name string) string {
		t.Helper()
		list, err := h.in.db.Record(t.Context(), store.Submission{Subject: "customer:1", Surface: consent.SurfaceAPI, Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(list[0])
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	old := receiptOf("old.json")
	before := keysIn(t, dir)

	for _, key := range rotatable {
		code, out := amana(t, "keys", "rotate", key, "--dir", dir, "--json")
		var r rotated
		if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 || r.Key != key || r.Done == "" || len(r.Next) == 0 {
			t.Fatalf("%s: exit %d, %v: %s", key, code, err, out)
		}
		if after := keysIn(t, dir); string(after) == string(before) {
			t.Errorf("%s: the keyring is as it was", key)
		} else {
			before = after
		}
	}
	second := h.in.db.LogKey()
	if second == first {
		t.Fatal("the log's key is as it was")
	}
	if code, out := amana(t, "decide", "customer:1", "--purpose", "tailored_offers", "--dir", dir); code != 0 {
		t.Errorf("a yes is not found any more: %s", out)
	}
	fresh := receiptOf("fresh.json")
	signers := filepath.Join(t.TempDir(), "signers.json")
	if err := os.WriteFile(signers, fetched(t, public+"/log/signers"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"verify", old, "--key", first}, 0, "It is the key that you gave"},
		{[]string{"verify", old, "--key", second, "--signers", signers}, 0, "by an earlier key"},
		{[]string{"verify", old, "--key", second}, 1, "another key"},
		{[]string{"verify", fresh, "--key", first}, 0, "by a later key"},
		{[]string{"verify", fresh, "--key", second}, 0, "It is the key that you gave"},
		{[]string{"verify", fresh, "--key", second, "--signers", old}, 2, ""},
		{[]string{"audit", public, "--key", first}, 0, "note the new one"},
		{[]string{"audit", public, "--key", second, "--receipts", filepath.Dir(old)}, 0, "1 holds and is in the log"},
		{[]string{"keys", "list", "--dir", dir}, 0, "ledger       1        older"},
		{[]string{"db", "check", "--dir", dir}, 0, "holds"},
	} {
		code, out := amana(t, c.args...)
		if code != c.code || !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(c.says), " ")) {
			t.Errorf("%s: exit %d, want %d and %q\n%s", strings.Join(c.args, " "), code, c.code, c.says, out)
		}
	}

	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	h = opensHouse(t, dir)
	if code, out := amana(t, "verify", receiptOf("last.json"), "--key", first); code != 0 {
		t.Errorf("after starting again: %s", out)
	}
}

func fetched(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return raw
}

// TestAWitnessIsToldOfKeysByFiles hands over under a witness that
// knows the old key alone, and starts it again with the log's list.
func TestAWitnessIsToldOfKeysByFiles(t *testing.T) {
	dir := t.TempDir()
	h := opensHouse(t, filepath.Join(dir, "data"))
	defer h.close()
	first := h.in.db.LogKey()
	if code, out := amana(t, "keys", "rotate", "ledger", "--prepare", "--dir", h.in.dir, "--json"); code != 0 || !strings.Contains(out, h.in.ring.NextLog()) || h.in.db.LogKey() != first {
		t.Fatalf("exit %d: %s", code, out)
	}
	next := h.in.ring.NextLog()
	if code, out := amana(t, "keys", "rotate", "ledger", "--dir", h.in.dir); code != 0 || h.in.db.LogKey() != next || !strings.Contains(out, next) {
		t.Fatalf("exit %d: %s", code, out)
	}
	signers := filepath.Join(dir, "signers.json")
	if err := os.WriteFile(signers, fetched(t, "http://"+h.public.Addr().String()+"/log/signers"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"other.example/log": 2, h.in.db.Origin(): 1} {
		_, stranger, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		code := run(t.Context(), env{strings.NewReader(""), io.Discard, &said}, []string{"witness", "--log", stranger, "--signers", signers, "--dir", filepath.Join(dir, "w1")})
		if code != want || !strings.Contains(said.String(), h.in.db.Origin()) {
			t.Errorf("a list in which %s is not: exit %d: %s", stranger, code, said.String())
		}
	}
	if code, _ := amana(t, "witness", "--log", first, "--signers", filepath.Join(dir, "none"), "--dir", filepath.Join(dir, "w2")); code != 2 {
		t.Errorf("no list: exit %d", code)
	}
}
