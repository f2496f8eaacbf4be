package banner

import (
	_ "embed"
	"slices"
	"strconv"

	"github.com/amana-privacy/amana/cookie"
	"github.com/amana-privacy/amana/gpp"
	"github.com/amana-privacy/amana/policy"
)

//go:embed built/gpp.js
var gppJS string

// platformMarks are what the three opt-outs of usnat are about, in the order of
// its fields.
var platformMarks = []policy.Mark{policy.Sale, policy.Sharing, policy.TargetedAds}

// GPP gives the script with the API of the Global Privacy Platform: every string
// that the policy's visitors can have, encoded here, and what chooses among them.
func GPP(p *policy.Policy) []byte {
	behind := make([][]string, len(platformMarks))
	for i, mark := range platformMarks {
		behind[i] = []string{}
		for _, k := range cookie.Switches(p) {
			if k.Recipient == "" && slices.Contains(p.Purposes[k.Purpose].Marks, mark) {
				behind[i] = append(behind[i], k.Purpose)
			}
		}
	}
	strings := map[string][]any{}
	for n := range 1 << len(behind) {
		for _, signal := range []bool{false, true} {
			key, s := platformOf(behind, n, signal)
			strings[key] = []any{gpp.Encode(s), members(s)}
		}
	}
	return with(map[string]any{"m": behind, "s": strings}, gppJS)
}

// platformOf gives the section where the n-th bit says that the n-th opt-out is
// not made, and its key.
func platformOf(behind [][]string, n int, signal bool) (key string, s gpp.Section) {
	s = gpp.Section{MspaCoveredTransaction: gpp.No, Gpc: signal}
	notices := []*gpp.Value{&s.SaleOptOutNotice, &s.SharingOptOutNotice, &s.TargetedAdvertisingOptOutNotice}
	outs := []*gpp.Value{&s.SaleOptOut, &s.SharingOptOut, &s.TargetedAdvertisingOptOut}
	for i, ids := range behind {
		if len(ids) > 0 {
			*notices[i], *outs[i] = gpp.Yes, gpp.Yes
			if n>>i&1 == 1 {
				*outs[i] = gpp.No
			}
		}
		key += strconv.Itoa(int(*outs[i]))
	}
	if len(behind[1]) > 0 {
		s.SharingNotice = gpp.Yes
	}
	if signal {
		return key + "1", s
	}
	return key + "0", s
}

// members gives a section as the platform's API shows it.
func members(s gpp.Section) map[string]any {
	list := func(v []gpp.Value) []int {
		out := make([]int, len(v))
		for i, x := range v {
			out[i] = int(x)
		}
		return out
	}
	return map[string]any{
		"Version": 2, "SharingNotice": s.SharingNotice, "SaleOptOutNotice": s.SaleOptOutNotice, "SharingOptOutNotice": s.SharingOptOutNotice,
		"TargetedAdvertisingOptOutNotice": s.TargetedAdvertisingOptOutNotice, "SensitiveDataProcessingOptOutNotice": s.SensitiveDataProcessingOptOutNotice,
		"SensitiveDataLimitUseNotice": s.SensitiveDataLimitUseNotice, "SaleOptOut": s.SaleOptOut, "SharingOptOut": s.SharingOptOut,
		"TargetedAdvertisingOptOut": s.TargetedAdvertisingOptOut, "SensitiveDataProcessing": list(s.SensitiveDataProcessing[:]),
		"KnownChildSensitiveDataConsents": list(s.KnownChildSensitiveDataConsents[:]), "PersonalDataConsents": s.PersonalDataConsents,
		"MspaCoveredTransaction": s.MspaCoveredTransaction, "MspaOptOutOptionMode": s.MspaOptOutOptionMode,
		"MspaServiceProviderMode": s.MspaServiceProviderMode, "GpcSegmentType": 1, "Gpc": s.Gpc,
	}
}
