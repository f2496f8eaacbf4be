package api

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/policy"
)

// asJSON is what encoding/json writes.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAnswersAreWrittenAsEncodingJSONDoes(t *testing.T) {
	var m mistaken
	m.Error.Status, m.Error.Message = 400, `a "member" <&> سارة`
	var list []answer
	var all []decided
	for _, reason := range append(decision.Reasons(), "") {
		for _, by := range []policy.VersionID{"", "sha256:3f0c2a9d"} {
			for _, allowed := range []bool{true, false} {
				list = append(list, answer{Allowed: allowed, Reason: reason, Policy: by}, answer{Allowed: allowed, Reason: reason, Policy: by,
					Since: "2026-03-01T09:00:00Z", Receipt: "8e03978e", Evidence: "shown", Chain: []link{{}}}, answer{Reason: reason, Expires: "2027-03-01T09:00:00Z"})
			}
		}
	}
	for i := range list {
		all = append(all, decided{list[i].Allowed, &list[i]})
	}
	all = append(all, decided{}, decided{Decision: true}, decided{Context: m})
	if got, err := appendAnswers(nil, list); err != nil || string(got) != asJSON(t, list) {
		t.Errorf("%v\n%s", err, got)
	}
	want := struct {
		Evaluations []decided `json:"evaluations"`
	}{all}
	if got, err := appendEvaluations(nil, all); err != nil || string(got) != asJSON(t, want) {
		t.Errorf("%v\n%s", err, got)
	}
	for i := range all {
		if got, err := appendDecided(nil, &all[i]); err != nil || string(got)+"\n" != asJSON(t, all[i]) {
			t.Errorf("%v %s", err, got)
		}
	}
}
