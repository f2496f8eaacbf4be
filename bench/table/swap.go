package main

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

// swap measures what a reader notices while everybody's answers change at once:
// by other rules, and by a table loaded anew. It tells the longest time between
// two answers, beside the same with nothing going on, which on a machine with
// other work is what its scheduler takes; and the longest processor time of the
// reader between two answers, in which that does not count.
func swap() {
	n := *people
	c := newCrowd(true)
	s := c.sample(50_000)
	mine := newOurs(c, s, n)
	fmt.Printf("\nreader's longest pause, %d identifiers, %d distinct sets, %s\n", n, mine.Sets(), time.Now().Format(time.DateOnly))
	for _, work := range []struct {
		name string
		do   func()
	}{
		{"nothing going on", func() { time.Sleep(2 * time.Second) }},
		{"other rules, twenty times", func() {
			for range 20 {
				mine.Rule(c.rules())
			}
		}},
		{"loaded anew, and swapped", func() { loaded(mine.Table, c, s, n).Swap() }},
	} {
		var stop atomic.Bool
		pauses := make(chan pause)
		go func() { pauses <- listen(mine.Table, &stop) }()
		start := time.Now()
		work.do()
		took := time.Since(start)
		stop.Store(true)
		p := <-pauses
		fmt.Printf("  %-28s %8v of work; longest pause %8v, of it processor time at most %8v; %d answers\n", work.name, took.Round(time.Millisecond), p.longest.Round(time.Microsecond), p.busy, p.asked)
	}
}

// pause is what a reader noticed between two answers.
type pause struct {
	longest, busy time.Duration
	asked         int
}

// listen asks without rest.
func listen(t *table.Table, stop *atomic.Bool) pause {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	id := subject.ID(name(1))
	var p pause
	last, worked := time.Now(), processor()
	for ; !stop.Load(); p.asked++ {
		t.Decide(id, decision.Question{Purpose: purposes[0]}, now)
		at, work := time.Now(), processor()
		p.longest, p.busy = max(p.longest, at.Sub(last)), max(p.busy, work-worked)
		last, worked = at, work
	}
	return p
}

// processor gives the processor time of this thread to the nanosecond.
func processor() time.Duration {
	const thread = 3 // CLOCK_THREAD_CPUTIME_ID
	var t syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, thread, uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano())
}

// memory fills a table with fifty times as many, and tells what it takes.
func memory() {
	n := 50 * *people
	c := newCrowd(false)
	s := c.sample(50_000)
	start := time.Now()
	mine, weight := weigh(n, func() ours { return newOurs(c, s, n) })
	took := time.Since(start)
	runtime.KeepAlive(s)
	a := ask(n, manyAsked)
	rdy := newReady(mine)
	entrants := []*entrant{
		{name: "table, by name", questions: 1 << 20, run: single(mine), bytes: weight},
		{name: "table, 64 at once", questions: 1 << 20, run: many(mine.Table, rdy), bytes: weight},
	}
	compare(entrants, a)
	fmt.Printf("\n%d identifiers, %d distinct sets, loaded in %v (names made and hashed meanwhile), %s\n", n, mine.Sets(), took.Round(time.Second), time.Now().Format(time.DateOnly))
	report(entrants, entrants[0])
}
