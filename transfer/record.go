package transfer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/amana-privacy/amana/consent"
	"github.com/amana-privacy/amana/subject"
)

// record is a row before it is understood: what stands in each of its fields.
type record map[Field]string

// understand makes an answer of a record, or says why it is none.
func (p *plan) understand(line int, r record) (Row, error) {
	row := Row{Line: line}
	a, ok := p.decide(r)
	switch {
	case truth(r[Test]):
		return row, &Reject{line, Test, TestRow, false}
	case !ok:
		return row, &Reject{line, Decision, UnknownWord, true}
	case a.reason != "":
		return row, &Reject{line, Decision, a.reason, false}
	}
	err := p.twoDays(line, r)
	if err != nil {
		return row, err
	}
	no := a.decision != consent.Given
	if row.Subject, err = p.who(line, r, no); err != nil {
		return row, err
	}
	if row.Choice, err = p.choice(line, r, a.decision); err != nil {
		return row, err
	}
	p.circumstances(&row, r)
	if a.decision == consent.Given {
		err = p.proven(&row, r)
	}
	return row, err
}

// decide finds what was answered. A row that was taken back, or whose address
// failed, is that whatever else it says.
func (p *plan) decide(r record) (a answer, ok bool) {
	word := lower(r[Decision])
	a, known := p.words[word]
	switch {
	case seen(r[Withdrawn]) != "" && !p.soft:
		return withdrawn, true
	case seen(r[Lapsed]) != "":
		return not(NotAnAnswer), true
	case known && a != answer{}:
		if all := p.words[lower(p.Status)]; p.needs && all.no() && a.reason != "" {
			return all, true // the file is of noes; its column is about something else
		}
		return a, true
	case known || word == "":
		a, ok = p.words[lower(p.Status)]
		return a, ok && a != answer{}
	}
	return answer{}, false
}

// Words of the columns that hold yes or no.
var (
	affirmations = []string{"yes", "true", "1", "نعم"}
	denials      = []string{"no", "false", "0", "لا"}
)

func truth(s string) bool { return slices.Contains(affirmations, lower(s)) }

// who reads the identifier. Of two nobody knows whose the answer is.
func (p *plan) who(line int, r record, no bool) (id subject.ID, err error) {
	for _, f := range identifiers {
		value := r[f]
		switch {
		case seen(value) == "":
			continue
		case id != "":
			return "", &Reject{line, f, BadIdentifier, no}
		case f != Subject:
			value = string(f) + ":" + value
		}
		if id, err = subject.Parse(value, p.Region); err != nil {
			return "", &Reject{line, f, BadIdentifier, no}
		}
	}
	if id == "" {
		return "", &Reject{line, "", NoIdentifier, no}
	}
	return id, nil
}

// choice reads purpose, recipient, topics and frequency. The last two go with a yes.
func (p *plan) choice(line int, r record, decision consent.Answer) (consent.Choice, error) {
	c := consent.Choice{Decision: decision, Recipient: seen(r[Recipient])}
	name := seen(r[Purpose])
	switch meant, ok := p.Purposes[name]; {
	case ok:
		c.Purpose = meant
	case name != "":
		c.Purpose = name
	default:
		c.Purpose = p.Purpose
	}
	if meant, ok := p.Purposes[name]; ok && meant == "" {
		return c, &Reject{line, Purpose, Unwanted, false}
	}
	if !isID(c.Purpose) {
		return c, &Reject{line, Purpose, NoPurpose, decision != consent.Given}
	}
	if c.Recipient != "" && !isID(c.Recipient) {
		return c, &Reject{line, Recipient, NoPurpose, decision != consent.Given}
	}
	if decision == consent.Given {
		c.Frequency = seen(r[Frequency])
		for t := range strings.SplitSeq(r[Topics], "|") {
			if t = seen(t); t != "" {
				c.Topics = append(c.Topics, t)
			}
		}
	}
	return c, nil
}

// isID says that a name has the form of those in a policy.
func isID(s string) bool {
	for i, c := range s {
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !('0' <= c && c <= '9' || c == '_' || c == '-')) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// circumstances reads what may be missing of a no. A no that would bear the time of
// a yes would be older than it is, and lose against what the person said since.
func (p *plan) circumstances(row *Row, r record) {
	said := r[Time]
	if no := row.Choice.Decision != consent.Given; no && (p.ofYes || seen(r[Withdrawn]) != "") {
		said = r[Withdrawn]
	}
	if t, ok := p.when(said); ok && !t.After(p.Now) {
		row.Said = t
	}
	row.Language = seen(r[Language])
	if !isLanguage(row.Language) {
		row.Language = ""
	}
	row.Source = oneLine(r[Source])
}

// proven holds a yes to its evidence and to a time that can be read.
func (p *plan) proven(row *Row, r record) error {
	if seen(r[Time]) != "" && row.Said.IsZero() {
		return &Reject{row.Line, Time, BadTime, false}
	}
	if err := p.confirmed(row, r[Confirmed]); err != nil {
		return err
	}
	name := seen(r[Evidence])
	if name == "" && len(p.Evidence) == 1 {
		name = p.Evidence[0].Name
	}
	if name == "" {
		return &Reject{row.Line, Evidence, NoEvidence, false}
	}
	for _, set := range p.Evidence {
		if set.Name != name {
			continue
		}
		if set.Purpose != row.Choice.Purpose || set.Recipient != row.Choice.Recipient {
			break
		}
		if row.Language != "" || seen(r[Language]) != "" {
			if row.Language = set.closest(row.Language); row.Language == "" {
				return &Reject{row.Line, Language, OtherLanguage, false}
			}
		}
		if !set.shownAt(row.Said) {
			return &Reject{row.Line, Time, OtherEvidence, false}
		}
		row.Evidence = name
		return nil
	}
	return &Reject{row.Line, Evidence, OtherEvidence, false}
}

// confirmed reads a confirmation: a word, or a time. A time counts as one where
// it is later than that of the answer; without the latter it is all that is
// known of when the answer was given.
func (p *plan) confirmed(row *Row, s string) error {
	if s = seen(s); s == "" || slices.Contains(denials, lower(s)) {
		return nil
	}
	if truth(s) {
		row.Confirmed = true
		return nil
	}
	t, ok := p.when(s)
	if !ok || t.After(p.Now) {
		return &Reject{row.Line, Confirmed, BadTime, false}
	}
	if row.Said.IsZero() {
		row.Said = t
		return nil
	}
	row.Confirmed = t.After(row.Said)
	return nil
}

// isLanguage has the form of a BCP 47 tag, as receipts take it.
func isLanguage(s string) bool {
	for i, part := range strings.Split(s, "-") {
		if len(part) < 1 || len(part) > 8 || i == 0 && len(part) < 2 {
			return false
		}
		for _, c := range part {
			if digit := '0' <= c && c <= '9'; c|0x20 < 'a' || c|0x20 > 'z' {
				if !digit || i == 0 {
					return false
				}
			}
		}
	}
	return true
}

// maxSource bounds what is kept of where an answer was given, in bytes.
const maxSource = 200

// oneLine makes a text fit to stand in a record: what cannot be seen becomes a
// space.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' || r == utf8.RuneError }), " ")
	for len(s) > maxSource {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return strings.TrimRight(s, " ")
}
