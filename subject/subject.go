// Package subject names people by their identifiers, in one normal form that
// is the same in Go, over the API and in files (testdata/normal-forms.json).
package subject

import (
	"log/slog"
	"strings"

	"github.com/amana-privacy/amana/fault"
)

// ID is one identifier in normal form, "kind:value": email:sara@example.com,
// phone:+12075550134, customer:10042, device:… It is personal data: it never
// stands in a log, a URL, a metric or an error. Make one with Parse, DeviceOf
// or NewDevice.
type ID string

// The kinds.
const (
	Email    = "email"
	Phone    = "phone"
	Customer = "customer"
	Device   = "device"
)

// maxInput bounds what is looked at, in bytes; no normal form comes near it.
const maxInput = 1024

// Parse reads "kind:value" and gives its normal form; the kind is written in
// lower case. defaultRegion (ISO 3166, may be empty) is how a phone number
// without a country code is read. What cannot be an identifier is
// fault.Invalid, in words that do not repeat it. Parse of a normal form gives
// it back.
func Parse(s, defaultRegion string) (ID, error) {
	if len(s) > maxInput {
		return "", fault.New(fault.Invalid, "the identifier is too long")
	}
	kind, value, found := strings.Cut(s, ":")
	if !found {
		return "", fault.New(fault.Invalid, `an identifier is written kind:value, for example "email:name@example.com"`)
	}
	value, err := clean(value)
	if err != nil {
		return "", err
	}
	switch kind {
	case Email:
		value, err = email(value)
	case Phone:
		value, err = phone(value, defaultRegion)
	case Customer:
		value, err = customer(value)
	case Device:
		value, err = device(value)
	default:
		err = fault.New(fault.Invalid, "the kind of an identifier is email, phone, customer or device")
	}
	if err != nil {
		return "", err
	}
	return ID(kind + ":" + value), nil
}

// Kind gives the kind of the identifier.
func (id ID) Kind() string {
	kind, _, _ := strings.Cut(string(id), ":")
	return kind
}

// LogValue keeps the value out of logs: only the kind is written.
func (id ID) LogValue() slog.Value {
	switch kind := id.Kind(); kind {
	case Email, Phone, Customer, Device:
		return slog.StringValue(kind + ":…")
	}
	return slog.StringValue("…")
}
