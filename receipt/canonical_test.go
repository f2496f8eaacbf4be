package receipt

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/policy"
)

// TestCanonicalBytesAreRFC8785 compares with a library, on any plain record.
func TestCanonicalBytesAreRFC8785(t *testing.T) {
	hash, id := rapid.StringMatching(`sha256:[0-9a-f]{64}`), rapid.StringMatching(`[a-z][a-z0-9_-]{0,63}`)
	maybe := func(g *rapid.Generator[string]) *rapid.Generator[string] { return rapid.OneOf(rapid.Just(""), g) }
	uuid := rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	time := rapid.StringMatching(`20[0-9]{2}-0[1-9]-1[0-9]T0[0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z`)
	rapid.Check(t, func(t *rapid.T) {
		r := Record{ConformsTo: recordForm, ID: uuid.Draw(t, "id"),
			HasDataSubject: Party{rapid.SampledFrom([]string{"email", "phone", "customer", "device"}).Draw(t, "kind"), rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "who")},
			HasNotice: &Notice{policy.VersionID(hash.Draw(t, "policy")), rapid.SampledFrom([]string{"ar", "en", "zh-Hans-CN"}).Draw(t, "language"),
				rapid.SampledFrom([]string{"evidenced", "not_evidenced"}).Draw(t, "shown"), "", rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "what")},
			HasConsent: &Consent{Purpose: id.Draw(t, "purpose"), Recipient: maybe(id).Draw(t, "recipient"), Topics: rapid.SliceOfN(id, 0, 3).Draw(t, "topics"),
				Decision: rapid.SampledFrom([]consent.Act{"given", "refused", "withdrawn", "confirmed"}).Draw(t, "decision"),
				Status:   rapid.SampledFrom([]string{"ConsentGiven", "ConsentRequested", "ConsentRefused", "ConsentWithdrawn"}).Draw(t, "status"), Type: "ExpressedConsent",
				Time: time.Draw(t, "time"), By: rapid.SampledFrom([]string{"subject", "company"}).Draw(t, "by"),
				Surface: rapid.SampledFrom([]consent.Surface{"api", "choices", "banner", "demo"}).Draw(t, "surface"), Scope: hash.Draw(t, "scope"), Meaning: hash.Draw(t, "meaning"),
				Until: maybe(time).Draw(t, "until"), Confirms: maybe(uuid).Draw(t, "confirms")}}
		if rapid.Bool().Draw(t, "signals") {
			r.HasConsent.Signals = &consent.Signals{GPC: rapid.Bool().Draw(t, "gpc")}
		}
		if err := r.plain(); err != nil {
			t.Fatal(err)
		}
		want, err := canonical(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.canonical(); string(got) != string(want) {
			t.Fatalf("%s\n%s", got, want)
		}
	})
}

// TestFormsAreTheirPatterns compares the checks written out with patterns.
func TestFormsAreTheirPatterns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for form, is := range map[string]func(string) bool{
			`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`: isUUID,
			`sha256:[0-9a-f]{64}`:                   isHash,
			`[a-z][a-z0-9_-]{0,63}`:                 isID,
			`[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8}){0,3}`: isLanguage,
		} {
			s := rapid.StringMatching(form).Draw(t, "plain")
			if !is(s) {
				t.Fatalf("%q is not taken for %s", s, form)
			}
			b := []byte(s)
			at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
			b[at] = rapid.Byte().Draw(t, "byte")
			whole := regexp.MustCompile("^(?:" + form + `)\z`)
			if is(string(b)) != whole.Match(b) {
				t.Fatalf("%q: %v, by its pattern %v", b, is(string(b)), whole.Match(b))
			}
		}
	})
}
