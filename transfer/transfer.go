// Package transfer reads the consent lists that other programs export, and
// writes such lists for them. A list is CSV or lines of JSON, packed or not, of
// any length; it is read row by row at constant memory.
//
// A row becomes an answer of one person to one purpose, or is rejected for a
// reason of a closed set. Where a row could be read two ways, the reading that
// ends in no is taken: a yes needs evidence of what was shown, a word that is
// known, a time that can be read; a no is taken whatever else the row lacks.
package transfer

import (
	"fmt"
	"time"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/subject"
)

// Row is one answer as a list has it.
type Row struct {
	Line      int // in which it begins, from 1
	Subject   subject.ID
	Choice    consent.Choice
	Said      time.Time // when, as the list claims; UTC to the second; zero: it does not say
	Confirmed bool      // the list claims that it was confirmed from the address itself
	Language  string    // BCP 47, in which the question was shown; "": it does not say
	Evidence  string    // name of the evidence set a yes rests on; "" with a no
	Source    string    // where it was said, in the list's own words; one line
}

// Field is what a column can hold.
type Field string

// The fields. The first five say who the row is about; a list uses one of them.
const (
	Subject   Field = "subject" // kind:value
	Email     Field = "email"
	Phone     Field = "phone"
	Customer  Field = "customer"
	Device    Field = "device"
	Purpose   Field = "purpose"
	Recipient Field = "recipient"
	Decision  Field = "decision"
	Time      Field = "time"
	Confirmed Field = "confirmed" // when it was confirmed, or yes
	Withdrawn Field = "withdrawn" // when it was taken back; a row that has it is a no
	Lapsed    Field = "lapsed"    // when the address was given up as undeliverable; a row that has it is no answer
	Topics    Field = "topics"    // separated by |
	Frequency Field = "frequency" // how often at most
	Language  Field = "language"
	Evidence  Field = "evidence"
	Source    Field = "source"
	Test      Field = "test" // yes: a row made to try things out
)

// fields is the closed set, in the order in which lists are written.
var fields = []Field{Subject, Email, Phone, Customer, Device, Purpose, Recipient, Decision, Time, Confirmed, Withdrawn, Lapsed, Topics, Language, Evidence, Source, Frequency, Test}

// identifiers are the fields that say who a row is about.
var identifiers = fields[:5]

// Reason is why a row is no answer. The set is closed.
type Reason string

// The reasons.
const (
	Unreadable    Reason = "unreadable"     // no record of the list's form
	OtherCells    Reason = "cells"          // it has another number of cells than the header
	NoIdentifier  Reason = "no_identifier"  // nobody is named
	BadIdentifier Reason = "identifier"     // what names somebody cannot be an identifier
	NoPurpose     Reason = "purpose"        // no purpose is named, or one that has no translation
	UnknownWord   Reason = "unknown_word"   // the word for the answer is not known
	NotAnAnswer   Reason = "not_an_answer"  // the person was never asked, or the address failed
	NotConfirmed  Reason = "unconfirmed"    // the yes was never confirmed
	Expired       Reason = "expired"        // the yes had run out
	Barred        Reason = "barred"         // a yes that might not be used where the list was written
	BadTime       Reason = "time"           // of a yes: when it was said cannot be read, or lies ahead
	NoEvidence    Reason = "no_evidence"    // of a yes: nothing shows what was said yes to
	OtherEvidence Reason = "other_evidence" // of a yes: its evidence set is unknown, or of another purpose
	OtherLanguage Reason = "language"       // of a yes: its evidence has no text in that language
	TestRow       Reason = "test"           // made to try things out
	Unwanted      Reason = "unwanted"       // its word or its name for a purpose was said to mean nothing here
)

// Reject is a row that is no answer. Reading goes on after it.
type Reject struct {
	Line   int
	Field  Field // at fault; "" for the row as a whole
	Reason Reason

	// MayBeNo says that the row is a no that is lost unless it is mended, or that
	// nobody can tell that it is none.
	MayBeNo bool
}

// Error names the line, the field and the reason; never what stands there.
func (r *Reject) Error() string {
	if r.Field == "" {
		return fmt.Sprintf("line %d: %s", r.Line, r.Reason)
	}
	return fmt.Sprintf("line %d, %s: %s", r.Line, r.Field, r.Reason)
}
