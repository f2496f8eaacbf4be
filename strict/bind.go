package strict

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/amana-privacy/amana/fault"
)

// value reads the next value into v, which keeps the rules of f.
func (r *reader) value(v reflect.Value, f *Field) *fault.Error {
	c := r.peek()
	kind := v.Kind()
	switch {
	case f.raw && kind == reflect.String:
		return r.asWritten(v, f, c)
	case kind == reflect.Pointer && c == '{':
		v.Set(reflect.New(v.Type().Elem()))
		return r.structure(v.Elem(), f.members)
	case kind == reflect.Struct && c == '{':
		return r.structure(v, f.members)
	case kind == reflect.Slice && c == '[':
		return r.list(v, f)
	case kind == reflect.String && c == '"':
		return r.word(v, f)
	case kind == reflect.Bool && c == 't' && r.literal("true"):
		v.SetBool(true)
		return nil
	case kind == reflect.Bool && c == 'f' && r.literal("false"):
		v.SetBool(false)
		return nil
	case kind == reflect.Int && (c == '-' || c >= '0' && c <= '9'):
		return r.whole(v, f)
	case r.open && c == 'n' && r.literal("null"):
		v.SetZero()
		return nil
	}
	before := len(r.path)
	err := r.skip()
	if err == nil {
		r.path = r.path[:before]
		r.wrong("must be %s", kindWords(v.Type()))
	}
	return err
}

// asWritten keeps a value unread.
func (r *reader) asWritten(v reflect.Value, f *Field, first byte) *fault.Error {
	from := r.pos
	if err := r.skip(); err != nil {
		return err
	}
	switch text := r.data[from:r.pos]; {
	case !f.object || first == '{':
		v.SetString(text)
	case r.open && text == "null":
		v.SetString("")
	default:
		r.wrong("must be an object")
	}
	return nil
}

// structure reads an object into a struct.
func (r *reader) structure(v reflect.Value, fields []Field) *fault.Error {
	var seen uint64
	var others map[string]bool
	err := r.object(func(name string) *fault.Error {
		before := len(r.path)
		r.step(name)
		i := memberOf(fields, name)
		twice := others[name]
		if i >= 0 {
			twice = seen>>i&1 == 1
			seen |= 1 << i
		}
		var err *fault.Error
		switch {
		case twice:
			err = r.broken("the member stands here twice")
		case i >= 0:
			err = r.value(v.Field(fields[i].index), &fields[i])
		default:
			if others == nil {
				others = map[string]bool{}
			}
			others[name] = true
			err = r.other(fields, name)
		}
		r.path = r.path[:before]
		return err
	})
	if err != nil {
		return err
	}
	for i := range fields {
		if fields[i].Need && seen>>i&1 == 0 {
			before := len(r.path)
			r.step(fields[i].Name)
			r.wrong("is missing")
			r.path = r.path[:before]
		}
	}
	return nil
}

func memberOf(fields []Field, name string) int {
	for i := range fields {
		if fields[i].Name == name {
			return i
		}
	}
	return -1
}

// other passes over a member that the shape lacks.
func (r *reader) other(fields []Field, name string) *fault.Error {
	if !r.open {
		r.wrong("there is no such member here")
		return r.skip()
	}
	for i := range fields {
		if strings.EqualFold(fields[i].Name, name) {
			r.wrong("is written %s", fields[i].Name)
		}
	}
	return r.skip()
}

// list reads an array into a slice, which is not nil afterwards.
func (r *reader) list(v reflect.Value, f *Field) *fault.Error {
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	each := Field{Enum: f.Enum, members: f.members, raw: f.raw, object: f.object}
	n := 0
	err := r.nested(']', func(i int) *fault.Error {
		if n++; f.Max > 0 && n > f.Max {
			return r.skip()
		}
		before, from := len(r.path), r.pos
		r.stepTo(i)
		if v.Len() == v.Cap() {
			v.Grow(max(1, v.Len()))
		}
		v.SetLen(v.Len() + 1)
		err := r.value(v.Index(v.Len()-1), &each)
		r.path = r.path[:before]
		if i == 0 && err == nil && f.Max > 0 { // most lists have equal elements
			v.Grow(min(f.Max, (len(r.data)-r.pos)/max(1, r.pos-from)+1))
		}
		return err
	})
	if err == nil {
		r.length(n, f, "elements")
	}
	return err
}

// word reads a string.
func (r *reader) word(v reflect.Value, f *Field) *fault.Error {
	s, err := r.text()
	if err != nil {
		return err
	}
	if f.Min > 0 || f.Max > 0 {
		r.length(utf8.RuneCountInString(s), f, "characters")
	}
	if f.Enum != nil && !slices.Contains(f.Enum, s) {
		r.wrong("must be one of %s", strings.Join(f.Enum, ", "))
	}
	v.SetString(s)
	return nil
}

// whole reads a whole number that is written as one: 50, not 5e1.
func (r *reader) whole(v reflect.Value, f *Field) *fault.Error {
	first := r.pos
	if !r.number() {
		return r.broken("not JSON: a value was expected")
	}
	n, err := strconv.ParseInt(r.data[first:r.pos], 10, 32)
	switch {
	case err != nil:
		r.wrong("must be a whole number")
	case f.Max > 0 && (int(n) < f.Min || int(n) > f.Max):
		r.wrong("must be from %d to %d", f.Min, f.Max)
	case f.Min > 0 && int(n) < f.Min:
		r.wrong("must be at least %d", f.Min)
	}
	v.SetInt(n)
	return nil
}

func (r *reader) length(n int, f *Field, of string) {
	switch {
	case n < f.Min && f.Min == 1:
		r.wrong("must not be empty")
	case n < f.Min:
		r.wrong("must have at least %d %s", f.Min, of)
	case f.Max > 0 && n > f.Max:
		r.wrong("must have at most %d %s", f.Max, of)
	}
}

// step goes down to a member; whoever calls it goes back up.
func (r *reader) step(name string) { r.path = append(r.path, step{name, -1}) }

func (r *reader) stepTo(i int) { r.path = append(r.path, step{element: i}) }

// Shown gives the name of a member where it may be shown: an identifier of at
// most 40 letters, and "?" for everything else, which might be a person's data.
func Shown(name string) string {
	for i, c := range name {
		letter := c == '_' || c == '-' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if i >= 40 || !letter && (i == 0 || c < '0' || c > '9') {
			return "?"
		}
	}
	if name == "" {
		return "?"
	}
	return name
}

func kindWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Pointer:
		return "an object"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	default:
		return "a string"
	}
}
