package policy_test

import (
	"strings"
	"testing"

	"github.com/amana-privacy/amana/policy"
)

func version(t *testing.T, src string, prev *policy.Version, same ...string) *policy.Version {
	t.Helper()
	doc := must(t, src)
	m, err := policy.MeaningsAfter(prev, doc.Policy, same)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Version{ID: doc.ID, Canonical: doc.Canonical, Policy: doc.Policy, Meanings: m}
}

func scopeID(t *testing.T, v *policy.Version, purpose string) string {
	t.Helper()
	s, ok := v.ScopeOf(purpose)
	if !ok {
		t.Fatalf("no purpose %s", purpose)
	}
	return s.ID()
}

func TestScopeIDFollowsStructureAndMeaningOnly(t *testing.T) {
	src := whole(t)
	first := version(t, src, nil)
	want := scopeID(t, first, "newsletter")
	for _, c := range []struct {
		name, old, new string
		same           bool
	}{
		{"another purpose", "We count which pages", "We count what pages", true},
		{"a topic", "en: Novels", "en: Long novels", true},
		{"keep in other units", "keep: P2Y", "keep: P24M", true},
		{"the recipient's words", "name: Pine Post", "name: Pine Post Ltd", true},
		{"what happens without it", "    confirm: double", "    confirm: double\n    if_refused: {en: Nothing., ar: لا شيء.}", true},
		{"keep", "keep: P2Y", "keep: P3Y", false},
		{"title", "en: Our letter", "en: Our news", false},
		{"Arabic text", "نكتب إليك مرة", "نكتب إليك مرتين", false},
		{"benefit", "before the seats", "before all seats", false},
		{"data", "    data: [email]\n    recipients", "    data: [email, address]\n    recipients", false},
		{"recipient", "    recipients: [mailer]\n", "", false},
		{"permission", "role: processor", "role: third_party", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			edited := strings.Replace(src, c.old, c.new, 1)
			doc, found := policy.Read("p", []byte(edited))
			if doc == nil || edited == src {
				t.Fatalf("the edit does not read: %s", lines(found))
			}
			m, err := policy.MeaningsAfter(first, doc.Policy, nil)
			if err != nil {
				t.Fatal(err)
			}
			next := &policy.Version{Policy: doc.Policy, Meanings: m}
			if got := scopeID(t, next, "newsletter"); (got == want) != c.same {
				t.Errorf("same scope: %v, want %v", got == want, c.same)
			}
		})
	}
}

func TestMeaningHoldsOnlyWhereDeclaredTheSame(t *testing.T) {
	src := whole(t)
	edit := strings.Replace(src, "before the seats", "before all seats", 1)
	first := version(t, src, nil)
	changed := version(t, edit, first)
	if changed.Meanings["newsletter"] == first.Meanings["newsletter"] || changed.Meanings["orders"] != first.Meanings["orders"] {
		t.Error("an edit must change the meaning of its purpose, and of no other")
	}
	same := version(t, edit, first, "newsletter")
	if same.Meanings["newsletter"] != first.Meanings["newsletter"] {
		t.Error("an edit declared the same must keep the meaning")
	}
	later := version(t, strings.Replace(edit, "staff_at_most: 5", "staff_at_most: 4", 1), same)
	if later.Meanings["newsletter"] != first.Meanings["newsletter"] {
		t.Error("the meaning must hold on in later versions that do not edit it")
	}
	if back := version(t, src, changed); back.Meanings["newsletter"] != first.Meanings["newsletter"] {
		t.Error("taking an edit back must give the first meaning again")
	}
}

func TestSameMeaningNeedsBothVersions(t *testing.T) {
	src := whole(t)
	first, doc := version(t, src, nil), must(t, src)
	if _, err := policy.MeaningsAfter(nil, doc.Policy, []string{"newsletter"}); err == nil {
		t.Error("a first version has nothing to mean the same as")
	}
	if _, err := policy.MeaningsAfter(first, doc.Policy, []string{"letters"}); err == nil {
		t.Error("a purpose that is in neither version cannot mean the same")
	}
}

func TestScopeOfAPurposeWithoutData(t *testing.T) {
	src := strings.Replace(whole(t), "data: [visits]", "data: []", 1)
	doc, found := policy.Read("p", []byte(src))
	if doc == nil {
		t.Fatal(found)
	}
	v := &policy.Version{Policy: doc.Policy, Meanings: map[string]string{}}
	if s, _ := v.ScopeOf("analytics"); s.Data == nil || s.Recipients == nil {
		t.Error("empty lists of a scope must be lists, or its id hashes null")
	}
	if _, ok := v.ScopeOf("none"); ok {
		t.Error("there is no such purpose")
	}
}
