// Command bench measures the decision table beside its peers, all in one run,
// and prints their ratios. Absolute times are those of this machine and moment.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/amana-privacy/amana/subject"
	"github.com/amana-privacy/amana/table"
)

var (
	people = flag.Int("subjects", 1_000_000, "identifiers in each table")
	rounds = flag.Int("rounds", 9, "rounds; the median is told")
	heavy  = flag.Bool("heavy", true, "with cedar-go and OPA, which take gigabytes and minutes")
	only   = flag.String("only", "", "one part alone: decide, layouts, swap or memory")
)

// entrant is one way to answer.
type entrant struct {
	name      string
	questions int // in a round
	run       func(a asked, from, count int) int
	bytes     float64
	ns        []float64
	allocs    float64
}

func single(p peer) func(a asked, from, count int) int {
	return func(a asked, from, count int) int {
		yes := 0
		for i := from; i < from+count; i++ {
			if p.ask(a.ids[i], int(a.purpose[i])) {
				yes++
			}
		}
		return yes
	}
}

// heap gives what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// weigh makes a thing and tells how many bytes of it there are for each identifier.
func weigh[T any](n int, mk func() T) (T, float64) {
	before := heap()
	v := mk()
	return v, float64(heap()-before) / float64(n)
}

func compare(entrants []*entrant, a asked) {
	for r := range *rounds {
		runtime.GC()
		for _, e := range entrants {
			from := r * 7919 * 64 % (len(a.ids) - e.questions)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := processor()
			e.run(a, from, e.questions)
			e.ns = append(e.ns, float64(processor()-start)/float64(e.questions))
			runtime.ReadMemStats(&after)
			e.allocs = float64(after.Mallocs-before.Mallocs) / float64(e.questions)
		}
	}
}

func median(list []float64) float64 {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}

func report(entrants []*entrant, base *entrant) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tns a question\ttimes ours\tallocations\tbytes a subject\t")
	for _, e := range entrants {
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.1f\t%.1f\t\n", e.name, median(e.ns), median(e.ns)/median(base.ns), e.allocs, e.bytes)
	}
	w.Flush()
}

func main() {
	flag.Parse()
	runtime.LockOSThread()
	for _, part := range []struct {
		name string
		run  func()
	}{{"decide", decide}, {"layouts", layouts}, {"swap", swap}, {"memory", memory}} {
		if *only == "" || *only == part.name {
			part.run()
		}
	}
}

const manyAsked = 4 << 20

func decide() {
	for _, mixed := range []bool{false, true} {
		n := *people
		c := newCrowd(mixed)
		s := c.sample(50_000)
		a := ask(n, manyAsked)
		mine, weight := weigh(n, func() ours { return newOurs(c, s, n) })
		rdy := newReady(mine)
		entrants := []*entrant{
			{name: "table, by name", questions: 1 << 20, run: single(mine), bytes: weight},
			{name: "table, made ready", questions: 1 << 20, run: single(rdy), bytes: weight},
			{name: "table, 64 at once", questions: 1 << 20, run: many(mine.Table, rdy), bytes: weight},
		}
		p, weight := weigh(n, func() peer { return newPlain(s, n) })
		entrants = append(entrants, &entrant{name: "open addressing, 128-bit key", questions: 1 << 20, run: single(p), bytes: weight})
		p, weight = weigh(n, func() peer { return newGoMap(s, n) })
		entrants = append(entrants, &entrant{name: "Go map", questions: 1 << 20, run: single(p), bytes: weight})
		if !mixed && *heavy {
			p, weight = weigh(n, func() peer { return newCedar(s, n, true) })
			entrants = append(entrants, &entrant{name: "cedar-go, parents", questions: 1 << 18, run: single(p), bytes: weight})
			p, weight = weigh(n, func() peer { return newCedar(s, n, false) })
			entrants = append(entrants, &entrant{name: "cedar-go, attribute set", questions: 1 << 18, run: single(p), bytes: weight})
			p, weight = weigh(n, func() peer { return newOPA(s, n) })
			entrants = append(entrants, &entrant{name: "OPA, prepared", questions: 1 << 15, run: single(p), bytes: weight})
		}
		compare(entrants, a)
		fmt.Printf("\n%d identifiers x %d purposes, %d distinct sets, uniform questions, %s\n", n, len(purposes), mine.Sets(), time.Now().Format(time.DateOnly))
		report(entrants, entrants[0])
	}
}

func many(t *table.Table, r ready) func(a asked, from, count int) int {
	queries, out := make([]table.Query, 64), make([]table.Answer, 64)
	return func(a asked, from, count int) int {
		yes := 0
		for i := from; i < from+count; i += 64 {
			for j := range queries {
				queries[j] = table.Query{Subject: subject.ID(a.ids[i+j]), Question: r.questions[a.purpose[i+j]]}
			}
			t.DecideEach(queries, out, now)
			for _, o := range out {
				if o.Allowed {
					yes++
				}
			}
		}
		return yes
	}
}
