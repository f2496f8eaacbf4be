package scrub_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/scrub"
)

func TestColumnsAreFittedToThePurpose(t *testing.T) {
	v := &policy.Version{Policy: &policy.Policy{
		Data:     map[string]policy.Data{"email": {}, "phone": {}},
		Purposes: map[string]policy.Purpose{"newsletter": {Data: []string{"email"}}},
	}}
	mail, phone := scrub.Column{Name: "E-mail", Data: "email"}, scrub.Column{Name: "Mobile", Data: "phone"}
	kept, dropped, err := scrub.Fit(v, "newsletter", []scrub.Column{phone, mail})
	if err != nil || cmp.Diff([]scrub.Column{mail}, kept) != "" || cmp.Diff([]scrub.Column{phone}, dropped) != "" {
		t.Errorf("kept %v, dropped %v, %v", kept, dropped, err)
	}
	if _, _, err := scrub.Fit(v, "letters", []scrub.Column{mail}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown purpose: %v", err)
	}
	if _, _, err := scrub.Fit(v, "newsletter", []scrub.Column{{Name: "x", Data: "salary"}}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown data category: %v", err)
	}
}
