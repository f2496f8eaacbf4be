package banner

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

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

// The longest first requests, of who has never answered and of who is asked once
// more after a change of the policy, and the longest gate of each whole example,
// in each language.
func TestWhatAVisitorLoadsIsSmall(t *testing.T) {
	for _, company := range []string{"casco-fiber", "souq-nakheel"} {
		v := example(t, company)
		yes := func(given []consent.Key) Visitor {
			return Visitor{Answer: "0f3a91c7.f.", Reading: cookie.Reading{Granted: given, Heeding: []consent.Key{{Purpose: "ad_measurement"}}}}
		}
		for _, tag := range v.Policy.Languages {
			s := compile(t, v, tag)
			type request struct {
				name string
				body []byte
				most int
			}
			list := []request{
				{"the first request", s.For(Visitor{}), mostFull},
				{"the script by a fixed address", s.Static.Body, mostFull},
				{"the gate", s.For(yes(cookie.Switches(v.Policy))), mostGate},
				{"the gate of who has refused", s.For(Visitor{Answer: "0f3a91c7.0"}), mostGate},
			}
			for i, k := range cookie.Switches(v.Policy) { // at least one has no yes
				who := yes(slices.Delete(cookie.Switches(v.Policy), i, i+1))
				who.Ask = true
				list = append(list, request{"the request of who is asked again about " + Value(k), s.For(who), mostFull})
			}
			for _, c := range list {
				n, ours := weigh(t, c.body)
				t.Logf("%s in %s: %s has %d bytes of gzip -9 (%d as sent)", company, tag, c.name, n, ours)
				if n > c.most {
					t.Errorf("%s in %s: %s has %d bytes, %d are the most", company, tag, c.name, n, c.most)
				}
			}
		}
	}
}

var fetching = regexp.MustCompile(`,\(await\(await fetch\([^;{}]*?createHTML\(\w\)\)`)

// The table of the design note is what is weighed: with what the policy says at
// length in the same file, too, and then without the code that fetches it.
func TestWhatTheLongTextsWeigh(t *testing.T) {
	note, err := os.ReadFile("../docs/design/banner.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, company := range []string{"casco-fiber", "souq-nakheel"} {
		v := example(t, company)
		for _, tag := range v.Policy.Languages {
			s := compile(t, v, tag)
			var details []string
			if err := json.Unmarshal(s.Details.Body, &details); err != nil {
				t.Fatal(err)
			}
			code := fetching.ReplaceAllString(fullJS, "")
			if len(code) == len(fullJS) || strings.Count(s.all.T, "<div></div>") != len(details) {
				t.Fatal("the details are fetched in another way than this test knows")
			}
			whole, bare := s.all, s.all
			whole.C = strings.Replace(whole.C, "footer~footer", "footer~footer,div", 1)
			for _, d := range details {
				whole.T = strings.Replace(whole.T, "<div></div>", "<div>"+d+"</div>", 1)
			}
			bare.T, bare.E = "", ""
			all := encode(s.Type, with(whole, code))
			var b bytes.Buffer
			z := brotli.NewWriterLevel(&b, brotli.BestCompression)
			z.Write(all)
			z.Close()
			engine, _ := weigh(t, encode(s.Type, with(bare, fullJS)))
			texts, _ := weigh(t, encode(s.Type, []byte(whole.T+whole.E)))
			first, _ := weigh(t, s.For(Visitor{}))
			long, _ := weigh(t, all)
			name := map[string]string{"casco-fiber": "Casco Fiber", "souq-nakheel": "Souq Nakheel"}[company] + ", " + map[string]string{"en": "English", "ar": "Arabic"}[tag]
			row := regexp.MustCompile(`\| ` + name + ` ((?:\| [\d,]+ ){5})\|`).FindSubmatch(note)
			t.Logf("| %s | %d | %d | %d | %d | %d |", name, engine, texts, first, long, b.Len())
			if row == nil {
				t.Errorf("the note has no row of %s", name)
				continue
			}
			said := strings.Split(strings.Trim(strings.ReplaceAll(string(row[1]), ",", ""), "| "), " | ")
			for i, got := range []int{engine, texts, first, long, b.Len()} {
				if n, err := strconv.Atoi(said[i]); err != nil || n < got-got/100 || n > got+got/100 {
					t.Errorf("%s: column %d of the note says %s, it is %d", name, i+1, said[i], got)
				}
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
