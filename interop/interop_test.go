package interop_test

import (
	"strings"
	"testing"

	"github.com/amana-privacy/amana/interop"
)

func TestRulesAreReadStrictly(t *testing.T) {
	for src, want := range map[string]string{
		"rule: []":                    "rule",
		"rules: [{subject: {id: x}}]": "rules[0] names no action",
		"rules: [{actions: [a], with: {x: {y: z}}}]":                   "rules[0]: x:",
		"rules: [{actions: [a], subject: {x: {subject: 1}}}]":          "rules[0]: x:",
		"rules: [{actions: [a], subject: {x: {subject: a, more: b}}}]": "rules[0]: x:",
	} {
		if _, err := interop.Read([]byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", src, err)
		}
	}
}

// A rule permits what meets all of its conditions, and nothing is met by what is
// not there.
func TestConditions(t *testing.T) {
	for condition, want := range map[string]string{
		"{role: admin}":                      "ann bea",
		"{role: [clerk, guest]}":             "bea cem",
		"{level: 2}":                         "cem",
		"{on: true}":                         "ann",
		"{type: user}":                       "ann bea cem",
		"{type: group}":                      "",
		"{id: [ann, cem]}":                   "ann cem",
		"{team: {resource: team}}":           "bea",
		"{nothing: {resource: nothing}}":     "",
		"{role: admin, team: {subject: id}}": "",
	} {
		r, err := interop.Read([]byte(`
subjects:
  - {type: user, id: ann, properties: {role: admin, on: true}}
  - {type: user, id: bea, properties: {role: [clerk, admin], on: "true", team: a}}
  - {type: user, id: cem, properties: {role: guest, level: 2, team: b}}
resources: [{type: room, id: r, properties: {team: a}}]
rules: [{actions: [enter], subject: ` + condition + `}]`))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range r.SubjectsOf(interop.Question{Subject: interop.Entity{Type: "user"}, Action: "enter", Resource: interop.Entity{Type: "room", ID: "r"}}) {
			got = append(got, e.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", condition, got, want)
		}
	}
}
