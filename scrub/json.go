package scrub

import (
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/amana-privacy/amana/sheet"
)

// jsonSource reads JSON objects, one a line, and looks at their own members,
// not at what lies deeper. Names are compared exactly. A member that stands
// twice where it matters makes a line unreadable: the next reader might take the
// other.
type jsonSource struct {
	lines  *sheet.Lines
	key    string
	names  []string
	quoted [][]byte // the names as they are written
	values [][]byte
}

func openJSON(in io.Reader, cfg *Config, b *batch) source {
	s := &jsonSource{lines: sheet.NewLines(in), key: cfg.Key}
	for _, c := range b.cfg.Columns {
		name, _ := json.Marshal(c.Name) // of a string: never fails
		s.names, s.quoted = append(s.names, c.Name), append(s.quoted, append(name, ':'))
	}
	s.values = make([][]byte, len(s.names))
	return s
}

func (s *jsonSource) head() []byte { return nil }

func (s *jsonSource) next(b *batch) error {
	line, err := s.lines.Read()
	if wrong, ok := errors.AsType[*sheet.RowError](err); ok {
		b.reject(wrong.Line, Unreadable)
		return nil
	}
	if err != nil {
		return err
	}
	key, ok := s.read(line)
	if !ok {
		b.reject(s.lines.Line(), Unreadable)
		return nil
	}
	for i, v := range s.values {
		if v != nil {
			b.text = append(append(b.text, s.quoted[i]...), v...)
		}
		b.piece()
	}
	b.about(s.lines.Line(), key)
	return nil
}

// read finds the key and the values of an object.
func (s *jsonSource) read(line []byte) (key []byte, ok bool) {
	clear(s.values)
	o := object{b: line}
	for o.next() {
		name := o.name
		if o.escaped {
			var plain string
			if json.Unmarshal(name, &plain) != nil {
				return nil, false
			}
			name = []byte(plain)
		} else {
			name = name[1 : len(name)-1]
		}
		if string(name) == s.key {
			if key != nil {
				return nil, false
			}
			if key, ok = scalar(o.value); !ok {
				return nil, false
			}
		}
		if i := slices.Index(s.names, string(name)); i >= 0 {
			if s.values[i] != nil {
				return nil, false
			}
			s.values[i] = o.value
		}
	}
	return key, o.ended
}

// scalar gives the text of a string or the digits of a number; no bytes, but
// not nil, for null.
func scalar(value []byte) ([]byte, bool) {
	switch c := value[0]; {
	case c == '"' && slices.Contains(value, '\\'):
		var plain string
		if json.Unmarshal(value, &plain) != nil {
			return nil, false
		}
		return append([]byte{}, plain...), true
	case c == '"':
		return value[1 : len(value)-1], true
	case '0' <= c && c <= '9':
		return value, !slices.ContainsFunc(value, func(c byte) bool { return c < '0' || c > '9' })
	}
	return []byte{}, string(value) == "null"
}

func (s *jsonSource) write(to []byte, p pieces, mask uint64) []byte {
	to = append(to, '{')
	some := false
	for i := range s.names {
		piece := p.at(i)
		if mask>>i&1 == 0 || len(piece) == 0 {
			continue
		}
		if some {
			to = append(to, ',')
		}
		some = true
		to = append(to, piece...)
	}
	return append(to, "}\n"...)
}
