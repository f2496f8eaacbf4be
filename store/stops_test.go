package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsStoppedIsKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if diff := cmp.Diff(Stops{}, w.db.Stops()); diff != "" {
			t.Error(diff)
		}
		heard := 0
		w.db.Follow(func([]Change) { heard++ })
		for n, list := range [][]string{{"texter", "mailer", "texter"}, {}, {"mailer"}} {
			if err := w.db.Stop(t.Context(), list, []string{"billing"}); err != nil {
				t.Fatal(err)
			}
			if s := w.db.Stops(); s.Seq != int64(n+1) || heard != n+1 || len(s.Purposes) != 1 || len(s.Recipients) != []int{2, 0, 1}[n] {
				t.Errorf("after %d: %+v, told %d times", n+1, s, heard)
			}
		}
	})
}
