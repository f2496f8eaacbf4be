package main

import (
	"bytes"
	"testing"
	"time"
)

func TestProgressSaysHowFarAndHowLong(t *testing.T) {
	begun := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for want, c := range map[string]struct {
		p      *progress
		passed time.Duration
	}{
		"importing [..............................] 0 % 0":                               {&progress{what: "importing", total: 100}, 0},
		"importing [#######.......................] 25 % 1200, 120/s, 30s left":          {&progress{what: "importing", total: 100, count: 25, n: 1200}, 10 * time.Second},
		"importing [##############################] 100 % 4800, 120/s":                   {&progress{what: "importing", total: 100, count: 100, n: 4800}, 40 * time.Second},
		"importing [##############################] 100 % 9":                             {&progress{what: "importing", total: 100, count: 130, n: 9}, 0}, // the file grew
		"importing 5000, 2500/s":                                                         {&progress{what: "importing", count: 81234, n: 5000}, 2 * time.Second},
		"simulated customers [###############...............] 50 % 1500, 500/s, 3s left": {&progress{what: "simulated customers", total: 3000, count: 1500}, 3 * time.Second},
	} {
		c.p.begun = begun
		if got := c.p.line(begun.Add(c.passed)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestOnlyATerminalSeesProgress(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, "importing", 10)
	p.add(5)
	p.rows(3)
	if p.done(); b.Len() > 0 {
		t.Errorf("%q", &b)
	}
}
