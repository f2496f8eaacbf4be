package world

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/store"
	"github.com/amana-privacy/amana/subject"
)

// Person names one of those that Fill makes, from 1.
func Person(i int64) subject.ID { return subject.ID(fmt.Sprintf("customer:%d", i)) }

// callers are how many ask at once where much is written.
const callers = 1024

// Fill records the same choices of n new people.
func Fill(b testing.TB, db *store.DB, n int64, choices ...consent.Choice) {
	b.Helper()
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for range min(callers, n) {
		wg.Go(func() {
			for i := next.Add(1); i <= n && failed.Load() == nil; i = next.Add(1) {
				if _, err := db.Submit(b.Context(), store.Submission{Subject: Person(i), Surface: consent.SurfaceAPI, Choices: choices}); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
}

// Yes is a choice.
func Yes(purpose string) consent.Choice {
	return consent.Choice{Purpose: purpose, Decision: consent.Given}
}
