package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// progress draws how far long work is, on a terminal only. It is safe for
// concurrent use.
type progress struct {
	w     io.Writer
	what  string
	total int

	mu    sync.Mutex
	count int       // guarded by mu
	drawn time.Time // guarded by mu
}

func newProgress(w io.Writer, what string, total int) *progress {
	if f, ok := w.(*os.File); !ok || !terminal(f) {
		w = nil
	}
	return &progress{w: w, what: what, total: total}
}

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// add says that n more are done.
func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count += n
	if now := time.Now(); p.w != nil && now.Sub(p.drawn) > 100*time.Millisecond {
		p.drawn = now
		p.draw()
	}
}

func (p *progress) draw() {
	const width = 30
	full := width
	if p.total > 0 {
		full = width * p.count / p.total
	}
	fmt.Fprintf(p.w, "\r%s [%s%s] %d/%d", p.what, strings.Repeat("#", full), strings.Repeat(".", width-full), p.count, p.total)
}

func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil {
		p.draw()
		fmt.Fprintln(p.w)
	}
}
