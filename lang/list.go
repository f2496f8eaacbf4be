package lang

import (
	"html/template"
	"strings"
)

// List joins items: "a, b and c", "أ وب وج". No items give "".
func (w *Words) List(items []string) string { return w.join(items) }

// Names is List for HTML: each item is escaped and in a <bdi> of its own.
func (w *Words) Names(items []string) template.HTML {
	isolated := make([]string, len(items))
	for i, s := range items {
		isolated[i] = bdi(s)
	}
	return template.HTML(w.join(isolated))
}

func (w *Words) join(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], w.rules.comma) + w.rules.and + items[last]
}
