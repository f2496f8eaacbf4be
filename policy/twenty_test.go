package policy

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTwentyPlantedMistakesAreTwentyFindings(t *testing.T) {
	src, err := os.ReadFile("testdata/twenty.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, found := Check("twenty.yaml", src)
	var got strings.Builder
	for _, f := range found {
		got.WriteString(f.String() + " [" + f.Rule + "]\n")
	}
	const golden = "testdata/twenty.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if len(found) != 20 {
		t.Errorf("want 20 findings, got %d", len(found))
	}
}
