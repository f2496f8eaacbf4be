package pgtest

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// keeper outlives the process of the tests, by a moment. It is a shell that
// reads from us which servers run; when the pipe closes, because we have ended,
// been killed or run out of time, it stops them and removes their folders. Go
// has no other place where the end of a test process can be had for sure.
type keeper struct {
	dir string // holds everything of this process

	mu   sync.Mutex
	pipe io.WriteCloser
	pids map[int]bool // servers that run
}

// Each line read replaces the one before it. A server stopped by SIGQUIT removes
// its postmaster.pid when it is done.
const keeping = `
pids=
while read -r line; do pids=$line; done
for pid in $pids; do kill -QUIT "$pid"; done
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	ls "$1"/*/data/postmaster.pid || break
	sleep 0.5
done
rm -rf "$1"
`

// keep starts the keeper of this process, once.
var keep = sync.OnceValues(func() (*keeper, error) {
	dir, err := os.MkdirTemp("", "amana-postgres-")
	if err != nil {
		return nil, err
	}
	if err := give(dir); err != nil {
		return nil, err
	}
	c := command("/", "/bin/sh", "-c", keeping, "keeper", dir)
	pipe, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start the keeper of %s (may nobody walk there?): %w", dir, err)
	}
	return &keeper{dir: dir, pipe: pipe, pids: map[int]bool{}}, nil
})

// note tells the keeper that a server runs, or no longer does.
func (k *keeper) note(pid int, runs bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if runs {
		k.pids[pid] = true
	} else {
		delete(k.pids, pid)
	}
	var line []string
	for _, p := range slices.Sorted(maps.Keys(k.pids)) {
		line = append(line, strconv.Itoa(p))
	}
	_, err := io.WriteString(k.pipe, strings.Join(line, " ")+"\n")
	return err
}

// launch starts a server under the keeper's eyes; gone is closed when it has ended.
func launch(c *exec.Cmd, gone chan struct{}) error {
	k, err := keep()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	err = k.note(c.Process.Pid, true)
	go func() {
		c.Wait() // how it ended, its log says
		k.note(c.Process.Pid, false)
		close(gone)
	}()
	if err != nil {
		end(c, gone, syscall.SIGQUIT)
	}
	return err
}

// end sends a signal and waits until the server has ended.
func end(c *exec.Cmd, gone <-chan struct{}, signal syscall.Signal) {
	c.Process.Signal(signal) // an error means that it has ended
	<-gone
}
