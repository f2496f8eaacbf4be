package powerloss

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// programs are what the tests trace: this test's own binary runs them.
var programs = map[string]func(dir string) error{
	"sqlite full":     func(dir string) error { return sqlite(dir, "FULL") },
	"sqlite off":      func(dir string) error { return sqlite(dir, "OFF") },
	"write":           func(dir string) error { return replace(dir, false, false, false) },
	"write, sync":     func(dir string) error { return replace(dir, true, false, false) },
	"rename":          func(dir string) error { return replace(dir, false, true, false) },
	"rename, synced":  func(dir string) error { return replace(dir, true, true, false) },
	"rename, all":     func(dir string) error { return replace(dir, true, true, true) },
	"behind our back": mapped,
	"threads":         threads,
	"log":             appended,
}

const program = "AMANA_POWERLOSS_PROGRAM"

func TestMain(m *testing.M) {
	name, dir, found := strings.Cut(os.Getenv(program), "|")
	if !found {
		os.Exit(m.Run())
	}
	if err := programs[name](dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// command is one of the programs on a folder.
func command(name, dir string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), program+"="+name+"|"+dir)
	c.Stderr = os.Stderr
	return c
}

// say writes a line as one call.
func say(line string) { os.Stdout.WriteString(line + "\n") }

var (
	before = bytes.Repeat([]byte("old word"), 1500) // a bit less than three pages
	after  = bytes.Repeat([]byte("new word"), 1500)
)

// replace writes something new over the file "word", in place or by a rename,
// with the syncs asked for, and then says so.
func replace(dir string, sync, rename, folder bool) error {
	path := filepath.Join(dir, "word")
	to := path
	if rename {
		to += ".new"
	}
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(after, 0)
	if sync {
		err = errors.Join(err, f.Sync())
	}
	err = errors.Join(err, f.Close())
	if rename {
		err = errors.Join(err, os.Rename(to, path))
	}
	if folder {
		d, e := os.Open(dir)
		err = errors.Join(err, e, d.Sync(), d.Close())
	}
	say("done")
	return err
}

// mapped writes through memory, where strace sees nothing.
func mapped(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "word"), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, len(before), syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	copy(b, after)
	return errors.Join(syscall.Munmap(b), f.Close())
}

// appended adds lines to a log, each synced before it is spoken of.
func appended(dir string) error {
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, "logs", "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for _, path := range []string{dir, filepath.Join(dir, "logs")} {
		d, e := os.Open(path)
		err = errors.Join(err, e, d.Sync(), d.Close())
	}
	for i := range 50 {
		line := fmt.Sprintf("line %d %s", i, strings.Repeat("x", 40*i))
		_, e := f.WriteString(line + "\n")
		err = errors.Join(err, e, f.Sync())
		say(line)
	}
	return errors.Join(err, f.Close())
}

// seeded is a source that a failure can name.
func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// words counts what is found in "word", before and after the program spoke.
func words(t *testing.T, name string) map[string]int {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "word"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for image := range Trace(t, command(name, dir), dir).Images(seeded(t), 600) {
		when := "before: "
		if image.Output != "" {
			when = "after: "
		}
		b, err := os.ReadFile(filepath.Join(image.Dir, "word"))
		if err != nil {
			t.Fatal(err)
		}
		found[when+kind(b)]++
	}
	return found
}

func kind(b []byte) string {
	switch {
	case bytes.Equal(b, before):
		return "old"
	case bytes.Equal(b, after):
		return "new"
	case len(b) != len(after):
		return "short"
	}
	return "mixed"
}

func TestWhatIsFoundOfAFile(t *testing.T) {
	for name, want := range map[string]struct{ seen, never []string }{
		"write":          {[]string{"before: old", "before: new", "before: mixed", "after: old", "after: new", "after: mixed"}, []string{"before: short", "after: short"}},
		"write, sync":    {[]string{"before: old", "before: new", "before: mixed", "after: new"}, []string{"after: old", "after: mixed"}},
		"rename":         {[]string{"after: old", "after: new", "after: short"}, nil},
		"rename, synced": {[]string{"after: old", "after: new"}, []string{"before: short", "after: short", "before: mixed", "after: mixed"}},
		"rename, all":    {[]string{"before: old", "before: new", "after: new"}, []string{"after: old", "after: short", "after: mixed"}},
	} {
		t.Run(name, func(t *testing.T) {
			found := words(t, name)
			for _, w := range want.seen {
				if found[w] == 0 {
					t.Errorf("never found %q in %v", w, found)
				}
			}
			for _, w := range want.never {
				if found[w] > 0 {
					t.Errorf("found %q in %v", w, found)
				}
			}
		})
	}
}

func TestLinesSyncedAreKept(t *testing.T) {
	dir := t.TempDir()
	longer := 0
	for image := range Trace(t, command("log", dir), dir).Images(seeded(t), 300) {
		b, err := os.ReadFile(filepath.Join(image.Dir, "logs", "log"))
		if err != nil && image.Output != "" {
			t.Fatal(err)
		}
		// The line being said when the power went may be one that is not through yet.
		if !strings.HasPrefix(string(b), image.Output) {
			t.Errorf("cut %d: said %d bytes, found %d", image.Cut, len(image.Output), len(b))
		}
		if len(b) > len(image.Output) {
			longer++
		}
	}
	if longer == 0 {
		t.Error("nothing unsaid was ever found: the cuts are too few")
	}
}

func TestSameSourceSameImages(t *testing.T) {
	dir := t.TempDir()
	log := Trace(t, command("threads", dir), dir)
	read := func() (all []string) {
		for image := range log.Images(rand.New(rand.NewPCG(1, 2)), 50) {
			b, _ := os.ReadFile(filepath.Join(image.Dir, "3"))
			all = append(all, fmt.Sprint(image.Cut, len(image.Output), b))
		}
		return all
	}
	if !slices.Equal(read(), read()) {
		t.Error("they differ")
	}
}

func TestWhatIsNotTracedIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "word"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := trace(t, command("behind our back", dir), dir); err == nil || !strings.Contains(err.Error(), "word differs") {
		t.Errorf("got %v, want that the file differs", err)
	}
}

func TestCommandThatFailsIsRefused(t *testing.T) {
	dir := t.TempDir()
	c := command("behind our back", dir)
	c.Stderr = nil
	if _, err := trace(t, c, dir); err == nil {
		t.Error("no error")
	}
}

// threads writes from several of them at a time, each its own file.
func threads(dir string) error {
	done := make(chan error)
	for i := range 4 {
		go func() {
			f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
			for range 20 {
				_, e := f.WriteString("line\n")
				err = errors.Join(err, e, f.Sync())
				say("line")
			}
			done <- errors.Join(err, f.Close())
		}()
	}
	var err error
	for range 4 {
		err = errors.Join(err, <-done)
	}
	return err
}
