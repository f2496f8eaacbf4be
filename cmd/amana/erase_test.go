package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"testing"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// Who has several identifiers gets the receipt of each, a line each.
func TestAnErasurePrintsEveryReceipt(t *testing.T) {
	dir := t.TempDir()
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
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := runErase(t.Context(), env{stdout: &out, stderr: io.Discard}, []string{string(ids[0]), "--dir", dir, "--yes"}); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, line := range bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n")) {
		var r receipt.Receipt
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		seen[r.ID] = true
	}
	if len(seen) != 2 {
		t.Errorf("%d receipts: %s", len(seen), &out)
	}
}
