package banner

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/gpp"
	"github.com/amana-privacy/amana/policy"
)

//go:embed built/gpp.js
var gppJS string

// platformMarks are what the three opt-outs of the platform are about.
var platformMarks = []policy.Mark{policy.Sale, policy.Sharing, policy.TargetedAds}

// optOuts are the fields of the three opt-outs with their notices, in the order of
// platformMarks.
var optOuts = []struct{ field, notice string }{
	{"SaleOptOut", "SaleOptOutNotice"},
	{"SharingOptOut", "SharingOptOutNotice"},
	{"TargetedAdvertisingOptOut", "TargetedAdvertisingOptOutNotice"},
}

// either is the place of sharing and targeted advertising together: where a state
// knows only one of the two, that one stands for both, and either makes it.
const either = 3

func about(s gpp.Section, i int) int {
	if i > 0 && !s.Has(optOuts[3-i].field) {
		return either
	}
	return i
}

// GPP gives the script with the API of the Global Privacy Platform: every string
// that the policy's visitors can have, encoded here, and what chooses among them.
// Its sections are the country's and those of the states whose law is among the
// policy's regimes; state ("va") adds that of a page that knows where its visitor
// is, "" none.
func GPP(p *policy.Policy, state string) []byte {
	behind := make([][]string, len(platformMarks))
	for i, mark := range platformMarks {
		behind[i] = []string{}
		for _, k := range cookie.Switches(p) {
			if k.Recipient == "" && slices.Contains(p.Purposes[k.Purpose].Marks, mark) {
				behind[i] = append(behind[i], k.Purpose)
			}
		}
	}
	sections := platformSections(p, state)
	texts := map[string]string{}
	for n := range 1 << len(behind) {
		for _, signal := range []bool{false, true} {
			key, list := platformOf(sections, behind, n, signal)
			texts[key] = gpp.Encode(list...)
		}
	}
	_, list := platformOf(sections, behind, 0, false)
	members, ids := map[string][]any{}, []int{}
	for _, c := range list {
		vary := map[string]int{}
		for i, o := range optOuts {
			if c.Has(o.field) {
				vary[o.field] = about(c.Section, i)
			}
		}
		members[c.Name] = []any{c.Members(), vary, c.ID}
		ids = append(ids, c.ID)
	}
	settings := literal(map[string]any{"m": behind, "s": texts, "p": members, "i": ids})
	return []byte(strings.Replace(gppJS, "$C", string(settings), 1))
}

func platformSections(p *policy.Policy, state string) []gpp.Section {
	names := []string{"usnat", "us" + state}
	for _, r := range p.Regimes {
		if part := strings.Split(r, "-"); len(part) > 1 && part[0] == "us" {
			names = append(names, "us"+part[1])
		}
	}
	return slices.DeleteFunc(slices.Clone(gpp.Sections), func(s gpp.Section) bool { return !slices.Contains(names, s.Name) })
}

// platformOf gives the sections where the n-th bit says that the n-th opt-out is
// not made, and their key.
func platformOf(sections []gpp.Section, behind [][]string, n int, signal bool) (key string, list []gpp.Content) {
	said := make([]gpp.Value, len(behind), either+1)
	for i, ids := range behind {
		if len(ids) > 0 {
			said[i] = gpp.Yes
			if n>>i&1 == 1 {
				said[i] = gpp.No
			}
		}
		key += strconv.Itoa(int(said[i]))
	}
	both := max(said[1], said[2])
	if said[1] == gpp.Yes || said[2] == gpp.Yes {
		both = gpp.Yes
	}
	said = append(said, both)
	for _, s := range sections {
		list = append(list, contentOf(s, said, signal))
	}
	return key + map[bool]string{true: "1", false: "0"}[signal], list
}

func contentOf(s gpp.Section, said []gpp.Value, signal bool) gpp.Content {
	c := gpp.Content{Section: s, Gpc: signal, Values: map[string][]gpp.Value{"MspaCoveredTransaction": {gpp.No}}}
	for i, o := range optOuts {
		v := said[about(s, i)]
		c.Values[o.field] = []gpp.Value{v}
		if v != gpp.NotApplicable {
			c.Values[o.notice], c.Values["ProcessingNotice"] = []gpp.Value{gpp.Yes}, []gpp.Value{gpp.Yes}
		}
	}
	if said[1] != gpp.NotApplicable {
		c.Values["SharingNotice"] = []gpp.Value{gpp.Yes}
	}
	return c
}
