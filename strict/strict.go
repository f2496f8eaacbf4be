// Package strict reads JSON that must be exactly what was asked for, into
// structs whose tags are the one description of a shape: the reader and the
// OpenAPI document are both derived from them.
//
//	json:"name"    the member; names are compared exactly
//	need:"yes"     it must be there
//	enum:"a|b"     the closed set of words of a string (of each string, for a list)
//	min:"1"        least length: characters of a string, elements of a list; of a number the least
//	max:"1000"     greatest length; of a number the greatest
//	doc:"…"        one sentence for the document
//
// What is not JSON (RFC 8259 within I-JSON, RFC 7493: valid UTF-8, no member
// twice, no lone surrogates) is fault.Malformed. What is JSON of another shape
// is fault.Invalid, and all of its mistakes are told at once. Each mistake
// names the path of the member at fault, such as choices[1].decision. Values
// are never repeated, and a name only where it has the form of an identifier.
package strict

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/amana-privacy/amana/fault"
)

// Bounds on what is read; a document within its byte limit costs no more than
// a small multiple of its size.
const (
	maxDepth  = 32
	maxFaults = 20
)

// Faults are the mistakes of one document, in its order; never empty.
type Faults []*fault.Error

// Error gives the mistakes, one a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, e := range f {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets fault.KindOf see the first.
func (f Faults) Unwrap() []error {
	list := make([]error, len(f))
	for i, e := range f {
		list[i] = e
	}
	return list
}

// Raw is a value as it is written, whatever it is; Object is an object as it is
// written, "" for null where others' members are open.
type (
	Raw    string
	Object string
)

// MarshalJSON gives the object as it was written.
func (o Object) MarshalJSON() ([]byte, error) { return []byte(o), nil }

// Decode reads data into what into points to: a struct, or a list of structs.
// Its error is Faults. What into points to is only to be used without one; its
// strings may share the memory of the whole document.
func Decode(data []byte, into any) error { return decode(data, into, Field{}, false) }

// DecodeList is Decode of a list of at most so many elements.
func DecodeList(data []byte, most int, into any) error {
	return decode(data, into, Field{Max: most}, false)
}

// DecodeOpen is Decode for shapes that others may add members to: a member that
// the shape lacks is passed over, unless only its case differs from one that the
// shape has. What is absent leaves in into what is there; null empties it.
func DecodeOpen[T ~string | ~[]byte](data T, into any) error {
	return decode(data, into, Field{}, true)
}

func decode[T ~string | ~[]byte](data T, into any, f Field, open bool) error {
	r := readers.Get().(*reader)
	defer r.leave()
	r.data, r.open = string(data), open
	if !utf8.ValidString(r.data) {
		return Faults{fault.New(fault.Malformed, "the body is not UTF-8")}
	}
	v := reflect.ValueOf(into).Elem()
	f.of(v.Type())
	err := r.value(v, &f)
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return Faults{err}
	}
	if len(r.faults) > 0 {
		return r.faults
	}
	return nil
}

// IsList says whether data begins as a JSON array does.
func IsList(data []byte) bool {
	trimmed := bytes.TrimLeft(data, " \t\n\r")
	return len(trimmed) > 0 && trimmed[0] == '['
}

// reader walks the document once, keeping the path to where it is.
type reader struct {
	data   string
	open   bool // members that the shape lacks are passed over
	pos    int
	depth  int
	path   []step
	faults Faults
}

// readers are those that read nothing now.
var readers = sync.Pool{New: func() any { return &reader{path: make([]step, 0, 8)} }}

// leave gives a reader to others. It keeps nothing of what it read.
func (r *reader) leave() {
	path := r.path[:0]
	clear(path[:cap(path)])
	*r = reader{path: path}
	readers.Put(r)
}

// step is one down to where the reader is: to a member, or to an element of a list.
type step struct {
	name    string
	element int // -1: a member
}

// where gives the path in words, such as choices[1].decision.
func (r *reader) where() string {
	var b []byte
	for i, s := range r.path {
		switch {
		case s.element >= 0:
			b = append(strconv.AppendInt(append(b, '['), int64(s.element), 10), ']')
			continue
		case i > 0:
			b = append(b, '.')
		}
		b = append(b, Shown(s.name)...)
	}
	return string(b)
}

// broken is the end of the reading: the document is not JSON.
func (r *reader) broken(format string, args ...any) *fault.Error {
	words := fmt.Sprintf(format, args...)
	return fault.At(fault.Malformed, r.where(), "%s, at byte %d", words, r.pos)
}

// wrong notes a mistake of shape at the path; reading goes on.
func (r *reader) wrong(format string, args ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, fault.At(fault.Invalid, r.where(), format, args...))
	}
}
