package store

import (
	"fmt"
	"testing"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/receipt"
	"github.com/amana-privacy/amana/subject"
)

// TestAFullDiskIsSaidAndNothingIsLost gives the database no more pages than it
// has, which SQLite treats as a full disk.
func TestAFullDiskIsSaidAndNothingIsLost(t *testing.T) {
	w := newWorld(t)
	limit := func(pages string) {
		t.Helper()
		if _, err := w.db.engine.(*sqliteEngine).conn.ExecContext(t.Context(), `PRAGMA max_page_count = `+pages); err != nil {
			t.Fatal(err)
		}
	}
	say := func(i int) (receipt.Receipt, error) {
		r, err := w.db.Record(t.Context(), Submission{Subject: subject.ID(fmt.Sprintf("customer:%d", i)), Surface: consent.SurfaceAPI,
			Choices: []consent.Choice{{Purpose: "tailored_offers", Decision: consent.Given}}})
		if err != nil {
			return receipt.Receipt{}, err
		}
		return r[0], nil
	}
	limit("1") // SQLite takes that for: as many as there are
	var kept []string
	var err error
	for i := 0; err == nil; i++ {
		var r receipt.Receipt
		if r, err = say(i); err == nil {
			kept = append(kept, r.ID)
		}
	}
	if fault.KindOf(err) != fault.Overloaded || w.db.Writable() == nil {
		t.Fatalf("after %d consents the full disk is %v", len(kept), err)
	}
	w.check()
	limit("1000000")
	if _, err := say(-1); err != nil || w.db.Writable() != nil {
		t.Fatalf("with room again: %v", err)
	}
	if _, err := w.db.Receipts(t.Context(), kept); err != nil {
		t.Fatalf("an acknowledged consent is gone: %v", err)
	}
	w.check()
}
