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
	total int // 0: not known

	mu    sync.Mutex
	count int       // of total; guarded by mu, as all below
	n     int       // rows, where they are not what total counts
	begun time.Time // the first count
	drawn time.Time
}

func newProgress(w io.Writer, what string, total int) *progress {
	if f, ok := w.(*os.File); !ok || !terminal(f) {
		w = nil
	}
	return &progress{w: w, what: what, total: total, begun: time.Now()}
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
	p.redraw()
}

// rows says how many rows are done, where the bar moves by something else.
func (p *progress) rows(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n = n
	p.redraw()
}

// reach says that so many of so many are done, where neither was known before.
func (p *progress) reach(count, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count, p.total = count, total
	p.redraw()
}

func (p *progress) redraw() {
	if now := time.Now(); p.w != nil && now.Sub(p.drawn) > 100*time.Millisecond {
		p.drawn = now
		fmt.Fprint(p.w, "\r", p.line(now), "\x1b[K")
	}
}

// line says how far the work is: the part, the rows, how many a second, and how
// long it will take at that.
func (p *progress) line(now time.Time) string {
	const width = 30
	rows, passed := p.count, now.Sub(p.begun)
	if p.n > 0 {
		rows = p.n
	}
	var b strings.Builder
	b.WriteString(p.what)
	if p.total > 0 {
		full := min(width, width*p.count/p.total)
		fmt.Fprintf(&b, " [%s%s] %d %%", strings.Repeat("#", full), strings.Repeat(".", width-full), min(100, 100*p.count/p.total))
	}
	fmt.Fprintf(&b, " %d", rows)
	if seconds := passed.Seconds(); seconds >= 1 {
		fmt.Fprintf(&b, ", %.0f/s", float64(rows)/seconds)
		if p.count > 0 && p.count < p.total {
			left := time.Duration(float64(passed) * float64(p.total-p.count) / float64(p.count))
			fmt.Fprintf(&b, ", %s left", left.Round(time.Second))
		}
	}
	return b.String()
}

func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil {
		fmt.Fprint(p.w, "\r", p.line(time.Now()), "\x1b[K\n")
	}
}
