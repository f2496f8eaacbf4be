// Package gpp writes and reads strings of the IAB Global Privacy Platform
// (version 1) with the section of the United States as a whole (usnat, version
// 2): which of the opt-outs of sale, sharing and targeted advertising a visitor
// has made. The states' own sections are not written; usnat stands for them.
package gpp

import (
	"strings"

	"github.com/amana-privacy/amana/fault"
)

// ID and Name of the section.
const (
	ID   = 7
	Name = "usnat"
)

// Value of a field: whether it applies, and what it says.
type Value uint8

// The values of an opt-out; of a notice, Yes says that it was given.
const (
	NotApplicable Value = 0
	Yes           Value = 1 // opted out; notice given
	No            Value = 2 // not opted out; not given
)

// Section is usnat in version 2.
type Section struct {
	SharingNotice                       Value
	SaleOptOutNotice                    Value
	SharingOptOutNotice                 Value
	TargetedAdvertisingOptOutNotice     Value
	SensitiveDataProcessingOptOutNotice Value
	SensitiveDataLimitUseNotice         Value
	SaleOptOut                          Value
	SharingOptOut                       Value
	TargetedAdvertisingOptOut           Value
	SensitiveDataProcessing             [16]Value
	KnownChildSensitiveDataConsents     [3]Value
	PersonalDataConsents                Value
	MspaCoveredTransaction              Value // 1 or 2
	MspaOptOutOptionMode                Value
	MspaServiceProviderMode             Value
	Gpc                                 bool
}

const version = 2 // of usnat

// fields of two bits, in the order in which they are written.
func (s *Section) fields() []*Value {
	list := []*Value{&s.SharingNotice, &s.SaleOptOutNotice, &s.SharingOptOutNotice, &s.TargetedAdvertisingOptOutNotice,
		&s.SensitiveDataProcessingOptOutNotice, &s.SensitiveDataLimitUseNotice, &s.SaleOptOut, &s.SharingOptOut, &s.TargetedAdvertisingOptOut}
	for i := range s.SensitiveDataProcessing {
		list = append(list, &s.SensitiveDataProcessing[i])
	}
	for i := range s.KnownChildSensitiveDataConsents {
		list = append(list, &s.KnownChildSensitiveDataConsents[i])
	}
	return append(list, &s.PersonalDataConsents, &s.MspaCoveredTransaction, &s.MspaOptOutOptionMode, &s.MspaServiceProviderMode)
}

// header says that usnat is the only section: type 3, version 1, one range with
// the id as a Fibonacci code.
const header = "DBABLA"

// Encode writes the whole string.
func Encode(s Section) string {
	var b bits
	b.put(version, 6)
	for _, f := range s.fields() {
		b.put(uint(*f), 2)
	}
	var g bits
	g.put(1, 2) // the type of the sub-section
	g.put(map[bool]uint{true: 1}[s.Gpc], 1)
	return header + "~" + b.String() + "." + g.String()
}

var errString = fault.New(fault.Malformed, "this is no GPP string with usnat in version 2 alone")

// Decode reads what Encode, or another, wrote. A missing Gpc is false. Anything
// but usnat in version 2 alone is fault.Malformed.
func Decode(text string) (Section, error) {
	var s Section
	body, ok := strings.CutPrefix(text, header+"~")
	core, signal, has := strings.Cut(body, ".")
	b, err := parse(core)
	if !ok || err != nil || b.take(6) != version {
		return s, errString
	}
	for _, f := range s.fields() {
		if *f = Value(b.take(2)); *f > No {
			return s, errString
		}
	}
	if g, err := parse(signal); err == nil && has {
		g.take(2)
		s.Gpc = g.take(1) == 1
	}
	if again := Encode(s); again != text && (has || !strings.HasPrefix(again, text+".")) {
		return s, errString
	}
	return s, nil
}
