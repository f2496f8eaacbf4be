// Command ratios reads what Go's benchmarks print, over several rounds, and sets
// it beside each other in one table: ours, what it is compared with, and the
// ratio. Absolute figures are those of this machine and hour; only ratios of
// one run say something.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	seen, err := read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out := bufio.NewWriter(os.Stdout)
	table(out, seen)
	if err := out.Flush(); err != nil {
		os.Exit(1)
	}
}

// table writes a line for each comparison of which something was measured.
func table(w io.Writer, seen results) {
	fmt.Fprintln(w, "| what | ours | beside | ratio |\n|---|---|---|---|")
	for _, c := range comparisons {
		ours, ok := seen.best(c.ours, c.unit, c.less)
		if !ok {
			continue
		}
		fmt.Fprintf(w, "| %s | %s | ", c.what, ours)
		beside, ok := seen.best(c.beside, c.unit, c.less)
		switch {
		case !ok:
			fmt.Fprintln(w, "| |")
		case c.less:
			fmt.Fprintf(w, "%s | %s |\n", beside, short(beside.value/ours.value))
		default:
			fmt.Fprintf(w, "%s | %s |\n", beside, short(ours.value/beside.value))
		}
	}
}
