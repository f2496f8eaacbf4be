package strict

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// Field is one member of a shape and its rules.
type Field struct {
	Name     string
	Doc      string
	Need     bool
	Enum     []string // nil: any
	Min, Max int      // lengths, or of a number its bounds; a Max of 0 is none

	index   int
	members []Field // of a struct, of what a pointer leads to, of the elements of a list
	raw     bool    // it is kept as it is written
	object  bool    // and has to be an object
}

// fieldCache holds []Field by reflect.Type.
var fieldCache sync.Map

// FieldsOf gives the members of a struct type, in its order. The result is shared and must not be changed. Shapes
// are structs, pointers to them, lists, strings, booleans and whole numbers, nested;
// another kind, a tag that is no number, or more than 64 members are a mistake of the
// program and panics.
func FieldsOf(t reflect.Type) []Field {
	if fields, ok := fieldCache.Load(t); ok {
		return fields.([]Field)
	}
	var fields []Field
	for i := range t.NumField() {
		fields = append(fields, fieldOf(t.Field(i), i))
	}
	if len(fields) > 64 {
		panic("strict: " + t.String() + " has too many members")
	}
	fieldCache.Store(t, fields)
	return fields
}

func fieldOf(sf reflect.StructField, index int) Field {
	switch sf.Type.Kind() {
	case reflect.Struct, reflect.Pointer, reflect.Slice, reflect.String, reflect.Bool, reflect.Int:
	default:
		panic("strict: " + sf.Name + " has a kind that is not read")
	}
	name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
	f := Field{Name: name, Doc: sf.Tag.Get("doc"), Need: sf.Tag.Get("need") == "yes", index: index}
	if words := sf.Tag.Get("enum"); words != "" {
		f.Enum = strings.Split(words, "|")
	}
	f.Min, f.Max = number(sf, "min"), number(sf, "max")
	f.of(sf.Type)
	return f
}

// of notes what a reader asks of a type at every value.
func (f *Field) of(t reflect.Type) {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	f.object = t == reflect.TypeFor[Object]()
	f.raw = f.object || t == reflect.TypeFor[Raw]()
	if t.Kind() == reflect.Struct {
		f.members = FieldsOf(t)
	}
}

func number(sf reflect.StructField, tag string) int {
	s := sf.Tag.Get(tag)
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("strict: " + sf.Name + " has a length that is no number")
	}
	return n
}
