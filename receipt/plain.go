package receipt

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/subject"
)

// plain holds a record to what a store writes into one. Anybody can sign a
// record of their own; it must not carry text that a terminal or a page would
// take for something else.
func (r Record) plain() error {
	answer, erasure, demand := r.HasConsent != nil && r.HasNotice != nil, r.HasErasure != nil, r.HasDemand != nil
	switch {
	case !answer && !erasure && !demand || erasure && demand || (erasure || demand) && (r.HasConsent != nil || r.HasNotice != nil):
		return fmt.Errorf("the record is of neither an answer nor an erasure nor a demand")
	case !slices.Contains([]string{subject.Email, subject.Phone, subject.Customer, subject.Device}, r.HasDataSubject.Kind):
		return noWord("kind of subject")
	case !isUUID(r.ID):
		return fmt.Errorf("the record's id is not one")
	case erasure:
		return r.HasErasure.plain()
	case demand:
		return r.HasDemand.plain()
	}
	c := r.HasConsent
	switch {
	case c.Confirms != "" && !isUUID(c.Confirms):
		return fmt.Errorf("the record's id is not one")
	case !isHash(string(r.HasNotice.Policy)) || !isHash(c.Scope) || !isHash(c.Meaning):
		return fmt.Errorf("the record's policy, scope or meaning is not a hash")
	case !isID(c.Purpose) || c.Recipient != "" && !isID(c.Recipient):
		return fmt.Errorf("the record's purpose or recipient is not an id")
	case slices.ContainsFunc(c.Topics, func(t string) bool { return !isID(t) }):
		return fmt.Errorf("a topic of the record is not an id")
	case c.Frequency != "" && (!isID(c.Frequency) || c.Recipient != ""):
		return fmt.Errorf("the record's frequency is not one")
	case !isLanguage(r.HasNotice.Language):
		return fmt.Errorf("the record's language is not one")
	case !isTime(c.Time) || c.Until != "" && !isTime(c.Until) || c.Said != "" && !isTime(c.Said):
		return fmt.Errorf("a time of the record is not one")
	case len(c.Source) > maxSource || strings.ContainsFunc(c.Source, unprintable):
		return fmt.Errorf("the record's source is not one line of text")
	}
	if err := r.claims(); err != nil {
		return err
	}
	return r.closedSets()
}

// maxSource bounds where an imported answer came from, in bytes.
const maxSource = 200

func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }

// claims holds what only an imported answer has to be there for such a one alone.
func (r Record) claims() error {
	c, n := r.HasConsent, r.HasNotice
	switch {
	case (n.Evidence != "") != (n.Shown == "imported") || n.Evidence != "" && !isHash(n.Evidence):
		return fmt.Errorf("the record's evidence is not one")
	case c.Moved != "" && !isMoved(c.Moved):
		return fmt.Errorf("what the record was moved from is no receipt of a log")
	case c.Surface != consent.SurfaceImport && (n.Evidence != "" || c.Said != "" || c.Source != ""):
		return fmt.Errorf("the record claims what only an imported one does")
	}
	return nil
}

// closedSets checks the members that have one of a few words.
func (r Record) closedSets() error {
	c := r.HasConsent
	switch {
	case !slices.Contains([]string{"evidenced", "not_evidenced", "imported"}, r.HasNotice.Shown):
		return noWord("shown")
	case !slices.Contains([]consent.Act{consent.ActGiven, consent.ActRefused, consent.ActWithdrawn, consent.ActConfirmed, consent.ActPaused, consent.ActResumed}, c.Decision):
		return noWord("decision")
	case !slices.Contains([]string{"ConsentGiven", "ConsentRequested", "ConsentRefused", "ConsentWithdrawn"}, c.Status):
		return noWord("hasConsentStatus")
	case c.Type != "ExpressedConsent":
		return noWord("consentType")
	case c.By != "subject" && c.By != "company" && (c.By != "parent" || c.Surface != consent.SurfaceParent):
		return noWord("isIndicatedBy")
	case !slices.Contains([]consent.Surface{consent.SurfaceAPI, consent.SurfaceBanner, consent.SurfaceChoices, consent.SurfaceDemo, consent.SurfaceImport,
		consent.SurfaceForm, consent.SurfaceMail, consent.SurfaceParent}, c.Surface):
		return noWord("hasIndicationMethod")
	}
	return nil
}

func noWord(member string) error {
	return fmt.Errorf("the record's %s is none of its words", member)
}

func isTime(s string) bool {
	_, err := time.Parse(TimeForm, s)
	return err == nil && len(s) == len(TimeForm)
}

// isMoved has the form LOG/UUID.
func isMoved(s string) bool {
	i := len(s) - 37
	return i > 0 && i <= 200 && s[i] == '/' && isUUID(s[i+1:]) && every(s[:i], func(c byte) bool {
		return isLower(c) || isLower(c|0x20) || isDigit(c) || c == '.' || c == '-' || c == '_' || c == '/'
	})
}

// isUUID holds for 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !isHex(s[i]) {
			return false
		}
	}
	return true
}

// isHash holds for "sha256:" and 64 hexadecimal digits.
func isHash(s string) bool {
	digits, ok := strings.CutPrefix(s, "sha256:")
	return ok && len(digits) == 64 && every(digits, isHex)
}

// isID holds for what a policy may call its purposes, recipients and topics.
func isID(s string) bool {
	return s != "" && len(s) <= 64 && isLower(s[0]) && every(s, func(c byte) bool { return isLower(c) || isDigit(c) || c == '_' || c == '-' })
}

// isLanguage holds for what has the form of a language tag (BCP 47).
func isLanguage(s string) bool {
	for i, part := range strings.Split(s, "-") {
		if len(part) < 1 || len(part) > 8 || i == 0 && len(part) < 2 || !every(part, func(c byte) bool { return isLower(c|0x20) || i > 0 && isDigit(c) }) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool   { return isDigit(c) || 'a' <= c && c <= 'f' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

func every(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}
