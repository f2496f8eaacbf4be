package gate

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Sources are those of a Content-Security-Policy by directive:
// {"script-src": {"'self'"}, "frame-src": {"https://maps.example"}}.
type Sources map[string][]string

// Contents is what pages may load: always, and beside that with a yes.
type Contents struct {
	Always Sources
	With   map[string]Sources // by switch
}

// Handler sends with every answer a Content-Security-Policy that allows what
// the visitor allowed. So nothing else loads, whatever stands in the page, and
// also where its scripts do not run.
func (g *Gate) Handler(c Contents, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Cookie, Sec-GPC")
		h.Set("Content-Security-Policy", c.For(g.Granted(r)))
		next.ServeHTTP(w, r)
	})
}

// For gives the value of Content-Security-Policy for some granted switches.
func (c Contents) For(granted []string) string {
	all := maps.Clone(c.Always)
	if all == nil {
		all = Sources{}
	}
	for _, id := range granted {
		for directive, list := range c.With[id] {
			all[directive] = slices.Concat(all[directive], list)
		}
	}
	var out []string
	for _, directive := range slices.Sorted(maps.Keys(all)) {
		list := all[directive]
		if len(list) > 1 { // 'none' stands alone, or not at all
			list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "'none'" })
		}
		out = append(out, strings.Join(append([]string{directive}, slices.Compact(slices.Sorted(slices.Values(list)))...), " "))
	}
	return strings.Join(out, "; ")
}
