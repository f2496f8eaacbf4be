package policy

import "strings"

// Document is a policy file that was read: the typed policy, its canonical
// bytes and id, and where everything stands in the file. It is read-only and
// safe for concurrent use.
type Document struct {
	Name      string // of the file, as given to Read
	Policy    *Policy
	Canonical []byte // RFC 8785
	ID        VersionID

	places  map[string]place
	leaves  []leaf
	absent  []Finding       // required keys that the whole lacks
	excused map[string]bool // paths already explained by a finding of the reader
}

// leaf is one scalar of the file.
type leaf struct {
	path  string
	at    pos
	value string
	form  string // "" where any text will do
	prose bool   // a text in a language, and no proper name
}

// Position gives line and column, from 1, of the value at a path; where the
// file has none there, those of the nearest place that holds the path.
func (d *Document) Position(path string) (line, col int) {
	p := d.near(path).value
	return p.line, p.col
}

func (d *Document) near(path string) place {
	for {
		if p, ok := d.places[path]; ok {
			return p
		}
		if path == "" {
			return place{pos{1, 1}, pos{1, 1}}
		}
		path = parent(path)
	}
}

func (d *Document) has(path string) bool {
	_, ok := d.places[path]
	return ok
}

func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
