package e2e

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/gpp"
)

// oracle runs the platform's own package over strings and models, and gives what
// it reads and writes.
const oracle = `
import { GppModel } from "@iabgpp/cmpapi"
let raw = ""
for await (const part of process.stdin) raw += part
const { strings, models } = JSON.parse(raw)
console.log(JSON.stringify({
	read: strings.map(s => { const m = new GppModel(s), o = m.getSection("usnat"); return { o, again: m.encode() } }),
	written: models.map(o => { const m = new GppModel(); for (const k in o) m.setFieldValue("usnat", k, o[k]); return m.encode() }),
}))`

// TestGPPAgreesWithThePlatformsOwnPackage compares both ways, over random models.
func TestGPPAgreesWithThePlatformsOwnPackage(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	var sections []gpp.Section
	var question struct {
		Strings []string         `json:"strings"`
		Models  []map[string]any `json:"models"`
	}
	for range 200 {
		s := randomSection(r)
		sections = append(sections, s)
		question.Strings = append(question.Strings, gpp.Encode(s))
		question.Models = append(question.Models, model(s))
	}
	in, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", oracle)
	c.Stdin = bytes.NewReader(in)
	out, err := c.Output()
	need(t, "node with @iabgpp/cmpapi", err)
	var answer struct {
		Read []struct {
			O     map[string]any
			Again string
		}
		Written []string
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	for i, s := range sections {
		want := map[string]any{}
		raw, _ := json.Marshal(model(s))
		json.Unmarshal(raw, &want)
		delete(answer.Read[i].O, "GpcSegmentType")
		delete(answer.Read[i].O, "GpcSegmentIncluded")
		delete(answer.Read[i].O, "Version")
		if d := cmp.Diff(want, answer.Read[i].O); d != "" || answer.Read[i].Again != question.Strings[i] {
			t.Fatalf("%s is read and written again as %s:\n%s", question.Strings[i], answer.Read[i].Again, d)
		}
		if got, err := gpp.Decode(answer.Written[i]); err != nil || got != s {
			t.Fatalf("%s, written by the package, is read as %+v (%v), not %+v", answer.Written[i], got, err, s)
		}
	}
}

func randomSection(r *rand.Rand) (s gpp.Section) {
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case reflect.Array:
			for i := range v.Len() {
				fill(v.Index(i))
			}
		case reflect.Bool:
			v.SetBool(r.IntN(2) == 1)
		default:
			v.SetUint(uint64(r.IntN(3)))
		}
	}
	fill(reflect.ValueOf(&s).Elem())
	s.MspaCoveredTransaction = gpp.Value(1 + r.IntN(2))
	return s
}

// model gives a section by the names of its fields.
func model(s gpp.Section) map[string]any {
	m := map[string]any{}
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Array:
			list := []int{}
			for j := range f.Len() {
				list = append(list, int(f.Index(j).Uint()))
			}
			m[v.Type().Field(i).Name] = list
		case reflect.Bool:
			m[v.Type().Field(i).Name] = f.Bool()
		default:
			m[v.Type().Field(i).Name] = int(f.Uint())
		}
	}
	return m
}
