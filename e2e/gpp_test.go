package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os/exec"
	"slices"
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
	read: strings.map(s => { const m = new GppModel(s); return { o: m.toObject(), again: m.encode() } }),
	written: models.map(o => { const m = new GppModel(); for (const name in o) for (const k in o[name]) if (!/Version$|GpcSegment/.test(k)) m.setFieldValue(name, k, o[name][k]); return m.encode() }),
}))`

// TestGPPAgreesWithThePlatformsOwnPackage compares both ways, over random contents
// of every section of the United States that the package knows, alone and together.
func TestGPPAgreesWithThePlatformsOwnPackage(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	var contents [][]gpp.Content
	var question struct {
		Strings []string                    `json:"strings"`
		Models  []map[string]map[string]any `json:"models"`
	}
	ask := func(list ...gpp.Content) {
		model := map[string]map[string]any{}
		for _, c := range list {
			model[c.Name] = c.Members()
		}
		contents = append(contents, list)
		question.Strings = append(question.Strings, gpp.Encode(list...))
		question.Models = append(question.Models, model)
	}
	for range 20 {
		some := []gpp.Content{}
		for _, s := range gpp.Sections {
			c := randomContent(r, s)
			ask(c)
			if r.IntN(3) > 0 {
				some = append(some, c)
			}
		}
		ask(some...)
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
			O     map[string]map[string]any
			Again string
		}
		Written []string
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	for i, text := range question.Strings {
		want := map[string]map[string]any{}
		raw, _ := json.Marshal(question.Models[i])
		json.Unmarshal(raw, &want)
		for _, section := range answer.Read[i].O {
			delete(section, "GpcSegmentIncluded")
		}
		if d := cmp.Diff(want, answer.Read[i].O); d != "" || answer.Read[i].Again != text {
			t.Fatalf("%s is read and written again as %s:\n%s", text, answer.Read[i].Again, d)
		}
		if answer.Written[i] != text {
			t.Fatalf("the package writes %s, we %s", answer.Written[i], text)
		}
		got, err := gpp.Decode(answer.Written[i])
		if err != nil || len(got) != len(contents[i]) {
			t.Fatalf("%s, written by the package, is not read: %v", answer.Written[i], err)
		}
		for j, c := range got {
			if d := cmp.Diff(contents[i][j].Members(), c.Members()); d != "" {
				t.Fatalf("%s, written by the package, is read otherwise:\n%s", answer.Written[i], d)
			}
		}
	}
}

// randomContent fills every field of a section.
func randomContent(r *rand.Rand, s gpp.Section) gpp.Content {
	c := gpp.Content{Section: s, Values: map[string][]gpp.Value{}}
	fields := c.Members()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch v := fields[name].(type) {
		case []int:
			for range v {
				c.Values[name] = append(c.Values[name], gpp.Value(r.IntN(3)))
			}
		case int:
			c.Values[name] = []gpp.Value{gpp.Value(r.IntN(3))}
		case bool:
			c.Gpc = r.IntN(2) == 1
		}
	}
	c.Values["MspaCoveredTransaction"] = []gpp.Value{gpp.Value(1 + r.IntN(2))}
	return c
}
