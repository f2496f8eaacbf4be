package scrub

import (
	"cmp"
	"slices"
	"strings"
)

// Report is what became of a list.
type Report struct {
	Rows      int     `json:"rows"`      // of the list, its header apart
	Permitted int     `json:"permitted"` // came out
	Narrowed  int     `json:"narrowed"`  // of those, with cells left empty that the yes does not cover
	Reasons   []Count `json:"reasons"`   // of all rows
}

// Count is how many rows have a reason.
type Count struct {
	Reason Reason `json:"reason"`
	Rows   int    `json:"rows"`
}

func (r *Report) count(why Reason, narrowed bool) {
	r.Rows++
	if permitted(why) {
		r.Permitted++
	}
	if narrowed {
		r.Narrowed++
	}
	for i := range r.Reasons {
		if r.Reasons[i].Reason == why {
			r.Reasons[i].Rows++
			return
		}
	}
	r.Reasons = append(r.Reasons, Count{why, 1})
}

// Rejected gives the reasons for which rows stayed behind, the most frequent first.
func (r Report) Rejected() []Count {
	list := slices.DeleteFunc(slices.Clone(r.Reasons), func(c Count) bool { return permitted(c.Reason) })
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), strings.Compare(string(a.Reason), string(b.Reason)))
	})
	return list
}
