package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Lint gives what in a document breaks the charter, sorted by position. Every
// finding names the requirement it comes from.
func Lint(d *Document) []Finding { return sorted(lint(d, nil)) }

// linter collects what is wrong with one document.
type linter struct {
	*Document
	p     *Policy
	uses  map[string]use // by recipient
	found []Finding
}

// lint gives unsorted findings. What stands at a path of which the reader has
// spoken before is left out, so that one mistake is one finding.
func lint(d *Document, before []Finding) []Finding {
	l := &linter{Document: d, p: d.Policy}
	l.uses = l.usesOf()
	l.leavesHold()
	l.partsSay()
	for _, id := range slices.Sorted(maps.Keys(l.p.Purposes)) {
		l.purpose(id, l.p.Purposes[id])
	}
	for _, id := range slices.Sorted(maps.Keys(l.p.Recipients)) {
		l.recipient(id, l.p.Recipients[id])
	}
	for i, item := range l.p.Storage {
		l.stored(fmt.Sprintf("storage[%d]", i), item)
	}
	l.theme(l.p.Banner.Theme)
	l.unused()
	spoken := map[string]bool{}
	for _, f := range before {
		spoken[f.Path] = true
	}
	l.found = slices.DeleteFunc(l.found, func(f Finding) bool { return spoken[f.Path] })
	return append(l.found, d.absent...)
}

// at adds a finding at the value of a path.
func (l *linter) at(path, rule, message, hint string) {
	l.add(l.near(path).value, path, rule, message, hint)
}

// key adds a finding at the key that leads to a path.
func (l *linter) key(path, rule, message, hint string) {
	l.add(l.near(path).key, path, rule, message, hint)
}

func (l *linter) add(at pos, path, rule, message, hint string) {
	if l.full() {
		return
	}
	l.found = append(l.found, Finding{File: l.Name, Line: at.line, Col: at.col, Path: path, Rule: rule, Message: message, Hint: hint})
}

// full reports that no more findings are listed.
func (l *linter) full() bool { return len(l.found) >= maxFindings }

// lacking reports whether a key is absent and no finding has explained it yet.
func (l *linter) lacking(path string) bool { return !l.has(path) && !l.excused[path] }

// leavesHold checks each scalar by itself: that it is filled in, and its form.
func (l *linter) leavesHold() {
	for _, leaf := range l.leaves {
		if strings.ContainsAny(leaf.value, "‹›") {
			l.add(leaf.at, leaf.path, "A1", leaf.path+" is not filled in yet", "put your own words for "+quoted(leaf.value)+", without the marks ‹ ›")
			continue
		}
		if f, ok := forms[leaf.form]; ok && !f.holds(leaf.value, l.p) {
			l.add(leaf.at, leaf.path, ruleOf(leaf.path), fmt.Sprintf("%s: %s is not %s", leaf.path, quoted(leaf.value), f.expected), unseen(leaf.value, f.hint))
			continue
		}
		if leaf.prose && last(leaf.path) == "ar" && foreign(leaf.value) {
			l.add(leaf.at, leaf.path, RuleLanguage, leaf.path+" has not one Arabic letter", "write the text in Arabic")
		}
	}
}

// foreign reports a text of several words without one Arabic letter. A single
// word may be a name that every language writes alike.
func foreign(s string) bool {
	return strings.Contains(s, " ") && !strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Arabic, r) && unicode.IsLetter(r) })
}

// partsSay checks that the parts of the whole say what they must.
func (l *linter) partsSay() {
	if l.has("security") && l.lacking("security.measures") && l.lacking("security.text") {
		l.at("security", "A2", "security names no measure", "say under measures, in plain words, what keeps data safe")
	}
	if l.has("requests") && l.lacking("requests.rights") && l.lacking("requests.proof") && l.lacking("requests.text") {
		l.at("requests", "A7", "requests says nothing", "say under rights what customers may demand")
	}
	if l.has("requests.rights") && !l.excused["requests.rights"] {
		l.rights()
	}
	l.proofs()
	if l.has("children.minimum_age") && !l.excused["children.minimum_age"] && l.p.Children.MinimumAge < 16 {
		l.at("children.minimum_age", "A10", fmt.Sprintf("data of children is asked for from the age of %d on", l.p.Children.MinimumAge), "the charter begins at 16; a law may only raise it")
	}
	for _, id := range l.p.Children.Ask {
		if p, ok := l.p.Purposes[id]; ok && p.Basis != Consent {
			l.at("children.ask", "A10", fmt.Sprintf("the age is asked before a yes to %s, which rests on no consent", id), "name purposes with basis: consent")
		}
	}
	if l.has("changes.by") && !l.excused["changes.by"] && len(l.p.Changes.By) == 0 {
		l.at("changes.by", "A11", "a change of the policy is announced in no way", "name one of email, banner, portal, post")
	}
	if l.has("confirm.within") && !l.excused["confirm.within"] && l.p.Confirm.Within == (Duration{Said: true}) {
		l.at("confirm.within", "A5", "nobody can confirm an address in no time", "such as P7D")
	}
	if l.has("organization.sites") && !l.excused["organization.sites"] && len(l.p.Organization.Sites) == 0 {
		l.at("organization.sites", "A13", "sites names none", "name the site on which customers meet you")
	}
}

// proofs checks that sensitive data needs no less proof than ordinary data (A7).
func (l *linter) proofs() {
	r := l.p.Requests
	for _, a := range Acts() {
		if level, said := r.ProofSensitive[string(a)]; said && level < r.Level(a, false) {
			l.at("requests.proof_sensitive."+string(a), "A7", fmt.Sprintf("sensitive data needs level %d for %s, and ordinary data level %d", level, a, r.Level(a, false)), "at least as much as under proof: what is higher counts")
		}
	}
}

// rights checks that customers may see their data, change it and have it erased (A7).
func (l *linter) rights() {
	for _, right := range []string{"access", "correction", "erasure"} {
		if !slices.Contains(l.p.Requests.Rights, right) && len(l.p.Requests.Rights) == l.read("requests.rights") {
			l.at("requests.rights", "A7", "customers are not given the right of "+right, "access, correction and erasure are everybody's")
		}
	}
}

// read counts the elements of a list that could be read.
func (l *linter) read(path string) int {
	n := 0
	for _, leaf := range l.leaves {
		if parent(leaf.path) == path {
			n++
		}
	}
	return n
}

// unused finds data nobody uses and recipients nobody is named for.
func (l *linter) unused() {
	data, recipients := map[string]bool{}, map[string]bool{}
	for _, p := range l.p.Purposes {
		for _, id := range p.Data {
			data[id] = true
		}
		for _, id := range p.Recipients {
			recipients[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(l.p.Data)) {
		if path := "data." + id; !data[id] && !l.excused[path] && !l.excused["purposes"] {
			l.key(path, "B4", fmt.Sprintf("no purpose uses %s: data that serves nothing need not be held", quoted(id)), "leave it out, or name the purpose it serves")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(l.p.Recipients)) {
		if path := "recipients." + id; !recipients[id] && !l.excused[path] && !l.excused["purposes"] {
			l.key(path, "A6", fmt.Sprintf("no purpose names the recipient %s", quoted(id)), "leave it out, or name it under the purpose for which it gets data")
		}
	}
}
