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
func (r *reader) value(v reflect.Value, f Field) *fault.Error {
	c := r.peek()
	switch {
	case v.Kind() == reflect.Struct && c == '{':
		return r.structure(v)
	case v.Kind() == reflect.Slice && c == '[':
		return r.list(v, f)
	case v.Kind() == reflect.String && c == '"':
		return r.word(v, f)
	case v.Kind() == reflect.Bool && c == 't' && r.literal("true"):
		v.SetBool(true)
		return nil
	case v.Kind() == reflect.Bool && c == 'f' && r.literal("false"):
		v.SetBool(false)
		return nil
	case v.Kind() == reflect.Int && (c == '-' || c >= '0' && c <= '9'):
		return r.whole(v, f)
	}
	before := len(r.path)
	err := r.skip()
	if err == nil {
		r.path = r.path[:before]
		r.wrong("must be %s", kindWords(v.Type()))
	}
	return err
}

// structure reads an object into a struct.
func (r *reader) structure(v reflect.Value) *fault.Error {
	fields := FieldsOf(v.Type())
	seen := make([]bool, len(fields))
	err := r.object(func(name string) *fault.Error {
		defer r.step(name)()
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
		if i < 0 {
			r.wrong("there is no such member here")
			return r.skip()
		}
		if seen[i] {
			return r.broken("the member stands here twice")
		}
		seen[i] = true
		return r.value(v.Field(fields[i].index), fields[i])
	})
	if err != nil {
		return err
	}
	for i, f := range fields {
		if f.Need && !seen[i] {
			leave := r.step(f.Name)
			r.wrong("is missing")
			leave()
		}
	}
	return nil
}

// list reads an array into a slice, which is not nil afterwards.
func (r *reader) list(v reflect.Value, f Field) *fault.Error {
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	each := Field{Enum: f.Enum}
	n := 0
	err := r.nested(']', func(i int) *fault.Error {
		defer r.stepTo(i)()
		if n++; f.Max > 0 && n > f.Max {
			return r.skip()
		}
		element := reflect.New(v.Type().Elem()).Elem()
		err := r.value(element, each)
		v.Set(reflect.Append(v, element))
		return err
	})
	if err == nil {
		r.length(n, f, "elements")
	}
	return err
}

// word reads a string.
func (r *reader) word(v reflect.Value, f Field) *fault.Error {
	s, err := r.text()
	if err != nil {
		return err
	}
	r.length(utf8.RuneCountInString(s), f, "characters")
	if f.Enum != nil && !slices.Contains(f.Enum, s) {
		r.wrong("must be one of %s", strings.Join(f.Enum, ", "))
	}
	v.SetString(s)
	return nil
}

// whole reads a whole number that is written as one: 50, not 5e1.
func (r *reader) whole(v reflect.Value, f Field) *fault.Error {
	first := r.pos
	if !r.number() {
		return r.broken("not JSON: a value was expected")
	}
	n, err := strconv.ParseInt(string(r.data[first:r.pos]), 10, 32)
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

func (r *reader) length(n int, f Field, of string) {
	switch {
	case n < f.Min && f.Min == 1:
		r.wrong("must not be empty")
	case n < f.Min:
		r.wrong("must have at least %d %s", f.Min, of)
	case f.Max > 0 && n > f.Max:
		r.wrong("must have at most %d %s", f.Max, of)
	}
}

// step goes down to a member; what it gives goes back up.
func (r *reader) step(name string) (leave func()) {
	before := len(r.path)
	if before > 0 {
		r.path = append(r.path, '.')
	}
	r.path = append(r.path, Shown(name)...)
	return func() { r.path = r.path[:before] }
}

func (r *reader) stepTo(i int) (leave func()) {
	before := len(r.path)
	r.path = append(strconv.AppendInt(append(r.path, '['), int64(i), 10), ']')
	return func() { r.path = r.path[:before] }
}

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
	case reflect.Struct:
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
