// Package letter composes the mails that customers get: each kind of mail in
// the person's language, as plain text and as HTML, in the company's name.
//
// A letter is what a mail is about, as it waits in the queue. What leaves the
// house is composed of it when it is sent, and the same letter gives the same
// bytes each time: one that is sent twice after a crash is one for its reader.
package letter

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/amana-privacy/amana/fault"
)

// Kind is what a mail is for. The set is closed: each kind has its texts in
// every language, and a name by which a reader who asks is told of it.
type Kind string

// The kinds.
const (
	Confirm  Kind = "confirm"      // asks whether an address is its owner's (double opt-in); says nothing else
	SignIn   Kind = "sign_in"      // a code and a link that let a person in
	Erasing  Kind = "erasing"      // somebody asked that all data of the person be erased, and when that is done: Until
	Join     Kind = "join"         // a code that adds the address to the others of somebody who is signed in
	Linked   Kind = "linked"       // an identifier was added to those of the person: What, and how that is undone
	Unlinked Kind = "unlinked"     // one was taken away: What
	Parent   Kind = "parent"       // asks a parent whether a child may; says nothing of either
	Again    Kind = "parent_again" // asks the parent who signed a second time, a while later

	PasskeyAdded   Kind = "passkey_added"   // a passkey lets in who has it
	PasskeyRemoved Kind = "passkey_removed" // one does no more
	Company        Kind = "company"         // of the company's own words, under a purpose that was agreed to
)

// Kinds gives the closed set.
func Kinds() []Kind {
	return []Kind{Confirm, SignIn, Erasing, Join, Linked, Unlinked, PasskeyAdded, PasskeyRemoved, Parent, Again, Company}
}

// Letter is one mail to one person. Everything in it is personal: it is kept
// sealed, and for no longer than until it was sent.
type Letter struct {
	Kind     Kind   `json:"kind"`
	To       string `json:"to"`       // the address in normal form, as in subject.ID behind "email:"
	Language string `json:"language"` // a declared one of the policy; its master where it is not

	Path string `json:"path,omitempty"` // of our page that the button leads to: /c/TOKEN; "" without a button
	Code string `json:"code,omitempty"` // to be typed in; "" without
	What string `json:"what,omitempty"` // the identifier that a mail is about, as its owner knows it again (subject.ID.Masked)

	// Purpose is what the mail rests on where that is consent: it is asked again
	// whether it may be sent at the moment it is. Leave is the token of the
	// address that takes that consent back (RFC 8058).
	Purpose string `json:"purpose,omitempty"`
	Leave   string `json:"leave,omitempty"`

	// Until ends the trying, exclusive: what is late is not sent. Zero is three
	// days after it was queued.
	Until time.Time `json:"until,omitzero"`

	// Of Company: its own words. HTML is a fragment, "" for none.
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text,omitempty"`
	HTML    string `json:"html,omitempty"`
}

// Patience is how long a letter is tried that says nothing of it.
const Patience = 3 * 24 * time.Hour

// Ends gives when the trying ends, of a letter queued at a time.
func (l Letter) Ends(queued time.Time) time.Time {
	if l.Until.IsZero() {
		return queued.Add(Patience)
	}
	return l.Until
}

// Bounds of what a company writes, in bytes.
const (
	maxSubject = 400
	maxText    = 100_000
	maxHTML    = 300_000
)

// Check reports whether a letter may be queued: fault.Invalid with the field at
// fault. A line break in a subject would begin another header; a mark that
// turns the direction of writing makes one text look like another.
func (l Letter) Check() error {
	if !slices.Contains(Kinds(), l.Kind) {
		return fault.At(fault.Invalid, "kind", "there is no such kind of mail")
	}
	if !isAddress(l.To) {
		return fault.At(fault.Invalid, "to", "not an address that a mail can be sent to")
	}
	if l.Path != "" && (!strings.HasPrefix(l.Path, "/") || strings.HasPrefix(l.Path, "//") || strings.ContainsFunc(l.Path, steers)) {
		return fault.At(fault.Invalid, "path", "not the path of a page of ours")
	}
	if l.Kind != Company {
		return nil
	}
	return l.checkWords()
}

func (l Letter) checkWords() error {
	for _, f := range []struct {
		name, value string
		most        int
	}{{"mail.subject", l.Subject, maxSubject}, {"mail.text", l.Text, maxText}, {"mail.html", l.HTML, maxHTML}} {
		switch {
		case len(f.value) > f.most:
			return fault.At(fault.TooLarge, f.name, "at most %d bytes", f.most)
		case f.value == "" && f.name != "mail.html":
			return fault.At(fault.Invalid, f.name, "this is missing")
		case !utf8.ValidString(f.value):
			return fault.At(fault.Invalid, f.name, "not UTF-8")
		case f.name == "mail.subject" && strings.ContainsFunc(f.value, steers):
			return fault.At(fault.Invalid, f.name, "a subject is one line, without control characters and marks of direction")
		case f.name != "mail.subject" && strings.ContainsFunc(f.value, overrides):
			return fault.At(fault.Invalid, f.name, "no control characters, and no marks that override the direction of writing")
		}
	}
	return checkHTML(l.HTML)
}

// isAddress holds an address to what is safe in an envelope: subject.Parse makes
// no other.
func isAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && len(s) <= 254 && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return steers(r) || unicode.IsSpace(r) || strings.ContainsRune(`<>,;:"()[]\`, r) }) && !strings.Contains(domain, "@")
}

// steers reports whether a rune has no place in a line of a header: control
// characters, line and paragraph separators, and everything that turns or
// isolates directions.
func steers(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) || r == '\ufeff'
}

// overrides reports whether a rune has no place in a body: control characters
// but for the line feed and the tab, and overrides of direction (U+202A to
// U+202E), which make a text read otherwise than it is written. Isolates and
// marks are Arabic's daily bread.
func overrides(r rune) bool {
	return r != '\n' && r != '\r' && r != '\t' && unicode.IsControl(r) || '\u202a' <= r && r <= '\u202e'
}

// maxName is how much of a name stands in a header, in bytes.
const maxName = 200

// line makes a text fit for a header: one line that is not too long, without
// what steers.
func line(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case steers(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	return strings.ToValidUTF8(s[:min(len(s), maxName)], "")
}
