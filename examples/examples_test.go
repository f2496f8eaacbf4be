package examples_test

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/amana-privacy/amana/examples"
	"github.com/amana-privacy/amana/policy"
)

var companies = []string{"casco-fiber", "souq-nakheel"}

// open reads a company's policy and fails on the first finding.
func open(t *testing.T, company string) *policy.Document {
	t.Helper()
	name := path.Join(company, "amana.yaml")
	src, err := fs.ReadFile(examples.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	doc, findings := policy.Read(name, src)
	for _, f := range findings {
		t.Error(f)
	}
	if doc == nil {
		t.Fatalf("%s cannot be read", name)
	}
	return doc
}

func TestPoliciesHaveNoFindings(t *testing.T) {
	for _, company := range companies {
		t.Run(company, func(t *testing.T) {
			for _, f := range policy.Lint(open(t, company)) {
				t.Error(f)
			}
		})
	}
}

func TestPoliciesHavePurposesOfEveryKind(t *testing.T) {
	bases := []policy.Basis{policy.Consent, policy.Contract, policy.LegalObligation, policy.LegitimateInterest}
	kinds := map[string]int{"email": 1, "phone": 1, "customer": 1, "device": 3} // least number of questions
	for _, company := range companies {
		t.Run(company, func(t *testing.T) {
			perBasis, asked := map[policy.Basis]int{}, map[string]int{}
			for _, p := range open(t, company).Policy.Purposes {
				perBasis[p.Basis]++
				if p.Basis != policy.Consent {
					continue
				}
				for _, kind := range p.Acts() {
					asked[kind]++
				}
			}
			for _, b := range bases {
				if perBasis[b] < 2 {
					t.Errorf("%d purposes rest on %s, want 2 or more", perBasis[b], b)
				}
			}
			for kind, least := range kinds {
				if asked[kind] < least {
					t.Errorf("%d questions act on %s, want %d or more", asked[kind], kind, least)
				}
			}
		})
	}
}

// TestPurposesFitAScreen keeps what a customer reads before answering short.
func TestPurposesFitAScreen(t *testing.T) {
	const text, benefit = 45, 25 // words
	for _, company := range companies {
		t.Run(company, func(t *testing.T) {
			p := open(t, company).Policy
			for id, purpose := range p.Purposes {
				for _, l := range p.Languages {
					if n := len(strings.Fields(purpose.Text.In(l))); n > text {
						t.Errorf("%s: text in %s has %d words, want %d at most", id, l, n, text)
					}
					if n := len(strings.Fields(purpose.Benefit.In(l))); n > benefit {
						t.Errorf("%s: benefit in %s has %d words, want %d at most", id, l, n, benefit)
					}
				}
			}
		})
	}
}

func TestLogosStandAlone(t *testing.T) {
	const most = 4096
	for _, company := range companies {
		t.Run(company, func(t *testing.T) {
			name := path.Join(company, open(t, company).Policy.Organization.Logo)
			svg, err := fs.ReadFile(examples.FS, name)
			if err != nil {
				t.Fatal(err)
			}
			if len(svg) >= most {
				t.Errorf("%d bytes, want fewer than %d", len(svg), most)
			}
			for _, foreign := range []string{"<script", "<text", "<style", "href", "url(", "data:"} {
				if strings.Contains(string(svg), foreign) {
					t.Errorf("the logo holds %q", foreign)
				}
			}
		})
	}
}

func TestBothCompaniesAreHere(t *testing.T) {
	entries, err := fs.ReadDir(examples.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, companies) {
		t.Errorf("directories %v, want %v", got, companies)
	}
}
