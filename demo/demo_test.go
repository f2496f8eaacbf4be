package demo

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/store/storetest"
)

// installation makes a store with a company's policy in force.
func installation(t *testing.T, company string) (*store.DB, string) {
	t.Helper()
	var dir string
	db := storetest.Open(t, storetest.Source(t, company), func(c *store.Config) { dir = filepath.Dir(c.Path) })
	return db, dir
}

func TestSimulatedCustomersAnswerAndStandNowhereInClear(t *testing.T) {
	const customers = 150
	for _, company := range []string{"casco-fiber", "souq-nakheel"} {
		t.Run(company, func(t *testing.T) {
			db, dir := installation(t, company)
			var done atomic.Int64
			sum, err := Load(t.Context(), db, customers, func(n int) { done.Add(int64(n)) })
			if err != nil {
				t.Fatal(err)
			}
			report, err := db.Check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if sum.Customers != customers || done.Load() != customers || sum.Answers != report.Events || report.Events < customers {
				t.Fatalf("%+v, %d reported, %+v", sum, done.Load(), report)
			}
			a, err := db.Decide(t.Context(), FirstCustomer, decision.Question{Purpose: FirstPurpose(db.InForce().Policy)})
			if err != nil || !a.Allowed {
				t.Fatalf("the first customer's first purpose: %+v, %v", a, err)
			}
			clear := identifiersIn(t, dir, customers)
			if len(clear) > 0 {
				t.Fatalf("in clear: %v", clear)
			}
		})
	}
}

// identifiersIn gives the identifiers of simulated customers that stand in any
// file below dir, as they are or without their kind.
func identifiersIn(t *testing.T, dir string, customers int) (clear []string) {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all = append(all, bytes.ToLower(data)...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range customers {
		for _, id := range identifiers(i) {
			_, value, _ := strings.Cut(string(id), ":")
			if len(value) > 5 && bytes.Contains(all, []byte(value)) || bytes.Contains(all, []byte(id)) {
				clear = append(clear, string(id))
			}
		}
	}
	return clear
}

func TestTheSamePeopleComeEveryTime(t *testing.T) {
	seen := map[string]int{}
	for i := range 5000 {
		for _, id := range identifiers(i) {
			if j, twice := seen[string(id)]; twice {
				t.Fatalf("customers %d and %d share an identifier", j, i)
			}
			seen[string(id)] = i
		}
	}
}
