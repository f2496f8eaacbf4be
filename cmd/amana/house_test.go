package main

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/store"
)

// What was erased before a server stopped is shredded when it starts again, not
// only when the next turn comes: a server that is restarted often would never
// reach it.
func TestOldKeysAreDestroyedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	p, err := demoPolicy("")
	if err != nil {
		t.Fatal(err)
	}
	c := defaults()
	c.Public, c.Company = "127.0.0.1:0", "127.0.0.1:0"
	serve := func() *house {
		h, err := openHouse(t.Context(), c, place{dir: dir}, &p, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := serve()
	_, err = h.in.db.Record(t.Context(), store.Submission{Subject: "email:sara@example.com", Surface: consent.SurfaceAPI,
		Choices: []consent.Choice{{Purpose: "newsletter", Decision: consent.Refused}}})
	if err == nil {
		_, err = h.in.db.Erase(t.Context(), "email:sara@example.com", store.BySubject)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	before := keysIn(t, dir)
	h = serve()
	defer h.close()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		if !bytes.Equal(keysIn(t, dir), before) {
			return
		}
	}
	t.Error("the old keys are still there")
}

// keysIn gives every byte of the keyring.
func keysIn(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	keys := os.DirFS(dir + "/" + keysFolder)
	err := fs.WalkDir(keys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(keys, name)
		all = append(all, raw...)
		return err
	})
	if err != nil && !os.IsNotExist(err) { // a file that is being replaced
		t.Fatal(err)
	}
	return all
}
