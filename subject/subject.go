// Package subject names people by their identifiers, in one normal form that
// is the same in Go, over the API and in files (testdata/normal-forms.json).
package subject

import "strings"

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

// Kind gives the kind of the identifier.
func (id ID) Kind() string {
	kind, _, _ := strings.Cut(string(id), ":")
	return kind
}
