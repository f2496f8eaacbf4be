package banner

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What is embedded is what the sources build to.
func TestBuiltFilesAreCurrent(t *testing.T) {
	out := t.TempDir()
	c := exec.CommandContext(t.Context(), "go", "-C", "build", "run", ".", "-out", out)
	c.Env = append(os.Environ(), "GOFLAGS=")
	if said, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go run ./banner/build: %v\n%s", err, said)
	}
	built, err := filepath.Glob("built/*")
	if err != nil || len(built) < 5 {
		t.Fatalf("built files: %q, %v", built, err)
	}
	for _, file := range built {
		have, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(out, filepath.Base(file)))
		if err != nil || string(have) != string(want) {
			t.Errorf("%s is not what its source builds to (%v): go generate ./banner", file, err)
		}
	}
}
