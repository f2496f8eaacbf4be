package receipt

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/subject"
)

var (
	uuidForm     = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	hashForm     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	idForm       = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
	languageForm = regexp.MustCompile(`^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*$`)
)

// plain holds a record to what a store writes into one. Anybody can sign a
// record of their own; it must not carry text that a terminal or a page would
// take for something else.
func (r Record) plain() error {
	c := r.HasConsent
	switch {
	case !uuidForm.MatchString(r.ID) || c.Confirms != "" && !uuidForm.MatchString(c.Confirms):
		return fmt.Errorf("the record's id is not one")
	case !hashForm.MatchString(string(r.HasNotice.Policy)) || !hashForm.MatchString(c.Scope) || !hashForm.MatchString(c.Meaning):
		return fmt.Errorf("the record's policy, scope or meaning is not a hash")
	case !idForm.MatchString(c.Purpose) || c.Recipient != "" && !idForm.MatchString(c.Recipient):
		return fmt.Errorf("the record's purpose or recipient is not an id")
	case slices.ContainsFunc(c.Topics, func(t string) bool { return !idForm.MatchString(t) }):
		return fmt.Errorf("a topic of the record is not an id")
	case !languageForm.MatchString(r.HasNotice.Language):
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
	case (n.Evidence != "") != (n.Shown == "imported") || n.Evidence != "" && !hashForm.MatchString(n.Evidence):
		return fmt.Errorf("the record's evidence is not one")
	case c.Surface != consent.SurfaceImport && (n.Evidence != "" || c.Said != "" || c.Source != ""):
		return fmt.Errorf("the record claims what only an imported one does")
	}
	return nil
}

// closedSets checks the members that have one of a few words.
func (r Record) closedSets() error {
	c := r.HasConsent
	for what, ok := range map[string]bool{
		"kind of subject":     slices.Contains([]string{subject.Email, subject.Phone, subject.Customer, subject.Device}, r.HasDataSubject.Kind),
		"shown":               slices.Contains([]string{"evidenced", "not_evidenced", "imported"}, r.HasNotice.Shown),
		"decision":            slices.Contains([]consent.Act{consent.ActGiven, consent.ActRefused, consent.ActWithdrawn, consent.ActConfirmed}, c.Decision),
		"hasConsentStatus":    slices.Contains([]string{"ConsentGiven", "ConsentRequested", "ConsentRefused", "ConsentWithdrawn"}, c.Status),
		"consentType":         c.Type == "ExpressedConsent",
		"isIndicatedBy":       slices.Contains([]string{"subject", "company"}, c.By),
		"hasIndicationMethod": slices.Contains([]consent.Surface{consent.SurfaceAPI, consent.SurfaceBanner, consent.SurfaceChoices, consent.SurfaceDemo, consent.SurfaceImport}, c.Surface),
	} {
		if !ok {
			return fmt.Errorf("the record's %s is none of its words", what)
		}
	}
	return nil
}

func isTime(s string) bool {
	_, err := time.Parse(TimeForm, s)
	return err == nil && len(s) == len(TimeForm)
}
