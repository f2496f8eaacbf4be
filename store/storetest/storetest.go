// Package storetest makes installations for tests: a store on SQLite in a folder of
// the test, with a keyring of its own and a company's policy in force.
package storetest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/keyring"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/store"
)

// Open makes an installation with a policy in force, and closes it at the test's
// end. change sees its configuration before it is opened: Path and Ring are set.
func Open(t testing.TB, source string, change ...func(*store.Config)) *store.DB {
	t.Helper()
	dir := t.TempDir()
	ring, err := keyring.Create(filepath.Join(dir, "keys"), "company.example/log")
	if err != nil {
		t.Fatal(err)
	}
	c := store.Config{Path: filepath.Join(dir, "amana.db"), Ring: ring, Create: true, Now: time.Now, PublicURL: "https://privacy.company.example"}
	for _, f := range change {
		f(&c)
	}
	c.TakeBack = func(language string) (string, string) {
		return c.PublicURL + "/" + language + "/choices", "by one click"
	}
	db, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	Publish(t, db, source)
	return db
}

// Source gives the policy of an example company.
func Source(t testing.TB, company string) string {
	t.Helper()
	src, err := examples.FS.ReadFile(company + "/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

// Publish puts a policy in force; what is among same means the same as before.
func Publish(t testing.TB, db *store.DB, source string, same ...string) *policy.Version {
	t.Helper()
	doc, findings := policy.Read("amana.yaml", []byte(source))
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	v, err := db.Publish(t.Context(), doc, same, "Ellen Pettengill")
	if err != nil {
		t.Fatal(err)
	}
	return v
}
