// Package storetest makes installations for tests: a store on SQLite in a folder of
// the test, with a keyring of its own and a company's policy in force.
package storetest

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
)

// Open makes an installation with a policy in force, and closes it at the test's
// end. change sees its configuration before it is opened: Path and Ring are set.
// All have the keyring of one, and so its log's key.
func Open(t testing.TB, source string, change ...func(*store.Config)) *store.DB {
	t.Helper()
	db := Empty(t, change...)
	Publish(t, db, source)
	return db
}

// Empty makes one in which no policy was ever published.
func Empty(t testing.TB, change ...func(*store.Config)) *store.DB {
	t.Helper()
	dir := t.TempDir()
	if err := unpack(dir); err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Open(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), config(dir, ring, change...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func config(dir string, ring *keyring.Ring, change ...func(*store.Config)) store.Config {
	c := store.Config{Path: filepath.Join(dir, "amana.db"), Ring: ring, Create: true, Now: time.Now, PublicURL: "https://privacy.company.example"}
	for _, f := range change {
		f(&c)
	}
	c.TakeBack = func(language string) (string, string) {
		return c.PublicURL + "/" + language + "/choices", "by one click"
	}
	return c
}

// unpack puts an installation without a policy into a folder.
func unpack(dir string) error {
	files, err := empty()
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "keys"), 0o700)
	}
	for name, data := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
	}
	return err
}

// empty are the files of such an installation, made once for all tests of a
// process: to make the schema costs more than most tests do.
var empty = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "storetest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	ring, err := keyring.Create(filepath.Join(dir, "keys"), "company.example/log")
	if err != nil {
		return nil, err
	}
	db, err := store.Open(context.Background(), config(dir, ring))
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	return files, fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files[name], err = os.ReadFile(filepath.Join(dir, name))
		}
		return err
	})
})

// Source gives the policy of an example company.
func Source(t testing.TB, company string) string {
	t.Helper()
	src, err := examples.FS.ReadFile(company + "/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

var documents sync.Map // by their source: most tests publish the same

// Publish puts a policy in force; what is among same means the same as before.
func Publish(t testing.TB, db *store.DB, source string, same ...string) *policy.Version {
	t.Helper()
	doc, read := documents.Load(source)
	if !read {
		made, findings := policy.Read("amana.yaml", []byte(source))
		if len(findings) > 0 {
			t.Fatal(findings)
		}
		doc = made
		documents.Store(source, doc)
	}
	v, err := db.Publish(t.Context(), doc.(*policy.Document), same, "Ellen Pettengill")
	if err != nil {
		t.Fatal(err)
	}
	return v
}
