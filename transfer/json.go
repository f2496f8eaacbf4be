package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"

	"github.com/amana-privacy/amana/sheet"
)

// lines reads JSON objects, one a line: each an answer, or a person with a list
// of answers.
func (p *plan) lines(in io.Reader, yield func(Row, error) bool) error {
	l := sheet.NewLines(in)
	for {
		line, err := l.Read()
		if err == io.EOF {
			return nil
		}
		if wrong, ok := errors.AsType[*sheet.RowError](err); ok {
			if !yield(Row{}, &Reject{wrong.Line, "", Unreadable, true}) {
				return nil
			}
			continue
		}
		if err != nil {
			return broken(err)
		}
		if !p.object(l.Line(), line, yield) {
			return nil
		}
	}
}

// object gives the answers in one object; false when nobody wants more.
func (p *plan) object(line int, raw []byte, yield func(Row, error) bool) bool {
	members, ok := decode(raw)
	if !ok {
		return yield(Row{}, &Reject{line, "", Unreadable, true})
	}
	base, ok := p.flat("", members)
	if !ok {
		return yield(Row{}, &Reject{line, "", Unreadable, true})
	}
	var several []any
	for name, v := range members {
		if list, ok := v.([]any); ok && p.nested != "" && lower(name) == p.nested {
			several = list
		}
	}
	if a, ok := p.decide(base); several == nil || len(several) == 0 && ok && a.no() { // a no of the person is one, whatever they were on
		return yield(p.understand(line, base))
	}
	for _, v := range several {
		one, ok := v.(map[string]any)
		var r record
		if ok {
			r, ok = p.flat(p.nested+".", one)
		}
		if !ok {
			if !yield(Row{}, &Reject{line, "", Unreadable, true}) {
				return false
			}
			continue
		}
		if !yield(p.understand(line, p.within(base, r))) {
			return false
		}
	}
	return true
}

// decode reads one object and nothing after it. A member that stands twice
// makes it unreadable: nobody knows which is meant.
func decode(raw []byte) (map[string]any, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, ok := value(d, deepest)
	if !ok || d.More() {
		return nil, false
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, false
	}
	members, ok := v.(map[string]any)
	return members, ok
}

// deepest is how deep values may lie in one another: each takes its share of the stack.
const deepest = 100

func value(d *json.Decoder, deep int) (any, bool) {
	t, err := d.Token()
	if err != nil || deep == 0 {
		return nil, false
	}
	switch t {
	case json.Delim('{'):
		m := map[string]any{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, false
			}
			if _, twice := m[name.(string)]; twice {
				return nil, false
			}
			var ok bool
			if m[name.(string)], ok = value(d, deep-1); !ok {
				return nil, false
			}
		}
		_, err = d.Token()
		return m, err == nil
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, ok := value(d, deep-1)
			if !ok {
				return nil, false
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err == nil
	}
	return t, true
}

// flat gives the members that are read, as text. A list of texts is one with |
// between them. Where two names hold one field, or one holds an object, nobody
// knows what is meant.
func (p *plan) flat(prefix string, members map[string]any) (record, bool) {
	r := record{}
	for name, v := range members {
		f, ok := p.columns[prefix+fold(name)]
		if !ok {
			continue
		}
		_, twice := r[f]
		if _, object := v.(map[string]any); twice || object {
			return nil, false
		}
		r[f] = text(v)
	}
	return r, true
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return map[bool]string{true: "true", false: "false"}[v]
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = text(v[i])
		}
		return strings.Join(parts, "|")
	}
	return ""
}

// within gives the record of one answer of a person. A no that is said of the
// person as a whole is one to each; a no to one stays one whatever the person is.
func (p *plan) within(person, one record) record {
	r := maps.Clone(person)
	said := r[Decision]
	maps.Copy(r, one)
	if a := p.words[lower(said)]; a != (answer{}) && !p.words[lower(r[Decision])].no() {
		r[Decision] = said
	}
	return r
}
