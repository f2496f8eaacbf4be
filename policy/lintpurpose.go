package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// purpose checks one purpose by itself and against what it names.
func (l *linter) purpose(id string, p Purpose) {
	path := "purposes." + id
	l.benefit(path, p)
	if p.Basis == LegitimateInterest && l.lacking(path+".interest") {
		l.at(path+".interest", "A4", fmt.Sprintf("%s rests on a legitimate interest, but does not say which (N06)", path), "say it under interest")
	}
	if m := asking(p.Marks); m != "" && p.Basis != Consent && p.Basis != "" {
		l.at(path+".basis", "B1", fmt.Sprintf("%s is %s, which needs a yes: its basis can only be consent", path, m), "write basis: consent")
	}
	if p.Basis == Consent && p.KeepFrom != "" && p.KeepFrom != "yes" {
		l.at(path+".keep_from", "A4", "what rests on consent is kept from the yes on", "leave keep_from out")
	}
	if p.Basis == Consent && p.Keep.Said && p.Keep.Months == 0 && p.Keep.Seconds == 0 {
		l.at(path+".keep", "A4", "a yes that is kept for no time ends the moment it is given", "write how long it holds, e.g. P1Y")
	}
	if p.Basis != Consent && p.Basis != "" && len(p.Frequency) > 0 && asking(p.Marks) == "" {
		l.at(path+".frequency", "B8", path+" asks for no yes, so nobody is asked how often", "write basis: consent, or leave frequency out")
	}
	l.addresses(path, p)
	l.topics(path, p.Topics)
	for _, who := range p.Recipients {
		r, declared := l.p.Recipients[who]
		if declared && len(r.Data) > 0 && len(p.Data) > 0 && l.declares(r.Data) && l.declares(p.Data) && !overlap(r.Data, p.Data) {
			l.word(path+".recipients", who, "A6", fmt.Sprintf("%s gets none of the data of %s", quoted(who), path), "leave it out here, or declare under the recipient what it gets")
		}
	}
}

// benefit checks that a purpose gives something, in words of their own (B4, B5).
func (l *linter) benefit(path string, p Purpose) {
	here := path + ".benefit"
	if p.Benefit == nil {
		if p.Basis != LegalObligation && l.lacking(here) {
			l.at(here, "B4", path+" does not say what the customer has of it", "say it under benefit; a company that cannot say it does not need the data")
		}
		return
	}
	for _, lang := range slices.Sorted(maps.Keys(p.Benefit)) {
		text, at := p.Benefit[lang], join(here, lang)
		switch {
		case strings.ContainsAny(text, "‹›"):
		case repeats(text, p.Title[lang]) || repeats(text, p.Text[lang]):
			l.at(at, "B4", fmt.Sprintf("the benefit of %s repeats what is done: it names no benefit", path), "say what the customer has of it, not what you do")
		case advertises(p.Marks) && onlyTargeting(text):
			l.at(at, "B5", fmt.Sprintf("the benefit of %s is ads that suit a person, and nothing else: targeting alone is no benefit", path), "say what gets better for the customer")
		}
	}
}

// addresses checks on which identifiers a purpose acts.
func (l *linter) addresses(path string, p Purpose) {
	acts := p.Acts()
	if l.has(path+".acts_on") && len(p.ActsOn) == 0 {
		l.at(path+".acts_on", "A4", path+" acts on nothing, so nobody could be asked", "name email, phone, customer or device, or leave it out for email")
		return
	}
	address := slices.Contains(acts, "email") || slices.Contains(acts, "phone")
	if p.Double() && !address {
		l.at(path+".confirm", "A5", path+" is to be confirmed from an address, but acts on none", "leave confirm out, or let it act on email or phone")
	}
	if p.Basis == Consent && asking(p.Marks) != "" && slices.Contains(acts, "email") && !p.Double() && !l.excused[path+".confirm"] {
		l.at(path+".confirm", "A5", path+" writes to an address that anybody could have typed", "write confirm: double")
	}
}

func (l *linter) topics(path string, topics []Topic) {
	seen := map[string]bool{}
	for i, t := range topics {
		if seen[t.ID] && t.ID != "" {
			l.at(fmt.Sprintf("%s.topics[%d].id", path, i), "B8", "the topic "+quoted(t.ID)+" stands twice", "")
		}
		seen[t.ID] = true
	}
}

// word adds a finding at the element of a list that says a word; lists that
// are sets are sorted when read, so its index is not its place.
func (l *linter) word(list, word, rule, message, hint string) {
	if l.full() {
		return
	}
	for _, leaf := range l.leaves {
		if leaf.value == word && parent(leaf.path) == list {
			l.add(leaf.at, leaf.path, rule, message, hint)
			return
		}
	}
	l.at(list, rule, message, hint)
}

// asking gives the first mark of a purpose that always needs a yes. Every mark does (A4, B6).
func asking(marks []Mark) Mark {
	for _, m := range marks {
		if m != "" {
			return m
		}
	}
	return ""
}

// advertises reports whether a purpose is advertising, to which B5 holds.
func advertises(marks []Mark) bool {
	return slices.ContainsFunc(marks, func(m Mark) bool { return m == Ads || m == TargetedAds || m == Marketing })
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}
