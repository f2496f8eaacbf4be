package powerloss

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// reader turns calls into a Log.
type reader struct {
	log    *Log
	dir    string
	cwd    string
	files  map[string]*open // by number
	others map[string]bool  // threads that are not the program's own
}

func newReader(l *Log, dir, cwd string) *reader {
	return &reader{log: l, dir: dir, cwd: cwd, files: map[string]*open{}, others: map[string]bool{}}
}

// open is an open file or folder below the one that is watched.
type open struct {
	node   *node
	at     int64 // where the next write goes
	append bool
}

// take takes in one call.
func (r *reader) take(c call) error {
	if slices.Contains(refused, c.name) || r.others[c.thread] {
		if r.below(c) {
			return fmt.Errorf("%s by thread %s is not modelled", c.name, c.thread)
		}
		if slices.Contains(refused, c.name) {
			return nil
		}
	}
	switch c.name {
	case "clone", "clone3", "fork", "vfork":
		return r.spawn(c)
	case "chdir":
		b, err := c.bytes(0)
		r.cwd = absolute(r.cwd, string(b))
		return err
	}
	if r.others[c.thread] {
		return nil
	}
	switch c.name {
	case "open", "openat":
		return r.open(c)
	case "write", "pwrite64":
		return r.write(c)
	case "lseek", "ftruncate":
		return r.place(c)
	case "fsync", "fdatasync":
		if f := r.file(c); f != nil {
			f.node.syncs = append(f.node.syncs, c.span)
		}
		return nil
	}
	return r.name(c)
}

// below says whether any argument or result of a call lies below the folder.
func (r *reader) below(c call) bool {
	for _, a := range append(slices.Clone(c.args), c.result) {
		if _, path := file(a); inside(r.dir, path) {
			return true
		}
		if text, quoted := strings.CutPrefix(a, `"`); quoted {
			b, _ := unhex(strings.TrimSuffix(text, `"`))
			if inside(r.dir, absolute(r.cwd, string(b))) {
				return true
			}
		}
	}
	return false
}

// spawn notes processes that are not threads of the program.
func (r *reader) spawn(c call) error {
	if r.others[c.thread] || !strings.Contains(strings.Join(c.args, " "), "CLONE_THREAD") {
		r.others[c.result] = true
	}
	return nil
}

// file gives the open file that a call is about, nil where it lies elsewhere.
func (r *reader) file(c call) *open {
	fd, path := file(c.arg(0))
	if !inside(r.dir, path) {
		return nil
	}
	return r.files[fd]
}

// open takes in an opened file, which may be made or emptied by that.
func (r *reader) open(c call) error {
	fd, path := file(c.result)
	if !inside(r.dir, path) || left(path) {
		delete(r.files, fd)
		return nil
	}
	i := 1
	if c.name == "openat" {
		i = 2
	}
	flags := strings.Split(c.arg(i), "|")
	for _, f := range []string{"O_SYNC", "O_DSYNC", "O_DIRECT", "O_TMPFILE"} {
		if slices.Contains(flags, f) {
			return fmt.Errorf("%s with %s is not modelled", c.name, f)
		}
	}
	folder, name := r.find(filepath.Dir(path)), filepath.Base(path)
	n := r.find(path)
	switch {
	case n != nil && slices.Contains(flags, "O_TRUNC"):
		n.change(change{span: c.span})
	case n == nil && slices.Contains(flags, "O_CREAT") && folder != nil:
		n = r.log.add(false)
		r.log.names = append(r.log.names, naming{c.span, []entry{{folder, name, n}}})
	case n == nil:
		return fmt.Errorf("%s of a file of which nothing is known", c.name)
	}
	r.files[fd] = &open{node: n, append: slices.Contains(flags, "O_APPEND")}
	return nil
}

// write takes in a write to a file, or to the standard output.
func (r *reader) write(c call) error {
	fd, path := file(c.arg(0))
	f := r.file(c)
	if f == nil && (fd != "1" || inside(r.dir, path)) {
		return nil
	}
	data, err := c.bytes(1)
	if err != nil {
		return err
	}
	if written, err := strconv.Atoi(c.result); err == nil { // fewer than asked for
		data = data[:min(written, len(data))]
	}
	if f == nil {
		r.log.said = append(r.log.said, saying{c.span, string(data)})
		return nil
	}
	at := f.at
	switch {
	case c.name == "pwrite64":
		if at, err = c.number(3); err != nil {
			return err
		}
	case f.append:
		at = f.node.size
	}
	if c.name == "write" {
		f.at = at + int64(len(data))
	}
	if len(data) > 0 {
		f.node.change(change{c.span, at, data})
	}
	return nil
}

// change takes in a change to a file's content.
func (n *node) change(x change) {
	n.changes = append(n.changes, x)
	if x.data == nil {
		n.size = x.offset
	} else {
		n.size = max(n.size, x.offset+int64(len(x.data)))
	}
}

// place takes in a new place for the next write, or a new size.
func (r *reader) place(c call) error {
	f := r.file(c)
	if f == nil {
		return nil
	}
	if c.name == "lseek" {
		at, err := strconv.ParseInt(c.result, 10, 64)
		f.at = at
		return err
	}
	size, err := c.number(1)
	f.node.change(change{span: c.span, offset: size})
	return err
}

// name takes in a change of names: rename, unlink, rmdir, mkdir, and those that
// take the number of a folder beside the name.
func (r *reader) name(c call) error {
	var paths []string
	base := r.cwd
	for i := range c.args {
		if strings.HasPrefix(c.arg(i), `"`) {
			b, err := c.bytes(i)
			if err != nil {
				return err
			}
			paths = append(paths, absolute(base, string(b)))
		} else if _, path := file(c.arg(i)); path != "" {
			base = path
		}
	}
	switch {
	case len(paths) == 0:
		return fmt.Errorf("%s without a name", c.name)
	case strings.Contains(c.arg(4), "RENAME_EXCHANGE"):
		return fmt.Errorf("%s that exchanges is not modelled", c.name)
	}
	var entries []entry
	for i, path := range paths {
		if !inside(r.dir, path) || path == r.dir || left(path) {
			continue
		}
		folder := r.find(filepath.Dir(path))
		if folder == nil {
			return fmt.Errorf("%s below a folder of which nothing is known", c.name)
		}
		e := entry{folder: folder, name: filepath.Base(path)}
		switch {
		case i == 1: // where a rename leads
			if e.node = r.find(paths[0]); e.node == nil {
				return fmt.Errorf("%s of a file of which nothing is known", c.name)
			}
		case strings.HasPrefix(c.name, "mkdir"):
			e.node = r.log.add(true)
		}
		entries = append(entries, e)
	}
	if len(entries) > 0 {
		r.log.names = append(r.log.names, naming{c.span, entries})
	}
	return nil
}

// find gives what a path stands for now, nil where it stands for nothing.
func (r *reader) find(path string) *node {
	name, err := filepath.Rel(r.dir, path)
	if err != nil || !inside(r.dir, path) {
		return nil
	}
	names, n := r.log.named(never, everything), r.log.root
	if name == "." {
		return n
	}
	for part := range strings.SplitSeq(name, string(filepath.Separator)) {
		if n = names[n][part]; n == nil {
			return nil
		}
	}
	return n
}

// inside says whether a path is the folder or lies below it.
func inside(dir, path string) bool {
	return path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
}

func absolute(base, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(base, path)
}
