package banner

import (
	"bytes"
	"compress/gzip"
	"os"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
)

func pressed(b []byte) int {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, 9)
	z.Write(b)
	z.Close()
	return out.Len()
}

func example(t testing.TB, company string) *policy.Version {
	t.Helper()
	src, err := examples.FS.ReadFile(company + "/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, findings := policy.Read("amana.yaml", src)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	m, err := policy.MeaningsAfter(nil, doc.Policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Version{ID: doc.ID, Policy: doc.Policy, Meanings: m, Published: time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)}
}

func TestSize(t *testing.T) {
	for _, company := range []string{"casco-fiber", "souq-nakheel"} {
		v := example(t, company)
		for _, tag := range []string{"en", "ar"} {
			w, _ := lang.For(tag, lang.Options{})
			script, err := Compile(v, w, ";path=/;max-age=31536000;samesite=lax;secure")
			if err != nil {
				t.Fatal(err)
			}
			full := script.For(Visitor{})
			answer := script.For(Visitor{Answer: "0123abcd.3.", Reading: cookie.Reading{Granted: []consent.Key{{Purpose: "analytics"}}}})
			os.WriteFile("/tmp/measure/"+company+"-"+tag+".js", full, 0o644)
			t.Logf("%s %s: full %d (js %d, with css %d), gate %d, questions %d, details %d", company, tag, pressed(full), pressed([]byte(fullJS)), pressed([]byte(fullJS+styleCSS)), pressed(answer), pressed(script.Questions.Body), pressed(script.Details.Body))
		}
	}
}
