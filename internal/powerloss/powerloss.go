// Package powerloss rebuilds what a disk may hold after the power has gone, from
// a trace of what a program wrote.
//
//	log := powerloss.Trace(t, cmd, dir)              // runs cmd under strace
//	for image := range log.Images(random, 500) {
//		// image.Dir is the folder as it may be found when the power comes back,
//		// image.Output what the program had said by then
//	}
//
// A machine that is killed keeps what its programs wrote; one that loses power
// keeps what was synced, and of the rest whatever the disk happened to have. No
// test can pull the plug, but it can do worse: find every order in which the
// plug could have been pulled.
//
// What the model says of a cut at some moment:
//
//   - What was written to a file before an fsync or fdatasync of it began, and the
//     sync ended before the cut, is there.
//   - Each page of 4096 bytes written since is found as after any of those
//     writes or as before them, independently of the other pages; and now and
//     then torn, each of its sectors of 512 bytes by itself.
//   - The size of the file is any that it had since. What lies within the size
//     and was not written reads as zeros.
//   - A truncation is found with all truncations of that file before it; what was
//     written behind it is not found without it.
//   - Names (create, rename, remove, mkdir) of a folder are found up to some one
//     of them in their order: up to the last that a sync of the folder covers,
//     or later. A sync of a file says nothing of its name.
//
// SQLite's index of its log (-shm) lives in shared memory, where strace sees
// nothing. It is left out; SQLite makes it anew.
//
// The model is held to the truth at its other end: with everything written, it
// must give the folder as the program left it, or the trace is refused.
package powerloss

import (
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Log is what a program did to the files below one folder, in order.
type Log struct {
	t     testing.TB
	at    string // where images are built
	root  *node
	nodes []*node // all that ever were
	names []naming
	said  []saying
	cuts  []int // moments at which something differs from the one before
}

// node is a file or a folder, by whatever names it goes.
type node struct {
	folder  bool
	before  map[string]*node // a folder's names before the program ran
	content []byte           // a file's content then
	changes []change         // to a file's content, in order
	size    int64            // behind all changes
	syncs   []span           // of the file's content or the folder's names
}

// span is when a system call began and ended. Two calls overlap where neither
// ended before the other began; one that did not return ends never.
type span struct{ begin, end int }

const never = math.MaxInt

// change is one write, or a truncation to the offset where data is nil.
type change struct {
	span
	offset int64
	data   []byte
}

// naming is one change to the names of folders, whole or not at all.
type naming struct {
	span
	entries []entry
}

// entry is a name in a folder, taken away where node is nil.
type entry struct {
	folder *node
	name   string
	node   *node
}

type saying struct {
	span
	text string
}

// Image is a folder as it may be found after a power loss.
type Image struct {
	Dir    string // there until the next image; it may be written to
	Output string // what the program had begun to write to its standard output
	Cut    int    // when the power went, in lines of the trace
}

// Images builds n images, of cuts at random moments. With the same log, the same
// source gives the same images. A third of them holds nothing that was not
// synced, a third all of it, and the others something in between.
func (l *Log) Images(r *rand.Rand, n int) iter.Seq[Image] {
	return func(yield func(Image) bool) {
		for i := range n {
			c := chance{r, []float64{0, 1, r.Float64()}[r.IntN(3)]}
			image := Image{Dir: filepath.Join(l.at, strconv.Itoa(i)), Cut: l.cuts[r.IntN(len(l.cuts))]}
			image.Output = l.output(image.Cut)
			if err := l.build(image.Dir, image.Cut, c); err != nil {
				l.t.Fatalf("build an image: %v", err)
			}
			more := yield(image)
			os.RemoveAll(image.Dir)
			if !more {
				return
			}
		}
	}
}

// output is what had been begun to be said before the cut.
func (l *Log) output(cut int) string {
	var b strings.Builder
	for _, s := range l.said {
		if s.begin < cut {
			b.WriteString(s.text)
		}
	}
	return b.String()
}

// build writes the folder of one image.
func (l *Log) build(dir string, cut int, c chance) error {
	return l.write(dir, l.root, l.named(cut, c), func(n *node) []byte { return n.image(cut, c) })
}

// write writes a folder and what is in it.
func (l *Log) write(dir string, folder *node, names map[*node]map[string]*node, content func(*node) []byte) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(names[folder])) { // in order: chance is used up
		n, path := names[folder][name], filepath.Join(dir, name)
		var err error
		if n.folder {
			err = l.write(path, n, names, content)
		} else {
			err = os.WriteFile(path, content(n), 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
