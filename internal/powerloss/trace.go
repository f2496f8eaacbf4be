package powerloss

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// modelled are the calls that a Log understands; what can change a file beside
// them is traced as well, to be refused.
var (
	modelled = []string{
		"open", "openat", "write", "pwrite64", "lseek", "ftruncate", "fsync", "fdatasync", "chdir",
		"rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat",
		"clone", "clone3", "fork", "vfork",
	}
	refused = []string{
		"creat", "truncate", "writev", "pwritev", "pwritev2", "fallocate", "copy_file_range", "sendfile",
		"link", "linkat", "symlink", "symlinkat",
	}
)

// most of a string is printed by strace: a file of a keyring has a little over 2 MiB.
const most = 1 << 22

// Trace runs a command to its end and gives what it did below the folder, which
// must be there and may hold files: those count as synced. The test fails where
// the command does, or does what the package does not model.
//
// The command may have several threads; a second process of it must leave the
// folder alone. Its standard output is kept in the images as well as going where
// it was to go.
func Trace(t testing.TB, cmd *exec.Cmd, dir string) *Log {
	t.Helper()
	l, err := trace(t, cmd, dir)
	if err != nil {
		t.Fatalf("trace what %s writes: %v", filepath.Base(cmd.Args[0]), err)
	}
	return l
}

func trace(t testing.TB, cmd *exec.Cmd, dir string) (*Log, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, err
	}
	r := newReader(&Log{t: t, at: t.TempDir()}, dir, cmd.Dir)
	if r.cwd == "" {
		if r.cwd, err = os.Getwd(); err != nil {
			return nil, err
		}
	}
	if r.log.root, err = r.scan(dir); err != nil {
		return nil, err
	}
	all, err := record(cmd, filepath.Join(t.TempDir(), "trace"))
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if err := r.take(c); err != nil {
			return nil, fmt.Errorf("line %d of the trace: %w", c.begin, err)
		}
	}
	r.log.cuts = r.moments()
	return r.log, r.agrees()
}

// record runs the command under strace and reads what that wrote.
func record(cmd *exec.Cmd, to string) ([]call, error) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return nil, fmt.Errorf("%w: install it with scripts/needs.sh", err)
	}
	if cmd.Err != nil {
		return nil, cmd.Err
	}
	cmd.Args = append([]string{
		"strace", "-f", "-qq", "--seccomp-bpf", "-xx", "-y", "-s", strconv.Itoa(most), "-o", to,
		"-e", "signal=none", "-e", "trace=" + known(slices.Concat(modelled, refused)), "--", cmd.Path,
	}, cmd.Args[1:]...)
	cmd.Path = strace
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	f, err := os.Open(to)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return calls(f)
}

// known is a list of calls of which this machine's kind may lack some.
func known(names []string) string { return "?" + strings.Join(names, ",?") }

// scan takes in a folder as it is.
func (r *reader) scan(path string) (*node, error) {
	n := r.log.add(true)
	list, err := os.ReadDir(path)
	for _, e := range list {
		below := filepath.Join(path, e.Name())
		switch {
		case left(e.Name()):
		case e.IsDir():
			n.before[e.Name()], err = r.scan(below)
		case e.Type().IsRegular():
			f := r.log.add(false)
			f.content, err = os.ReadFile(below)
			f.size = int64(len(f.content))
			n.before[e.Name()] = f
		}
		if err != nil {
			return nil, err
		}
	}
	return n, err
}

// left says of a name that what it stands for is left out.
func left(name string) bool { return strings.HasSuffix(name, "-shm") }

func (l *Log) add(folder bool) *node {
	n := &node{folder: folder}
	if folder {
		n.before = map[string]*node{}
	}
	l.nodes = append(l.nodes, n)
	return n
}

// moments are the cuts that can differ: before everything, and behind each
// beginning and each end of what is kept.
func (r *reader) moments() []int {
	at := []int{0}
	keep := func(s span) {
		at = append(at, s.begin+1)
		if s.end != never {
			at = append(at, s.end+1)
		}
	}
	for _, n := range r.log.nodes {
		for _, c := range n.changes {
			keep(c.span)
		}
		for _, s := range n.syncs {
			keep(s)
		}
	}
	for _, x := range r.log.names {
		keep(x.span)
	}
	for _, s := range r.log.said {
		keep(s.span)
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// agrees holds the model to what the program left behind.
func (r *reader) agrees() error {
	built := filepath.Join(r.log.at, "all")
	defer os.RemoveAll(built)
	if err := r.log.build(built, never, everything); err != nil {
		return err
	}
	for _, way := range [][2]string{{built, r.dir}, {r.dir, built}} {
		if err := within(way[0], way[1]); err != nil {
			return fmt.Errorf("the trace does not tell all that was done: %w", err)
		}
	}
	return nil
}

// within says of one folder that another has all its files, alike.
func within(one, other string) error {
	return filepath.WalkDir(one, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || left(path) {
			return err
		}
		name, err := filepath.Rel(one, path)
		if err != nil {
			return err
		}
		a, errA := os.ReadFile(path)
		b, errB := os.ReadFile(filepath.Join(other, name))
		if err := errors.Join(errA, errB); err != nil {
			return err
		}
		if string(a) != string(b) {
			return fmt.Errorf("%s differs", name)
		}
		return nil
	})
}
