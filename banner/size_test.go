package banner

import (
	"bytes"
	"compress/gzip"
	"maps"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/gpp"
	"github.com/amana-privacy/amana/lang"
	"github.com/amana-privacy/amana/policy"
)

// What a visitor may have to load, in bytes of gzip -9.
const (
	mostFull = 4096 // everything, for who has not answered
	mostGate = 1536 // for who has
	mostGPP  = 2048 // the chunk of the Global Privacy Platform
)

const attributes = ";path=/;max-age=31536000;samesite=lax;secure"

// weigh gives the bytes of gzip -9, and of this program's own compressor.
func weigh(t testing.TB, b []byte) (gzipped, ours int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "gzip", "-9nc")
	c.Stdin = bytes.NewReader(b)
	out, err := c.Output()
	if err != nil {
		t.Fatalf("gzip: %v", err)
	}
	var own bytes.Buffer
	z, _ := gzip.NewWriterLevel(&own, gzip.BestCompression)
	z.Write(b)
	z.Close()
	return len(out), own.Len()
}

func example(t testing.TB, company string) *policy.Version {
	t.Helper()
	src, err := examples.FS.ReadFile(company + "/amana.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return version(t, string(src))
}

func version(t testing.TB, src string) *policy.Version {
	t.Helper()
	doc, findings := policy.Read("amana.yaml", []byte(src))
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	m, err := policy.MeaningsAfter(nil, doc.Policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Version{ID: doc.ID, Policy: doc.Policy, Meanings: m, Published: time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)}
}

func compile(t testing.TB, v *policy.Version, tag string) *Script {
	t.Helper()
	w, _ := lang.For(tag, lang.Options{})
	s, err := Compile(v, w, attributes)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The longest first request and the longest gate of each whole example, in each
// language.
func TestWhatAVisitorLoadsIsSmall(t *testing.T) {
	for _, company := range []string{"casco-fiber", "souq-nakheel"} {
		v := example(t, company)
		for _, tag := range v.Policy.Languages {
			s := compile(t, v, tag)
			full, ours := weigh(t, s.For(Visitor{}))
			t.Logf("%s %s: %d bytes of gzip -9 (%d as sent)", company, tag, full, ours)
			if full > mostFull {
				t.Errorf("%s in %s: the first request has %d bytes, %d are the most", company, tag, full, mostFull)
			}
			who := Visitor{Answer: cookie.Revision(v.ID) + ".f.", Reading: cookie.Reading{Granted: cookie.Switches(v.Policy), Heeding: []consent.Key{{Purpose: "ad_measurement"}}}}
			gate, _ := weigh(t, s.For(who))
			t.Logf("%s %s: the gate %d bytes", company, tag, gate)
			if gate > mostGate {
				t.Errorf("%s in %s: the gate has %d bytes, %d are the most", company, tag, gate, mostGate)
			}
		}
	}
}

// The longest chunk: three kinds of opt-outs, and the section of a state.
func TestThePlatformsChunkIsSmall(t *testing.T) {
	for _, company := range []string{"casco-fiber", "souq-nakheel"} {
		p := *example(t, company).Policy
		p.Purposes = maps.Clone(p.Purposes)
		u := p.Purposes["ad_measurement"]
		u.Marks = platformMarks
		p.Purposes["ad_measurement"] = u
		p.Regimes = []string{"us-ca-ccpa"}
		for _, s := range gpp.Sections {
			if n, ours := weigh(t, GPP(&p, strings.TrimPrefix(s.Name, "us"))); n > mostGPP {
				t.Errorf("%s, %s: the chunk has %d bytes, %d are the most", company, s.Name, n, mostGPP)
			} else {
				t.Logf("%s, %s: %d bytes of gzip -9 (%d as sent)", company, s.Name, n, ours)
			}
		}
	}
}

// A purpose more costs its own words and little beside.
func TestCodeDoesNotGrowWithThePolicy(t *testing.T) {
	s := compile(t, example(t, "casco-fiber"), "en")
	code, _ := weigh(t, []byte(strings.ReplaceAll(fullJS+styleOf(s.v.Policy), "$C", "")))
	if code > 3150 {
		t.Errorf("code and style have %d bytes", code)
	}
}
