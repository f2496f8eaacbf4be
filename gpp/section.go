package gpp

import "slices"

// Section is one section of the platform: how its values are written.
type Section struct {
	ID      int
	Name    string
	version string  // the name of its version
	number  uint    // its version
	core    []field // the values of the first part, in order
	further []field // of a second part without a type
	signal  bool    // it has a part for Global Privacy Control
}

// field is a value of two bits, or a list of such.
type field struct {
	name string
	n    int // how many; 0 is a single one
}

// one names single fields.
func one(names ...string) (list []field) {
	for _, n := range names {
		list = append(list, field{n, 0})
	}
	return list
}

// lists are the two lists that nearly every section has, by their lengths; a
// section with one child's consent alone has no list of them (0).
func lists(sensitive, child int) []field {
	return []field{{"SensitiveDataProcessing", sensitive}, {"KnownChildSensitiveDataConsents", child}}
}

// The names that several sections share.
var (
	outs      = one("SaleOptOut", "TargetedAdvertisingOptOut")
	covered   = one("MspaCoveredTransaction", "MspaOptOutOptionMode", "MspaServiceProviderMode")
	extra     = one("AdditionalDataProcessingConsent")
	sharing   = one("SharingNotice", "SaleOptOutNotice", "TargetedAdvertisingOptOutNotice")
	processed = one("ProcessingNotice", "SaleOptOutNotice", "TargetedAdvertisingOptOutNotice")
)

func join(parts ...[]field) (list []field) {
	for _, p := range parts {
		list = append(list, p...)
	}
	return list
}

func state(id int, name string, signal bool, core ...[]field) Section {
	return Section{ID: id, Name: name, version: "Version", number: 1, core: join(core...), signal: signal}
}

// later is a section in the form of 2025, which begins with the agreement.
func later(id int, name string, core ...[]field) Section {
	return Section{ID: id, Name: name, version: "MspaVersion", number: 1,
		core: join(one("MspaCoveredTransaction", "MspaMode"), processed, outs, join(core...))}
}

// Sections are those of the United States: the country's, then its states', in
// the order of their numbers.
var Sections = []Section{
	{7, "usnat", "Version", 2, join(
		one("SharingNotice", "SaleOptOutNotice", "SharingOptOutNotice", "TargetedAdvertisingOptOutNotice", "SensitiveDataProcessingOptOutNotice", "SensitiveDataLimitUseNotice"),
		one("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"), lists(16, 3), one("PersonalDataConsents"), covered), nil, true},
	state(8, "usca", true, one("SaleOptOutNotice", "SharingOptOutNotice", "SensitiveDataLimitUseNotice", "SaleOptOut", "SharingOptOut"), lists(9, 2), one("PersonalDataConsents"), covered),
	state(9, "usva", false, sharing, outs, lists(8, 0), covered),
	state(10, "usco", true, sharing, outs, lists(7, 0), covered),
	state(11, "usut", false, sharing, one("SensitiveDataProcessingOptOutNotice"), outs, lists(8, 0), covered),
	state(12, "usct", true, sharing, outs, lists(8, 3), covered),
	state(13, "usfl", false, processed, outs, lists(8, 3), extra, covered),
	state(14, "usmt", true, sharing, outs, lists(8, 3), extra, covered),
	state(15, "usor", true, processed, outs, lists(11, 3), extra, covered),
	state(16, "ustx", true, processed, outs, lists(8, 0), extra, covered),
	state(17, "usde", true, processed, outs, lists(9, 5), extra, covered),
	state(18, "usia", true, processed, one("SensitiveDataOptOutNotice"), outs, lists(8, 0), covered),
	state(19, "usne", true, processed, outs, lists(8, 0), extra, covered),
	state(20, "usnh", true, processed, outs, lists(8, 3), extra, covered),
	state(21, "usnj", true, processed, outs, lists(10, 5), extra, covered),
	state(22, "ustn", true, processed, outs, lists(8, 0), extra, covered),
	state(23, "usmn", true, processed, outs, lists(8, 0), extra, covered),
	{24, "usmd", "MspaVersion", 1, join(one("MspaCoveredTransaction", "MspaMode"), processed, outs, extra), nil, true},
	behind(later(25, "usin", one("KnownChildSensitiveDataConsents"), extra)),
	behind(later(26, "usky", one("KnownChildSensitiveDataConsents"), extra)),
	behind(later(27, "usri", one("KnownChildSensitiveDataConsents"), extra)),
}

func behind(s Section) Section {
	s.further = []field{{"SensitiveDataProcessing", 8}}
	return s
}

// Named gives the section of a name ("usca"); false where there is none.
func Named(name string) (Section, bool) {
	for _, s := range Sections {
		if s.Name == name {
			return s, true
		}
	}
	return Section{}, false
}

func numbered(id int) (Section, bool) {
	for _, s := range Sections {
		if s.ID == id {
			return s, true
		}
	}
	return Section{}, false
}

// Has says that the section has a field.
func (s Section) Has(name string) bool {
	for _, f := range append(slices.Clip(s.core), s.further...) {
		if f.name == name {
			return true
		}
	}
	return false
}
