package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhatWasShownIsANumberADay(t *testing.T) { each(t, testWhatWasShownIsANumberADay) }

func testWhatWasShownIsANumberADay(t *testing.T, w *world) {
	v := w.db.InForce()
	for _, language := range []string{"en", "ar", "en"} {
		if err := w.db.CountShown(t.Context(), v.ID, language); err != nil {
			t.Fatal(err)
		}
	}
	today := w.clock().Format(time.DateOnly)
	w.pass(24 * time.Hour)
	if err := w.db.CountShown(t.Context(), v.ID, "en"); err != nil {
		t.Fatal(err)
	}
	got, err := w.db.Shown(t.Context())
	want := []Shown{{w.clock().Format(time.DateOnly), v.ID, "en", 1}, {today, v.ID, "ar", 1}, {today, v.ID, "en", 2}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}
