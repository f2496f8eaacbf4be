package strict_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/strict"
)

type order struct {
	Who    string   `json:"who" need:"yes" min:"2" max:"4"`
	Lines  []line   `json:"lines" need:"yes" min:"1" max:"2"`
	Paid   bool     `json:"paid"`
	Marks  []string `json:"marks" enum:"red|blue"`
	Extras extras   `json:"extras"`
	Copies int      `json:"copies" min:"1" max:"20"`
	Floor  int      `json:"floor"`
}

type line struct {
	Item string `json:"item" need:"yes" enum:"pen|ink"`
}

type extras struct {
	Gift bool `json:"gift"`
}

// mistake is what is said of a document.
type mistake struct {
	Kind         fault.Kind
	Field, Words string
}

func mistakes(err error) []mistake {
	var list []mistake
	if faults, ok := err.(strict.Faults); ok {
		for _, f := range faults {
			list = append(list, mistake{f.Kind, f.Field, f.Words})
		}
	}
	return list
}

func TestDecodeReads(t *testing.T) {
	var got order
	err := strict.Decode([]byte(" {\"lines\" : [ {\"item\":\"pen\"},\r\n\t{\"item\":\"\\u0069nk\"}], \"who\":\"\\uD83D\\uDE00\\n\\/ع\",\"paid\":true,\"marks\":[],\"extras\":{\"gift\":false}, \"copies\":12,\"floor\":-3} "), &got)
	if err != nil {
		t.Fatal(err)
	}
	want := order{Who: "😀\n/ع", Lines: []line{{"pen"}, {"ink"}}, Paid: true, Marks: []string{}, Copies: 12, Floor: -3}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeRefusesWhatIsNotJSON(t *testing.T) {
	const fine = `{"who":"sara","lines":[{"item":"pen"}]}`
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for name, c := range map[string]struct{ doc, field, words string }{
		"nothing":              {``, "", "not JSON: it ends where a value was expected, at byte 0"},
		"spaces alone":         {` `, "", "not JSON: it ends where a value was expected, at byte 1"},
		"not UTF-8":            {"{\"who\":\"\xff\"}", "", "the body is not UTF-8"},
		"byte order mark":      {"\ufeff" + fine, "", "not JSON: a value was expected, at byte 0"},
		"something after it":   {fine + `{}`, "", "something follows the JSON value, at byte 39"},
		"NUL after it":         {fine + "\x00", "", "something follows the JSON value, at byte 39"},
		"a member twice":       {`{"who":"sara","lines":[{"item":"pen","item":"ink"}]}`, "lines[0].item", "the member stands here twice, at byte 44"},
		"twice by an escape":   {`{"who":"sara","wh\u006f":"tom"}`, "who", "the member stands here twice, at byte 25"},
		"too deep":             {`{"x":` + deep + `}`, "x", "nested deeper than 32, at byte 36"},
		"trailing comma":       {`{"who":"sara",}`, "", "not JSON: a member's name was expected, at byte 14"},
		"a list's comma":       {`{"lines":[{"item":"pen"} {"item":"pen"}]}`, "lines", "not JSON: a comma or ']' was expected, at byte 25"},
		"no colon":             {`{"who" "sara"}`, "", "not JSON: a colon was expected, at byte 7"},
		"unquoted":             {`{"who":sara}`, "who", "not JSON: a value was expected, at byte 7"},
		"cut short":            {`{"who":"sa`, "who", "not JSON: a string does not end, at byte 10"},
		"cut in an escape":     {`{"who":"s\`, "who", "not JSON: an escape that does not exist, at byte 9"},
		"control character":    {"{\"who\":\"a\nb\"}", "who", "not JSON: a control character in a string, at byte 9"},
		"control after escape": {"{\"who\":\"\\ta\nb\"}", "who", "not JSON: a control character in a string, at byte 11"},
		"half a surrogate":     {`{"who":"\ud83d"}`, "who", "a string holds half of a surrogate pair, at byte 14"},
		"two high surrogates":  {`{"who":"\ud83d\ud83d"}`, "who", "a string holds half of a surrogate pair, at byte 20"},
		"signed hex":           {`{"who":"\u+123"}`, "who", "not JSON: an escape that does not exist, at byte 8"},
		"leading zero":         {`{"x":01}`, "", "not JSON: a comma or '}' was expected, at byte 6"},
		"bare point":           {`{"x":1.}`, "x", "not JSON: a value was expected, at byte 5"},
		"bare exponent":        {`{"x":1e}`, "x", "not JSON: a value was expected, at byte 5"},
		"NaN":                  {`{"x":NaN}`, "x", "not JSON: a value was expected, at byte 5"},
		"comment":              {`{"who":"sara"/**/}`, "", "not JSON: a comma or '}' was expected, at byte 13"},
	} {
		t.Run(name, func(t *testing.T) {
			want := []mistake{{fault.Malformed, c.field, c.words}}
			if diff := cmp.Diff(want, mistakes(strict.Decode([]byte(c.doc), new(order)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeTellsEveryMistakeOfShape(t *testing.T) {
	for name, c := range map[string]struct {
		doc  string
		want []mistake
	}{
		"not an object": {`"sara"`, []mistake{{fault.Invalid, "", "must be an object"}}},
		"null":          {`null`, []mistake{{fault.Invalid, "", "must be an object"}}},
		"missing":       {`{}`, []mistake{{fault.Invalid, "who", "is missing"}, {fault.Invalid, "lines", "is missing"}}},
		"wrong types": {`{"who":7,"lines":{"item":"pen"},"paid":"yes","marks":[1],"extras":{"gift":null}}`, []mistake{
			{fault.Invalid, "who", "must be a string"}, {fault.Invalid, "lines", "must be a list"}, {fault.Invalid, "paid", "must be true or false"},
			{fault.Invalid, "marks[0]", "must be a string"}, {fault.Invalid, "extras.gift", "must be true or false"}}},
		"deep inside": {`{"who":"sara","lines":[{"item":"pen"},{"item":"cup"}]}`, []mistake{{fault.Invalid, "lines[1].item", "must be one of pen, ink"}}},
		"words of a list": {`{"who":"sara","lines":[{"item":"pen"}],"marks":["red","green"]}`, []mistake{
			{fault.Invalid, "marks[1]", "must be one of red, blue"}}},
		"numbers": {`{"who":"sara","lines":[{"item":"pen"}],"copies":0,"floor":1.5}`, []mistake{
			{fault.Invalid, "copies", "must be from 1 to 20"}, {fault.Invalid, "floor", "must be a whole number"}}},
		"larger numbers": {`{"who":"sara","lines":[{"item":"pen"}],"copies":21,"floor":99999999999999999999}`, []mistake{
			{fault.Invalid, "copies", "must be from 1 to 20"}, {fault.Invalid, "floor", "must be a whole number"}}},
		"no numbers": {`{"who":"sara","lines":[{"item":"pen"}],"copies":"12","floor":null}`, []mistake{
			{fault.Invalid, "copies", "must be a whole number"}, {fault.Invalid, "floor", "must be a whole number"}}},
		"too short and too long": {`{"who":"s","lines":[{"item":"pen"},{"item":"pen"},{"bad":1}]}`, []mistake{
			{fault.Invalid, "who", "must have at least 2 characters"}, {fault.Invalid, "lines", "must have at most 2 elements"}}},
		"characters, not bytes": {`{"who":"سارة","lines":[]}`, []mistake{{fault.Invalid, "lines", "must not be empty"}}},
		"unknown member":        {`{"who":"sara","lines":[{"item":"pen","size":{"a":[1.5e+3,-0,null]}}]}`, []mistake{{fault.Invalid, "lines[0].size", "there is no such member here"}}},
		"another case":          {`{"Who":"sara","who":"sara","lines":[{"item":"pen"}]}`, []mistake{{fault.Invalid, "Who", "there is no such member here"}}},
		"a name that may be a person's data": {`{"who":"sara","lines":[{"item":"pen"}],"sara@example.com":true}`, []mistake{
			{fault.Invalid, "?", "there is no such member here"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, mistakes(strict.Decode([]byte(c.doc), new(order)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeListAtTheTop(t *testing.T) {
	doc := []byte(` [{"item":"pen"},{"item":"cup"}]`)
	if !strict.IsList(doc) || strict.IsList([]byte(`{"item":"["}`)) || strict.IsList(nil) {
		t.Error("a list is not told from an object")
	}
	want := []mistake{{fault.Invalid, "[1].item", "must be one of pen, ink"}}
	if diff := cmp.Diff(want, mistakes(strict.Decode(doc, new([]line)))); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeTellsAtMostTwentyMistakes(t *testing.T) {
	err := strict.Decode([]byte("["+strings.Repeat("{},", 99)+"{}]"), new([]line))
	if n := len(mistakes(err)); n != 20 {
		t.Errorf("%d mistakes", n)
	}
}

// FuzzDecode asks encoding/json about every document: what is taken is JSON
// that it reads as the same value; what it does not take is not taken.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"who":"sara","lines":[{"item":"pen"}],"paid":true,"marks":["red"],"extras":{"gift":true}}`,
		`{"who":"\ud83d\ude00\u0000\b","lines":[{"item":"ink"},{"item":"pen"}]}`,
		`{"a":[1,2.5e-7,{"b":null}]}`, `[]`, `""`, "{\"who\":\"\u2028\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		var got, want order
		err := strict.Decode(doc, &got)
		if !json.Valid(doc) {
			if fault.KindOf(err) != fault.Malformed {
				t.Fatalf("%q is not JSON, and the error is %v", doc, err)
			}
			return
		}
		if err != nil {
			return
		}
		other := json.NewDecoder(bytes.NewReader(doc))
		other.DisallowUnknownFields()
		if err := other.Decode(&want); err != nil {
			t.Fatalf("%q is taken, and encoding/json says %v", doc, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q reads as %+v, not %+v", doc, got, want)
		}
	})
}

// open is a shape of which others' members are passed over.
type open struct {
	Who   *openWho `json:"who"`
	Many  []Raw    `json:"many" max:"3"`
	Extra Object   `json:"extra"`
	Words []string `json:"words"`
	Page  *openWho `json:"page"`
	Yes   bool     `json:"yes"`
}

type openWho struct {
	Type string `json:"type"`
	Size int    `json:"size"`
}

type (
	Raw    = strict.Raw
	Object = strict.Object
)

// FuzzDecodeOpen asks encoding/json about documents of an open shape: what is taken
// reads as the same; a member that stands twice, or in another case, which readers
// understand in different ways, is not taken.
func FuzzDecodeOpen(f *testing.F) {
	for _, seed := range []string{
		`{"who":{"type":"a","size":3},"many":[1,"x",{"a":[]}],"extra":{"a":{"a":1}},"words":["\ud83d\ude00"],"page":null,"yes":true,"other":{"who":1}}`,
		`{"who":{"type":"a","Type":"b"}}`, `{"yes":true,"yes":false}`, `{"YES":true}`, `{"other":1,"other":2}`, `{"who":null,"many":null,"extra":null,"words":null,"yes":null}`,
		`{"\u0079es":true}`, "{\"ye\u017f\":true}", `{"who":{"size":1e1}}`, `[]`, `null`, `{"many":[1,2,3,4]}`, `{"extra":[]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		var got open
		err := strict.DecodeOpen(doc, &got)
		var want struct {
			Who   *openWho
			Many  []json.RawMessage
			Extra json.RawMessage
			Words []string
			Page  *openWho
			Yes   bool
		}
		if !json.Valid(doc) {
			if fault.KindOf(err) != fault.Malformed {
				t.Fatalf("%q is not JSON, and the error is %v", doc, err)
			}
			return
		}
		reads := json.Unmarshal(doc, &want)
		twofold := ambiguous(doc)
		switch {
		case err == nil && reads != nil:
			t.Fatalf("%q is taken, and encoding/json says %v", doc, reads)
		case err == nil && twofold:
			t.Fatalf("%q is taken, and can be read in two ways", doc)
		case err != nil:
			return
		}
		same := reflect.DeepEqual(got.Who, want.Who) && reflect.DeepEqual(got.Page, want.Page) && got.Yes == want.Yes && reflect.DeepEqual(got.Words, want.Words) &&
			(string(got.Extra) == string(want.Extra) || got.Extra == "" && string(want.Extra) == "null") && len(got.Many) == len(want.Many)
		for i := range got.Many {
			same = same && string(got.Many[i]) == string(want.Many[i])
		}
		if !same {
			t.Fatalf("%q reads as %+v, not %+v", doc, got, want)
		}
	})
}

// ambiguous reports whether the outermost object of a document, or one of those that
// the shape looks into, has a member twice, or one that only its case tells from a
// member of the shape.
func ambiguous(doc []byte) bool {
	return names(doc, []string{"who", "many", "extra", "words", "page", "yes"}, func(name string, value json.RawMessage) bool {
		return (name == "who" || name == "page") && names(value, []string{"type", "size"}, nil)
	})
}

// names looks at the names of an object's members.
func names(doc []byte, shape []string, within func(string, json.RawMessage) bool) bool {
	d := json.NewDecoder(bytes.NewReader(doc))
	if open, _ := d.Token(); open != json.Delim('{') {
		return false
	}
	seen := map[string]bool{}
	for d.More() {
		token, _ := d.Token()
		name := token.(string)
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return false
		}
		for _, s := range shape {
			if name != s && strings.EqualFold(name, s) {
				return true
			}
		}
		if seen[name] || within != nil && within(name, value) {
			return true
		}
		seen[name] = true
	}
	return false
}
