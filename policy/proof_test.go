package policy_test

import (
	"testing"

	"github.com/amana-privacy/amana/policy"
)

func TestLevelsOfProof(t *testing.T) {
	for _, c := range []struct {
		name      string
		r         policy.Requests
		act       policy.Act
		sensitive bool
		want      int
	}{
		{"by default", policy.Requests{}, policy.ActAccess, false, 1},
		{"by default, sensitive", policy.Requests{}, policy.ActAccess, true, 2},
		{"taking data away", policy.Requests{}, policy.ActPortability, false, 2},
		{"a no is as cheap as a yes", policy.Requests{}, policy.ActObjection, true, 1},
		{"a complaint", policy.Requests{}, policy.ActComplaint, false, 0},
		{"said", policy.Requests{Proof: map[string]int{"access": 0}}, policy.ActAccess, false, 0},
		{"said of ordinary data alone", policy.Requests{Proof: map[string]int{"access": 0}}, policy.ActAccess, true, 2},
		{"sensitive is never less", policy.Requests{Proof: map[string]int{"access": 3}, ProofSensitive: map[string]int{"access": 1}}, policy.ActAccess, true, 3},
		{"said of sensitive data", policy.Requests{ProofSensitive: map[string]int{"objection": 2}}, policy.ActObjection, true, 2},
	} {
		if got := c.r.Level(c.act, c.sensitive); got != c.want {
			t.Errorf("%s: level %d, want %d", c.name, got, c.want)
		}
	}
	for _, a := range policy.Acts() {
		if o, s := (policy.Requests{}).Level(a, false), (policy.Requests{}).Level(a, true); s < o || o < 0 || s > 2 {
			t.Errorf("%s: levels %d and %d by default", a, o, s)
		}
	}
}
