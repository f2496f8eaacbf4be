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

	index int
}

// fieldCache holds []Field by reflect.Type.
var fieldCache sync.Map

// FieldsOf gives the members of a struct type, in its order. The result is
// shared and must not be changed. Shapes are structs, lists, strings,
// booleans and whole numbers, nested; another kind, or a tag that is no number, is a mistake of
// the program and panics.
func FieldsOf(t reflect.Type) []Field {
	if fields, ok := fieldCache.Load(t); ok {
		return fields.([]Field)
	}
	var fields []Field
	for i := range t.NumField() {
		fields = append(fields, fieldOf(t.Field(i), i))
	}
	fieldCache.Store(t, fields)
	return fields
}

func fieldOf(sf reflect.StructField, index int) Field {
	switch sf.Type.Kind() {
	case reflect.Struct, reflect.Slice, reflect.String, reflect.Bool, reflect.Int:
	default:
		panic("strict: " + sf.Name + " has a kind that is not read")
	}
	name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
	f := Field{Name: name, Doc: sf.Tag.Get("doc"), Need: sf.Tag.Get("need") == "yes", index: index}
	if words := sf.Tag.Get("enum"); words != "" {
		f.Enum = strings.Split(words, "|")
	}
	f.Min, f.Max = number(sf, "min"), number(sf, "max")
	return f
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
