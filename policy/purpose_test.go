package policy

import "testing"

func TestWhichPurposesHeedASignal(t *testing.T) {
	for _, c := range []struct {
		marks []Mark
		want  bool
	}{{nil, false}, {[]Mark{Marketing, Ads}, false}, {[]Mark{Ads, Sharing}, true}, {[]Mark{Sale}, true}, {[]Mark{TargetedAds}, true}} {
		if (Purpose{Marks: c.marks}).HeedsSignal() != c.want {
			t.Errorf("%v: %v", c.marks, !c.want)
		}
	}
}

func TestAYesCountsFromTheYes(t *testing.T) {
	for _, c := range []struct {
		basis      Basis
		from, want string
	}{{Consent, "", "yes"}, {Consent, "contract_end", "yes"}, {Contract, "contract_end", "contract_end"}, {Contract, "", ""}} {
		if got := (Purpose{Basis: c.basis, KeepFrom: c.from}).CountsFrom(); got != c.want {
			t.Errorf("%s from %q counts from %s", c.basis, c.from, got)
		}
	}
}

func TestEveryBasisHasItsTerm(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range []Basis{Consent, Contract, LegalObligation, LegitimateInterest, PublicInterest, VitalInterest} {
		if term := b.DPV(); term == "LegalBasis" || seen[term] {
			t.Errorf("%s is %s", b, term)
		}
		seen[b.DPV()] = true
	}
}
