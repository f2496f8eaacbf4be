package policy

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// kind is what may stand at a place of the file.
type kind int

const (
	kindString kind = iota
	kindText
	kindDuration
	kindInt
	kindBool
	kindList
	kindMap
	kindObject
)

// shape describes a place of the file, derived from a Go type and its tags.
type shape struct {
	kind   kind
	name   string   // Go name of an object's type
	fields []field  // of an object, in the order of the struct
	elem   *shape   // of a list or a map
	keys   []string // closed set of a map's keys; nil: any id
	enum   []string // closed set of a scalar's words
	ref    string   // what a scalar must be declared under
	form   string   // form of a scalar, see form.go
	max    int      // largest int; 0: no bound of its own
	plain  bool     // a Text may be one plain scalar
	set    bool     // a list's order says nothing
}

// field is a key of an object.
type field struct {
	*shape
	key      string
	doc      string
	required bool
	index    int // of the struct field
}

// root is the shape of the whole file.
var root = sync.OnceValue(func() *shape { return shapeOf(reflect.TypeFor[Policy](), "") })

func shapeOf(t reflect.Type, tag reflect.StructTag) *shape {
	options := strings.Split(tag.Get("key"), ",")
	s := &shape{name: t.Name(), plain: slices.Contains(options, "plain"), set: slices.Contains(options, "set")}
	switch {
	case t == reflect.TypeFor[Text]():
		s.kind = kindText
	case t == reflect.TypeFor[Duration]():
		s.kind = kindDuration
	case t.Kind() == reflect.Pointer:
		return shapeOf(t.Elem(), tag)
	case t.Kind() == reflect.Slice:
		s.kind, s.elem = kindList, shapeOf(t.Elem(), tag)
	case t.Kind() == reflect.Map:
		s.kind, s.elem, s.keys = kindMap, shapeOf(t.Elem(), tag), words(tag.Get("keys"))
	case t.Kind() == reflect.Struct:
		s.kind, s.fields = kindObject, fieldsOf(t)
	default:
		s.scalar(t, tag)
	}
	return s
}

func (s *shape) scalar(t reflect.Type, tag reflect.StructTag) {
	s.enum, s.ref, s.form = words(tag.Get("enum")), tag.Get("ref"), tag.Get("is")
	s.max, _ = strconv.Atoi(tag.Get("max"))
	switch t.Kind() {
	case reflect.String:
		s.kind = kindString
	case reflect.Int:
		s.kind = kindInt
	case reflect.Bool:
		s.kind = kindBool
	default:
		panic(fmt.Sprintf("policy: the language has no %s", t))
	}
}

func fieldsOf(t reflect.Type) []field {
	var list []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, rest, _ := strings.Cut(f.Tag.Get("key"), ",")
		list = append(list, field{
			shape: shapeOf(f.Type, f.Tag), key: key, doc: f.Tag.Get("doc"), index: i,
			required: slices.Contains(strings.Split(rest, ","), "required"),
		})
	}
	return list
}

func (s *shape) field(key string) (field, bool) {
	i := slices.IndexFunc(s.fields, func(f field) bool { return f.key == key })
	if i < 0 {
		return field{}, false
	}
	return s.fields[i], true
}

func words(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, "|")
}
