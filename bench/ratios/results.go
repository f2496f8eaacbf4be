package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results holds what each benchmark reported: by name, without Benchmark and
// the number of processors, and by unit, one value a round.
type results map[string]map[string][]float64

var processors = regexp.MustCompile(`-\d+$`)

// read takes the lines of benchmarks and passes over all others.
func read(r io.Reader) (results, error) {
	seen := results{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		name, is := "", false
		if len(fields) >= 4 && len(fields)%2 == 0 {
			name, is = strings.CutPrefix(fields[0], "Benchmark")
		}
		if !is {
			continue
		}
		name = processors.ReplaceAllString(name, "")
		for i := 2; i < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if seen[name] == nil {
				seen[name] = map[string][]float64{}
			}
			seen[name][fields[i+1]] = append(seen[name][fields[i+1]], value)
		}
	}
	return seen, lines.Err()
}

// figure is the median of a benchmark's rounds, and which variant it was of.
type figure struct {
	value   float64
	variant string
	unit    string
}

func (f figure) String() string {
	s := short(f.value) + " " + f.unit
	if f.variant != "" {
		s += " (" + f.variant + ")"
	}
	return s
}

// best gives a benchmark, or the best of its parts: a product may be at its best
// in any of its variants. Where less is better it is the least.
func (seen results) best(benchmark, unit string, less bool) (figure, bool) {
	var all []figure
	for name, units := range seen {
		variant, is := strings.CutPrefix(name+"/", benchmark+"/")
		if values := units[unit]; is && len(values) > 0 {
			all = append(all, figure{median(values), strings.Trim(variant, "/"), unit})
		}
	}
	if len(all) == 0 {
		return figure{}, false
	}
	by := func(a, b figure) int { return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.variant, b.variant)) }
	if less {
		return slices.MinFunc(all, by), true
	}
	return slices.MaxFunc(all, by), true
}

func median(values []float64) float64 {
	list := slices.Sorted(slices.Values(values))
	if n := len(list); n%2 == 0 {
		return (list[n/2-1] + list[n/2]) / 2
	}
	return list[len(list)/2]
}

// short writes a number with three digits that count.
func short(f float64) string {
	switch {
	case f >= 100:
		return strconv.FormatFloat(f, 'f', 0, 64)
	case f >= 10:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}
