package scrub

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// walk gives the members as they stand; nil where it is no object.
func walk(s string) map[string]string {
	o, out := object{b: []byte(s)}, map[string]string{}
	for o.next() {
		out[string(o.name)] = string(o.value)
	}
	if !o.ended {
		return nil
	}
	return out
}

func TestMembersAreFound(t *testing.T) {
	got := walk(` {"a" : 1.5e+3 , "b":[ {"c":"\u00e9\""}, [], {} ],"d":null,"e":true,"f":-0,"":"" } `)
	want := map[string]string{`"a"`: "1.5e+3", `"b"`: `[ {"c":"\u00e9\""}, [], {} ]`, `"d"`: "null", `"e"`: "true", `"f"`: "-0", `""`: `""`}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDeepValuesAreRefused(t *testing.T) {
	if walk(`{"a":`+strings.Repeat("[", 200)+strings.Repeat("]", 200)+"}") != nil {
		t.Error("200 deep was taken")
	}
}

// FuzzObject holds the walk to encoding/json.
func FuzzObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, ` {"a":[{"b":"\\"}],"c":-1.0E-9} `, `{"a":01}`, `{"a":1,}`, `{"a":"` + "\x01" + `"}`, `{"a":tru}`, `[1]`, `{"a":1}{`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := walk(in)
		o, object := map[string]json.RawMessage{}, strings.HasPrefix(strings.TrimLeft(in, " \t\r\n"), "{")
		err := json.Unmarshal([]byte(in), &o)
		if strings.Count(in, "[")+strings.Count(in, "{") > maxDepth {
			return // too deep for us, it may be
		}
		if (got != nil) != (err == nil && object) {
			t.Fatalf("%q: taken %v, by encoding/json %v", in, got != nil, err)
		}
		if len(o) > len(got) {
			t.Fatalf("%q: %d members, by encoding/json %d", in, len(got), len(o))
		}
	})
}
