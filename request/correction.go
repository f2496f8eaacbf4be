package request

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
)

// MaxPause is how long a pause lasts at most.
const MaxPause = 366 * 24 * time.Hour

// Bounds of what a person may write, in characters.
const (
	MaxValue = 300
	MaxText  = 4000
)

// CheckDemand holds a demand to the policy, and gives it in normal form:
// trimmed, NFC, empty corrections left out. The error is fault.Invalid at
// corrections.ID, purposes or text.
func CheckDemand(p *policy.Policy, kind Kind, d Demand, now time.Time) (Demand, error) {
	var err error
	switch kind {
	case Correction:
		d.Corrections, err = corrections(p, d.Corrections)
	case Complaint, Access:
		d.Text, err = clean("text", d.Text, MaxText)
		if err == nil && d.Text == "" {
			err = fault.At(fault.Invalid, "text", "say what it is about")
		}
	case Objection:
		for _, id := range d.Purposes {
			if u, ok := p.Purposes[id]; !ok || u.Basis == policy.Consent || u.Basis == policy.LegalObligation {
				err = fault.At(fault.Invalid, "purposes", "this is not a purpose that can be objected to")
			}
		}
	case Pause:
		if len(d.Purposes) == 0 || !d.Until.After(now) || d.Until.After(now.Add(MaxPause)) {
			return d, fault.At(fault.Invalid, "until", "a pause ends within a year")
		}
		for _, id := range d.Purposes {
			if u, ok := p.Purposes[id]; !ok || u.Basis != policy.Consent {
				err = fault.At(fault.Invalid, "purposes", "only what rests on a yes can be paused")
			}
		}
	}
	return d, err
}

func corrections(p *policy.Policy, given map[string]string) (map[string]string, error) {
	out := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(given)) {
		at := "corrections." + id
		d, ok := p.Data[id]
		if !ok || !d.Correctable {
			return nil, fault.At(fault.Invalid, "corrections", "this is no data that can be corrected here")
		}
		value, err := clean(at, given[id], MaxValue)
		if err != nil {
			return nil, err
		}
		if value != "" {
			out[id] = value
		}
	}
	if len(out) == 0 {
		return nil, fault.At(fault.Invalid, "corrections", "write at least one thing as it should be")
	}
	return out, nil
}

// clean trims a text and puts it into NFC. Control characters and those that
// turn the direction of what stands after them are refused: the text is shown
// to people who decide by it.
func clean(field, s string, most int) (string, error) {
	if !utf8.ValidString(s) {
		return "", fault.At(fault.Invalid, field, "it is no text")
	}
	s = strings.TrimSpace(norm.NFC.String(strings.ReplaceAll(s, "\r\n", "\n")))
	if utf8.RuneCountInString(s) > most {
		return "", fault.At(fault.Invalid, field, "at most %d characters", most)
	}
	for _, c := range s {
		if turns(c) || unicode.IsControl(c) && c != '\n' || c == '\n' && most == MaxValue {
			return "", fault.At(fault.Invalid, field, "it holds characters that cannot be seen")
		}
	}
	return s, nil
}

// turns reports a character that changes the direction of others (Unicode
// UAX #9: embeddings, overrides, isolates).
func turns(c rune) bool { return c >= 0x202A && c <= 0x202E || c >= 0x2066 && c <= 0x2069 }

// CleanText is what CheckDemand does of a text, for words of the company.
func CleanText(field, s string) (string, error) { return clean(field, s, MaxText) }
