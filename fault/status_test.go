package fault

import "testing"

func TestEveryKindHasItsStatus(t *testing.T) {
	seen := map[int]bool{}
	for k := Internal; k <= TooLarge; k++ {
		s, ok := statuses[k]
		if !ok || seen[s] || Status(k) != s {
			t.Errorf("kind %d has the status %d", k, s)
		}
		seen[s] = true
	}
	if Status(TooLarge+1) != 500 {
		t.Error("a kind that is none is not our fault")
	}
}
