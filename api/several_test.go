package api

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/amana-privacy/amana/decision"
	"github.com/amana-privacy/amana/explain"
	"github.com/amana-privacy/amana/policy"
)

// asJSON is what encoding/json writes, without the line's end.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// written holds every form of answers to what encoding/json makes of them.
func written(t *testing.T, list []answer, more ...decided) {
	t.Helper()
	detailed, others, all := map[int]*answer{}, []brief{}, more
	for i, a := range list {
		short := brief{a.Allowed, a.Reason, a.Policy}
		if asJSON(t, a) == asJSON(t, &short) {
			others = append(others, short)
			all = append(all, decided{a.Allowed, &short})
		} else {
			detailed[i] = &list[i]
		}
		all = append(all, decided{a.Allowed, &list[i]})
	}
	if got, err := appendAnswers(nil, len(list), detailed, others); err != nil || string(got) != asJSON(t, list) {
		t.Errorf("%v\n%s", err, got)
	}
	want := struct {
		Evaluations []decided `json:"evaluations"`
	}{all}
	if got, err := appendEvaluations(nil, all); err != nil || string(got) != asJSON(t, want) {
		t.Errorf("%v\n%s", err, got)
	}
	for i := range all {
		if got, err := appendDecided(nil, &all[i]); err != nil || string(got) != asJSON(t, all[i]) {
			t.Errorf("%v %s", err, got)
		}
	}
}

// MarshalJSON is what a brief answer is to encoding/json.
func (a *brief) MarshalJSON() ([]byte, error) {
	return json.Marshal(answer{Allowed: a.allowed, Reason: a.reason, Policy: a.policy})
}

func TestAnswersAreWrittenAsEncodingJSONDoes(t *testing.T) {
	var m mistaken
	m.Error.Status, m.Error.Message = 400, `a "member" <&> سارة`
	var list []answer
	for _, reason := range append(decision.Reasons(), "") {
		for _, by := range []policy.VersionID{"", policy.IDOf([]byte("{}"))} {
			for _, allowed := range []bool{true, false} {
				list = append(list, answer{Allowed: allowed, Reason: reason, Policy: by}, answer{Allowed: allowed, Reason: reason, Policy: by,
					Since: "2026-03-01T09:00:00Z", Receipt: "8e03978e", Evidence: "shown"}, answer{Reason: reason, Expires: "2027-03-01T09:00:00Z"}, answer{Reason: reason, Frequency: "weekly"})
			}
		}
	}
	written(t, list, decided{}, decided{Decision: true}, decided{Context: m})
}

// FuzzAnswers writes answers of all kinds: whatever stands in their details, the
// bytes are those of encoding/json.
func FuzzAnswers(f *testing.F) {
	f.Add(true, uint8(0), []byte("{}"), "2026-03-01T09:00:00Z", "", "8e03978e", "weekly", "shown", "holds", "Said \"yes\" <&>", "قالت نعم\u2028")
	f.Add(false, uint8(7), []byte(nil), "", "", "", "", "", "", "", "\xff\x00")
	f.Fuzz(func(t *testing.T, allowed bool, reason uint8, canonical []byte, since, expires, receipt, frequency, evidence, state, en, ar string) {
		a := answer{Allowed: allowed, Reason: decision.Reasons()[int(reason)%len(decision.Reasons())], Policy: policy.IDOf(canonical)}
		full := a
		full.Since, full.Expires, full.Receipt, full.Frequency, full.Evidence = since, expires, receipt, frequency, evidence
		chained := full
		chained.Chain = []link{{Step: "event", State: explain.State(state), Value: receipt, En: en, Ar: ar}}
		var m mistaken
		m.Error.Status, m.Error.Message = int(reason), en
		for _, got := range []struct {
			raw  func() ([]byte, error)
			want any
		}{
			{func() ([]byte, error) { return appendAnswer(nil, &a) }, a},
			{func() ([]byte, error) { return appendAnswer(nil, &full) }, full},
			{func() ([]byte, error) { return appendAnswer(nil, &chained) }, chained},
			{func() ([]byte, error) {
				return appendAnswers(nil, 3, map[int]*answer{0: &full, 2: &chained}, []brief{{a.Allowed, a.Reason, a.Policy}})
			}, []answer{full, a, chained}},
			{func() ([]byte, error) { return appendDecided(nil, &decided{allowed, m}) }, decided{allowed, m}},
			{func() ([]byte, error) { return appendDecided(nil, &decided{allowed, &chained}) }, decided{allowed, &chained}},
		} {
			raw, err := got.raw()
			if err != nil || string(raw) != asJSON(t, got.want) {
				t.Errorf("%v\n%s\n%s", err, raw, asJSON(t, got.want))
			}
		}
	})
}
